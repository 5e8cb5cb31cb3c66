"""Levels over time: how many seats are in use, and how many are allowed, at every moment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from licenses.concurrency.intervals import Flags, IntervalSet, Ints, ints

OPEN: Final = 2**62
"""The end of a holding that is still out: later than any window."""

UNKNOWN: Final = -1
"""The level of a limit where nobody knows it. Never zero, and never without bound."""


@dataclass(frozen=True, eq=False, slots=True)
class Steps:
    """A level that holds until the next step: levels[i] on [times[i], times[i+1]).

    times:   epoch seconds, rising; times[0] is the start and times[-1] the end, so there is one
             more of them than levels. No state lasts zero seconds.
    levels:  seats. In a limit, UNKNOWN where it is not known; `plus`, `minus` and `maximum`
             take levels as plain numbers, so limits are added with `total_limit`.

    Neighbours may be equal if the maker says so; what this module returns is `joined`.
    """

    times: Ints
    levels: Ints

    def __post_init__(self) -> None:
        times, levels = ints(self.times, "times"), ints(self.levels, "levels")
        object.__setattr__(self, "times", times)
        object.__setattr__(self, "levels", levels)
        if len(times) != len(levels) + 1:
            raise ValueError(f"expected {len(levels) + 1} times for {len(levels)} levels, "
                             f"found {len(times)}")  # fmt: skip
        if not (times[:-1] < times[1:]).all():
            place = int(np.flatnonzero(times[:-1] >= times[1:])[0])
            raise ValueError(
                f"expected rising times, found {times[place]} before {times[place + 1]}"
            )

    @classmethod
    def constant(cls, level: int, start: int, end: int) -> Steps:
        """Return one level over [start, end)."""
        _check_window(start, end)
        if start == end:
            return cls(ints([start], "times"), ints([], "levels"))
        return cls(ints([start, end], "times"), ints([level], "levels"))

    @classmethod
    def from_spans(
        cls,
        starts: npt.ArrayLike,
        ends: npt.ArrayLike,
        values: npt.ArrayLike,
        start: int,
        end: int,
    ) -> Steps:
        """Return at each moment of [start, end) the sum of the values of the spans that cover it.

        The spans come in any order and are cut at the window. A span that ends at or before its
        start covers nothing. One sort of two keys a span: O(n log n).
        """
        _check_window(start, end)
        first, last, worth = _columns(starts, ends, values)
        first, last = np.maximum(first, start), np.minimum(last, end)
        real = first < last
        if not real.all():
            first, last, worth = first[real], last[real], worth[real]
        if not len(first):
            return Steps.constant(0, start, end)
        return cls.from_changes(*_in_time_order(np.append(first, last), np.append(worth, -worth)),
                                start, end)  # fmt: skip

    @classmethod
    def from_changes(cls, times: Ints, changes: Ints, start: int, end: int) -> Steps:
        """Return the sum of the changes up to each moment of [start, end).

        times, changes:  in time order, within the window; of a change at its end nothing is seen.
        """
        # Only the state after the last change of a second lasts; the order within it is void.
        lasting = np.append(times[1:] != times[:-1], np.ones(min(len(times), 1), np.bool_))
        levels = np.cumsum(changes)[lasting]
        times = times[lasting]
        if start < end and (not len(times) or times[0] > start):
            times, levels = np.append(start, times), np.append(0, levels)
        if len(times) and times[-1] == end:
            levels = levels[:-1]
        else:
            times = np.append(times, end)
        return cls(times, levels).joined()

    def __len__(self) -> int:
        return len(self.levels)

    def __eq__(self, other: object) -> bool:
        """Tell whether both have the same level at each moment of the same window."""
        if not isinstance(other, Steps):
            return NotImplemented
        mine, others = self.joined(), other.joined()
        return np.array_equal(mine.times, others.times) and np.array_equal(
            mine.levels, others.levels
        )

    __hash__ = None  # type: ignore[assignment]  # arrays can change

    def __repr__(self) -> str:
        shown = [f"{moment}:{level}" for moment, level in self.changes()[:5]]
        return f"Steps({' '.join(shown)}{' ...' if len(self) > 5 else ''} until {self.end})"

    @property
    def start(self) -> int:
        return int(self.times[0])

    @property
    def end(self) -> int:
        return int(self.times[-1])

    @property
    def durations(self) -> Ints:
        """Return how many seconds each level holds; never zero."""
        return np.diff(self.times)

    def at(self, moment: int) -> int:
        """Return the level at *moment*. Raises LookupError outside the window."""
        if not self.start <= moment < self.end:
            raise LookupError(f"{moment} is not in [{self.start}, {self.end})")
        return int(self.levels[np.searchsorted(self.times, moment, side="right") - 1])

    def clip(self, start: int, end: int) -> Steps:
        """Return the part in [start, end); without a step where the two have nothing in common."""
        _check_window(start, end)
        start = min(max(start, self.start), self.end)
        end = max(min(end, self.end), start)
        if start == end:
            return Steps.constant(0, start, end)
        first = np.searchsorted(self.times, start, side="right")
        last = np.searchsorted(self.times, end)
        times = np.concatenate(([start], self.times[first:last], [end]))
        return Steps(times, self.levels[first - 1 : last])

    def cut_at(self, moments: Ints, start: int, end: int) -> Steps:
        """Return the part in [start, end), all of it within the window, with a step at each of the
        moments that lie in it too.

        So two levels stand side by side: with a few moments among many steps, that is some ten
        times as fast as `merged_times` and `on`.
        """
        part = self.clip(start, end)
        moments = distinct(moments)
        moments = moments[(moments > start) & (moments < end)]
        places = np.searchsorted(part.times, moments)
        new = part.times[places] != moments
        places, moments = places[new], moments[new]
        return Steps(
            np.insert(part.times, places, moments),
            np.insert(part.levels, places, part.levels[places - 1]),
        )

    def changes(self) -> list[tuple[int, int]]:
        """Return (moment, level from then on), the first at the start of the window."""
        steps = self.joined()
        return list(zip(steps.times[:-1].tolist(), steps.levels.tolist(), strict=True))

    def joined(self) -> Steps:
        """Return the same levels with equal neighbours made one."""
        differs = self.levels[1:] != self.levels[:-1]
        if differs.all():
            return self
        kept = np.append(True, differs)
        return Steps(np.append(self.times[:-1][kept], self.times[-1]), self.levels[kept])

    def where(self, flags: Flags) -> IntervalSet:
        """Return the moments of the flagged levels: `steps.where(steps.levels >= 10)`."""
        return IntervalSet.of(self.times[:-1][flags], self.times[1:][flags])

    def plus(self, other: Steps) -> Steps:
        """Return the sum at each moment. Both must have the same window."""
        return self._combine(other, np.add)

    def minus(self, other: Steps) -> Steps:
        """Return this level less the other's at each moment. Both must have the same window."""
        return self._combine(other, np.subtract)

    def maximum(self, other: Steps) -> Steps:
        """Return the greater level at each moment. Both must have the same window."""
        return self._combine(other, np.maximum)

    def above(self, other: Steps) -> IntervalSet:
        """Return the moments at which this level is above the other's."""
        higher = self.minus(other)
        return higher.where(higher.levels > 0)

    def otherwise(self, other: Steps) -> Steps:
        """Return this limit, and the other one where this is UNKNOWN, over this one's window."""
        if not (self.levels == UNKNOWN).any():
            return self.joined()
        grid = merged_times([self.times, other.times], self.start, self.end)
        mine, others = self.on(grid), other.on(grid)
        return Steps(grid, np.where(mine == UNKNOWN, others, mine)).joined()

    def only_within(self, known: IntervalSet) -> Steps:
        """Return this limit, UNKNOWN at the moments outside *known*."""
        known = known.clip(self.start, self.end)
        grid = merged_times([self.times, known.starts, known.ends], self.start, self.end)
        inside = known.seconds_within(grid) > 0
        return Steps(grid, np.where(inside, self.on(grid), UNKNOWN)).joined()

    def on(self, grid: Ints) -> Ints:
        """Return the level in each period of *grid*, which holds every step inside its ends.

        Outside the window the level is UNKNOWN.
        """
        if len(self.levels) == 1 and self.times[0] <= grid[0] and grid[-1] <= self.times[1]:
            return np.full(len(grid) - 1, self.levels[0])
        places = np.searchsorted(grid[:-1], self.times)
        counts = np.diff(places, prepend=0, append=len(grid) - 1)
        return np.repeat(np.concatenate(([UNKNOWN], self.levels, [UNKNOWN])), counts)

    def _combine(self, other: Steps, operation: Callable[[Ints, Ints], Ints]) -> Steps:
        if (self.start, self.end) != (other.start, other.end):
            raise ValueError(
                f"expected one window, found [{self.start}, {self.end}) "
                f"and [{other.start}, {other.end})"
            )
        grid = merged_times([self.times, other.times], self.start, self.end)
        return Steps(grid, operation(self.on(grid), other.on(grid))).joined()


def usage(
    starts: npt.ArrayLike, ends: npt.ArrayLike, seats: npt.ArrayLike, start: int, end: int
) -> Steps:
    """Return the seats in use over [start, end).

    starts, ends:  of the holdings, in any order; OPEN ends what is still out. What lies outside
                   the window is cut off.
    seats:         of each holding, 0 or more.

    A seat given back and taken at the same second is one seat.
    """
    taken = ints(seats, "seats")
    if len(taken) and taken.min() < 0:
        raise ValueError(f"expected seats of 0 or more, found {taken.min()}")
    return Steps.from_spans(starts, ends, taken, start, end)


def limits(
    starts: npt.ArrayLike, ends: npt.ArrayLike, quantities: npt.ArrayLike, start: int, end: int
) -> Steps:
    """Return the limit over [start, end): the sum of the lines valid at each moment.

    It is UNKNOWN where no line is valid, and where one that is valid has the quantity UNKNOWN
    (uncounted licences, for one): a sum with an unknown part is not known.
    """
    first, last, quantity = _columns(starts, ends, quantities)
    if len(quantity) and quantity.min() < UNKNOWN:
        raise ValueError(f"expected a quantity of 0 or more or UNKNOWN, found {quantity.min()}")
    open_lines = quantity == UNKNOWN
    total = Steps.from_spans(first, last, np.where(open_lines, 0, quantity), start, end)
    valid = IntervalSet.of(first, last)
    return total.only_within(valid.subtract(IntervalSet.of(first[open_lines], last[open_lines])))


def total_limit(parts: Sequence[Steps]) -> Steps:
    """Return the sum of limits over one window, UNKNOWN where any of them is.

    Raises ValueError if there is no part, or if their windows differ.
    """
    if not parts:
        raise ValueError("expected at least one limit")
    total = parts[0]
    for part in parts[1:]:
        known = total.where(total.levels != UNKNOWN).intersection(
            part.where(part.levels != UNKNOWN)
        )
        total = total.plus(part).only_within(known)
    return total


def merged_times(times: Sequence[Ints], start: int, end: int) -> Ints:
    """Return the sorted, distinct moments of all *times* in (start, end), with start and end."""
    merged = distinct(np.concatenate([ints([start, end], "window"), *times]))
    return merged[(merged >= start) & (merged <= end)]


def distinct(numbers: Ints) -> Ints:
    """Return the numbers in order, each once: `np.unique`, for runs that are in order already.

    A stable sort merges such runs, which is faster here than sorting, or hashing, them all anew.
    """
    merged = np.sort(numbers, kind="stable")
    first: Flags = np.append(np.ones(min(len(merged), 1), np.bool_), merged[1:] != merged[:-1])
    return merged[first]


def _columns(
    starts: npt.ArrayLike, ends: npt.ArrayLike, values: npt.ArrayLike
) -> tuple[Ints, Ints, Ints]:
    columns = ints(starts, "starts"), ints(ends, "ends"), ints(values, "values")
    if len({len(column) for column in columns}) > 1:
        found = ", ".join(str(len(column)) for column in columns)
        raise ValueError(f"expected as many starts as ends as values, found {found}")
    return columns


def time_order(times: Ints) -> Ints:
    """Return the places of *times* in order; what is of one second keeps its order.

    Time and place share one key where 63 bits hold them: numpy sorts plain integers some ten times
    faster than it finds an order to apply.
    """
    origin, bits = int(times.min(initial=OPEN)), len(times).bit_length()
    if bits + (int(times.max(initial=origin)) - origin).bit_length() > 63:
        return np.argsort(times, kind="stable")
    keys = (times - origin << bits) | np.arange(len(times))
    keys.sort()
    return keys & ((1 << bits) - 1)


def _in_time_order(times: Ints, changes: Ints) -> tuple[Ints, Ints]:
    """Sort both by time, in one key as `time_order`: the changes need no second look."""
    if not len(times):
        return times, changes
    origin, low = int(times.min()), int(changes.min())
    bits = (int(changes.max()) - low).bit_length()
    if bits + (int(times.max()) - origin).bit_length() > 63:
        order = np.argsort(times, kind="stable")
        return times[order], changes[order]
    keys = (times - origin << bits) | (changes - low)
    keys.sort()
    return (keys >> bits) + origin, (keys & ((1 << bits) - 1)) + low


def _check_window(start: int, end: int) -> None:
    if start > end:
        raise ValueError(f"the window ends at {end}, before it starts at {start}")
