"""When a pool is going to be full, as far as today's use and the same weekdays before it tell.

Two estimates, both of use sampled every five minutes:

    slope    the mean of the last 30 minutes less that of the 30 minutes before: seats an hour
    history  on each of the last 8 weeks, at the same local time of the same weekday: how long it
             took until as many seats were added as are free now; the median of these days

A pool is expected to be full at the *later* of the two, and only while use rises: a slope alone
takes every morning's return from lunch for a shortage, and history alone knows nothing of today.
With fewer than three days that were observed throughout, the slope alone decides.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import numpy as np

from licenses.analysis.usage import PoolFacts, load_facts
from licenses.concurrency.intervals import Flags, Ints
from licenses.concurrency.timeline import UNKNOWN, usage
from licenses.models import PoolNow

STEP: Final = 300
"""Seconds between samples."""
RECENT: Final = 6
"""Samples in each half of the hour that the slope is taken from."""
HORIZON: Final = 48
"""Samples that are looked ahead: four hours."""
WEEKS: Final = 8
LEAST_DAYS: Final = 3
NEVER: Final = -1
"""Not expected to be full within the horizon."""
BLIND: Final = -2
"""The last hour, or the limit, is not known."""
_WEEK: Final = 7 * 86_400 // STEP
_CHUNK: Final = 20_000


@dataclass(frozen=True, slots=True)
class Forecast:
    """What is expected of a pool at a moment.

    seconds:  until it is full: 0 where it is; None where it is not expected within four hours.
    known:    False where nothing can be said: the rest is then empty.
    slope:    seats an hour, of the last hour.
    days:     same weekdays that were observed; alike: those on which as many seats were added
              within the horizon as are free now.
    """

    at: int
    known: bool
    seconds: int | None
    in_use: int | None
    limit: int | None
    slope: float
    days: int
    alike: int


@dataclass(frozen=True, slots=True)
class Samples:
    """Use and limit every STEP seconds from *start* on; UNKNOWN where nobody can vouch for them.

    offsets:  of the local clock from UTC, in seconds, at each sample.
    """

    start: int
    used: Ints
    limit: Ints
    offsets: Ints


def samples(facts: PoolFacts, end: int | None = None) -> Samples:
    """Return a pool's use and limit over the window of its facts, the last one just before *end*
    (of the window, if None)."""
    held, start = facts.holdings, facts.start
    end = facts.end if end is None else min(end, facts.end)
    first = end - 1 - (end - 1 - start) // STEP * STEP
    moments = np.arange(first, end, STEP, dtype=np.int64)
    use = usage(held.taken_by, held.returned_after, held.seats, start, end)
    bound = facts.limits.limit.only_within(facts.observed).clip(start, end)
    used, limit = (
        each.levels[np.searchsorted(each.times, moments, side="right") - 1] for each in (use, bound)
    )
    # A clock changes at a full hour at most, so one look an hour is enough.
    hours, place = np.unique(moments // 3600, return_inverse=True)
    zone = facts.pool.tzinfo
    looked = (datetime.fromtimestamp(hour * 3600, UTC).astimezone(zone) for hour in hours.tolist())
    found = [int(each.utcoffset().total_seconds()) for each in looked]  # type: ignore[union-attr]
    return Samples(first, used, limit, np.array(found, dtype=np.int64)[place])


def expected(rows: Samples, places: Ints) -> tuple[Ints, Ints, Ints]:
    """Return for each of some samples the seconds until the pool is full, or NEVER or BLIND; the
    days of history; and those of them on which as many seats were added.

    Pure, and the one way for the present and for trying a rule on the past: nothing after a place
    is looked at, but for the days before it.
    """
    parts = [
        _expected(rows, places[begin : begin + _CHUNK]) for begin in range(0, len(places), _CHUNK)
    ]
    if not parts:
        return places, places, places
    seconds, days, alike = (np.concatenate(column) for column in zip(*parts, strict=True))
    return seconds, days, alike


def slopes(rows: Samples, places: Ints) -> np.ndarray:
    """Return the seats an hour that use rises by at each place; NaN where the hour is not known."""
    known = np.append(0, np.cumsum(rows.limit != UNKNOWN))
    total = np.append(0, np.cumsum(rows.used))
    begin = places + 1 - 2 * RECENT
    sure = begin >= 0
    safe = np.maximum(begin, 0)
    whole = sure & (known[places + 1] - known[safe] == 2 * RECENT)
    late = total[places + 1] - total[places + 1 - RECENT]
    early = total[places + 1 - RECENT] - total[safe]
    rise: np.ndarray = (late - early) / RECENT * (3600 / STEP / RECENT)
    return np.where(whole, rise, np.nan)


def _expected(rows: Samples, places: Ints) -> tuple[Ints, Ints, Ints]:
    free = rows.limit[places] - rows.used[places]
    slope = slopes(rows, places)
    with np.errstate(divide="ignore", invalid="ignore"):
        by_slope = np.where(slope > 0, free / slope * 3600, np.inf)
    by_days, days, alike = _history(rows, places, free, by_slope)
    later = np.where(days >= LEAST_DAYS, np.maximum(by_slope, by_days), by_slope)
    seconds = np.where(later <= HORIZON * STEP, np.nan_to_num(later, posinf=0.0), NEVER)
    seconds = np.where(free <= 0, 0, np.ceil(seconds)).astype(np.int64)
    blind = np.isnan(slope) | (rows.limit[places] == UNKNOWN)
    return np.where(blind, BLIND, seconds), days, alike


def _history(
    rows: Samples, places: Ints, free: Ints, by_slope: np.ndarray
) -> tuple[np.ndarray, Ints, Ints]:
    """Return the median of the times that the same weekdays took, in seconds (infinite: never),
    how many days there were, and on how many the pool would have been full."""
    took = np.full((WEEKS, len(places)), np.nan)
    # Where the slope alone says no, history is not asked.
    asked = np.flatnonzero((free > 0) & (by_slope <= HORIZON * STEP))
    known = np.append(0, np.cumsum(rows.limit != UNKNOWN))
    for week in range(1, WEEKS + 1):
        back = places[asked] - week * _WEEK
        inside = back >= 0
        shift = (rows.offsets[places[asked]] - rows.offsets[np.maximum(back, 0)]) // STEP
        base = back + shift
        whole: Flags = inside & (base >= 0) & (base + HORIZON < places[asked])
        mine, base = asked[whole], base[whole]
        seen = known[base + HORIZON + 1] - known[base] == HORIZON + 1
        mine, base = mine[seen], base[seen]
        if not len(mine):
            continue
        ahead = rows.used[base[:, None] + np.arange(1, HORIZON + 1)] - rows.used[base][:, None]
        reached = ahead >= free[mine][:, None]
        first = np.where(reached.any(axis=1), reached.argmax(axis=1) + 1.0, np.inf)
        took[week - 1, mine] = first * STEP
    days = np.count_nonzero(~np.isnan(took), axis=0)
    alike = np.count_nonzero(np.isfinite(took), axis=0)
    ordered = np.sort(took, axis=0)  # what is no day comes last
    middle = ordered[np.maximum(days - 1, 0) // 2, np.arange(len(places))]
    return middle, days, alike


def forecasts(figures: Collection[PoolNow]) -> dict[int, Forecast]:
    """Return by pool when it is expected to be full, as of its newest figures. A constant number of
    queries; pools of which nothing is known now are left out."""
    seen = {row.pool_id: row for row in figures if row.at is not None and row.in_use is not None}
    if not seen:
        return {}
    moments = {pk: int(row.at.timestamp()) for pk, row in seen.items() if row.at is not None}
    start = min(moments.values()) - WEEKS * 7 * 86_400 - 7200
    pools = [row.pool for row in seen.values()]
    return {
        facts.pool.pk: _of(samples(facts, moments[facts.pool.pk]), seen[facts.pool.pk])
        for facts in load_facts(pools, start, max(moments.values()))
    }


def _of(rows: Samples, now: PoolNow) -> Forecast:
    assert now.at is not None and now.in_use is not None
    if len(rows.used):  # what was answered last holds from now on: no later answer vouches for it
        rows.used[-1] = now.in_use
        rows.limit[-1] = UNKNOWN if now.limit is None else now.limit
    last = np.array([len(rows.used) - 1], dtype=np.int64)
    seconds, days, alike = (int(each[0]) for each in expected(rows, last))
    at = int(now.at.timestamp())
    if seconds == BLIND:
        return Forecast(at, False, None, None, None, 0.0, 0, 0)
    return Forecast(
        at=at,
        known=True,
        seconds=None if seconds == NEVER else seconds,
        in_use=now.in_use,
        limit=now.limit,
        slope=float(slopes(rows, last)[0]),
        days=days,
        alike=alike,
    )
