"""Hourly figures of many pools at once.

The pools are laid one after another on a single time axis, each with an hour to spare, so that
one sort, one running sum and one pass over the hours serve all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from licenses.concurrency.intervals import Flags, Ints, ints
from licenses.concurrency.timeline import UNKNOWN, Steps

HOUR_SECONDS = 3600
BLOCK_EVENTS = 1 << 14
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
    names, ranks = _ranked(owner)
    most = int(taken.max(initial=0))
    parts = [_NO_HOURS]
    for low, high in _batches(len(names), end - start + HOUR_SECONDS, most):
        axis = _Axis(names[low:high], start, end, most)
        rows = slice(None) if high - low == len(names) else (ranks >= low) & (ranks < high)
        bound = axis.limit_rows(limits or {})
        right = bound if allowed is limits else axis.limit_rows(allowed or {})
        moments = [bound.times] if right is bound else [bound.times, right.times]
        keys = axis.sorted_keys(first[rows], last[rows], taken[rows], ranks[rows] - low, moments)
        carry = _NOTHING_HELD
        for block, following in axis.blocks(keys):
            hours, carry = axis.hours(block, following, carry, bound, right)
            parts.append(hours)
    return Hours(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Hours)))


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
        """Return the level at each of *times*, which rise; a row is at or before the first."""
        since = int(np.searchsorted(self.times, times[0], side="right")) - 1
        until = int(np.searchsorted(self.times, times[-1], side="right"))
        places = np.searchsorted(times, self.times[since:until])
        places[0] = 0
        return np.repeat(self.levels[since:until], np.diff(places, append=len(times)))


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
        nothing = Steps.constant(UNKNOWN, self.start, self.start)
        times, levels = [ints([], "times")], [ints([], "levels")]
        for rank, name in enumerate(self.names.tolist()):
            times.append(ints([rank * self.span], "times"))
            levels.append(ints([UNKNOWN], "levels"))
            steps = limits.get(name, nothing).clip(self.start, self.end)
            if len(steps):
                times.append(steps.times - self.start + rank * self.span)
                levels.append(np.append(steps.levels, UNKNOWN))
        joined = np.concatenate(levels)
        return _LimitRows(np.concatenate(times), np.where(joined == UNKNOWN, NEVER, joined))

    def sorted_keys(
        self, starts: Ints, ends: Ints, seats: Ints, ranks: Ints, moments: list[Ints]
    ) -> Ints:
        """Return the keys of the holdings' starts and ends and, without a change, of *moments*."""
        keys = np.empty(2 * len(starts) + sum(map(len, moments)), dtype=np.int64)
        filled = 0
        for since in range(0, len(starts), BLOCK_EVENTS):
            part = slice(since, since + BLOCK_EVENTS)
            first, last = np.maximum(starts[part], self.start), np.minimum(ends[part], self.end)
            change, base = seats[part], ranks[part] * self.span - self.start
            real = first < last
            if not real.all():
                first, last, change, base = first[real], last[real], change[real], base[real]
            for times, sign in ((first, change), (last, -change)):
                made = keys[filled : filled + len(base)]
                np.add(base, times, out=made)
                made <<= self.bits
                made += sign
                made += self.most
                filled += len(base)
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
        times = block >> self.bits
        used = np.cumsum((block & ((1 << self.bits) - 1)) - self.most)
        if carry.used:
            used += carry.used
        cut = _HourCut(times, used, following)
        limit = bound.at(times)
        allowed = limit if right is bound else right.at(times)
        # Nothing in use is never full, whatever the limit.
        full, over = used >= np.maximum(limit, 1), used > allowed
        excess = (used - allowed) * over
        columns = [
            cut.peak(carry.used),
            cut.integral(used, carry.used),
            cut.integral(full, carry.full),
            cut.integral(over, carry.over),
            cut.integral(excess, carry.excess),
        ]
        left = _Carry(int(used[-1]), int(full[-1]), int(over[-1]), int(excess[-1]))
        # An event of nothing, or one that ends all use on the full hour, leaves an idle row.
        in_use = columns[1] > 0
        ranks, moments = np.divmod(cut.slots[in_use] * HOUR_SECONDS, self.span)
        figures = (column[in_use] for column in columns)
        return Hours(self.names[ranks], moments + self.start, *figures), left


class _HourCut:
    """A timeline cut at full hours, with a row for each hour that has an event or is in use.

    times:      of the events, in order, several at one second allowed: the last of them counts.
    used:       seats from each event on.
    following:  the hour of the next event after these, None where there is none: nothing is used
                after the last.

    What was in force before the first event is said with each figure.
    """

    def __init__(self, times: Ints, used: Ints, following: int | None) -> None:
        self.used = used
        slots = times // HOUR_SECONDS
        self.heads = np.append(0, np.flatnonzero(slots[1:] != slots[:-1]) + 1)
        self.tails = np.append(self.heads[1:], len(times)) - 1
        slot = slots[self.heads]
        # How long each state lasts within the hour in which it begins, and
        self.durations = np.diff(times, append=times[-1])
        self.durations[self.tails] = (slot + 1) * HOUR_SECONDS - times[self.tails]
        # how long the state carried in lasts in the hour of the next event.
        self.leads = times[self.heads] - slot * HOUR_SECONDS
        in_use = used[self.tails] > 0
        after = slot[-1] + 1 if following is None else following
        self.counts = np.where(in_use, np.diff(slot, append=after), 1)
        self.rows = np.cumsum(self.counts) - self.counts
        self.slots = np.repeat(slot - self.rows, self.counts) + np.arange(self.counts.sum())

    def peak(self, before: int) -> Ints:
        # States of no length, within one second, were never held.
        inner = np.maximum.reduceat(np.where(self.durations > 0, self.used, 0), self.heads)
        carried = np.where(self.leads > 0, self._before(self.used, before), 0)
        return self._spread(self.used[self.tails], np.maximum(inner, carried))

    def integral(self, values: Ints | Flags, before: int) -> Ints:
        """Return the sum of value x seconds in each hour; values hold from event to event."""
        if not before and not values.any():  # most pools are never full
            return np.zeros(len(self.slots), dtype=np.int64)
        inner = np.add.reduceat(values * self.durations, self.heads)
        carried = self._before(values, before) * self.leads
        return self._spread(values[self.tails] * HOUR_SECONDS, inner + carried)

    def _before(self, values: Ints | Flags, before: int) -> Ints:
        """Return the value in force when the hour of each head began."""
        return np.append(before, values[self.tails[:-1]])

    def _spread(self, between: Ints, figures: Ints) -> Ints:
        """Put *figures* in the rows of hours with an event, *between* in those after each."""
        result = np.repeat(between, self.counts)
        result[self.rows] = figures
        return result


def _ranked(groups: Ints) -> tuple[Ints, Ints]:
    """Return the distinct groups, rising, and for each row the place of its group among them."""
    if not len(groups):
        return groups, groups
    low, high = int(groups.min()), int(groups.max())
    if high - low > 4 * len(groups) + 1000:
        names, ranks = np.unique(groups, return_inverse=True)
        return names, ranks.astype(np.int64, copy=False)
    present = np.zeros(high - low + 1, dtype=np.bool_)
    present[groups - low] = True
    return np.flatnonzero(present) + low, (np.cumsum(present) - 1)[groups - low]


def _batches(groups: int, span: int, most: int) -> Iterator[tuple[int, int]]:
    """Yield ranges of groups so few that their keys fit 63 bits; most often, that is all."""
    room = (2 ** (63 - (2 * most).bit_length()) - 1) // span
    if not room:
        raise ValueError(f"{most} seats in one holding, over {span} s: more than 63 bits can hold")
    for low in range(0, groups, room):
        yield low, min(low + room, groups)
