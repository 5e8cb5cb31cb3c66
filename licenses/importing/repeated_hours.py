"""An hour that the zone's clock shows twice, as a log runs through it.

Within a text the second time begins where the clock falls. Where it does not fall, nothing tells of
which time the lines of that hour are: they are read as of the first, and figures carry bounds.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, tzinfo
from typing import NamedTuple

import numpy as np

from licenses.analysis.prepared import Asked, Prepared
from licenses.analysis.rows import number
from licenses.analysis.unseen_hours import KINDS, UnseenHour, unseen_hours
from licenses.models import Boundary, LicenseServer
from licenses.sources.clock import DAY, QUARTER, RepeatedHour, repeated_hour
from licenses.sources.flexnet.debug_log import LogPiece
from licenses.sources.flexnet.redating import Settled

from . import boundaries, facts
from .held import Hole


class Daemons(NamedTuple):
    """Of which daemons a text tells, "" for all, and whose events it holds."""

    told_of: Collection[str]
    named: Collection[str]


class RepeatedHours:
    """Follows the hours of one text, over its pieces.

    known: of an earlier `dump`, to go on in the same text.
    """

    def __init__(self, known: Iterable[int] = ()) -> None:
        self._with_events = set(known)
        """The first moments of hours of which events were read."""

    def dump(self) -> list[int]:
        """Return what another one needs to go on; fit for JSON."""
        return sorted(self._with_events)

    def store(
        self,
        settled: Settled,
        hours: Sequence[RepeatedHour],
        daemons: Daemons,
        server: LicenseServer,
        stored: facts.Stored,
        before: int | None,
    ) -> list[tuple[str, UnseenHour]]:
        """Store what the text shows of its hours so far; return, by daemon, those of which it is
        new that they are in doubt, or that they are not.

        before: the latest moment of the text before the piece: long after an hour all is stored.
        """
        piece, known = settled.piece, {hour.first for hour in hours}
        hours = [hour for hour in hours if before is None or before <= hour.end + DAY]
        if settled.moved:
            found = _moved(piece, server.tzinfo)
            hours += [hour for hour in found if hour.first not in known]
        if not hours:
            return []
        self._with_events |= {hour.first for hour in hours if _has_events(piece, hour)}
        doubted = _in_doubt(server)
        for hour in hours:
            if hour.until and hour.first in self._with_events:
                told = [(name, Hole(hour.first, hour.until)) for name in sorted(daemons.told_of)]
                kind = Boundary.Kind.REPEATED
                boundaries.store_spans(
                    told, kind, "log hour repeated", server, stored, step=hour.step
                )
            if hour.fell:
                names = sorted({*daemons.told_of, *daemons.named})
                told = [(name, Hole(hour.first, hour.fell)) for name in names]
                boundaries.store_spans(told, Boundary.Kind.FELL, "log hour fell", server, stored)
        return sorted(doubted ^ _in_doubt(server))

    def notes(self, hours: Sequence[RepeatedHour], zone: tzinfo) -> set[str]:
        """Return what to say of hours that the text went through without a fall of the clock."""
        unseen = [hour for hour in hours if hour.until == hour.end]
        return {_note(hour, zone) for hour in unseen if hour.first in self._with_events}


def _note(hour: RepeatedHour, zone: tzinfo) -> str:
    begin, end = (datetime.fromtimestamp(at, zone) for at in (hour.first, hour.end))
    return (
        f"the clock showed the time from {begin:%Y-%m-%d %H:%M} to {end:%H:%M} twice, and no line "
        f"shows it fall; what was taken or returned in that time counts within bounds"
    )


def _moved(piece: LogPiece, zone: tzinfo) -> list[RepeatedHour]:
    """Return the repeated hours of a piece's lines, read as of the first by their date alone."""
    moments = [getattr(each, "at", None) for each in piece.others]
    told = np.array([at for at in moments if at is not None], dtype=np.int64)
    quarters = np.unique(np.append(piece.events.at, told) // QUARTER).tolist()
    found = (repeated_hour(place * QUARTER, zone) for place in quarters)
    hours = {hour.first: hour for hour in found if hour is not None}
    return [replace(hour, until=hour.end, ended=True) for hour in hours.values()]


def _has_events(piece: LogPiece, hour: RepeatedHour) -> bool:
    moments = [getattr(each, "at", None) for each in piece.others]
    if any(at is not None and hour.first <= at < hour.second for at in moments):
        return True
    at = piece.events.at
    return bool(np.any((hour.first <= at) & (at < hour.second)))


def _in_doubt(server: LicenseServer) -> set[tuple[str, UnseenHour]]:
    found = unseen_hours(_TOLD.rows(server.pk), server.tzinfo)
    return {(daemon, hour) for daemon, hours in found.items() for hour in hours}


@Prepared
def _TOLD(server: int) -> Asked:
    rows = Boundary.objects.filter(server=server, kind__in=KINDS).order_by("at", "daemon")
    return rows, ("kind", "daemon", number("at"), number("last_seen"))
