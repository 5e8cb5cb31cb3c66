"""Reads a log in pieces, as the texts of which it is made: joined files are read one by one."""

from __future__ import annotations

from datetime import date
from typing import Any, NamedTuple

from licenses.models import LicenseServer
from licenses.sources import records
from licenses.sources.clock import MIDNIGHT_FALL
from licenses.sources.flexnet import seams
from licenses.sources.flexnet.debug_log import DebugLogParser
from licenses.sources.flexnet.redating import Settled, settle

from .doubled_hour import Beginning

MOST_TEXTS = 200
"""Of one log: each is stored by itself. What goes back more often is rubbish, and read as it
stands."""
OTHER_TEXT = "the text goes back, and is read as another one from there on"


class Read(NamedTuple):
    """What the next bytes say, as far as they are of one text.

    size:   how many bytes these are.
    offset, lines, before:
            bytes and lines of the log that come before them, and the latest time of their text.
    steps:  how the clock moved where the text begins.
    seam:   where another text begins behind them.
    """

    settled: Settled
    size: int
    offset: int
    lines: int
    before: int | None
    steps: list[records.ClockStep]
    seam: seams.Seam | None


class Texts:
    """Reads the texts of a log one after the other.

    parser, beginning: of the text that is read.
    known:             of an earlier `state`, to go on there.
    """

    def __init__(
        self, server: LicenseServer, first_day: date | None, known: dict[str, Any]
    ) -> None:
        self._server = server
        day = known.get("first_day")
        self.beginning = Beginning(server, date.fromisoformat(day) if day else first_day)
        self.parser = DebugLogParser(zone=server.tzinfo, date=first_day, state=known.get("parser"))
        self._count: int = known.get("texts", 1)
        self._steps = [records.ClockStep(*step) for step in known.get("steps", ())]

    def state(self) -> dict[str, Any]:
        """Return what another one needs to go on; fit for JSON."""
        return {
            "parser": self.parser.state(),
            "first_day": None if self.beginning.day is None else self.beginning.day.isoformat(),
            "texts": self._count,
            "steps": [list(step) for step in self._steps],
        }

    def read(self, block: bytes, *, last: bool, whole_server: bool) -> Read:
        """Read the next bytes, no further than their text goes."""
        offset, before, size = self.parser.offset, self.parser.last_at, len(block)
        rest = self.beginning.skip(block, self.parser, whole_server=whole_server)
        lines, state, whole = self.parser.lines, self.parser.state(), self.parser.between_lines
        piece, jumps = self.parser.read(rest, last=last), self.parser.take_jumps()
        steps, self._steps = self._steps, []
        seam = None
        if whole and self._count < MOST_TEXTS:
            told = seams.Lines(rest, lines, before, state["clock"], self.parser.encoding)
            seam = seams.find(told, piece, jumps, self._server.tzinfo)
        if seam is not None:
            self._steps = [_step(seam, piece.others)]
            own = rest[: told.place_of(seam.line)]
            size -= len(rest) - len(own)
            self.parser = self.parser.back_at(state)
            piece, jumps = self.parser.read(own), self.parser.take_jumps()
        settled = settle(piece, jumps, self._server.tzinfo, lines, before)
        if seam is not None and seam.stored:
            settled.stored.append(seam.since)
        if seam is not None and (seam.stored or seam.unsure):
            settled.unsure.append(seam.since)
        return Read(settled, size, offset, lines, before, steps, seam)

    def begin(self, seam: seams.Seam) -> None:
        """Go on with another text."""
        zone, before = self._server.tzinfo, self.parser
        state = {"offset": before.offset, "encoding": before.encoding, "lines": before.lines}
        self.parser = DebugLogParser(zone=zone, date=seam.day, state=state)
        self.beginning = Beginning(self._server, seam.day)
        self._count += 1


def _step(seam: seams.Seam, told: list[records.LogRecord]) -> records.ClockStep:
    """Return how the clock moved at a seam: by more than a clock is set back, what a date line says
    is on record as such. Else what both texts tell of the time between says whether it was."""
    found = (each for each in told if isinstance(each, records.ClockStep))
    stated = (each for each in found if each.line == seam.date_line)
    if seam.seconds < -MIDNIGHT_FALL and (date_step := next(stated, None)) is not None:
        return date_step
    return records.ClockStep(seam.at, seam.seconds, OTHER_TEXT, seam.line)
