"""What bears on the holdings of a server besides their own facts: restarts, answers, and what its
log vouches for."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from functools import cached_property
from typing import Any, NamedTuple, cast

import numpy as np
from django.db.models import Q

from licenses.analysis.events import load_events
from licenses.analysis.prepared import Asked, Prepared
from licenses.analysis.rows import number
from licenses.analysis.told_twice import around, told_twice
from licenses.analysis.unseen_hours import KINDS, UnseenHour, unseen_hours
from licenses.concurrency.timeline import OPEN
from licenses.models import Boundary, Contradiction, IssuedCount, LicenseServer, Sighting

from . import coverage
from .answers import Answers
from .coverage import heard, log_spans, of_daemon
from .held import IN, LATE_RETURN, Hole, Restart, SetBack, holes, lost_at


class Key(NamedTuple):
    """What a log tells holdings apart by."""

    feature: int
    person: int
    host: int
    seats: int


class Context:
    """What is the same for all keys of a server: restarts, polls and what the log vouches for."""

    def __init__(self, server: LicenseServer, answers: Answers | None = None) -> None:
        self.server = server
        self._restarts: dict[str, list[Restart]] = {}
        self._restarted: dict[str, list[tuple[int, int]]] = {}
        # Of time told twice, from its first restart on.
        self._stops: dict[str, list[int]] = {}
        self._spans = log_spans(server)
        self._logs: dict[str, _Log] = {}
        self.answers = answers or Answers(server)

    def restarts(self, daemon: str) -> list[Restart]:
        if daemon not in self._restarts:
            self._restarts[daemon] = [
                Restart(at, self._last_line_before(daemon, at, last_seen))
                for kind, of, at, last_seen in self._boundaries
                if kind == Boundary.Kind.START and of in ("", daemon)
            ]
        return self._restarts[daemon]

    def stopped(self, daemon: str, taken: int) -> int | None:
        """Return when the daemon went down, the first time after a seat was taken. Not within a
        time that the clock told twice: that may have been before."""
        if daemon not in self._stops:
            self._stops[daemon] = [
                at
                for kind, of, at, _ in self._boundaries
                if kind == Boundary.Kind.STOP and of == daemon
            ]
        stops = self._stops[daemon]
        index = bisect_left(stops, taken)
        if index == len(stops):
            return None
        stop = stops[index]
        twice = any(step.at <= taken and stop <= step.until for step in self.set_back)
        return None if twice else stop

    @cached_property
    def set_back(self) -> list[SetBack]:
        """When the clock of the log was set back, in order."""
        return [
            SetBack(at, until)
            for kind, _daemon, at, until in self._boundaries
            if kind == Boundary.Kind.SET_BACK and until is not None
        ]

    def around(self, start: int, end: int) -> tuple[int, int]:
        """Return a span with all of the time that the log tells twice and it touches: what changed
        in it may have been held then."""
        return around(told_twice(self.set_back), start, end)

    def latest(self, daemon: str, moment: int) -> int:
        """Return when a line of the daemon's log that is read as of a moment was written at the
        latest."""
        return max(
            (hour.latest(moment) for hour in self.hours_of(daemon)),
            default=moment,
        )

    def hours_of(self, daemon: str) -> list[UnseenHour]:
        """Return the hours in which lines of the daemon's log may be an hour later than read."""
        return self._hours_of.get("", []) + self._hours_of.get(daemon, [])

    @cached_property
    def told_twice(self) -> list[tuple[int, int]]:
        """Return the time that the log's clock told twice, in order of its beginnings."""
        hours = {(hour.first, hour.end) for rows in self._hours_of.values() for hour in rows}
        return sorted({*self.set_back, *hours})

    @cached_property
    def _hours_of(self) -> dict[str, list[UnseenHour]]:
        return unseen_hours(self._boundaries, self.server.tzinfo)

    def misdated(self, taken: Iterable[int]) -> dict[int, int | None]:
        """Return the moments of these at which lines stand that may be of another day: seats that
        they take are not known to be held."""
        spans = self._misdated
        return {at: at for at in taken if any(start <= at < end for start, end in spans)}

    def perhaps_lost(self, daemon: str, taken: Iterable[int]) -> set[int]:
        """Return the moments of these at which what was taken may have been lost by a restart that
        reads as before it: the log's clock told the time of both twice."""
        if daemon not in self._restarted:
            begun = [restart.at for restart in self.restarts(daemon)]
            self._restarted[daemon] = [
                (min(each for each in begun if start <= each), end)
                for start, end in told_twice(self.set_back)
                if any(start <= each <= end for each in begun)
            ]
        spans = self._restarted[daemon]
        return (
            {at for at in taken for start, end in spans if start <= at <= end} if spans else set()
        )

    @cached_property
    def _misdated(self) -> list[tuple[int, int]]:
        return [
            (at, until)
            for kind, _daemon, at, until in self._boundaries
            if kind == Boundary.Kind.DOUBT and until is not None
        ]

    def next_answer(self, feature: int, moment: int, *, shown: bool) -> int | None:
        """Return when the first answer after a moment was given that would have shown a holder.

        Servers need not list who holds seats that nobody counts. shown: answers did list him.
        """
        found = self.answers.following_by(feature, moment)
        if found is None or shown:
            return found
        spans = self._uncounted.get(feature, ())
        return None if any(start <= found < end for start, end in spans) else found

    @cached_property
    def _uncounted(self) -> dict[int, list[tuple[int, int]]]:
        found: dict[int, list[tuple[int, int]]] = {}
        for feature, start, end in _UNCOUNTED.rows(self.server.pk):
            found.setdefault(feature, []).append((start, OPEN if end is None else end))
        return found

    def shares_seat(self, key: Key, moment: int) -> bool:
        """Tell whether an answer of a moment shows a seat that the key's others may share, or may
        show one: it need not list each of them."""
        if key.feature not in self._shared:
            return False
        shown = Q(gone_at=None) | Q(gone_at__gt=moment)
        rows = Sighting.objects.filter(shown, first_seen__lte=moment, **key._asdict())
        # The first and the last answer that lack a row are known, and not those between.
        at = coverage.moment(moment)
        return any(at not in edges for edges in rows.values_list("disputed_from", "disputed_to"))

    @cached_property
    def _shared(self) -> set[int]:
        features = self.server.features.exclude(duplicate_group="")
        return set(features.values_list("pk", flat=True))

    def contradicted(self, key: Key) -> dict[int, tuple[set[int], int | None]]:
        """Return the moments at which other texts of the log have other seats taken than those of
        the key: the other seats, and until when at most what was taken is known to be held."""
        found: dict[int, set[int]] = {}
        for at, *holder, seats, fewer in self._contradictions:
            if holder == list(key[:3]) and key.seats in (seats, fewer):
                found.setdefault(at, set()).update({seats, fewer} - {key.seats})
        return {at: (others, self._known_until(key, at, others)) for at, others in found.items()}

    def _known_until(self, key: Key, at: int, others: set[int]) -> int | None:
        """The least of what texts tell was taken; it may have been returned with the others."""
        if min(others) < key.seats:
            return at
        told = load_events({key.feature: at})
        mine = (told.person == key.person) & (told.host == key.host) & (told.kind == IN)
        returns = told.at[mine & np.isin(told.seats, list(others))]
        return int(returns.min()) if len(returns) else None

    @cached_property
    def _contradictions(self) -> list[tuple[int, ...]]:
        return load_contradictions(self.server)

    @cached_property
    def restart_moments(self) -> list[int]:
        """When any daemon of the server came up, in order."""
        return [at for kind, _, at, _ in self._boundaries if kind == Boundary.Kind.START]

    @cached_property
    def _boundaries(self) -> list[tuple[int, str, int, int | None]]:
        """Kind, daemon, moment and last line before it, in order."""
        return cast(list[tuple[int, str, int, int | None]], _BOUNDARIES.rows(self.server.pk))

    def _last_line_before(self, daemon: str, restart: int, told: int | None) -> int:
        """Return when the log was last heard before a restart, from all its pieces, in whatever
        order they came."""
        log = self._log(daemon)
        index = bisect_left(log.starts, restart) - 1
        covered = min(log.ends[index], restart) if index >= 0 else None
        heard = [moment for moment in (covered, told) if moment is not None]
        return max(heard) if heard else restart

    def _log(self, daemon: str) -> _Log:
        if daemon not in self._logs:
            spans = of_daemon(self._spans, daemon)
            lost = [
                lost_at(at) if until is None else Hole(at, until)
                for kind, of, at, until in self._boundaries
                if kind == Boundary.Kind.LOSS and of in ("", daemon)
            ]
            seconds = [
                (of, at) for kind, of, at, _ in self._boundaries if kind == Boundary.Kind.SECOND
            ]
            told = heard(self._spans, seconds, daemon)
            silent = holes(told)
            missing = sorted({*silent, *lost}, key=lambda hole: (hole.end, hole.start))
            first = min((start for start, _end in told), default=None)
            self._logs[daemon] = _Log(spans.starts.tolist(), spans.ends.tolist(), missing, first)
        return self._logs[daemon]

    def log_until(self, daemon: str, moment: int) -> int | None:
        log = self._log(daemon)
        index = bisect_right(log.starts, moment) - 1
        return log.ends[index] if index >= 0 and moment <= log.ends[index] else None

    def holes(self, daemon: str) -> list[Hole]:
        """Return the time of which the daemon's log is lost, in order."""
        return self._log(daemon).holes

    def next_hole(self, daemon: str, moment: int) -> Hole | None:
        lost = self.holes(daemon)
        index = bisect_right(lost, moment, key=lambda hole: hole.end)
        return lost[index] if index < len(lost) else None

    def heard_since(self, daemon: str, moment: int) -> int | None:
        """Return since when the daemon's log is heard of, before a moment, without a loss of it;
        None where that is more than a week, or no time, or the daemon came up within."""
        log = self._log(daemon)
        index = bisect_right(log.holes, moment, key=lambda hole: hole.end) - 1
        since = log.holes[index].end if index >= 0 else log.first
        if since is None or not 0 < moment - since <= LATE_RETURN:
            return None
        restarts = self.restarts(daemon)
        # A return in the second of a restart belongs to what was before it.
        following = bisect_right(restarts, since, key=lambda restart: restart.at)
        return None if following < len(restarts) and restarts[following].at < moment else since


def _boundaries(server: int) -> Asked:
    kinds = (
        Boundary.Kind.START,
        Boundary.Kind.STOP,
        Boundary.Kind.SET_BACK,
        Boundary.Kind.LOSS,
        Boundary.Kind.DOUBT,
        Boundary.Kind.SECOND,
        *KINDS,
    )
    rows = Boundary.objects.filter(server=server, kind__in=kinds).order_by("at", "daemon")
    return rows, ("kind", "daemon", number("at"), number("last_seen"))


_BOUNDARIES = Prepared(_boundaries)


@Prepared
def _UNCOUNTED(server: int) -> Asked:
    rows = IssuedCount.objects.filter(
        feature__server=server, source=IssuedCount.Source.STATUS, count=None
    )
    return rows.order_by("feature", "starts"), ("feature_id", number("starts"), number("ends"))


def load_contradictions(server: LicenseServer) -> list[tuple[int, ...]]:
    """Return moment, feature, person, host, seats and fewer seats of each."""
    return _CONTRADICTIONS.rows(server.pk)


@Prepared
def _CONTRADICTIONS(server: int) -> Asked:
    rows = Contradiction.objects.filter(feature__server=server).order_by("at", "pk")
    return rows, (number("at"), "feature_id", "person_id", "host_id", "seats", "fewer_seats")


class _Log(NamedTuple):
    """What a daemon's log vouches for, in order of time, what of it is lost, and when it is first
    heard of."""

    starts: list[int]
    ends: list[int]
    holes: list[Hole]
    first: int | None


def _seconds(moment: Any) -> int | None:
    return None if moment is None else int(moment.timestamp())
