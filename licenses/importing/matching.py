"""Which status row shows which of the holdings of a key that its log made."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter, deque
from collections.abc import Callable, Sequence

from .held import CLOCKS_AGREE, Open, Seen

_ByMinute = dict[int, list[Open]]
"""Holdings by the minute in which the log has them taken."""


def sort_by_minute(
    rows: list[Seen], taken: Sequence[int], returned: Sequence[int]
) -> tuple[dict[int, list[Seen]], list[Seen]]:
    """Return the rows by the minute of the OUT that each is taken for while nobody knows yet which
    IN returned which, and those that are left without one.

    taken, returned: when OUTs and INs were, in order.
    """
    free = Counter(moment // 60 for moment in taken)
    found: dict[int, list[Seen]] = {}
    left = []
    for row in rows:
        minute = next((near for near in row.minutes if free[near]), None)
        if minute is None:
            left.append(row)
        else:
            free[minute] -= 1
            found.setdefault(minute, []).append(row)
    shut: set[int] = set()
    return found, [row for row in left if not _pass_on(row, found, free, returned, shut)]


def _pass_on(
    row: Seen,
    found: dict[int, list[Seen]],
    free: Counter[int],
    returned: Sequence[int],
    shut: set[int],
) -> bool:
    """Let as few rows as need be go over to their other minute, so that there is an OUT for a row
    that has none; return whether there is a way.

    Of the minute before its own none is for a row that the INs until it was shown may all have
    returned: nothing else tells it from a seat that no answer came to see.

    free: OUTs that no row has, by minute.
    shut: minutes from which no way leads on; more are added.
    """
    came: dict[int, tuple[int | None, Seen]] = {}  # the minute that a row would leave for it
    waiting: deque[tuple[int | None, Seen]] = deque([(None, row)])
    while waiting:
        left, mover = waiting.popleft()
        minutes = mover.minutes
        for place, minute in enumerate(minutes):
            if minute in came or minute in shut or minute not in free:
                continue
            if not free[minute]:
                came[minute] = left, mover
                waiting.extend((minute, each) for each in found[minute])
            elif (
                place < len(minutes) // 2
                or _within(returned, minute * 60, mover.first_seen) < free[minute]
            ):
                free[minute] -= 1
                found.setdefault(minute, []).append(mover)
                while left is not None:
                    found[left].remove(mover)
                    before, mover = came[left]
                    found[left].append(mover)
                    left = before
                return True
    shut.update(came)
    return False


def _within(moments: Sequence[int], first: int, last: int) -> int:
    return max(bisect_right(moments, last) - bisect_left(moments, first), 0)


def match(holdings: list[Open], rows: list[Seen]) -> list[Seen]:
    """Give each status row to the logged holding taken in its minute; return the rows that no log
    explains.

    A status prints minutes, so the two are the same when the minutes are (or neighbours: the tool
    may round up). A row that is shown for longer than its holding was out is still that holding:
    clocks differ, and the log's end counts. But one whose times agree goes first. A row that finds
    none is left only if the others cannot make room for it.
    """
    by_minute: _ByMinute = {}
    for holding in holdings:
        by_minute.setdefault(holding.told_at // 60, []).append(holding)
    left = rows
    for agrees in (times_agree, lambda _holding, _row: True):
        left = [row for row in left if not _take(row, by_minute, agrees)]
    return [row for row in left if not _make_room(row, by_minute)]


def times_agree(holding: Open, row: Seen) -> bool:
    if holding.returned_by is None:
        return True
    by = holding.returned_by
    if holding.lost is not None and row.shown_by < holding.lost.by:
        by = max(by, holding.lost.by)
    return by + CLOCKS_AGREE >= row.last_seen


def _take(row: Seen, by_minute: _ByMinute, agrees: Callable[[Open, Seen], bool]) -> bool:
    """Give a row the best holding that no other has; return whether there is one."""
    minutes = row.minutes
    free = [
        holding
        for minute in minutes
        for holding in by_minute.get(minute, ())
        if holding.seen is None and agrees(holding, row)
    ]
    if not free:
        return False
    min(free, key=_likeness(row, minutes)).seen = row
    return True


def _make_room(row: Seen, by_minute: _ByMinute) -> bool:
    """Let as few rows as need be go over to other holdings of theirs, so that one is free for a row
    that has none; return whether there is a way.

    Any row may be that of a holding of its own minute; but of one of the minute before only where
    their times agree. Else a row whose OUT was lost would push others to seats that were returned
    long before them.

    by_minute: without those from which earlier searches found no way on. None comes to be one.
    """
    came: dict[Open, Open | None] = {}  # from the holding that its own row would leave
    ahead: _ByMinute = {}  # not reached yet, of the minutes looked at
    waiting: deque[tuple[Open | None, Seen]] = deque([(None, row)])
    while waiting:
        left, mover = waiting.popleft()
        reached = []
        minutes = mover.minutes
        for place, minute in enumerate(minutes):
            own, beyond = place < len(minutes) // 2, []
            for holding in ahead.get(minute, by_minute.get(minute, ())):
                agree = times_agree(holding, mover)
                if own or agree:
                    reached.append((not agree, holding))
                else:
                    beyond.append(holding)
            ahead[minute] = beyond
        likeness = _likeness(mover, minutes)
        for _, holding in sorted(reached, key=lambda each: (each[0], likeness(each[1]))):
            came[holding] = left
            if holding.seen is None:
                _shift(row, holding, came)
                return True
            waiting.append((holding, holding.seen))
    by_minute.update(ahead)
    return False


def _shift(row: Seen, free: Open, came: dict[Open, Open | None]) -> None:
    while (left := came[free]) is not None:
        free.seen, free = left.seen, left
    free.seen = row


def _likeness(row: Seen, minutes: list[int]) -> Callable[[Open], tuple[bool, bool, bool, int, int]]:
    """Return what orders holdings by how likely they are a row's, the best first."""
    same = minutes[: len(minutes) // 2]

    def order(holding: Open) -> tuple[bool, bool, bool, int, int]:
        # Of several, the one still out goes with a row still shown, and else the one that ended
        # between the answers between which the row went.
        return (
            holding.told_at // 60 not in same,
            (holding.returned_at is None) != (row.gone_at is None),
            holding.returned_at is not None and not row.ends_around(holding.returned_at),
            holding.taken_at,
            holding.returned_at or 0,
        )

    return order
