"""The days of a pool: what was seen, allowed and above it, and the table of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from operator import attrgetter
from typing import Any, ClassVar, Final
from zoneinfo import ZoneInfo

import numpy as np

from licenses.analysis.coverage import PoolCoverage, percent_down
from licenses.analysis.usage import PoolFacts
from licenses.concurrency.intervals import IntervalSet, Ints
from licenses.concurrency.measures import measure
from licenses.concurrency.periods import periods
from licenses.concurrency.timeline import UNKNOWN, Steps, merged_times
from licenses.concurrency.timeline import usage as in_use
from reports.datasets.files import as_csv, local_day, utc


@dataclass(frozen=True, slots=True)
class Day:
    """One day of a pool in the report's zone; None is *not known*, never zero.

    In JSON there is a list for each field: a row for each day would be three times as long.

    peak_exact:       False where polls alone looked, so that the use may have been higher.
    peak_seconds:     how long the peak lasted, in all.
    full_seconds:     with every allowed or, where that is not known, issued seat in use; None on
                      a day of which neither is known, and on one without a peak.
    over_seconds, over_seat_seconds:  above what is allowed, and its integral over seats; None on
                      a day without a peak, or of which nothing says what is allowed.
    allowed_low, allowed_high, issued_low, issued_high:  least and most of the day.
    bounded_seconds:  of the time not observed, that in which over-use was impossible.
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
    allowed_low: int | None
    allowed_high: int | None
    issued_low: int | None
    issued_high: int | None
    denials: int
    expected_seconds: int
    observed_seconds: int
    bounded_seconds: int


def days(
    facts: PoolFacts,
    seen: PoolCoverage,
    safe: IntervalSet,
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
    issued_low, issued_high = extremes(limits.issued, edges)
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
        allowed_low,
        allowed_high,
        issued_low,
        issued_high,
        np.diff(np.searchsorted(np.sort(facts.refusals.at), edges)).tolist(),
        seen.expected.seconds_within(edges).tolist(),
        seen.seen.seconds_within(edges).tolist(),
        safe.intersection(seen.missing).seconds_within(edges).tolist(),
    )
    return tuple(Day(*row) for row in zip(*columns, strict=True))


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
    "allowed_min",
    "allowed_max",
    "issued_min",
    "issued_max",
    "seconds_at_limit",
    "overuse_seconds",
    "overuse_licence_seconds",
    "denials",
    "gap_seconds_bounded",
    "gap_seconds_unbounded",
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
        [day.denials for day in days],
        bounded,
        [due - had - safe for due, had, safe in zip(expected, seen, bounded, strict=True)],
    )
    line = ",".join(["%s"] * len(columns))
    for row in zip(*columns, strict=True):
        yield line % row


def _known(column: list[Any]) -> list[Any]:
    """Return a column in which what is not known is empty."""
    return ["" if value is None else value for value in column] if None in column else column


_FIGURES = attrgetter(
    *("peak_seconds", "allowed_low", "allowed_high", "issued_low", "issued_high"),
    *("full_seconds", "over_seconds", "over_seat_seconds"),
)


@lru_cache(maxsize=8_192)
def _calendar(start: int, end: int, zone: ZoneInfo) -> str:
    return f"{local_day(start, zone)},{zone},{utc(start)},{utc(end)},{end - start}"


@lru_cache(maxsize=8_192)
def _share(seen: int, expected: int) -> str:
    return percent_down(Fraction(seen, expected)) if expected else ""
