"""Hourly figures of many pools at once.

The pools are laid one after another on a single time axis, each with an hour to spare, so that
one sort, one running sum and one pass over the hours serve all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from licenses.concurrency.intervals import Flags, Ints, ints
from licenses.concurrency.timeline import UNKNOWN, Steps

HOUR_SECONDS = 3600
BLOCK_EVENTS = 1 << 15
"""Events worked on at one time: few enough that a block's arrays stay in the processor's cache."""

NEVER = 2**62
"""A limit that no use reaches: it stands for one that is not known."""

Limits = Mapping[int, Steps]


@dataclass(frozen=True, eq=False, slots=True)
class Hours:
    """One row for each group and UTC hour with use, in that order.

    groups:  as passed in.
    hours:   epoch second at which the hour starts.

    The figures are those of `measures.Measures`.
    """

    groups: Ints
    hours: Ints
    peak: Ints
    seat_seconds: Ints
    full_seconds: Ints
    over_seconds: Ints
    over_seat_seconds: Ints

    def __len__(self) -> int:
        return len(self.hours)


def hourly(
    starts: npt.ArrayLike,
    ends: npt.ArrayLike,
    seats: npt.ArrayLike,
    groups: npt.ArrayLike,
    start: int,
    end: int,
    *,
    limits: Limits | None = None,
    allowed: Limits | None = None,
) -> Hours:
    """Return the hourly figures of every group over [start, end).

    starts, ends, seats:  of the holdings, in any order, cut at the window; to rebuild other hours
                          for each group, cut the holdings first.
    groups:               of the holdings: any whole number, as a pool's id.
    start, end:           full UTC hours, as a part of an hour would make a wrong row.
    limits, allowed:      for each group, for full time and for over-use; UNKNOWN where absent.

    One sort of two keys a holding; memory: about 40 bytes a holding above what is passed in.
    """
    if start % HOUR_SECONDS or end % HOUR_SECONDS or start > end:
        raise ValueError(f"expected full UTC hours in order, found {start} and {end}")
    first, last = ints(starts, "starts"), ints(ends, "ends")
    taken, owner = ints(seats, "seats"), ints(groups, "groups")
    if len({len(first), len(last), len(taken), len(owner)}) > 1:
        raise ValueError(
            f"expected columns of one length, found {len(first)} starts, {len(last)} ends, "
            f"{len(taken)} seats and {len(owner)} groups"
        )
    if len(taken) and taken.min() < 0:
        raise ValueError(f"expected seats of 0 or more, found {taken.min()}")
    names, places = _ranked(owner)
    most = int(taken.max(initial=0))
    columns = _Columns(first, last, taken, places)
    parts = [_NO_HOURS]
    for low, high in _batches(len(names), end - start + HOUR_SECONDS, most):
        axis = _Axis(names[low:high], start, end, most)
        bound = axis.limit_rows(limits or {})
        right = bound if allowed is limits else axis.limit_rows(allowed or {})
        moments = [bound.times] if right is bound else [bound.times, right.times]
        keys = axis.sorted_keys(columns, low, moments)
        carry = _NOTHING_HELD
        for block, following in axis.blocks(keys):
            hours, carry = axis.hours(block, following, carry, bound, right)
            parts.append(hours)
    return Hours(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Hours)))


class _Columns(NamedTuple):
    """The holdings. places: tells the places of the groups of some of them among all groups."""

    starts: Ints
    ends: Ints
    seats: Ints
    places: Callable[[slice], Ints]


class _Carry(NamedTuple):
    """What is in force when a block begins: seats in use, whether full, whether over, the seats
    over."""

    used: int
    full: int
    over: int
    excess: int


_NOTHING_HELD = _Carry(0, 0, 0, 0)

_NO_HOURS = Hours(*[np.empty(0, dtype=np.int64)] * len(fields(Hours)))


class _LimitRows(NamedTuple):
    """Levels in force from moments of the axis on, each until the next row; rising. NEVER where the
    level is not known."""

    times: Ints
    levels: Ints

    def at(self, times: Ints) -> Ints:
        """Return the level at each of *times*, which rise; a row is at or before the first. One
        alone where it is the same at all of them."""
        since = int(np.searchsorted(self.times, times[0], side="right")) - 1
        until = int(np.searchsorted(self.times, times[-1], side="right"))
        levels = self.levels[since:until]
        if not np.any(levels != levels[0]):
            return levels[:1]
        places = np.searchsorted(times, self.times[since:until])
        places[0] = 0
        return np.repeat(levels, np.diff(places, append=len(times)))


class _Axis:
    """The window, once for each group, laid end to end with an hour to spare.

    A key holds a moment of the axis and, in its low bits, the change of seats then, raised by
    *most* so that none is negative. Sorted as plain integers, keys are in time order group by
    group. The spare hour keeps what ends with the window out of the next group's first hour.
    """

    def __init__(self, names: Ints, start: int, end: int, most: int) -> None:
        self.names, self.start, self.end, self.most = names, start, end, most
        self.span = end - start + HOUR_SECONDS
        self.bits = (2 * most).bit_length()

    def limit_rows(self, limits: Limits) -> _LimitRows:
        """Return the limits of all groups; each group begins with a row, if only UNKNOWN."""
        heads = np.arange(len(self.names)) * self.span
        known = [
            (rank, limits[name]) for rank, name in enumerate(self.names.tolist()) if name in limits
        ]
        if not known:
            return _LimitRows(heads, np.full(len(heads), NEVER))
        counts = np.array([len(steps.times) for _, steps in known])
        ranks = np.repeat([rank for rank, _ in known], counts)
        times = np.concatenate([steps.times for _, steps in known])
        times = np.clip(times, self.start, self.end) - self.start + heads[ranks]
        levels = np.full(len(times), UNKNOWN)
        ends = np.cumsum(counts) - 1
        inner = np.ones(len(times), dtype=np.bool_)
        inner[ends] = False
        levels[inner] = np.concatenate([steps.levels for _, steps in known])
        # The row of a group stands before its own; of several at one moment the last counts.
        first = np.searchsorted(ranks, np.arange(len(heads)))
        times, levels = np.insert(times, first, heads), np.insert(levels, first, UNKNOWN)
        last = np.append(times[1:] != times[:-1], True)
        return _LimitRows(times[last], np.where(levels == UNKNOWN, NEVER, levels)[last])

    def sorted_keys(self, columns: _Columns, low: int, moments: list[Ints]) -> Ints:
        """Return the keys of the starts and ends of this axis's holdings and, without a change, of
        *moments*.

        low: the place of the axis's first group among all.
        """
        starts, ends, seats, places = columns
        keys = np.empty(2 * len(starts) + sum(map(len, moments)), dtype=np.int64)
        # The key of nothing at epoch second 0, for each group.
        base = ((np.arange(len(self.names)) * self.span - self.start) << self.bits) + self.most
        filled = 0
        for since in range(0, len(starts), BLOCK_EVENTS):
            part = slice(since, since + BLOCK_EVENTS)
            first, last = np.maximum(starts[part], self.start), np.minimum(ends[part], self.end)
            change, place = seats[part], places(part)
            real = first < last
            if low or len(self.names) <= int(place.max()):
                place = place - low
                real &= (place >= 0) & (place < len(self.names))
            if not real.all():
                first, last, change, place = first[real], last[real], change[real], place[real]
            zero = base[place]
            for times, combine in ((first, np.add), (last, np.subtract)):
                made = keys[filled : filled + len(zero)]
                np.left_shift(times, self.bits, out=made)
                made += zero
                combine(made, change, out=made)
                filled += len(zero)
        for times in moments:
            keys[filled : filled + len(times)] = (times << self.bits) + self.most
            filled += len(times)
        keys = keys[:filled]
        keys.sort()
        return keys

    def blocks(self, keys: Ints) -> Iterator[tuple[Ints, int | None]]:
        """Cut sorted keys at full hours, into blocks of BLOCK_EVENTS or one hour of more; yield
        each with the hour of the event after it, counted from the start of the axis."""
        since = 0
        while since < len(keys):
            end, following = since + BLOCK_EVENTS, None
            if end < len(keys):
                following = int(keys[end] >> self.bits) // HOUR_SECONDS
                end = self._first_of(keys, following)
                if end <= since:
                    end = self._first_of(keys, following + 1)
                    after = keys[end : end + 1].tolist()
                    following = (after[0] >> self.bits) // HOUR_SECONDS if after else None
            yield keys[since:end], following
            since = end

    def _first_of(self, keys: Ints, hour: int) -> int:
        return int(np.searchsorted(keys, hour * HOUR_SECONDS << self.bits))

    def hours(
        self,
        block: Ints,
        following: int | None,
        carry: _Carry,
        bound: _LimitRows,
        right: _LimitRows,
    ) -> tuple[Hours, _Carry]:
        """Return the rows of a block's hours, those up to the next block's included, and what is in
        force then."""
        times, used = block >> self.bits, block & ((1 << self.bits) - 1)
        used -= self.most
        np.cumsum(used, out=used)
        if carry.used:
            used += carry.used
        cut = _HourCut(times, used, following)
        columns = [cut.peak(carry.used), cut.integral(used, carry.used)]
        limit = bound.at(times)
        allowed = limit if right is bound else right.at(times)
        left = _Carry(int(used[-1]), 0, 0, 0)
        if used.max() >= min(limit.min(), allowed.min()) or carry[1:] != (0, 0, 0):
            # Nothing in use is never full, whatever the limit.
            full, over = used >= np.maximum(limit, 1), used > allowed
            excess = (used - allowed) * over
            columns += [
                cut.integral(full, carry.full),
                cut.integral(over, carry.over),
                cut.integral(excess, carry.excess),
            ]
            left = _Carry(left.used, int(full[-1]), int(over[-1]), int(excess[-1]))
        else:
            columns += [np.zeros(len(cut.slots), dtype=np.int64)] * 3
        ranks = cut.slots // (self.span // HOUR_SECONDS)
        moments = cut.slots * HOUR_SECONDS - ranks * self.span + self.start
        columns = [self.names[ranks], moments, *columns]
        # An event of nothing, or one that ends all use on the full hour, leaves an idle row.
        in_use = columns[3] > 0
        if not in_use.all():
            kept = np.flatnonzero(in_use)
            columns = [column[kept] for column in columns]
        return Hours(*columns), left


class _HourCut:
    """A timeline cut at full hours, with a row for each hour that has an event or is in use.

    times:      of the events, in order, several at one second allowed: the last of them counts.
                Of those at one second, what ends comes first.
    used:       seats from each event on.
    following:  the hour of the next event after these, None where there is none: nothing is used
                after the last.

    What was in force before the first event is said with each figure.
    """

    def __init__(self, times: Ints, used: Ints, following: int | None) -> None:
        self.times, self.used = times, used
        slots = times // HOUR_SECONDS
        changes = np.flatnonzero(slots[1:] != slots[:-1])
        self.heads = np.empty(len(changes) + 1, dtype=np.int64)
        self.tails = np.empty_like(self.heads)
        self.heads[0], self.tails[-1] = 0, len(times) - 1
        np.add(changes, 1, out=self.heads[1:])
        self.tails[:-1] = changes
        slot = slots[self.heads]
        begins = slot * HOUR_SECONDS
        # How long each state lasts within the hour in which it begins, and
        self.durations = np.empty_like(times)
        np.subtract(times[1:], times[:-1], out=self.durations[:-1])
        self.durations[self.tails] = begins + HOUR_SECONDS - times[self.tails]
        # how long the state carried in lasts in the hour of the next event.
        self.leads = times[self.heads] - begins
        self.left = used[self.tails]
        after = slot[-1] + 1 if following is None else following
        self.counts = np.where(self.left > 0, np.diff(slot, append=after), 1)
        count = int(self.counts.sum())
        self.dense = count == len(slot)
        self.slots = slot
        if not self.dense:
            self.rows = np.cumsum(self.counts) - self.counts
            self.slots = np.repeat(slot - self.rows, self.counts) + np.arange(count)

    def peak(self, before: int) -> Ints:
        carried = np.where(self.leads > 0, _shifted(self.left, before), 0)
        return self._spread(self.left, np.maximum(self._inner_peak(), carried))

    def _inner_peak(self) -> Ints:
        """Return the most in use from the first event of each hour on.

        States of no length, within one second, were never held. They need no look where an hour
        holds what was before them: first seats are given back, then others are taken, so that no
        such state is above both of its neighbours.
        """
        odd = np.flatnonzero((self.leads == 0) & (self.durations[self.heads] == 0))
        if not len(odd):
            return np.maximum.reduceat(self.used, self.heads)
        # Where a second of several events begins an hour, what comes before its last is left out.
        first = self.heads[odd]
        counts = np.searchsorted(self.times, self.times[first], side="right") - 1 - first
        passed = np.arange(int(counts.sum())) + np.repeat(
            first - np.cumsum(counts) + counts, counts
        )
        used = self.used.copy()
        used[passed] = 0
        return np.maximum.reduceat(used, self.heads)

    def integral(self, values: Ints | Flags, before: int) -> Ints:
        """Return the sum of value x seconds in each hour; values hold from event to event."""
        if not before and not values.any():  # most pools are never full
            return np.zeros(len(self.slots), dtype=np.int64)
        # Differences of one running sum: half the cost of a sum for each hour.
        sums = values * self.durations
        np.cumsum(sums, out=sums)
        inner = sums[self.tails]
        inner[1:] -= inner[:-1].copy()
        left = values[self.tails].astype(np.int64, copy=False)
        inner += _shifted(left, before) * self.leads
        return self._spread(left * HOUR_SECONDS, inner)

    def _spread(self, between: Ints, figures: Ints) -> Ints:
        """Put *figures* in the rows of hours with an event, *between* in those after each."""
        if self.dense:
            return figures
        result = np.repeat(between, self.counts)
        result[self.rows] = figures
        return result


def _shifted(values: Ints, before: int) -> Ints:
    """Return *before* and the values, but for the last."""
    result = np.empty_like(values)
    result[0] = before
    result[1:] = values[:-1]
    return result


def _ranked(groups: Ints) -> tuple[Ints, Callable[[slice], Ints]]:
    """Return the distinct groups, rising, and what tells the places among them of the groups of
    some rows."""
    if not len(groups):
        return groups, groups.__getitem__
    low, high = int(groups.min()), int(groups.max())
    if high - low > 4 * len(groups) + 1000:
        names, ranks = np.unique(groups, return_inverse=True)
        return names, ranks.astype(np.int64, copy=False).__getitem__
    present = np.zeros(high - low + 1, dtype=np.bool_)
    for since in range(0, len(groups), BLOCK_EVENTS):
        present[groups[since : since + BLOCK_EVENTS] - low] = True
    places = np.cumsum(present) - 1
    return np.flatnonzero(present) + low, lambda part: places[groups[part] - low]


def _batches(groups: int, span: int, most: int) -> Iterator[tuple[int, int]]:
    """Yield ranges of groups so few that their keys fit 63 bits; most often, that is all."""
    room = (2 ** (63 - (2 * most).bit_length()) - 1) // span
    if not room:
        raise ValueError(f"{most} seats in one holding, over {span} s: more than 63 bits can hold")
    for low in range(0, groups, room):
        yield low, min(low + room, groups)
