"""Up to when somebody looked at servers, and which time their logs tell twice."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass, replace

from django.db.models import BigIntegerField, Max, Value

from licenses.analysis.prepared import Asked, Prepared
from licenses.analysis.rows import EVER, number
from licenses.analysis.told_twice import Span, told_twice
from licenses.models import Boundary, Coverage, PollState


@dataclass(frozen=True, slots=True)
class Horizons:
    """Up to when somebody looked.

    logs:   by (server, daemon), the end of the last line read; daemon "" is the whole server.
    stops:  by (server, daemon), when a log told last that it went down; likewise.
    polls:  by (server, daemon), the end of the second of the last complete answer that named the
            daemon; daemon "" is the whole server.
    twice:  by server, the time that its logs tell twice; of those alone of which they do.
    wide:   what such a log tells is asked for as early and as late as it may have been.
    """

    logs: dict[tuple[int, str], int]
    stops: dict[tuple[int, str], int]
    polls: dict[tuple[int, str], int]
    twice: dict[int, list[Span]]
    wide: bool = True

    def as_told(self) -> Horizons:
        """Return the same for whoever asks what is told, and not what is possible besides."""
        return replace(self, wide=False)

    def log(self, server: int, daemon: str) -> int:
        """Return up to when a log tells of a daemon; EVER where none does."""
        return max(self.logs.get((server, daemon), EVER), self.logs.get((server, ""), EVER))

    def logged(self, server: int, daemon: str) -> int:
        """Return up to when what a log leaves out is known to be: for the second of its last line,
        unless the daemon went down in it; EVER where no log tells of it."""
        last = self.log(server, daemon)
        stopped = last in (self.stops.get((server, daemon)), self.stops.get((server, "")))
        return last if last == EVER or stopped else last + 1

    def poll(self, server: int, daemon: str) -> int:
        """Return up to when polls tell of a daemon; EVER where none does."""
        return max(self.polls.get((server, daemon), EVER), self.polls.get((server, ""), EVER))

    def newest(self, server: int, daemon: str) -> int:
        """Return the moment of the newest that is told of a daemon; EVER where nothing is."""
        polled = self.poll(server, daemon)
        return max(self.log(server, daemon), polled - 1 if polled > EVER else EVER)


_END, _STOP, _STEP = range(3)


@Prepared
def _LOGGED(server_ids: Collection[int]) -> Asked:
    of, nothing = ("server_id", "daemon"), Value(0, output_field=BigIntegerField())
    heard = Coverage.objects.filter(server__among=server_ids, source=Coverage.Source.LOG)
    told = Boundary.objects.filter(server__among=server_ids).order_by()
    steps = told.filter(kind=Boundary.Kind.SET_BACK, last_seen__isnull=False).values(*of)
    rows = [
        each.order_by()
        .values(*of)
        .annotate(latest=Max(number(at)), what=Value(what), since=nothing)
        for each, at, what in (
            (heard, "ends", _END),
            (told.filter(kind=Boundary.Kind.STOP), "at", _STOP),
        )
    ]
    rows.append(steps.annotate(latest=number("last_seen"), what=Value(_STEP), since=number("at")))
    # One query, as it is asked for each page.
    return rows[0].union(*rows[1:], all=True), (*of, "latest", "what", "since")


@Prepared
def _POLLED(server_ids: Collection[int]) -> Asked:
    answers = PollState.objects.filter(server__among=server_ids, last_parsed_at__isnull=False)
    return answers.order_by(), ("server_id", number("last_parsed_at"), "told")


def load_horizons(server_ids: Collection[int]) -> Horizons:
    """Return up to when somebody looked at each server. Two queries."""
    logs: dict[tuple[int, str], int] = {}
    stops: dict[tuple[int, str], int] = {}
    steps: dict[int, list[Span]] = {}
    for server, daemon, latest, what, since in _LOGGED.rows(server_ids):
        if what == _STEP:
            steps.setdefault(server, []).append((since, latest))
        else:
            (stops if what == _STOP else logs)[server, daemon] = latest
    twice = {server: told_twice(told) for server, told in steps.items()}
    return Horizons(
        logs=logs,
        stops=stops,
        # The instant of a poll counts as a second, or a single one would show nothing.
        polls={
            (server, daemon): at + 1
            for server, last, told in _POLLED.rows(server_ids)
            for daemon, at in (json.loads(told) or {"": last}).items()
        },
        twice={server: spans for server, spans in twice.items() if spans},
    )
