"""Which of the holdings of a key that are out an IN ends, as far as answers tell."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterable
from itertools import groupby

from .held import CLOCKS_AGREE, LATE_RETURN, Hole, Open, Seen


class Doubts:
    """Tells which of the holdings that are out an IN ends.

    rows:   what answers showed, in order; each belongs to an OUT of its minute or the one before.
    taken:  when OUTs were.
    """

    def __init__(
        self,
        rows: list[Seen],
        taken: Iterable[int],
        next_poll: Callable[[int], int | None],
        next_hole: Callable[[int], Hole | None],
    ) -> None:
        self._next_poll, self._next_hole = next_poll, next_hole
        self._rows: dict[int, list[Seen]] = {}
        self._unlogged = []
        self._taken = sorted(taken)
        outs = Counter(moment // 60 for moment in self._taken)
        for row in rows:
            logged = next((near for near in row.minutes if outs[near]), None)
            if logged is None:
                self._unlogged.append(row)
            else:
                outs[logged] -= 1
                self._rows.setdefault(logged, []).append(row)

    def returned(self, queue: Iterable[Open], at: int) -> Open | None:
        """Return the oldest holding that the answers let end then, or within a minute of then.

        Else the oldest across a hole in the log, and else the one that answers contradict by the
        shortest time: they had missed it, if it was not taken too long ago, or they show it after.
        """
        doubted: list[tuple[bool, bool, int, Open]] = []
        for minute, group in groupby(queue, lambda holding: holding.taken_at // 60):
            # One minute's are alike to a status, so the oldest stands for all of them.
            holding, *others = group
            rows = self._rows.get(minute, [])
            # Answers do not tell them from those of the minute that are taken afterwards either.
            alike = 1 + len(others) + self._taken_later(minute, at)
            against = self._against(holding.taken_at, rows, alike, at)
            if against is None:
                continue
            hole = self._next_hole(max([holding.taken_at, *(row.last_seen for row in rows)]))
            across = hole is not None and hole.end <= at
            if not against and not across:
                return holding
            doubted.append((against > CLOCKS_AGREE, across, against, holding))
        if not doubted:
            return None
        wrong, _across, _against, holding = min(doubted, key=lambda each: each[:3])
        return None if wrong and self._ends_unlogged(at) else holding

    def _ends_unlogged(self, at: int) -> bool:
        return any(row.ends_around(at) for row in self._unlogged)

    def _taken_later(self, minute: int, at: int) -> int:
        return max(bisect_left(self._taken, (minute + 1) * 60) - bisect_right(self._taken, at), 0)

    def _against(self, taken: int, rows: list[Seen], alike: int, at: int) -> int | None:
        """Return for how long answers contradict that one of those of a minute that are out ended
        then; None where it cannot be.

        alike:  how many of the minute are, or will be.
        """
        # What an answer of that second shows had not ended, unless nothing else had.
        after = [max(row.last_seen - at, 1) for row in rows if row.last_seen >= at]
        if len(after) >= alike:
            return min(after)
        if any(row.last_seen < at and (row.gone_at is None or row.gone_at > at) for row in rows):
            return 0
        missed = [row.gone_at for row in rows if row.gone_at is not None]
        if len(rows) < alike:
            poll = self._next_poll(taken + 60)
            if poll is None or poll > at:
                return 0
            missed.append(poll)
        missed = [poll for poll in missed if poll <= at]
        return at - max(missed) if at - taken <= LATE_RETURN else None
