"""The use of a pool as a curve: figures for each bucket of a step, gaps and limits beside them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

import numpy as np

from licenses.analysis.coverage import PoolGap, gaps, load_logged
from licenses.analysis.mappings import load_mappings
from licenses.analysis.refusals import refusals_known
from licenses.analysis.rights import limits
from licenses.analysis.rollup import hours
from licenses.analysis.usage import count, load_facts
from licenses.concurrency.intervals import Ints
from licenses.concurrency.periods import DAY_SECONDS, HOUR_SECONDS, iso, periods
from licenses.concurrency.timeline import UNKNOWN, Steps
from licenses.models import LicensePool

STEPS = (1, 10, 60, 300, 900, HOUR_SECONDS, 6 * HOUR_SECONDS, DAY_SECONDS)
"""Lengths of buckets in seconds. From an hour on they are made of the stored hours."""
MOST_BUCKETS = 2_000
MOST_GAPS = 500


@dataclass(frozen=True, slots=True)
class Bucket:
    """The figures of [start, end); None is *not known*, never zero.

    peak, peak_high, peak_at:  the most that is known to have been held, may have been, and when
                               first.
    limit:                     in the last second.
    denials:                   capacity refusals, as logged; None where no log tells of the time.
    """

    start: int
    end: int
    peak: int | None
    peak_high: int | None
    peak_at: int | None
    limit: int | None
    seat_seconds: int
    observed_seconds: int
    denials: int | None


@dataclass(frozen=True, slots=True)
class Series:
    """The use of a pool over [start, end).

    step:       seconds of a bucket; the first and the last may be shorter.
    gaps:       time that nobody can vouch for, the longest MOST_GAPS of it in time order.
    more_gaps:  how many shorter ones were left out.
    limits:     (moment, limit from then on); None: not known.
    """

    pool_id: int
    pool: str
    start: int
    end: int
    step: int
    buckets: list[Bucket]
    gaps: list[PoolGap]
    more_gaps: int
    limits: list[tuple[int, int | None]]

    def as_dict(self, zone: tzinfo) -> dict[str, Any]:
        """Return the series for JSON, moments as ISO 8601 in the zone."""

        def told(row: Bucket) -> dict[str, Any]:
            found: dict[str, Any] = {name: getattr(row, name) for name in Bucket.__slots__}
            for name in ("start", "end", "peak_at"):
                found[name] = None if found[name] is None else iso(found[name], zone)
            return found

        return {
            "pool": self.pool,
            "zone": str(zone),
            "from": iso(self.start, zone),
            "to": iso(self.end, zone),
            "step": self.step,
            "buckets": [told(row) for row in self.buckets],
            "gaps": [
                {
                    "start": iso(gap.start, zone),
                    "end": iso(gap.end, zone),
                    "cause": gap.cause,
                    "detail": gap.detail,
                }
                for gap in self.gaps
            ],
            "more_gaps": self.more_gaps,
            "limits": [{"at": iso(at, zone), "limit": level} for at, level in self.limits],
        }


def fitting_step(start: int, end: int, most: int = MOST_BUCKETS) -> int:
    """Return the shortest step that cuts [start, end) into *most* buckets or fewer."""
    return next((step for step in STEPS if (end - start) // step < most), STEPS[-1])


def series(
    pool: LicensePool,
    start: int,
    end: int,
    *,
    step: int | None = None,
    zone: tzinfo | None = None,
    now: int | None = None,
) -> Series:
    """Return the use of a pool over [start, end) in buckets. A constant number of queries.

    step:  of STEPS; None for the shortest that makes MOST_BUCKETS or fewer. Days are those of
           the zone, shorter buckets begin at whole multiples of the step since 1970.
    zone:  of the days; the pool's own if None.

    From steps of an hour on, the window is widened to full hours, as the hours are stored.

    Raises ValueError for an empty window, a step that is not in STEPS, and one that makes more
    than MOST_BUCKETS.
    """
    if start >= end:
        raise ValueError(f"the window [{start}, {end}) is empty: expected its end after its start")
    chosen = fitting_step(start, end) if step is None else step
    if chosen not in STEPS:
        raise ValueError(f"found {chosen}; expected one of {', '.join(map(str, STEPS))} seconds")
    if (end - start) // chosen >= MOST_BUCKETS:
        raise ValueError(
            f"steps of {chosen} s make more than {MOST_BUCKETS} buckets; expected longer steps "
            "or a shorter time"
        )
    if chosen >= HOUR_SECONDS:
        start, end = start // HOUR_SECONDS * HOUR_SECONDS, -(-end // HOUR_SECONDS) * HOUR_SECONDS
    edges = _edges(start, end, chosen, zone or pool.tzinfo)
    bounds = limits(pool, start, end).limit
    stored = not (edges % HOUR_SECONDS).any() and chosen >= HOUR_SECONDS
    found = _from_hours(pool, edges) if stored else _from_facts(pool, edges)
    told = gaps(pool, start, end, now=now)
    kept = sorted(sorted(told, key=lambda gap: gap.start - gap.end)[:MOST_GAPS])
    return Series(
        pool.pk,
        pool.name,
        start,
        end,
        chosen,
        _buckets(edges, found, bounds),
        kept,
        len(told) - len(kept),
        [(at, _known(level)) for at, level in bounds.changes()],
    )


def _edges(start: int, end: int, step: int, zone: tzinfo) -> Ints:
    if step == DAY_SECONDS:
        return periods(start, end, zone, "day")
    inner = np.arange(start // step * step + step, end, step, dtype=np.int64)
    return np.concatenate(([start], inner, [end])).astype(np.int64)


_Columns = dict[str, list[int | None]]


def _from_facts(pool: LicensePool, edges: Ints) -> _Columns:
    figures = count(load_facts([pool], int(edges[0]), int(edges[-1]))[0], edges)
    names = ("peak", "peak_high", "peak_at", "seat_seconds", "observed_seconds", "denials")
    return {name: figures.column(name) for name in names}


def _from_hours(pool: LicensePool, edges: Ints) -> _Columns:
    number = len(edges) - 1
    table: _Columns = {name: [None] * number for name in ("peak", "peak_high", "peak_at")}
    sums: _Columns = {
        name: [0] * number for name in ("seat_seconds", "observed_seconds", "denials")
    }
    rows = hours(pool, int(edges[0]), int(edges[-1]))
    starts = np.array([row.hour for row in rows], dtype=np.int64)
    places = (np.searchsorted(edges, starts, side="right") - 1).tolist()
    peaks, highs, moments = table["peak"], table["peak_high"], table["peak_at"]
    for place, row in zip(places, rows, strict=True):
        for name, values in sums.items():
            values[place] = (values[place] or 0) + getattr(row, name)
        if row.peak is not None and ((known := peaks[place]) is None or row.peak > known):
            peaks[place], moments[place] = row.peak, row.peak_at
        if row.peak_high is not None:
            highs[place] = max(row.peak_high, highs[place] or 0)
    logs = load_logged(load_mappings([pool.pk]), int(edges[0]), int(edges[-1]))[pool.pk]
    sums["denials"] = [
        refusals_known(count or 0, seconds)
        for count, seconds in zip(sums["denials"], logs.seconds_within(edges).tolist(), strict=True)
    ]
    return table | sums


def _buckets(edges: Ints, found: _Columns, bounds: Steps) -> list[Bucket]:
    places = np.searchsorted(bounds.times, edges[1:] - 1, side="right") - 1
    levels = [_known(level) for level in bounds.levels[places].tolist()]
    names = ("peak", "peak_high", "peak_at")
    sums = ("seat_seconds", "observed_seconds", "denials")
    columns = [edges[:-1].tolist(), edges[1:].tolist(), *(found[name] for name in names), levels]
    return [Bucket(*row) for row in zip(*columns, *(found[name] for name in sums), strict=True)]


def _known(level: int) -> int | None:
    return None if level == UNKNOWN else level
