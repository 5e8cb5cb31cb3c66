"""How long requests of one key waited at a licence server, and how that ended.

A key is a feature, a person, a host and a number of seats: what texts tell requests apart by.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import NamedTuple

from licenses.concurrency.denials import TOLERANCE_SECONDS

from .held import CLOCKS_AGREE, EVENT, SAMPLED, Hole, Restart

LOST, QUEUED, DEQUEUED, SHOWN, OUT = range(5)
WAITING, SEATED, GAVE_UP, RESTART, UNKNOWN = "waiting", "seated", "gave up", "restart", "unknown"
EVER = 2**62


class Told(NamedTuple):
    """A text said so of a request of the key."""

    at: int
    kind: int


class Taken(NamedTuple):
    """A holding of the key began in this time."""

    at: int
    by: int
    logged: bool


class Row(NamedTuple):
    """A wait as it is stored."""

    queued_at: int | None
    queued_by: int
    ended_after: int | None
    ended_at: int | None
    outcome: str
    method: int


@dataclass
class Wait:
    """One request's wait: as in `QueueEntry`.

    at_line:  the log says itself when it ended.
    """

    queued_at: int | None
    queued_by: int
    ended_after: int | None = None
    ended_at: int | None = None
    outcome: str = WAITING
    method: int = EVENT
    at_line: bool = False

    @property
    def row(self) -> Row:
        span = self.queued_at, self.queued_by, self.ended_after, self.ended_at
        return Row(*span, self.outcome, self.method)


@dataclass
class Known:
    """What bears on the waits of a key besides what was said of them.

    answers:    moments of the complete answers that told of the feature, in order, each with the
                latest at which it was given.
    taken:      holdings of the key, in order.
    next_hole:  the first time of which the log is lost that ends after a moment.
    log_until:  until when the log vouches without a break from a moment on; None: it does not.
    """

    restarts: Sequence[Restart] = ()
    answers: Sequence[tuple[int, int]] = ()
    taken: Sequence[Taken] = ()
    next_hole: Callable[[int], Hole | None] = lambda _moment: None
    log_until: Callable[[int], int | None] = lambda _moment: None
    used: set[int] = field(default_factory=set)
    """Places of the holdings that ended a wait: each ends one."""

    def sure_until(self, since: int, until: int) -> int:
        """Return how long at least lasted what the log has from one moment to another."""
        hole = self.next_hole(since)
        return until if hole is None or hole.start >= until else max(since, hole.start)

    def following(self, moment: int) -> tuple[int, int] | None:
        place = bisect_right(self.answers, (moment, EVER))
        return self.answers[place] if place < len(self.answers) else None

    def serving(self, ceased: Sequence[int]) -> deque[bool]:
        """Tell of each DEQUEUED whether a seat was given as it was written; such a seat is used
        up."""
        return deque(self.seat(at - TOLERANCE_SECONDS, at + TOLERANCE_SECONDS) for at in ceased)

    def seat(self, since: int, until: int) -> bool:
        """Use up the first holding that began in [since, until], if there is one."""
        for place, taken in enumerate(self.taken):
            if taken.at > until:
                break
            if place not in self.used and taken.by >= since:
                self.used.add(place)
                return True
        return False


def waits(told: Sequence[Told], known: Known) -> list[Row]:
    """Return the waits of a key, in order.

    told: a status that shows several says so several times.

    What a log tells is taken to the second. Answers bound what no log tells of, say since when
    somebody waited of whom the log lacks the beginning, and end what it left open.
    """
    shown = Counter(each.at for each in told if each.kind == SHOWN)
    found = _logged(sorted(each for each in told if each.kind != SHOWN), known)
    _explain([wait for wait in found if wait.ended_at is not None], shown)
    _close([wait for wait in found if wait.ended_at is None], shown, known)
    for wait in found:
        if wait.queued_at is None:
            _begin(wait, shown, known)
    found += _sampled(sorted((+shown).elements()), known)
    found.sort(key=lambda wait: (wait.queued_by, wait.method, _end(wait)))
    for wait in found:
        if wait.outcome == UNKNOWN and wait.ended_after is not None and wait.ended_at is not None:
            wait.outcome = _ended(wait, wait.ended_after, wait.ended_at, known)
    return [wait.row for wait in found]


def _logged(told: Sequence[Told], known: Known) -> list[Wait]:
    """Return the waits that a log tells of: who waits longest ceases first, and a restart ends
    all. As servers may be told to log no DEQUEUED, a seat that is given without one ends a wait
    too."""
    found: list[Wait] = []
    queue: deque[Wait] = deque()
    served = known.serving([each.at for each in told if each.kind == DEQUEUED])
    seats = [
        Told(taken.at, OUT)
        for place, taken in enumerate(known.taken)
        if taken.logged and place not in known.used
    ]
    restarts = {each.at: each.last_seen for each in known.restarts}
    for at, kind in sorted([*told, *seats, *(Told(at, LOST) for at in restarts)]):
        if kind == LOST:
            for wait in queue:
                last = max(wait.queued_by, restarts[at])
                wait.ended_after = known.sure_until(wait.queued_by, last)
                wait.ended_at, wait.outcome = at, RESTART
            queue.clear()
        elif kind == QUEUED:
            queue.append(Wait(at, at))
            found.append(queue[-1])
        elif kind == DEQUEUED:
            if not queue:
                # It began where no text of the log tells of it.
                queue.append(Wait(None, at))
                found.append(queue[-1])
            wait = queue.popleft()
            wait.ended_after, wait.ended_at = known.sure_until(wait.queued_by, at), at
            wait.outcome, wait.at_line = SEATED if served.popleft() else UNKNOWN, True
        else:
            for wait in [each for each in queue if known.sure_until(each.queued_by, at) == at][:1]:
                queue.remove(wait)
                wait.ended_after, wait.ended_at, wait.outcome = at, at, SEATED
    for wait in queue:
        hole = known.next_hole(wait.queued_by)
        if hole is not None:
            wait.ended_after, wait.outcome = max(wait.queued_by, hole.start), UNKNOWN
    return found


def _end(wait: Wait) -> int:
    return EVER if wait.ended_at is None else wait.ended_at


def _explain(found: Iterable[Wait], shown: Counter[int]) -> None:
    """Take away what answers show of waits of which the log tells both ends; their clocks may
    differ."""
    for wait in found:
        if wait.queued_at is not None:
            for at in list(shown):
                if wait.queued_at - CLOCKS_AGREE <= at <= _end(wait) + CLOCKS_AGREE:
                    shown[at] -= shown[at] > 0


def _close(found: Sequence[Wait], shown: Counter[int], known: Known) -> None:
    """Have answers end what the log left open: of several the one that waits longest first."""
    last: dict[int, int] = {}
    for at, complete in _moments(shown, known):
        going = [
            (place, wait)
            for place, wait in enumerate(found)
            if wait.ended_at is None and wait.queued_by - CLOCKS_AGREE <= at
        ]
        seen = going[max(0, len(going) - shown[at]) :]
        shown[at] -= len(seen)
        for place, wait in going:
            if (place, wait) in seen:
                last[place] = at
            elif complete is not None and at > wait.queued_by + CLOCKS_AGREE:
                sure = [wait.queued_by, last.get(place, wait.queued_by), wait.ended_after or 0]
                wait.ended_after, wait.ended_at = min(max(sure), complete), complete
                wait.outcome = UNKNOWN
    for place, at in last.items():
        wait = found[place]
        if wait.ended_at is None and wait.ended_after is not None and at > wait.ended_after:
            wait.ended_after, wait.outcome = None, WAITING


def _begin(wait: Wait, shown: Counter[int], known: Known) -> None:
    """Have answers say since when somebody waited of whom the log tells the end alone."""
    for at, complete in reversed(_moments(shown, known)):
        if at > _end(wait) + CLOCKS_AGREE:
            continue
        if shown[at]:
            shown[at] -= 1
            wait.queued_by = min(wait.queued_by, at if complete is None else complete)
        elif complete is not None and at <= _end(wait) - CLOCKS_AGREE:
            wait.queued_at = at
            return


def _moments(shown: Counter[int], known: Known) -> list[tuple[int, int | None]]:
    """Return when answers were given, in order: of complete ones with the latest moment at which
    they can have been."""
    complete = dict(known.answers)
    return [(at, complete.get(at)) for at in sorted({*complete, *shown})]


def _sampled(shown: Sequence[int], known: Known) -> list[Wait]:
    """Return the waits that answers alone tell of: each lasts while none leaves it out."""
    found: list[Wait] = []
    going: list[tuple[int, int]] = []
    for at, group in groupby(shown):
        for place, _ in enumerate(group):
            if place == len(going):
                going.append((at, at))
                continue
            first, last = going[place]
            following = known.following(last)
            if following is not None and following[0] < at:
                found.append(_shown_from(first, last, known))
                first = at
            going[place] = first, at
    return found + [_shown_from(first, last, known) for first, last in going]


def _shown_from(first: int, last: int, known: Known) -> Wait:
    place = bisect_left(known.answers, (first,))
    before = known.answers[place - 1][0] if place else None
    here = known.answers[place : place + 1]
    by = here[0][1] if here and here[0][0] == first else first
    following = known.following(last)
    if following is None:
        return Wait(before, by, method=SAMPLED)
    return Wait(before, by, max(by, last), following[1], UNKNOWN, SAMPLED)


def _ended(wait: Wait, after: int, at: int, known: Known) -> str:
    """Return how a wait ended of which nothing but the time of its end is known."""
    if not wait.at_line and known.seat(
        max(wait.queued_by, after - TOLERANCE_SECONDS), at + TOLERANCE_SECONDS
    ):
        return SEATED
    if any(after < restart.at <= at for restart in known.restarts):
        return RESTART
    # Who had got a seat would stand in the log.
    until = known.log_until(after)
    return GAVE_UP if until is not None and until > at + TOLERANCE_SECONDS else UNKNOWN
