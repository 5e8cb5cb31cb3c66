"""The days of a pool: what was seen, allowed and above it, and the table of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from operator import attrgetter
from typing import Any, ClassVar, Final, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from licenses.analysis.coverage import PoolCoverage, percent_down
from licenses.analysis.mappings import Mappings, servers
from licenses.analysis.recorded import Recorded, load_recorded, of_pool
from licenses.analysis.refusals import load_refusals, refusals_known
from licenses.analysis.rows import NONE, optional
from licenses.analysis.usage import PoolFacts
from licenses.concurrency.intervals import IntervalSet, Ints
from licenses.concurrency.measures import measure
from licenses.concurrency.periods import periods
from licenses.concurrency.timeline import OPEN, UNKNOWN, Steps, merged_times
from licenses.concurrency.timeline import usage as in_use
from reports.datasets.files import as_csv, local_day, utc


@dataclass(frozen=True, slots=True)
class Day:
    """One day of a pool in the report's zone; None is *not known*, never zero.

    In JSON there is a list for each field: a row for each day would be three times as long.

    peak_exact:       False where polls alone looked, or a log may mean either of two times, so that
                      the use may have been higher.
    peak_seconds:     how long the peak lasted, in all.
    full_seconds:     with every allowed or, where that is not known, issued seat in use; None on
                      a day of which neither is known, and on one without a peak.
    over_seconds, over_seat_seconds:  above what is allowed, and its integral over seats; None on
                      a day without a peak, or of which nothing says what is allowed.
    entitled_low, entitled_high, proven_low, proven_high, allowed_low, allowed_high, issued_low,
    issued_high:      least and most of the day; entitled and proven are without overdraft.
    allowed_at_peak:  at the first moment of the peak.
    denials_true, denials_other:  refusals for want of seats that no seat followed at once, and all
                      other refusals of the day, whatever their reason. Polls tell of none: unless
                      logged_seconds are the expected ones, each count is a lower bound.
    logged_seconds:   of the time observed, that of which logs told.
    bounded_seconds:  of the time not observed, that in which over-use was impossible.
    source:           "event" where logs told of all that was observed of the day, "sampled" where
                      polls alone did of all of it, else "mixed"; None where nothing was observed.
    first_recorded_at, last_recorded_at:  when the first and the last text that tells of the day was
                      recorded.
    """

    columnar: ClassVar[bool] = True

    start: int
    end: int
    peak: int | None
    peak_exact: bool
    peak_at: int | None
    peak_seconds: int | None
    full_seconds: int | None
    over_seconds: int | None
    over_seat_seconds: int | None
    entitled_low: int | None
    entitled_high: int | None
    proven_low: int | None
    proven_high: int | None
    allowed_at_peak: int | None
    allowed_low: int | None
    allowed_high: int | None
    issued_low: int | None
    issued_high: int | None
    denials: int | None
    denials_true: int | None
    denials_other: int | None
    logged_seconds: int
    expected_seconds: int
    observed_seconds: int
    bounded_seconds: int
    source: str | None
    first_recorded_at: int | None
    last_recorded_at: int | None


class Told(NamedTuple):
    """What the days of a pool rest on beside its facts.

    refused:   the moments of all refusals, whatever their reason.
    recorded:  when the texts that tell of each day were recorded.
    """

    refused: Ints
    recorded: Recorded


def load_told(mappings: Mappings, start: int, end: int, zone: ZoneInfo) -> dict[int, Told]:
    """Return what the days of [start, end) of each pool rest on. Two queries."""
    edges = periods(start, end, zone, "day")
    refused = load_refusals(mappings, start, end)
    recorded = load_recorded(servers(mappings), edges)
    return {
        pool: Told(refused[pool].at, of_pool(maps, recorded, edges))
        for pool, maps in mappings.items()
    }


class Rights(NamedTuple):
    """Seats entitled, and those of them that are proven: without what overdraft allows."""

    entitled: Steps
    proven: Steps


def days(
    facts: PoolFacts,
    seen: PoolCoverage,
    safe: IntervalSet,
    rights: Rights,
    told: Told,
    zone: ZoneInfo,
    sampled: Callable[[int], bool],
) -> tuple[Day, ...]:
    """Return the days of the window of *facts*.

    safe:     the time in which the servers could not issue more than what is proven.
    sampled:  tells of a moment whether polls alone looked in its month.
    """
    edges = periods(facts.start, facts.end, zone, "day")
    rows = facts.holdings
    used = in_use(rows.taken_by, rows.returned_after, rows.seats, facts.start, facts.end)
    limits = facts.limits
    figures = measure(used, edges, limit=limits.limit, allowed=limits.allowed)
    # Nobody looked and nobody is known to have held a seat: that is no peak of 0.
    blind = ((facts.observed.seconds_within(edges) == 0) & (figures.peak == 0)).tolist()
    allowed_low, allowed_high = extremes(limits.allowed, edges)
    blocking = _per_day(facts.refusals.blocking.at, edges)
    seen_seconds = seen.seen.seconds_within(edges)
    logged = facts.logged.intersection(seen.seen).seconds_within(edges).tolist()
    limitless, unjudged = (
        [no or most is None for no, most in zip(blind, known, strict=True)]
        for known in (extremes(limits.limit, edges)[1], allowed_high)
    )
    columns = (
        edges[:-1].tolist(),
        edges[1:].tolist(),
        _unless(blind, figures.peak),
        [not sampled(start) for start in edges[:-1].tolist()],
        _unless(blind, figures.peak_at),
        _unless(blind, figures.peak_seconds),
        _unless(limitless, figures.full_seconds),
        _unless(unjudged, figures.over_seconds),
        _unless(unjudged, figures.over_seat_seconds),
        *extremes(rights.entitled, edges),
        *extremes(rights.proven, edges),
        _at_peak(limits.allowed, blind, figures.peak_at),
        allowed_low,
        allowed_high,
        *extremes(limits.issued, edges),
        _told(_per_day(facts.refusals.at, edges), logged),
        _told(blocking, logged),
        _told(_per_day(told.refused, edges) - blocking, logged),
        logged,
        seen.expected.seconds_within(edges).tolist(),
        seen_seconds.tolist(),
        safe.intersection(seen.missing).seconds_within(edges).tolist(),
        map(_source, logged, seen_seconds.tolist()),
        optional(np.where(told.recorded.first == OPEN, NONE, told.recorded.first)),
        optional(told.recorded.last),
    )
    return tuple(Day(*row) for row in zip(*columns, strict=True))


def _per_day(moments: Ints, edges: Ints) -> Ints:
    return np.diff(np.searchsorted(np.sort(moments), edges))


def _told(counts: Ints, logged: list[int]) -> list[int | None]:
    return list(map(refusals_known, counts.tolist(), logged))


def _at_peak(allowed: Steps, blind: list[bool], peak_at: Ints) -> list[int | None]:
    levels = allowed.levels[np.searchsorted(allowed.times, peak_at, side="right") - 1]
    unknown = (levels == UNKNOWN).tolist()
    return _unless([no or dark for no, dark in zip(blind, unknown, strict=True)], levels)


def _source(logged: int, seen: int) -> str | None:
    if not seen:
        return None
    return "event" if logged == seen else "mixed" if logged else "sampled"


def _unless(blind: list[bool], values: Ints) -> list[int | None]:
    return [None if no else value for no, value in zip(blind, values.tolist(), strict=True)]


def extremes(level: Steps, edges: Ints) -> tuple[list[int | None], list[int | None]]:
    """Return the least and the most of a limit in each period; None where it is never known."""
    grid = merged_times([level.times, edges], int(edges[0]), int(edges[-1]))
    values = level.on(grid)
    heads = np.searchsorted(grid, edges[:-1])
    known = values != UNKNOWN
    most = np.maximum.reduceat(np.where(known, values, UNKNOWN), heads)
    least = np.minimum.reduceat(np.where(known, values, np.iinfo(np.int64).max), heads)
    nowhere = (most == UNKNOWN).tolist()
    return _unless(nowhere, least), _unless(nowhere, most)


COLUMNS: Final = (
    "pool",
    "day",
    "zone",
    "start",
    "end",
    "day_seconds",
    "expected_seconds",
    "observed_seconds",
    "coverage",
    "peak",
    "peak_is_lower_bound",
    "peak_first_at",
    "peak_seconds",
    "entitled_min",
    "entitled_max",
    "proven_min",
    "proven_max",
    "allowed_at_peak",
    "allowed_min",
    "allowed_max",
    "issued_min",
    "issued_max",
    "seconds_at_limit",
    "overuse_seconds",
    "overuse_licence_seconds",
    "denials",
    "denials_true",
    "denials_other",
    "logged_seconds",
    "gap_seconds_bounded",
    "gap_seconds_unbounded",
    "source_method",
    "first_recorded_at",
    "last_recorded_at",
)
"""Of daily.csv. Moments are UTC, days are those of the zone."""


def daily_csv(pools: Iterable[tuple[str, Iterable[Day]]], zone: ZoneInfo) -> bytes:
    """Return daily.csv: a row for each pool and day. pools: names and their days.

    It is what `as_csv` would write; but there are hundreds of thousands of rows, and nothing in
    them but the name needs a second look.
    """
    texts = [as_csv(COLUMNS, ()).decode()]
    for name, rows in pools:
        head = as_csv((), [[name]]).decode()[2:-2]  # between the two ends of lines
        texts += [f"{head},{line}\r\n" for line in _rows(list(rows), zone)]
    return "".join(texts).encode()


def _rows(days: list[Day], zone: ZoneInfo) -> Iterator[str]:
    """Yield the fields of each row after the pool's name."""
    if not days:
        return
    spans = [_calendar(day.start, day.end, zone) for day in days]
    expected = [day.expected_seconds for day in days]
    seen = [day.observed_seconds for day in days]
    bounded = [day.bounded_seconds for day in days]
    columns = (
        spans,
        expected,
        seen,
        map(_share, seen, expected),
        _known([day.peak for day in days]),
        ["" if d.peak is None else "false" if d.peak_exact else "true" for d in days],
        _known([utc(day.peak_at) for day in days]),
        *(_known(list(column)) for column in zip(*map(_FIGURES, days), strict=True)),
        bounded,
        [due - had - safe for due, had, safe in zip(expected, seen, bounded, strict=True)],
        _known([day.source for day in days]),
        _known([utc(day.first_recorded_at) for day in days]),
        _known([utc(day.last_recorded_at) for day in days]),
    )
    line = ",".join(["%s"] * len(columns))
    for row in zip(*columns, strict=True):
        yield line % row


def _known(column: list[Any]) -> list[Any]:
    """Return a column in which what is not known is empty."""
    return ["" if value is None else value for value in column] if None in column else column


_FIGURES = attrgetter(
    *("peak_seconds", "entitled_low", "entitled_high", "proven_low", "proven_high"),
    *("allowed_at_peak", "allowed_low", "allowed_high", "issued_low", "issued_high"),
    *("full_seconds", "over_seconds", "over_seat_seconds"),
    *("denials", "denials_true", "denials_other", "logged_seconds"),
)


@lru_cache(maxsize=8_192)
def _calendar(start: int, end: int, zone: ZoneInfo) -> str:
    return f"{local_day(start, zone)},{zone},{utc(start)},{utc(end)},{end - start}"


@lru_cache(maxsize=8_192)
def _share(seen: int, expected: int) -> str:
    return percent_down(Fraction(seen, expected)) if expected else ""
