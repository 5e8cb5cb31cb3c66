"""Figures of a timeline: peaks, seat-time, time at and above a limit, per period or as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from licenses.concurrency.intervals import Flags, IntervalSet, Ints, ints
from licenses.concurrency.timeline import UNKNOWN, Steps


@dataclass(frozen=True, eq=False, slots=True)
class Measures:
    """One figure per period; every array has one entry for each period.

    peak:                   most seats in use at one moment, carried-in ones included.
    peak_at, peak_seconds:  first moment at the peak, and the time at it in total. Where nothing
                            is used, that is the start of the period and all of it.
    seat_seconds:           integral of the seats in use.
    limit, allowed:         in the last second of the period, UNKNOWN where not known.
    full_seconds:           seats in use >= limit, and at least one in use: an unused pool with
                            a limit of 0 is not full.
    over_seconds:           seats in use > allowed.
    over_seat_seconds:      integral of the seats above allowed; 60 of them are a licence-minute.
    *_known_seconds:        time for which the limit, and what is allowed, is known. The rest
                            counts neither as full nor as over, nor as the opposite.

    A period of no length has 0 in all but its start, its peak_at and its UNKNOWN limits.
    """

    starts: Ints
    ends: Ints
    peak: Ints
    peak_at: Ints
    peak_seconds: Ints
    seat_seconds: Ints
    limit: Ints
    limit_known_seconds: Ints
    full_seconds: Ints
    allowed: Ints
    allowed_known_seconds: Ints
    over_seconds: Ints
    over_seat_seconds: Ints

    def __len__(self) -> int:
        return len(self.starts)


class OverUse(NamedTuple):
    """An unbroken time above the limit: [start, end), the most seats in it, the most above."""

    start: int
    end: int
    peak: int
    excess: int


def measure(
    steps: Steps, edges: npt.ArrayLike, limit: Steps | None = None, allowed: Steps | None = None
) -> Measures:
    """Return the figures of each period [edges[i], edges[i+1]).

    steps:    the seats in use; must cover the periods.
    edges:    n + 1 moments for n periods, never falling; two equal ones are a period of no length.
    limit:    for full time; UNKNOWN outside its window, or everywhere if None.
    allowed:  for over-use, likewise. To judge observed time only, pass
              `allowed.only_within(observed)`.

    Cost: one merge of all steps and edges, then a few passes over them.
    """
    bounds = _checked_edges(steps, edges)
    unknown = Steps.constant(UNKNOWN, int(bounds[0]), int(bounds[-1]))
    limit, allowed = limit or unknown, allowed or unknown
    moments = np.concatenate([bounds, limit.times, allowed.times])
    steps = steps.cut_at(moments, int(bounds[0]), int(bounds[-1]))
    cells = _Cells(steps.times, bounds)
    used, bound, right = steps.levels, limit.on(steps.times), allowed.on(steps.times)
    peak = cells.maximum(used)
    at_peak = used == cells.spread(peak)
    excess = np.where(right == UNKNOWN, 0, np.maximum(used - right, 0))
    return Measures(
        starts=bounds[:-1],
        ends=bounds[1:],
        peak=peak,
        peak_at=cells.first(at_peak),
        peak_seconds=cells.seconds(at_peak),
        seat_seconds=cells.integral(used),
        limit=cells.last(bound),
        limit_known_seconds=cells.seconds(bound != UNKNOWN),
        full_seconds=cells.seconds(is_full(used, bound)),
        allowed=cells.last(right),
        allowed_known_seconds=cells.seconds(right != UNKNOWN),
        over_seconds=cells.seconds(excess > 0),
        over_seat_seconds=cells.integral(excess),
    )


def over_seconds(steps: Steps, edges: npt.ArrayLike, allowed: Steps) -> Ints:
    """Return the `over_seconds` of `measure(steps, edges, allowed=allowed)`, which alone take a
    third of its time, and none where the level never is above what is allowed."""
    bounds = _checked_edges(steps, edges)
    known = allowed.levels[allowed.levels != UNKNOWN]
    if not len(known) or not len(steps) or steps.levels.max() <= known.min():
        return np.zeros(len(bounds) - 1, dtype=np.int64)
    moments = np.concatenate([bounds, allowed.times])
    steps = steps.cut_at(moments, int(bounds[0]), int(bounds[-1]))
    right = allowed.on(steps.times)
    return _Cells(steps.times, bounds).seconds((steps.levels > right) & (right != UNKNOWN))


def is_full(used: Ints, limit: Ints) -> Flags:
    """Tell where all seats of a known limit are in use, and at least one is."""
    full: Flags = (used >= limit) & (limit != UNKNOWN) & (used > 0)
    return full


def episodes(steps: Steps, limit: Steps) -> list[OverUse]:
    """Return each unbroken time in which the level is above the limit, in time order.

    A change of the limit within does not end one; a time of UNKNOWN limit does.
    """
    steps = steps.cut_at(limit.times, steps.start, steps.end)
    grid, used, bound = steps.times, steps.levels, limit.on(steps.times)
    over = (used > bound) & (bound != UNKNOWN)
    first = np.flatnonzero(over & ~np.append(False, over[:-1]))
    if not len(first):
        return []
    # A level of 0 at most stands for the time between episodes, as over-use is at least 1.
    peak = np.maximum.reduceat(np.where(over, used, 0), first)
    excess = np.maximum.reduceat(np.where(over, used - bound, 0), first)
    last = np.flatnonzero(over & ~np.append(over[1:], False))
    columns = grid[first], grid[last + 1], peak, excess
    return [OverUse(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]


def load_duration(steps: Steps, observed: IntervalSet | None = None) -> tuple[Ints, Ints]:
    """Return (levels, seconds): for how long the level was at least that.

    levels:    those that occur in observed time, rising.
    seconds:   falling; the first is all of the observed time.
    observed:  the time to look at; all of the window if None.
    """
    durations = _observed_durations(steps, observed)
    seen = durations > 0
    levels, places = np.unique(steps.levels[seen], return_inverse=True)
    spent = np.zeros(len(levels), dtype=np.int64)
    np.add.at(spent, places, durations[seen])
    return levels, np.cumsum(spent[::-1])[::-1]


def level_not_exceeded(
    steps: Steps, share: float | Fraction, observed: IntervalSet | None = None
) -> int | None:
    """Return the lowest level that holds for *share* (0 to 1) of the observed time or more.

    So 0.999 gives the level that is exceeded in one thousandth of the time at most. None where
    nothing was observed.
    """
    return level_within(*load_duration(steps, observed), share)


def level_within(levels: Ints, seconds: Ints, share: float | Fraction) -> int | None:
    """Return `level_not_exceeded` of what `load_duration` has found already."""
    if not len(levels):
        return None
    # str: a float such as 0.1 means the decimal number that it prints as.
    wanted = (share if isinstance(share, Fraction) else Fraction(str(share))) * int(seconds[0])
    covered = int(seconds[0]) - np.append(seconds[1:], 0)
    place = next(i for i, amount in enumerate(covered.tolist()) if amount >= wanted)
    return int(levels[place])


def time_weighted_mean(steps: Steps, observed: IntervalSet | None = None) -> Fraction | None:
    """Return the mean level over observed time, exactly; None where nothing was observed."""
    durations = _observed_durations(steps, observed)
    seconds = int(durations.sum())
    return Fraction(int((steps.levels * durations).sum()), seconds) if seconds else None


def _observed_durations(steps: Steps, observed: IntervalSet | None) -> Ints:
    return steps.durations if observed is None else observed.seconds_within(steps.times)


def _checked_edges(steps: Steps, edges: npt.ArrayLike) -> Ints:
    bounds = ints(edges, "edges")
    if not len(bounds):
        raise ValueError("expected one edge more than periods, found none")
    if (bounds[1:] < bounds[:-1]).any():
        raise ValueError("expected edges that never fall")
    if bounds[0] < steps.start or bounds[-1] > steps.end:
        raise ValueError(
            f"the periods [{bounds[0]}, {bounds[-1]}) are not within the timeline "
            f"[{steps.start}, {steps.end})"
        )
    return bounds


class _Cells:
    """The cells [grid[i], grid[i+1]), grouped by the periods that they make up."""

    def __init__(self, grid: Ints, bounds: Ints) -> None:
        self.durations = np.diff(grid)
        self.times = grid[:-1]
        self.bounds = bounds
        self.real = bounds[:-1] < bounds[1:]
        # reduceat misreads an empty group, so periods of no length are left out and filled in.
        self.heads = np.searchsorted(grid, bounds[:-1][self.real])
        self.counts = np.diff(self.heads, append=len(self.times))

    def maximum(self, values: Ints) -> Ints:
        return self._filled(0, np.maximum, values)

    def integral(self, values: Ints) -> Ints:
        return self._filled(0, np.add, values * self.durations)

    def seconds(self, flags: Flags) -> Ints:
        # Most levels never are over a limit, and many have none.
        if not flags.any():
            return np.zeros(len(self.real), dtype=np.int64)
        return self.integral(flags.astype(np.int64))

    def last(self, values: Ints) -> Ints:
        result = np.full(len(self.real), UNKNOWN, dtype=np.int64)
        result[self.real] = values[self.heads + self.counts - 1]
        return result

    def first(self, flags: Flags) -> Ints:
        """Return the first flagged moment of each period; each real one must have one."""
        earlier: Ints = np.cumsum(flags)[self.heads] - flags[self.heads]
        result = self.bounds[:-1].copy()
        result[self.real] = self.times[flags][earlier]
        return result

    def spread(self, figures: Ints) -> Ints:
        """Return for each cell the figure of its period."""
        return np.repeat(figures[self.real], self.counts)

    def _filled(self, empty: int, reduce: np.ufunc, values: Ints) -> Ints:
        result = np.full(len(self.real), empty, dtype=np.int64)
        if len(self.heads):
            result[self.real] = reduce.reduceat(values, self.heads)
        return result
