"""A log that begins in an hour which the zone's clock showed twice: which of the two it was.

Within a text the second hour begins where the clock falls. One that begins in that hour and does
not show the fall is read as what follows the text that ends shortly before its first line. Where
there is none its lines of that hour are left out: an hour's error would move seats, and once the
whole log is known they would count twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from licenses.concurrency.intervals import IntervalSet
from licenses.models import LicenseServer
from licenses.sources.clock import LogClock, told_again, told_before
from licenses.sources.flexnet.debug_log import DebugLogParser
from licenses.sources.flexnet.log_dates import stated_in, time_of_day
from licenses.sources.flexnet.log_lines import EVENT, LINE
from licenses.sources.text import LINE_CAP, decode_part

from . import coverage
from .held import Hole

HOUR = 3600
"""Seconds before the first of the two moments within which the text before this one ends."""


class Opening(NamedTuple):
    """What is known of the lines with which a text begins.

    follows:     the end of the text before it, which tells its hour.
    size, lines: bytes and lines that are left out, of the time from `start` to `end`.
    """

    follows: int | None = None
    size: int = 0
    lines: int = 0
    start: int = 0
    end: int = 0


def opening(
    block: bytes,
    day: date | None,
    zone: ZoneInfo,
    spans_of: Callable[[str], Iterable[tuple[int, int]]],
) -> Opening:
    """Return what to do with the first lines of a text; nothing with those of most.

    day:       of the first line with a time; None where that states it itself.
    spans_of:  for what other texts of a daemon's log vouch.
    """
    clock, first, last = None, 0, 0
    follows: int | None = None
    size = lines = 0
    for line in _lines(block):
        found = LINE.match(line[:LINE_CAP].rstrip())
        tod = time_of_day(found) if found else None
        if found is not None and tod is not None:
            begins = clock is None
            if clock is None:
                message = b"" if EVENT.match(found["message"]) else found["message"]
                stated = stated_in(found, decode_part(message)) or day
                if stated is None:
                    return Opening()
                clock = LogClock(zone, stated)
            at = clock.read(tod)
            again = told_again(at, zone)
            if begins:
                first = at
                if again is None:
                    return Opening()
                spans = spans_of(decode_part(found["daemon"]))
                ends = [end for _start, end in spans if first - HOUR <= end <= again]
                follows = max(ends, default=None)
            elif told_before(at, zone) is not None:
                return Opening()  # The clock falls: what comes before is of the first hour.
            elif again is None:
                last = at - 1
                break
            last = again or at
        size, lines = size + len(line), lines + 1
    if clock is None or follows is not None:
        return Opening(follows)
    return Opening(None, size, lines, first, last + 1)


def _lines(block: bytes) -> Iterator[bytes]:
    """Yield lines with their ends, no more than are asked for."""
    start = 0
    while start < len(block):
        end = block.find(b"\n", start) + 1 or len(block)
        yield block[start:end]
        start = end


class Beginning:
    """Follows how a text of a server's log begins, over its pieces.

    day: of the first line with a time; None where that states it itself.
    """

    def __init__(self, server: LicenseServer, day: date | None) -> None:
        self._server, self.day = server, day
        self.hidden: list[Hole] = []
        """Time of which lines were left out that may tell of seats, and is yet to be stored."""
        self.notes: list[str] = []

    def skip(self, block: bytes, parser: DebugLogParser, *, whole_server: bool) -> bytes:
        """Return what is to be read of the next bytes."""
        if parser.first_at is not None:
            return block
        spans = coverage.log_spans(self._server)
        found = opening(
            block,
            self.day,
            self._server.tzinfo,
            lambda daemon: coverage.of_daemon(spans, "" if whole_server else daemon),
        )
        parser.begin(follows=found.follows, size=found.size, lines=found.lines)
        if found.size:
            told = IntervalSet.of([found.start], [found.end])
            if all(len(told.subtract(known)) for known in spans.values()):
                self.hidden.append(Hole(found.start, found.end))
            self.notes.append(self._note(found))
        return block[found.size :]

    def _note(self, found: Opening) -> str:
        begin, end = (
            datetime.fromtimestamp(at, self._server.tzinfo) for at in (found.start, found.end)
        )
        return (
            f"{found.lines} lines are left out, as the clock showed the time from "
            f"{begin:%Y-%m-%d %H:%M} to {end:%H:%M} twice; import what comes before this text, and "
            f"then this one again"
        )
