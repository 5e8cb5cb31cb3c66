"""The naive model: look at every second. Slow, plain, and the judge of the fast one."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st

from licenses.concurrency.intervals import IntervalSet
from licenses.concurrency.timeline import UNKNOWN, Steps

HORIZON = 40
"""Windows and spans of the small histories lie around [0, HORIZON)."""


@dataclass(frozen=True)
class History:
    """Holdings, as columns."""

    starts: list[int]
    ends: list[int]
    seats: list[int]


def at_each_second(history: History, start: int, end: int) -> list[int]:
    """Return the seats in use in each second of [start, end), counted holding by holding."""
    rows = list(zip(history.starts, history.ends, history.seats, strict=True))
    return [
        sum(seats for since, until, seats in rows if since <= second < until)
        for second in range(start, end)
    ]


def levels_of(steps: Steps) -> list[int]:
    """Return the level of each second, read step by step."""
    return [
        level
        for since, until, level in zip(
            steps.times.tolist(), steps.times.tolist()[1:], steps.levels.tolist(), strict=False
        )
        for _ in range(since, until)
    ]


def steps_of(levels: list[int], start: int = 0) -> Steps:
    """Return steps of one second each, made without the code under test's arithmetic."""
    return Steps(list(range(start, start + len(levels) + 1)), levels)  # type: ignore[arg-type]


def seconds_of(spans: IntervalSet) -> set[int]:
    """Return each second of the set."""
    return {second for start, end in spans for second in range(start, end)}


def histories(
    *, most: int = 12, seats: int = 4, horizon: int = HORIZON
) -> st.SearchStrategy[History]:
    """Make holdings that start before, in and after the window, some of no length, some open."""
    moment = st.integers(-5, horizon + 5)
    row = st.tuples(moment, st.integers(0, horizon), st.integers(0, seats), st.booleans())
    return st.lists(row, max_size=most).map(
        lambda rows: History(
            [start for start, *_ in rows],
            [2**62 if out else start + length for start, length, _, out in rows],
            [count for _, _, count, _ in rows],
        )
    )


def windows(horizon: int = HORIZON) -> st.SearchStrategy[tuple[int, int]]:
    """Make windows, empty ones included."""
    return st.lists(st.integers(-3, horizon), min_size=2, max_size=2).map(
        lambda pair: (min(pair), max(pair))
    )


def limit_levels(length: int = HORIZON, most: int = 8) -> st.SearchStrategy[list[int]]:
    """Make a limit for each second, in long stretches, some of them UNKNOWN."""
    stretch = st.tuples(st.integers(UNKNOWN, most), st.integers(1, length))
    return st.lists(stretch, min_size=1, max_size=6).map(
        lambda parts: ([level for level, count in parts for _ in range(count)] * length)[:length]
    )


def sets(horizon: int = HORIZON) -> st.SearchStrategy[IntervalSet]:
    """Make sets of moments from raw spans in any order, overlapping, touching, empty."""
    span = st.tuples(st.integers(-5, horizon + 5), st.integers(0, 12))
    return st.lists(span, max_size=8).map(
        lambda spans: IntervalSet.of([s for s, _ in spans], [s + length for s, length in spans])
    )
