"""What holdings of one key are made of: facts, restarts, status rows, and the holdings themselves.

A key is a feature, a person, a host and a number of seats: what a log tells holdings apart by.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from licenses.analysis.told_twice import OUT_OF_ORDER_SECONDS
from licenses.sources.clock import LOG_SILENCE

OUT, IN = 1, 2
EVENT, SAMPLED, CONTINUED, RETURNED = 1, 2, 3, 4


LATE_RETURN = 7 * 86400
"""An IN ends a holding that complete answers no longer showed if it was taken at most so many
seconds before: the log's word counts, but not for ever. One that ends nothing tells of a seat if
the log was heard of for no longer: a later one is more likely a line told twice."""


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


class Lost(NamedTuple):
    """A restart that a holding was lost by.

    by: until when it can have been held: the restart, or the stop of the daemon before it.
    """

    at: int
    by: int


def held_until(restart: Restart, stop: int | None) -> int:
    """Return how long what a restart lost is known to be held; the daemon had gone down at
    *stop*."""
    return restart.last_seen if stop is None else min(restart.last_seen, stop)


class SetBack(NamedTuple):
    """The log's clock was set back, from `until` to `at`: it tells the time between twice."""

    at: int
    until: int


class Dispute(NamedTuple):
    """Where complete answers contradict each other on a row.

    start, end: the first and the last that do not show it, from the first that does to the last.
    before: the last answer before `start` that shows it; None where none does.
    after:  when the first answer after `end` that shows it was given at the latest; None where none
            does, or only one, which would stand alone against the others.
    certain: not if those that do not show it may have been given after the newest that does.
    """

    start: int
    end: int
    before: int | None
    after: int | None
    certain: bool = True


class Seen(NamedTuple):
    """A row of the server's status, from the first poll that showed it to the last.

    started_at: the minute that it prints, or the first poll that showed it if that is earlier.
    gone_at:   when it was gone at the latest: when the first complete answer was given of those
               that lack it and came for certain after it was taken, if they can have come after
               the last that shows it; None while there is none.
    missed_at: the last complete answer that lacks it and may be before the first that showed it;
               None where there is none.
    printed_at: the minute that it prints, by the server's clock, which may be ahead of ours; None
               where that cannot be read.
    again_at:  where a clock that was put back showed that minute twice, the second one.
    first_by:  when the first answer that showed it was given at the latest; None: at `first_seen`.
    name:      tells rows apart that are alike in the rest, whatever came first.
    missing:   answers lack it that may have been given before its seats were taken, and none came
               after these.
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
    dispute: Dispute | None = None
    name: str = ""
    missing: bool = False

    @property
    def taken_by(self) -> int:
        """When it was taken at the latest: in the minute that it prints, unless an answer after
        that did not show it, and by when it was shown."""
        by = min(self.starts[-1] + 59, self.shown_by)
        return self.shown_by if self.missed_at is not None and self.missed_at > by else by

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
    missed: the complete answer that did not show what the log has out.
    """

    kind: str
    starts: int
    ends: int | None
    logged: bool
    shown: bool | None
    others: int | None = None
    missed: int | None = None


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
NO_RETURNS = ("restart", "not_seen", "lost")
"""Ends that no IN told of."""


class Open:
    """A holding under construction."""

    __slots__ = (
        "end_reason",
        "lives_on",
        "lost",
        "method",
        "returned_after",
        "returned_at",
        "returned_by",
        "seen",
        "sure_until",
        "taken_at",
        "taken_by",
        "told_at",
        "vouched",
    )

    def __init__(self, taken_at: int, taken_by: int, method: int, seen: Seen | None = None) -> None:
        self.taken_at, self.taken_by, self.method, self.seen = taken_at, taken_by, method, seen
        self.told_at = taken_at
        """When the text says that it was taken."""
        self.returned_after: int | None = None
        self.returned_at: int | None = None
        self.returned_by: int | None = None
        """When it was returned at the latest, by the log alone: later than `returned_at` if the
        line may be of an hour that the clock showed again."""
        self.end_reason = ""
        self.lost: Lost | None = None
        """What lost it, as long as nothing else tells of its end."""
        self.lives_on = False
        """Whether it outlived a restart, as borrowed seats do: only answers tell of it then."""
        self.sure_until: int | None = None
        """Known no longer than this, whenever it ended; None: known to its end."""
        self.vouched: int | None = None
        """Until when the log knew of what lives on."""

    @property
    def own_second(self) -> int:
        """Return the end of the second for which the line that took it vouches; of no second where
        that may be of either of two hours."""
        return self.taken_by + (self.taken_by == self.taken_at)

    def end(self, after: int, at: int, reason: str) -> None:
        self.returned_after, self.returned_at, self.end_reason = (
            max(after, self.taken_by),
            max(at, self.taken_at),
            reason,
        )
        self.returned_by = self.returned_at
        self.lost = None
        if self.sure_until is not None:
            self.know_until(self.sure_until)

    def lose(self, restart: Restart, stop: int | None, steps: Iterable[SetBack] = ()) -> None:
        """Let a restart end it; the daemon had gone down at *stop*.

        steps: of a clock that told the time of the restart twice. It was held until the clock was
               set back, if the restart came after that.
        """
        last = held_until(restart, stop)
        set_back = [step.until for step in steps if step.until - step.at > OUT_OF_ORDER_SECONDS]
        self.end(last, max([last, *set_back]), "restart")
        self.lost = Lost(restart.at, restart.at if stop is None else min(restart.at, stop))

    def live_on(self, row: Seen) -> None:
        """Let it have outlived the restart that lost it, as far as answers tell."""
        self.lives_on, self.vouched = True, self.returned_after
        if row.gone_at is not None:
            self.end(row.last_seen + 1, row.gone_at, "not_seen")
            return
        self.returned_after, self.returned_at = max(row.last_seen + 1, self.taken_by), None
        self.returned_by, self.end_reason, self.lost = None, "", None

    def take_end(self, other: Open) -> None:
        """Let it end as another one does, of which it is a part."""
        self.told_at, self.end_reason = other.told_at, other.end_reason
        self.returned_at, self.returned_by = other.returned_at, other.returned_by
        if other.returned_after is not None:
            self.returned_after = max(other.returned_after, self.taken_by)

    def know_until(self, moment: int) -> None:
        """Let it be known no longer, and possible as long as it was."""
        known = moment if self.returned_after is None else min(self.returned_after, moment)
        self.sure_until, self.returned_after = moment, max(known, self.taken_by)

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
    """Return the holes between the spans of which a log tells, in any order; one of a single second
    ends where it starts."""
    found: list[Hole] = []
    heard: int | None = None
    for start, end in sorted(spans):
        if heard is not None and start - heard > LOG_SILENCE:
            found.append(Hole(heard, start))
        heard = end if heard is None else max(heard, end)
    return found
