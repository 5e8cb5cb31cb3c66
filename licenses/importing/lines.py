"""The lines of raw text on which a holding rests, found again in what was kept.

A piece of text is read again with the parser that first read it, and its lines are dated as they
were then, so that a line is told by its meaning and not by how it looks.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
from django.db.models import OuterRef, Subquery

from licenses.analysis.rows import as_moment
from licenses.concurrency.periods import iso
from licenses.models import Capture, Checkout, pseudonym
from licenses.sources.base import SourceError
from licenses.sources.flexnet.debug_log import DebugLogParser
from licenses.sources.flexnet.lmstat import parse_lmstat
from licenses.sources.flexnet.redating import settle
from licenses.sources.records import Checkin
from licenses.sources.records import Checkout as Out
from licenses.sources.text import text_lines, visible

from .captures import read_raw

MOST_BYTES = 32 * 2**20
"""Raw text that is read for one answer; what lies beyond is named and not read."""
MOST_HOLDINGS = 200
MOST_PIECES = 2
"""Pieces looked through for one event: the same lines may have been sent several times."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line on which a holding rests, or why there is none to show.

    checkout:  id of the holding.
    what:      "taken", "returned" or "listed".
    at:        when, epoch seconds: of the event, or of the answer that lists it.
    capture:   id of the piece of text; None where none is known.
    source:    name of the file, or how the text came.
    line:      number in the piece, from 1; None where it was not found.
    text:      as printed; "" where it was not found or may not be shown.
    problem:   why the line is not there, in words; "" where it is.
    """

    checkout: int
    what: str
    at: int
    capture: int | None = None
    sha256: str = ""
    source: str = ""
    line: int | None = None
    text: str = ""
    problem: str = ""

    def without_names(self) -> Line:
        """Return where the line is, without what it says: texts and names of files name people."""
        return replace(self, text="", source="")

    def as_dict(self, zone: Any) -> dict[str, Any]:
        """Return the line for JSON, its moment as ISO 8601 in the zone."""
        found = {name: getattr(self, name) for name in self.__slots__ if name != "checkout"}
        return found | {"at": iso(self.at, zone)}


class _Wanted(NamedTuple):
    """What a line must say; user and host by pseudonym, which outlives an erased name."""

    checkout: int
    what: str
    at: int
    feature: str
    user: str
    host: str


def lines_of(checkout_ids: Collection[int], at: int) -> list[Line]:
    """Return the lines on which holdings rest, by holding, then time.

    at:  the moment in question: of holdings that polls showed, the last answer before it is told.

    Texts hold names of people: show them only to readers who may see these, and
    `Line.without_names` to others. Reads MOST_BYTES of raw text and MOST_HOLDINGS holdings at most.
    Two queries.
    """
    chosen = Checkout.objects.filter(pk__in=checkout_ids).order_by("taken_at", "pk")
    rows = list(
        chosen.select_related("feature", "person", "host").annotate(**_pieces(at))[:MOST_HOLDINGS]
    )
    pieces = {getattr(row, name) for row in rows for name in _pieces(at)}
    texts = Capture.objects.select_related("server").in_bulk(pieces - {None})
    reader = _Reader()
    return [
        reader.line(wanted, [texts[pk] for pk in found if pk in texts])
        for row in rows
        for wanted, found in _wishes(row, at)
    ]


def _pieces(at: int) -> dict[str, Any]:
    """Return, of a holding, the pieces of text to look through: those of the log around its start
    and its end, the newest first, and the last complete answer of the day before a moment."""
    moment = as_moment(at)
    mine = Capture.objects.filter(server=OuterRef("feature__server")).order_by("-starts")
    answers = mine.filter(
        kind=Capture.Kind.STATUS,
        result=Capture.Result.PARSED,
        starts__lte=moment,
        starts__gte=moment - timedelta(days=1),
    )
    found = {"listed_0": Subquery(answers.values("pk")[:1])}
    for what, event in (("taken", "taken_at"), ("returned", "returned_at")):
        logs = mine.filter(
            kind=Capture.Kind.LOG, starts__lte=OuterRef(event), ends__gte=OuterRef(event)
        )
        for place in range(MOST_PIECES):
            found[f"{what}_{place}"] = Subquery(logs.values("pk")[place : place + 1])
    return found


def _wishes(row: Any, at: int) -> Iterator[tuple[_Wanted, list[int | None]]]:
    """Yield what the lines of a holding must say, each with the pieces to look through."""

    def wish(what: str, moment: int, count: int) -> tuple[_Wanted, list[int | None]]:
        names = (row.feature.name, row.person.pseudonym, row.host.pseudonym)
        pieces = [getattr(row, f"{what}_{place}") for place in range(count)]
        return _Wanted(row.pk, what, moment, *names), pieces

    reasons = Checkout.EndReason
    methods = Checkout.Method
    logged = row.method in (methods.EVENT, methods.RETURNED)
    if row.method == methods.EVENT:
        yield wish("taken", int(row.taken_at.timestamp()), MOST_PIECES)
    if logged:
        told = (reasons.RETURNED, reasons.INACTIVE, reasons.REMOVED)
        if row.returned_at and row.end_reason in told:
            yield wish("returned", int(row.returned_at.timestamp()), MOST_PIECES)
    if not logged or row.sighting_id is not None:
        yield wish("listed", at, 1)


class _Reader:
    """Reads pieces of raw text, each once."""

    def __init__(self) -> None:
        self.left = MOST_BYTES
        self.logs: dict[int, _Log] = {}
        self.statuses: dict[int, _Status] = {}

    def line(self, wanted: _Wanted, captures: Iterable[Capture]) -> Line:
        """Return the line that tells of an event, or lists a holding, in one of some pieces."""
        if wanted.what == "listed":
            return self._first(
                captures,
                wanted,
                lambda capture: self._status(capture).find(wanted),
                "No answer of the day before that moment was read.",
            )
        return self._first(
            captures,
            wanted,
            lambda capture: self._log(capture).find(wanted),
            "No log of that moment was read.",
        )

    def _first(
        self,
        captures: Iterable[Capture],
        wanted: _Wanted,
        find: Callable[[Capture], tuple[int, str] | None],
        none: str,
    ) -> Line:
        line = Line(wanted.checkout, wanted.what, wanted.at, problem=none)
        for capture in captures:
            at = wanted.at
            if wanted.what == "listed" and capture.starts is not None:
                at = int(capture.starts.timestamp())
            place = (capture.pk, capture.sha256, capture.source)
            line = Line(wanted.checkout, wanted.what, at, *place)
            try:
                found = find(capture)
            except FileNotFoundError:
                line = replace(line, problem="The raw text is no longer kept.")
            except (OSError, EOFError, ValueError):
                line = replace(line, problem="The raw text is damaged: it is not what was read.")
            except (SourceError, _TooMuch) as error:
                line = replace(line, problem=str(error))
            else:
                if found is not None:
                    return replace(line, line=found[0], text=found[1])
                line = replace(line, problem="The line was not found in the text.")
        return line

    def _log(self, capture: Capture) -> _Log:
        if capture.pk not in self.logs:
            self.logs[capture.pk] = _Log(capture, self._read(capture))
        return self.logs[capture.pk]

    def _status(self, capture: Capture) -> _Status:
        if capture.pk not in self.statuses:
            self.statuses[capture.pk] = _Status(capture, self._read(capture))
        return self.statuses[capture.pk]

    def _read(self, capture: Capture) -> bytes:
        if capture.size > self.left:
            raise _TooMuch("Too much raw text for one answer: open the piece by itself.")
        self.left -= capture.size
        return read_raw(capture)


class _TooMuch(Exception):
    """More raw text than one answer may read."""


class _Log:
    """The events of a piece of a log."""

    def __init__(self, capture: Capture, data: bytes) -> None:
        zone = capture.server.tzinfo
        begins = capture.starts
        date = None if begins is None else begins.astimezone(zone).date()
        parser = DebugLogParser(zone=zone, date=date)
        piece = parser.read(data, last=True)
        piece = settle(piece, parser.take_jumps(), zone, 0, None).piece
        self.events = piece.events
        self.others = [each for each in piece.others if isinstance(each, Out | Checkin)]
        self.lines = data.split(b"\n")

    def find(self, wanted: _Wanted) -> tuple[int, str] | None:
        """Return number and text of the line of an event; None where there is none."""
        places = np.flatnonzero(self.events.at == wanted.at)
        kind = Out if wanted.what == "taken" else Checkin
        for each in [*self.events.at_rows(places).records(), *self.others]:
            if not isinstance(each, kind) or each.at != wanted.at:
                continue
            if (each.feature, *_who(each.user, each.host)) == wanted[3:]:
                text = self.lines[each.line - 1].decode("utf-8", "replace")
                return each.line, visible(text.rstrip("\r"))
        return None


class _Status:
    """The rows of a status by feature, user and host."""

    def __init__(self, capture: Capture, data: bytes) -> None:
        self.data = data
        at = None if capture.starts is None else int(capture.starts.timestamp())
        self.rows = {
            (feature.name, *_who(row.user, row.host)): row.line
            for snapshot in parse_lmstat(data, zone=capture.server.tzinfo, now=at)
            for feature in snapshot.features
            for row in feature.holdings
        }

    def find(self, wanted: _Wanted) -> tuple[int, str] | None:
        """Return number and text of the line that lists a holding; None where there is none."""
        number = self.rows.get(wanted[3:])
        if number is None:
            return None
        _number, text = next(islice(text_lines(self.data), number - 1, None))
        return number, visible(text)


def _who(user: str, host: str) -> tuple[str, str]:
    return pseudonym("person", user), pseudonym("host", host)
