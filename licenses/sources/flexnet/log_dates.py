"""The day of a debug log's first line, and the dates that single lines state."""

from __future__ import annotations

from datetime import date
from typing import Any, BinaryIO

from licenses.sources.clock import DayCounter
from licenses.sources.flexnet import log_lines as grammar
from licenses.sources.text import LINE_CAP, LineReader, decode_part


def first_line_date(stream: BinaryIO) -> date | None:
    """Return the date of the first timed line: from the first date line in the text, midnights
    counted back.

    Reads on from where *stream* stands, as far as the first date line. None where there is none. A
    stop of more than a day before that line cannot be seen, and is not counted.
    """
    days = _FirstDay()
    reader = LineReader()
    while block := stream.read(1 << 20):
        for line in reader.feed(block):
            if (found := days.line(line)) is not None:
                return found
    last = reader.finish()
    return days.line(last) if last else None


class _FirstDay:
    """Finds the day of the first timed line of a text by what its lines say."""

    def __init__(self) -> None:
        self._days = DayCounter()
        self._here = date(2000, 7, 1)
        """Of the line read last, where lines print a day without a year: in a year of its own."""
        self._first: date | None = None

    def line(self, line: bytes) -> date | None:
        """Read the next line; return the first line's date once a line states its own."""
        if (
            not (found := grammar.LINE.match(line[:LINE_CAP]))
            or (tod := time_of_day(found)) is None
        ):
            return None
        if found["month"]:
            self._here = stated_in(found, "", self._here) or self._here
            self._first = self._first or self._here
        day = self._days.count(tod)
        message = b"" if grammar.EVENT.match(found["message"]) else found["message"]
        stated = stated_in(found, decode_part(message))
        if stated is None:
            return None
        if self._first is not None:
            near = self._first + (stated - self._here)
            return grammar.day_near(self._first.month, self._first.day, near)
        return date.fromordinal(stated.toordinal() - day)


def time_of_day(line: Any) -> int | None:
    hour = int(line["hour"])
    second = int(line["second"] or 0)
    return hour * 3600 + int(line["minute"]) * 60 + second if hour < 24 else None


def stated_in(line: Any, message: str, near: date | None = None) -> date | None:
    """Return the date that a line states; *near* tells the year where it states none."""
    if line["date"]:
        return grammar.prefix_date(line["date"].decode())
    if near is not None and line["month"]:
        return grammar.day_near(int(line["month"]), int(line["day"]), near)
    if stated := grammar.stated_date(message):
        return stated
    started = grammar.started_on(message)
    return started[1] if started else None
