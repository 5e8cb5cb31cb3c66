"""From facts to holdings: which OUT an IN ended, what a restart lost, and what polls add. Pure.

Everything here concerns one *key*: a feature, a person, a host and a number of seats. A log has no
handle, so an IN ends the oldest OUT of its key (first in, first out). Concurrency and seat-time are
exact that way, as long as no IN is lost; which of two holdings of one key was the longer is known
where answers show one of them and not the other, and then an IN ends the one that they let end.

The result is a function of the set of facts, not of the order in which they were learned.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from itertools import chain

from .bounds import (
    bound_by_delays,
    bound_by_disputes,
    bound_by_holes,
    bound_by_log,
    bound_by_misses,
    bound_by_restarts,
    bound_by_rows,
    bound_by_texts,
    delay,
    delay_returns,
    differences,
    disputes,
    end_by_orphans,
    end_by_polls,
    from_sighting,
    lacks,
    of_returns,
    outlast,
    show,
)
from .doubts import Doubts, Out
from .held import (
    END_REASONS,
    EVENT,
    IN,
    LATE_RETURN,
    OUT,
    Fact,
    Hole,
    Open,
    Paired,
    Restart,
    Seen,
    SetBack,
)
from .matching import match


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
    latest: Callable[[int], int] | None = None,
    heard_since: Callable[[int], int | None] = lambda _moment: None,
    perhaps_lost: Container[int] = (),
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
    latest:      when a line that reads as of a moment was written at the latest; None: then. Lines
    of an hour that the clock showed twice, and was not seen to fall in, are read as of the first.
    heard_since: since when the log is heard of, before a moment, without a loss of it and without a
    restart; None where that is too long ago, or not so. What an IN that ends nothing returned is
    possible since then.
    perhaps_lost: moments at which was taken what a restart may have lost that reads as before it.
    """
    rows = sorted(
        seen, key=lambda row: (row.started_at, row.first_seen, row.last_seen, row.name, row.pk)
    )
    facts = list(facts)
    taken = [*already_out, *(fact.at for fact in facts if fact.kind == OUT)]
    returned = [fact.at for fact in facts if fact.kind == IN]
    doubts = Doubts(rows, taken, returned, next_poll, next_hole)
    told = _told_twice(restarts, set_back)
    ended, queue, orphans = _replay_over_steps(
        facts, set_back, lambda those: _replay(those, already_out, restarts, told, doubts, stopped)
    )
    holdings = ended + list(queue)
    if latest is not None:
        delay(holdings, latest)
    polled = [from_sighting(row) for row in match(holdings, rows)]
    sampled = [pieces[-1] for pieces in polled]
    show(holdings)
    outlast(holdings, latest, next_poll)
    alive = [holding for holding in holdings if holding.lives_on]
    lonely = end_by_orphans(alive + sampled, orphans)
    unlogged = [pieces for pieces in polled if lacks(pieces[0], log_until, restarts)]
    for pieces in unlogged:
        bound_by_log(pieces, next_hole)
    if latest is not None:
        delay(sampled, latest)
        delay_returns(alive, latest)
    end_by_polls(holdings, next_poll, log_until)
    bound_by_holes(holdings, next_hole)
    differ = differences(holdings, unlogged, lonely, log_until, next_hole, restarts)
    differ += disputes(rows)
    bound_by_rows(holdings)
    differ += bound_by_misses(holdings, next_poll)
    holdings += bound_by_disputes(holdings, next_poll, log_until, next_hole)
    if latest is not None:
        bound_by_delays(holdings + sampled)
    bound_by_texts(holdings, known_until)
    bound_by_restarts(holdings, perhaps_lost)
    alone = of_returns(lonely, heard_since, next_poll, latest)
    found = [holding.held() for holding in chain(holdings, *polled, alone)]
    found.sort(
        key=lambda held: (
            held.taken_at,
            held.method,
            held.returned_at is None,
            held.returned_at or 0,
        )
    )
    return Paired(found, sorted(differ, key=repr))


_Replayed = tuple[list[Open], Out, list[Fact]]
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


def _across(step: SetBack, taken: Fact, returned: Fact) -> Open:
    holding = Open(step.at, step.at, EVENT)
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
    doubts: Doubts,
    stopped: Callable[[int], int | None],
) -> _Replayed:
    restart_seconds = {restart.at for restart in restarts}

    def order(fact: Fact) -> tuple[int, int]:
        # Within a second the text's order is lost. OUT first lets the IN end the older holding, and
        # gives the same
        # concurrency either way; only where the daemon came up in that second do its INs belong to
        # what was before.
        return fact.at, (fact.kind == OUT) * 2 if fact.at in restart_seconds else (fact.kind == IN)

    queue = Out(doubts, [Open(taken, taken, EVENT) for taken in sorted(already_out)])
    ended: list[Open] = []
    orphans: list[Fact] = []
    waiting = deque(restarts)
    spared: deque[tuple[int, Open]] = deque()
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
                holding.lose(restart, stopped(holding.taken_at), steps)
                ended.append(holding)
                if after := [step.until for step in steps if step.at <= holding.taken_at]:
                    spared.append((max(after) + LATE_RETURN, holding))

    for fact in sorted(facts, key=order):
        lose(fact.at, same_second=fact.kind == OUT)
        if fact.kind == OUT:
            queue.add(Open(fact.at, fact.at, EVENT))
        elif (holding := queue.returned(fact.at)) is not None:
            queue.remove(holding)
            holding.end(fact.at, fact.at, END_REASONS.get(fact.reason, "returned"))
            ended.append(holding)
        elif (holding := _until(spared, fact.at, doubts).returned(fact.at)) is not None:
            spared = deque(each for each in spared if each[1] is not holding)
            holding.end(fact.at, fact.at, END_REASONS.get(fact.reason, "returned"))
        else:
            orphans.append(fact)
    if waiting:
        lose(waiting[-1].at, same_second=True)
    return ended, queue, orphans


def _until(spared: Iterable[tuple[int, Open]], at: int, doubts: Doubts) -> Out:
    known = [holding for last, holding in spared if at <= last]
    return Out(doubts, sorted(known, key=lambda holding: holding.taken_at))
