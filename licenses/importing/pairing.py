"""From facts to holdings: which OUT an IN ended, what a restart lost, and what polls add. Pure.

Everything here concerns one *key*: a feature, a person, a host and a number of seats. A log has no
handle, so an IN ends the oldest OUT of its key (first in, first out). Concurrency and seat-time are
exact that way, as long as no IN is lost; which of two holdings of one key was the longer is known
where answers show one of them and not the other, and then an IN ends the one that they let end.

The result is a function of the set of facts, not of the order in which they were learned.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby, pairwise
from typing import NamedTuple

from licenses.sources.clock import LOG_SILENCE

OUT, IN = 1, 2
EVENT, SAMPLED = 1, 2


LATE_RETURN = 7 * 86400
"""An IN ends a holding that complete answers no longer showed if it was taken at most so many
seconds before: the log's word counts, but not for ever."""


CLOCKS_AGREE = 60
"""So many seconds between what a log and an answer tell are none: a status prints minutes."""


class Hole(NamedTuple):
    """Time of which the log was lost: what was out at its start may have been returned in it."""

    start: int
    end: int


def lost_at(moment: int) -> Hole:
    """Return the hole that a line leaves which may have been an IN and cannot be read."""
    return Hole(moment, moment + 1)


class Fact(NamedTuple):
    """An OUT or IN of the key."""

    at: int
    kind: int
    reason: str = ""


class Restart(NamedTuple):
    """The daemon came up: what it had out is lost, last known to be held at `last_seen`."""

    at: int
    last_seen: int


def held_until(restart: Restart, stop: int | None) -> int:
    """Return how long what a restart lost is known to be held; the daemon had gone down at
    *stop*."""
    return restart.last_seen if stop is None else min(restart.last_seen, stop)


class SetBack(NamedTuple):
    """The log's clock was set back, from `until` to `at`: it tells the time between twice."""

    at: int
    until: int


class Seen(NamedTuple):
    """A row of the server's status, from the first poll that showed it to the last.

    started_at: the minute that it prints, or the first poll that showed it if that is earlier.
    gone_at:   the first complete answer after the last, at the latest; None while the newest shows
               it.
    missed_at: the last complete answer before the first that showed it, or another of the same
               minute; None where there is none.
    printed_at: the minute that it prints, by the server's clock, which may be ahead of ours; None
               where that cannot be read.
    again_at:  where a clock that was put back showed that minute twice, the second one.
    first_by:  when the first answer that showed it was given at the latest; None: at `first_seen`.
    """

    pk: int
    started_at: int
    first_seen: int
    last_seen: int
    gone_at: int | None
    state: str
    missed_at: int | None = None
    printed_at: int | None = None
    again_at: int | None = None
    first_by: int | None = None

    @property
    def shown_by(self) -> int:
        """When the first answer that showed it was given at the latest."""
        return self.first_seen if self.first_by is None else self.first_by

    @property
    def starts(self) -> list[int]:
        """What it prints, by the clock that writes the log too: both of two, if it was shown no
        earlier than after the second."""
        first = self.started_at if self.printed_at is None else self.printed_at
        if self.again_at is None or self.first_seen + CLOCKS_AGREE < self.again_at:
            return [first]
        return [first, self.again_at]

    @property
    def minutes(self) -> list[int]:
        """The minutes of the log in which its OUT may be: the same, or else the one before."""
        same = [start // 60 for start in self.starts]
        return [*same, *(minute - 1 for minute in same)]

    @property
    def ahead(self) -> int:
        """By how much the clock that it prints is ahead of ours at least."""
        return 0 if self.printed_at is None else max(self.printed_at - self.shown_by, 0)

    def ends_around(self, at: int) -> bool:
        """Tell whether it may have ended then, as far as answers tell."""
        return self.last_seen <= at and (self.gone_at is None or at <= self.gone_at)


class Held(NamedTuple):
    """A holding. Known held in [taken_by, returned_after), possibly in [taken_at, returned_at)."""

    taken_at: int
    taken_by: int
    returned_after: int | None
    returned_at: int | None
    method: int
    state: str
    end_reason: str
    sighting: int | None


class Differ(NamedTuple):
    """A time over which log and status tell different things. kind: as in `Disagreement.Kind`.

    ends: None while the newest answer still differs.
    others: seats by another text of the log.
    """

    kind: str
    starts: int
    ends: int | None
    logged: bool
    shown: bool | None
    others: int | None = None


class Paired(NamedTuple):
    """The holdings of a key in order of taking, and where its sources differ, in order of time."""

    holdings: list[Held]
    differences: list[Differ]


END_REASONS = {
    "": "returned",
    "inactive": "inactive",
    "shutdown": "shutdown",
    "user_removed": "removed",
}
_NO_RETURNS = ("restart", "not_seen", "lost")
"""Ends that no IN told of."""


class _Open:
    """A holding under construction."""

    __slots__ = (
        "end_reason",
        "method",
        "returned_after",
        "returned_at",
        "seen",
        "taken_at",
        "taken_by",
        "told_at",
    )

    def __init__(self, taken_at: int, taken_by: int, method: int, seen: Seen | None = None) -> None:
        self.taken_at, self.taken_by, self.method, self.seen = taken_at, taken_by, method, seen
        self.told_at = taken_at
        """When the text says that it was taken."""
        self.returned_after: int | None = None
        self.returned_at: int | None = None
        self.end_reason = ""

    def end(self, after: int, at: int, reason: str) -> None:
        self.returned_after, self.returned_at, self.end_reason = (
            max(after, self.taken_by),
            max(at, self.taken_at),
            reason,
        )

    def held(self) -> Held:
        state = self.seen.state if self.seen is not None else "held"
        return Held(
            self.taken_at,
            self.taken_by,
            self.returned_after,
            self.returned_at,
            self.method,
            state,
            self.end_reason,
            self.seen.pk if self.seen is not None else None,
        )


def holes(spans: Iterable[tuple[int, int]]) -> list[Hole]:
    """Return the holes between the spans for which a log vouches, given in order of time."""
    return [
        Hole(before, after)
        for (_, before), (after, _) in pairwise(spans)
        if after - before > LOG_SILENCE
    ]


def pair(
    facts: Iterable[Fact],
    *,
    already_out: Sequence[int] = (),
    restarts: Sequence[Restart] = (),
    set_back: Sequence[SetBack] = (),
    seen: Iterable[Seen] = (),
    next_poll: Callable[[int], int | None] = lambda _moment: None,
    log_until: Callable[[int], int | None] = lambda _moment: None,
    next_hole: Callable[[int], Hole | None] = lambda _moment: None,
    stopped: Callable[[int], int | None] = lambda _moment: None,
    known_until: Mapping[int, int | None] = {},
) -> Paired:
    """Return the holdings of one key, and what its sources disagree on.

    facts:       OUTs and INs, in any order.
    already_out: when the seats were taken that the first fact finds out (pairing may start in the
                 middle of a history).
    restarts:    in time order.
    set_back:    in time order. What was taken by the clock before and returned by the clock after
                 may read as returned before it was taken: it is known to be held from the moment to
                 which the clock was set until the IN, and possibly until the one from which it was.
    seen:        status rows of the key, in any order.
    next_poll:   the first complete answer of the server after a moment, or None: a holding that the
    log left open, and that
                 no status row shows, had ended by the first one after it was taken.
    log_until:   until when the log vouches without a break, from a moment on; None where it does
    not vouch for it.
    next_hole:   the first hole in the log that ends after a moment; None where there is none. What
    was taken before a hole and returned after it was held all the time; what was not returned is
    known to be held until the hole.
    stopped:     when the daemon went down, the first time since a moment; None where no log tells
    of it. What a restart lost was held no longer.
    known_until: of moments at which another text of the log has other seats taken: until when at
                 most what was taken is known to be held; it is possible as long as this text says.
    """
    rows = sorted(seen, key=lambda row: (row.started_at, row.first_seen, row.last_seen, row.pk))
    facts = list(facts)
    taken = [*already_out, *(fact.at for fact in facts if fact.kind == OUT)]
    doubts = _Doubts(rows, taken, next_poll, next_hole)
    told = _told_twice(restarts, set_back)
    ended, queue, orphans = _replay_over_steps(
        facts, set_back, lambda those: _replay(those, already_out, restarts, told, doubts, stopped)
    )
    holdings = ended + list(queue)
    sampled = [_from_sighting(row) for row in _match(holdings, rows)]
    lonely = _end_by_orphans(sampled, orphans)
    _end_by_polls(holdings, next_poll, log_until)
    _bound_by_holes(holdings, next_hole)
    differences = _differences(holdings, sampled, lonely, log_until)
    _bound_by_rows(holdings)
    differences += _bound_by_misses(holdings, next_poll)
    _bound_by_texts(holdings, known_until)
    found = [holding.held() for holding in holdings + sampled]
    found.sort(
        key=lambda held: (
            held.taken_at,
            held.method,
            held.returned_at is None,
            held.returned_at or 0,
        )
    )
    return Paired(found, sorted(differences, key=repr))


_Replayed = tuple[list[_Open], deque[_Open], list[Fact]]
"""What ended, what is out, and INs that ended nothing."""


def _replay_over_steps(
    facts: list[Fact], steps: Sequence[SetBack], replay: Callable[[list[Fact]], _Replayed]
) -> _Replayed:
    """Replay, and let an IN that ends nothing end the first OUT after it that the clock before a
    step may have told, if LATE_RETURN after the step less is then left without an IN."""
    found = replay(facts)
    across = []
    for step in steps:
        for returned in [each for each in found[2] if step.at <= each.at < step.until]:
            told = [
                each for each in facts if each.kind == OUT and returned.at < each.at <= step.until
            ]
            if not told:
                continue
            taken = min(told)
            rest = list(facts)
            rest.remove(returned)
            rest.remove(taken)
            last = step.until + LATE_RETURN
            if _without_in(rest, replay, last) < _without_in(facts, replay, last):
                facts, found = rest, replay(rest)
                across.append(_across(step, taken, returned))
    return found[0] + across, found[1], found[2]


def _without_in(facts: list[Fact], replay: Callable[[list[Fact]], _Replayed], last: int) -> int:
    ended, out, _orphans = replay([fact for fact in facts if fact.at <= last])
    return len(out) + sum(
        holding.end_reason == "restart" for holding in ended if holding.taken_at <= last
    )


def _across(step: SetBack, taken: Fact, returned: Fact) -> _Open:
    holding = _Open(step.at, step.at, EVENT)
    holding.told_at = taken.at
    holding.end(returned.at, step.until, END_REASONS.get(returned.reason, "returned"))
    return holding


def _told_twice(
    restarts: Sequence[Restart], steps: Sequence[SetBack]
) -> dict[Restart, list[SetBack]]:
    """Return the steps by which a restart may be earlier than it reads: those from after it to
    before it."""
    return {
        restart: [step for step in steps if step.at < restart.at <= step.until]
        for restart in restarts
    }


def _replay(
    facts: Iterable[Fact],
    already_out: Sequence[int],
    restarts: Sequence[Restart],
    told_twice: Mapping[Restart, Sequence[SetBack]],
    doubts: _Doubts,
    stopped: Callable[[int], int | None],
) -> _Replayed:
    restart_seconds = {restart.at for restart in restarts}

    def order(fact: Fact) -> tuple[int, int]:
        # Within a second the text's order is lost. OUT first lets the IN end the older holding, and
        # gives the same
        # concurrency either way; only where the daemon came up in that second do its INs belong to
        # what was before.
        return fact.at, (fact.kind == OUT) * 2 if fact.at in restart_seconds else (fact.kind == IN)

    queue: deque[_Open] = deque(_Open(taken, taken, EVENT) for taken in sorted(already_out))
    ended: list[_Open] = []
    orphans: list[Fact] = []
    waiting = deque(restarts)
    spared: deque[tuple[int, _Open]] = deque()
    # Lost by a restart that the clock may have told before it was set back to before they were
    # taken, and until when an IN may say so.

    def lose(before: int, *, same_second: bool) -> None:
        while waiting and (waiting[0].at < before or (same_second and waiting[0].at == before)):
            restart = waiting.popleft()
            steps = told_twice[restart]
            if not steps:
                spared.clear()
            for holding in [holding for holding in queue if holding.taken_at < restart.at]:
                queue.remove(holding)
                last = held_until(restart, stopped(holding.taken_at))
                holding.end(last, last, "restart")
                ended.append(holding)
                if after := [step.until for step in steps if step.at <= holding.taken_at]:
                    spared.append((max(after) + LATE_RETURN, holding))

    for fact in sorted(facts, key=order):
        lose(fact.at, same_second=fact.kind == OUT)
        if fact.kind == OUT:
            queue.append(_Open(fact.at, fact.at, EVENT))
        elif (holding := doubts.returned(queue, fact.at)) is not None:
            queue.remove(holding)
            holding.end(fact.at, fact.at, END_REASONS.get(fact.reason, "returned"))
            ended.append(holding)
        elif (holding := doubts.returned(_until(spared, fact.at), fact.at)) is not None:
            spared = deque(each for each in spared if each[1] is not holding)
            holding.end(fact.at, fact.at, END_REASONS.get(fact.reason, "returned"))
        else:
            orphans.append(fact)
    if waiting:
        lose(waiting[-1].at, same_second=True)
    return ended, queue, orphans


def _until(spared: Iterable[tuple[int, _Open]], at: int) -> deque[_Open]:
    return deque(holding for last, holding in spared if at <= last)


class _Doubts:
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
        outs = Counter(moment // 60 for moment in taken)
        for row in rows:
            logged = next((near for near in row.minutes if outs[near]), None)
            if logged is None:
                self._unlogged.append(row)
            else:
                outs[logged] -= 1
                self._rows.setdefault(logged, []).append(row)

    def returned(self, queue: Iterable[_Open], at: int) -> _Open | None:
        """Return the oldest holding that the answers let end then, or within a minute of then.

        Else the oldest across a hole in the log, and else the one that answers contradict by the
        shortest time: they had missed it, if it was not taken too long ago, or they show it after.
        """
        doubted: list[tuple[bool, bool, int, _Open]] = []
        for minute, group in groupby(queue, lambda holding: holding.taken_at // 60):
            # One minute's are alike to a status, so the oldest stands for all of them.
            holding, *others = group
            rows = self._rows.get(minute, [])
            against = self._against(holding.taken_at, rows, len(others) + 1, at)
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

    def _against(self, taken: int, rows: list[Seen], out: int, at: int) -> int | None:
        """Return for how long answers contradict that one of those of a minute that are out ended
        then; None where it cannot be.

        out:  how many of the minute are.
        """
        after = [row.last_seen - at for row in rows if row.last_seen > at]
        if len(after) >= out:
            return min(after)
        if any(row.last_seen <= at and (row.gone_at is None or row.gone_at > at) for row in rows):
            return 0
        missed = [row.gone_at for row in rows if row.gone_at is not None]
        if len(rows) < out:
            poll = self._next_poll(taken + 60)
            if poll is None or poll > at:
                return 0
            missed.append(poll)
        missed = [poll for poll in missed if poll <= at]
        return at - max(missed) if at - taken <= LATE_RETURN else None


def _bound_by_holes(holdings: list[_Open], next_hole: Callable[[int], Hole | None]) -> None:
    """Let what no IN returned be known only until the log was lost."""
    for holding in holdings:
        if holding.end_reason not in ("", "restart"):
            continue
        shown = holding.taken_at if holding.seen is None else holding.seen.last_seen + 1
        hole = next_hole(max(holding.taken_at, shown))
        if hole is None or (holding.returned_at is not None and hole.end > holding.returned_at):
            continue
        # The line that tells of it vouches for its own second.
        own = min(holding.taken_by + 1, hole.end - 1)
        holding.returned_after = max(hole.start, shown, holding.taken_by, own)
        if holding.returned_at is None:
            holding.end_reason = "lost"


def _match(holdings: list[_Open], rows: list[Seen]) -> list[Seen]:
    """Give each status row to the logged holding taken in its minute; return the rows that no log
    explains.

    A status prints minutes, so the two are the same when the minutes are (or neighbours: the tool
    may round up). A row that is shown for longer than its holding was out is still that holding:
    clocks differ, and the log's end counts. But one whose times agree goes first.
    """
    by_minute: dict[int, list[_Open]] = {}
    for holding in holdings:
        by_minute.setdefault(holding.told_at // 60, []).append(holding)
    left = rows
    for agrees in (_times_agree, lambda _holding, _row: True):
        unexplained = []
        for row in left:
            minutes = row.minutes
            same = minutes[: len(minutes) // 2]
            free = [
                holding
                for candidate in minutes
                for holding in by_minute.get(candidate, ())
                if holding.seen is None and agrees(holding, row)
            ]
            if not free:
                unexplained.append(row)
                continue
            # Of several, the one still out goes with a row still shown.
            best = min(
                free,
                key=lambda holding: (
                    holding.told_at // 60 not in same,
                    (holding.returned_at is None) != (row.gone_at is None),
                    holding.taken_at,
                    holding.returned_at or 0,
                ),
            )
            best.seen = row
        left = unexplained
    return left


def _times_agree(holding: _Open, row: Seen) -> bool:
    return holding.returned_at is None or holding.returned_at + CLOCKS_AGREE >= row.last_seen


def _from_sighting(row: Seen) -> _Open:
    by = min(row.starts[-1] + 59, row.shown_by)
    if row.missed_at is not None and row.missed_at > by:
        # An answer did not show it though it says that it was held: known since it is shown.
        by = row.shown_by
    holding = _Open(row.started_at, by, SAMPLED, row)
    if row.gone_at is not None:
        holding.end(row.last_seen + 1, row.gone_at, "not_seen")
    return holding


def _end_by_orphans(sampled: list[_Open], orphans: list[Fact]) -> list[Fact]:
    """Let an IN without an OUT end the polled holding that it must belong to, to the second, and
    return the INs that belong to none."""
    taken: set[int] = set()
    lonely = []
    for fact in orphans:
        for index, holding in enumerate(sampled):
            row = holding.seen
            assert row is not None
            if index not in taken and row.ends_around(fact.at):
                holding.end(fact.at, fact.at, END_REASONS.get(fact.reason, "returned"))
                taken.add(index)
                break
        else:
            lonely.append(fact)
    return lonely


def _differences(
    holdings: list[_Open],
    sampled: list[_Open],
    lonely: list[Fact],
    log_until: Callable[[int], int | None],
) -> list[Differ]:
    found = [Differ("return_alone", fact.at, fact.at, False, None) for fact in lonely]
    for holding in holdings:
        row = holding.seen
        if row is not None and not _times_agree(holding, row):
            assert holding.returned_at is not None
            found.append(Differ("still_shown", holding.returned_at, _shown_until(row), False, True))
        elif row is None and holding.end_reason == "not_seen":
            assert holding.returned_at is not None
            vouched = log_until(holding.taken_at)
            if vouched is not None and vouched > holding.returned_at:
                found.append(
                    Differ("not_in_status", holding.taken_at, holding.returned_at, True, False)
                )
    for holding in sampled:
        row = holding.seen
        assert row is not None
        vouched = log_until(row.started_at)
        # Borrowed seats live through restarts, which start them anew without an OUT.
        if row.state != "borrowed" and vouched is not None and vouched >= row.first_seen:
            found.append(Differ("not_in_log", row.started_at, _shown_until(row), False, True))
    return found


def _shown_until(row: Seen) -> int | None:
    return None if row.gone_at is None else row.last_seen


def _bound_by_rows(holdings: list[_Open]) -> None:
    """Let what answers show long after an IN ended it be known until the IN, and possible until
    they show it no more: the IN may have been of a seat whose OUT was lost."""
    for holding in holdings:
        row = holding.seen
        if row is not None and not _times_agree(holding, row):
            holding.returned_at = row.gone_at


def _bound_by_misses(holdings: list[_Open], next_poll: Callable[[int], int | None]) -> list[Differ]:
    """Let what an IN ended long after a complete answer did not show it be known until the last
    answer that did, and possible until the IN: that may have been of a seat whose OUT was lost."""
    found = []
    for holding in holdings:
        at = holding.returned_at
        if at is None or holding.returned_after != at or holding.end_reason in _NO_RETURNS:
            continue
        row = holding.seen
        if row is None:
            missed, ahead = next_poll(holding.taken_at + 60), 0
        else:
            missed, ahead = row.gone_at, row.ahead
        if missed is not None and missed + CLOCKS_AGREE + ahead < at:
            holding.returned_after = holding.taken_by + 1 if row is None else row.last_seen + 1
            found.append(Differ("not_in_status", missed, at, True, False))
    return found


def _bound_by_texts(holdings: list[_Open], known_until: Mapping[int, int | None]) -> None:
    for holding in holdings:
        until = known_until.get(holding.told_at)
        if until is not None and (holding.returned_after is None or until < holding.returned_after):
            holding.returned_after = max(until, holding.taken_by)


def _end_by_polls(
    holdings: list[_Open],
    next_poll: Callable[[int], int | None],
    log_until: Callable[[int], int | None],
) -> None:
    """End what a lost IN left open at the first complete answer that did not show it, unless a
    restart had ended it by then."""
    for holding in holdings:
        if holding.returned_at is not None and holding.end_reason != "restart":
            continue
        latest = holding.returned_at
        if holding.seen is not None:
            gone = holding.seen.gone_at
            if gone is not None and (latest is None or gone <= latest):
                holding.end(holding.seen.last_seen + 1, gone, "not_seen")
            continue
        # A poll of the minute in which it was taken may have been answered before.
        poll = next_poll(holding.taken_at + 60)
        if poll is not None and (latest is None or poll <= latest):
            vouched = log_until(holding.taken_at)
            # Where the log goes on past the poll the two disagree, and then nothing after the OUT
            # is sure.
            known = vouched if vouched is not None and vouched <= poll else holding.taken_at
            holding.end(known, poll, "not_seen")
