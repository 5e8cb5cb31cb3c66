"""The peak of several groups together against their peaks one by one, and who makes it up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from licenses.concurrency.intervals import Flags, Ints, ints
from licenses.concurrency.timeline import Steps, time_order


@dataclass(frozen=True, eq=False, slots=True)
class Part:
    """One group on its own.

    peak, peak_at:   its most seats at one moment, and the first such moment; None without use.
    at_joint_peak:   seats it holds at the first moment of the joint peak.
    """

    peak: int
    peak_at: int | None
    seat_seconds: int
    at_joint_peak: int


@dataclass(frozen=True, eq=False, slots=True)
class Saved:
    """What groups save by sharing seats, each holding counted once however many groups it is in.

    sum_of_peaks:  what they would need if each had seats for all that is in it; never less than
                   their joint peak. What is in several groups is in each of their peaks.
    shared:        what is in several of the groups, told as a group of its own; of_several: which
                   holdings these are.
    pooled, pooled_high:
                   how many seats sharing saves against seats of their own, at least and at most:
                   who is in several groups may take a seat of any of them, and needs one of one
                   alone.
    """

    sum_of_peaks: int
    shared: Part
    of_several: Flags
    pooled: int
    pooled_high: int


@dataclass(frozen=True, eq=False, slots=True)
class Joint(Saved):
    """Groups together.

    peak_at:   the first moment of the joint peak; None where nobody of them held anything.
    holders:   places of the holdings that make up the joint peak.
    """

    peak: int
    peak_at: int | None
    seat_seconds: int
    parts: list[Part]
    holders: Ints


def joint(
    starts: npt.ArrayLike,
    ends: npt.ArrayLike,
    seats: npt.ArrayLike,
    groups: Sequence[Flags],
    start: int,
    end: int,
) -> Joint:
    """Return the joint use of groups of holdings over [start, end).

    starts, ends, seats:  of the holdings, in any order, cut at the window.
    groups:               for each group, which holdings are in it; one may be in several, or in
                          none, and then it does not count.

    One sort of two keys a holding, whatever the groups: O(n log n).
    """
    first, last, taken = _columns(starts, ends, seats)
    memberships = _memberships(groups, len(first))
    anyone, of_several = memberships > 0, memberships > 1
    changes = _Changes.of(first, last, taken, start, end)
    told = [anyone, of_several, *groups]
    (together, *alone), holders = changes.apart(told), np.empty(0, dtype=np.int64)
    peak, peak_at, seat_seconds = together
    if peak_at is not None:
        holders = np.flatnonzero(anyone & (first <= peak_at) & (peak_at < last) & (taken > 0))
    shared, *parts = (
        Part(*figures, int(taken[holders[flags[holders]]].sum()))
        for figures, flags in zip(alone, told[1:], strict=True)
    )
    sums = sum(part.peak for part in parts)
    bounds = changes.bounds(sums, peak, shared, of_several, groups)
    return Joint(sums, shared, of_several, *bounds, peak, peak_at, seat_seconds, parts, holders)


def saved(
    starts: npt.ArrayLike,
    ends: npt.ArrayLike,
    seats: npt.ArrayLike,
    groups: Sequence[Flags],
    start: int,
    end: int,
    *,
    peaks: Sequence[int | None],
    joint_peak: tuple[int, int],
) -> Saved:
    """Return what `joint` says of sharing where peaks are known from elsewhere: half of its time.

    peaks:       of the groups, None where it is to be found.
    joint_peak:  of all groups together, and its first moment.
    """
    first, last, taken = _columns(starts, ends, seats)
    of_several = _memberships(groups, len(first)) > 1
    changes = _Changes.of(first, last, taken, start, end)
    missing = [flags for flags, peak in zip(groups, peaks, strict=True) if peak is None]
    figures, *found = changes.apart([of_several, *missing])
    peak, at = joint_peak
    out = of_several & (first <= at) & (at < last) & (peak > 0)
    shared = Part(*figures, int(taken[out].sum()))
    sums = sum(each for each in peaks if each is not None) + sum(each[0] for each in found)
    return Saved(sums, shared, of_several, *changes.bounds(sums, peak, shared, of_several, groups))


def _columns(
    starts: npt.ArrayLike, ends: npt.ArrayLike, seats: npt.ArrayLike
) -> tuple[Ints, Ints, Ints]:
    first, last, taken = ints(starts, "starts"), ints(ends, "ends"), ints(seats, "seats")
    if len(taken) and taken.min() < 0:
        raise ValueError(f"expected seats of 0 or more, found {taken.min()}")
    return first, last, taken


def _memberships(groups: Sequence[Flags], count: int) -> Ints:
    """Return in how many groups each of the holdings is."""
    found = np.zeros(count, dtype=np.int64)
    for flags in groups:
        if len(flags) != count:
            raise ValueError(f"expected {count} flags for a group, found {len(flags)}")
        found += flags
    return found


@dataclass(frozen=True, eq=False, slots=True)
class _Changes:
    """When seats are taken and given back over [start, end), in time order.

    holding:  the place of the holding that each change is of.
    """

    times: Ints
    seats: Ints
    holding: Ints
    start: int
    end: int

    @classmethod
    def of(cls, first: Ints, last: Ints, taken: Ints, start: int, end: int) -> _Changes:
        """Return those of holdings, cut at the window; one that ends where it begins has none."""
        first, last = np.maximum(first, start), np.minimum(last, end)
        (real,) = np.nonzero(first < last)
        times, holding = np.append(first[real], last[real]), np.append(real, real)
        seats = np.append(taken[real], -taken[real])
        order = time_order(times)
        return cls(times[order], seats[order], holding[order], start, end)

    def apart(self, groups: Sequence[Flags]) -> list[tuple[int, int | None, int]]:
        """Return the peak of each group by itself, its first moment, and the seat-seconds.

        The groups are laid one behind the other on one axis, a second apart.
        """
        width = self.end - self.start + 1
        heads = np.arange(len(groups)) * width
        places = [np.flatnonzero(flags[self.holding]) for flags in groups]
        chosen = np.concatenate(places)
        shift = np.repeat(heads - self.start, [len(each) for each in places])
        span = 0, len(groups) * width
        steps = Steps.from_changes(self.times[chosen] + shift, self.seats[chosen], *span)
        steps = steps.cut_at(heads, *span)
        firsts = np.searchsorted(steps.times, heads)
        peaks = np.maximum.reduceat(steps.levels, firsts)
        tops = np.flatnonzero(steps.levels == np.repeat(peaks, np.diff(firsts, append=len(steps))))
        moments = steps.times[tops[np.searchsorted(tops, firsts)]] - heads + self.start
        seconds = np.add.reduceat(steps.levels * steps.durations, firsts)
        return [
            (peak, moment if peak else None, total)
            for peak, moment, total in zip(
                peaks.tolist(), moments.tolist(), seconds.tolist(), strict=True
            )
        ]

    def bounds(
        self, sums: int, peak: int, shared: Part, of_several: Flags, groups: Sequence[Flags]
    ) -> tuple[int, int]:
        """Return how many seats sharing saves at least and at most.

        sums:    of the groups' peaks one by one; peak: theirs together.
        shared:  what is in several of them, and which that is.
        """
        low = high = sums
        if of_several.any():
            low = sum(each[0] for each in self.apart([flags & ~of_several for flags in groups]))
            high = min(high, low + shared.peak)
        return max(low - peak, 0), max(high - peak, 0)
