"""Which of the holdings of a key that are out an IN ends, as far as answers tell."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby

from .held import CLOCKS_AGREE, LATE_RETURN, Hole, Open, Seen
from .matching import sort_by_minute


class Doubts:
    """What answers and holes in the log say against the end of a holding.

    rows:     what answers showed, in order; each belongs to an OUT of its minute or the one before.
    taken:    when OUTs were.
    returned: when INs were.
    """

    def __init__(
        self,
        rows: list[Seen],
        taken: Iterable[int],
        returned: Iterable[int],
        next_poll: Callable[[int], int | None],
        next_hole: Callable[[int], Hole | None],
    ) -> None:
        self._next_poll, self._next_hole = next_poll, next_hole
        self._taken = sorted(taken)
        self._rows, self._unlogged = sort_by_minute(rows, self._taken, sorted(returned))

    def ends_unlogged(self, at: int) -> bool:
        return any(row.ends_around(at) for row in self._unlogged)

    def shown(self, minute: int) -> list[Seen]:
        """Return the rows that belong to OUTs of a minute."""
        return self._rows.get(minute, [])

    def missed(self, taken: int) -> int | None:
        """Return when the first answer was given that did not show what none of them shows."""
        return self._next_poll(taken + 60)

    def across(self, since: int, at: int) -> bool:
        """Tell whether the log has a hole between two moments."""
        hole = self._next_hole(since)
        return hole is not None and hole.end <= at

    def _taken_later(self, minute: int, at: int) -> int:
        return max(bisect_left(self._taken, (minute + 1) * 60) - bisect_right(self._taken, at), 0)

    def against(self, holding: Open, rows: list[Seen], others: int, at: int) -> int | None:
        """Return for how long answers contradict that one of those of a minute that are out ended
        then; None where it cannot be.

        rows:   that they show of the minute.
        others: how many besides the holding are out of the minute.
        """
        # Answers do not tell them from those of the minute that are taken afterwards either.
        alike = 1 + others + self._taken_later(holding.taken_at // 60, at)
        # What an answer of that second shows had not ended, unless nothing else had.
        after = [max(row.last_seen - at, 1) for row in rows if row.last_seen >= at]
        if len(after) >= alike:
            return min(after)
        if any(row.last_seen < at and (row.gone_at is None or row.gone_at > at) for row in rows):
            return 0
        missed = [row.gone_at for row in rows if row.gone_at is not None]
        if len(rows) < alike:
            poll = self.missed(holding.taken_at)
            if poll is None or poll > at:
                return 0
            missed.append(poll)
        missed = [poll for poll in missed if poll <= at]
        return at - max(missed) if at - holding.taken_at <= LATE_RETURN else None


Doubted = tuple[bool, bool, int, int, Open]
"""Whether it is wrong that it ended, whether across a hole, for how long answers contradict it, and
when it was taken."""


class Out:
    """The holdings of a key that are out, apart by whether answers show any of their minute.

    Of those that none shows, thousands may wait for an IN that never comes. What answers and holes
    say of them follows the order in which they were taken, so the one that an IN ends is found
    without looking at each.
    """

    def __init__(self, doubts: Doubts, holdings: Iterable[Open] = ()) -> None:
        self._doubts = doubts
        self._shown: list[Open] = []
        self._plain: list[Open] = []
        for holding in holdings:
            self.add(holding)

    def __iter__(self) -> Iterator[Open]:
        return iter(sorted([*self._plain, *self._shown], key=_taken_at))

    def __len__(self) -> int:
        return len(self._plain) + len(self._shown)

    def add(self, holding: Open) -> None:
        """holding: taken no earlier than all others."""
        self._part(holding).append(holding)

    def remove(self, holding: Open) -> None:
        part = self._part(holding)
        del part[part.index(holding, bisect_left(part, holding.taken_at, key=_taken_at))]

    def _part(self, holding: Open) -> list[Open]:
        return self._shown if self._doubts.shown(holding.taken_at // 60) else self._plain

    def returned(self, at: int) -> Open | None:
        """Return the oldest holding that the answers let end then, or within a minute of then.

        Else the oldest across a hole in the log, and else the one that answers contradict by the
        shortest time: they had missed it, if it was not taken too long ago, or they show it after.
        """
        doubts = self._doubts
        plain, doubted = self._look(at)
        for minute, group in groupby(self._shown, lambda holding: holding.taken_at // 60):
            # One minute's are alike to a status, so the oldest stands for all of them.
            holding, *others = group
            if plain is not None and plain.taken_at < holding.taken_at:
                break
            rows = doubts.shown(minute)
            against = doubts.against(holding, rows, len(others), at)
            if against is None:
                continue
            since = max([holding.taken_at, *(row.last_seen for row in rows)])
            across = doubts.across(since, at)
            if not against and not across:
                return holding
            doubted.append((against > CLOCKS_AGREE, across, against, holding.taken_at, holding))
        if plain is not None or not doubted:
            return plain
        wrong, *_rest, holding = min(doubted, key=lambda each: each[:4])
        return None if wrong and doubts.ends_unlogged(at) else holding

    def _look(self, at: int) -> tuple[Open | None, list[Doubted]]:
        """Return the oldest of those that no answer shows which may have ended then; else those
        that come nearest to it."""
        doubts, plain = self._doubts, self._plain
        if not plain:
            return None, []

        def first(place: int) -> int:
            """Return when the oldest of a minute was taken, which stands for all of them."""
            minute = plain[place].taken_at // 60
            return plain[bisect_left(plain, minute * 60, key=_taken_at)].taken_at

        def until(holds: Callable[[int], bool]) -> int:
            """Return the place up to which something holds of when they were taken."""
            return bisect_left(range(len(plain)), True, key=lambda place: not holds(first(place)))

        def gone(taken: int) -> bool:
            poll = doubts.missed(taken)
            return poll is not None and (poll < at or (poll == at and too_late(taken)))

        def too_late(taken: int) -> bool:
            return at - taken > LATE_RETURN

        oldest = plain[0].taken_at
        if not gone(oldest) and not doubts.across(oldest, at):
            return plain[0], []
        missed, lost = until(gone), until(lambda taken: doubts.across(taken, at))
        if max(missed, lost) < len(plain):
            return plain[max(missed, lost)], []
        found: list[Doubted] = []
        if missed < len(plain):
            found.append((False, True, 0, plain[missed].taken_at, plain[missed]))
        if missed:
            poll, across = doubts.missed(first(missed - 1)), lost >= missed
            assert poll is not None

            def before(taken: int) -> bool:
                answer = doubts.missed(taken)
                return too_late(taken) or (answer is not None and answer < poll)

            place = max(until(before), 0 if across else lost)
            if place < missed:
                against, holding = at - poll, plain[place]
                found.append((against > CLOCKS_AGREE, across, against, holding.taken_at, holding))
        return None, found


def _taken_at(holding: Open) -> int:
    return holding.taken_at
