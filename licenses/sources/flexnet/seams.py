"""Where another text begins within a text of a log: files that were joined, in whatever order.

    cat debug.log debug.log.1        tells of what came later before what came earlier
    cat debug.log.1 copy-of-it       tells of the same twice

It shows in that the text goes back: its clock by more than lines come late, or its date; or by
less, and all that it told of this time stands once more. A clock that was set back looks the same;
what the two parts tell of the time between says which it was, as of two texts that are handed in
apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from licenses.sources.clock import DAY, WENT_BACK, LogClock
from licenses.sources.flexnet.debug_log import LogPiece
from licenses.sources.flexnet.line_parser import Jump
from licenses.sources.flexnet.log_dates import time_of_day
from licenses.sources.flexnet.log_lines import LINE
from licenses.sources.flexnet.redating import split, surely_before
from licenses.sources.records import ClockStep
from licenses.sources.text import LINE_CAP

RETOLD = 900
"""Seconds by which lines may come late; a text that goes back further tells of that time again."""

RETOLD_LEAST = 60
"""Seconds by which a text that tells again goes back at least: who asks again each second, or
takes a seat and returns it, writes a few lines alike within less."""

ALIKE = 2
"""Lines that a passage told again has at least: one may come again by chance."""

MOST_TRIED = 50
"""Times that a piece goes back by less than RETOLD, of which it is looked for such a passage; and
places of a text from which it may be."""


class Seam(NamedTuple):
    """The first line of another text.

    day, at:   of that line.
    seconds:   by how much the text goes back there.
    date_line: the line whose date says so; 0 where the time of day does.
    since:     moment of the date line before, from which on lines may be of either text.
    unsure:    whether any are.
    stored:    whether such lines are stored already.
    """

    line: int
    day: date
    at: int
    seconds: int
    date_line: int = 0
    since: int | None = None
    unsure: bool = False
    stored: bool = False


class Lines(NamedTuple):
    """Whole lines of a log.

    before, latest, clock: how many lines come before them, the latest time of their text, and the
                           state of its clock.
    encoding:              where they are not made of bytes: utf-16-le or utf-16-be.
    """

    raw: bytes
    before: int
    latest: int | None
    clock: Mapping[str, Any]
    encoding: str = ""

    @property
    def data(self) -> bytes:
        return self.raw.decode(self.encoding, "replace").encode() if self.encoding else self.raw

    def place_of(self, line: int) -> int:
        """Return the byte at which a line begins."""
        at = self._start(line)
        return len(self.data[:at].decode().encode(self.encoding)) if self.encoding else at

    def told_again(self, line: int) -> bool:
        """Tell whether a line and those behind it are what stands before it, from one of these
        lines to the last, once more; or as much of that as there is of them. Blank ones aside."""
        at = self._start(line)
        before, behind = _filled(self.data[:at]), _filled(self.data[at:])
        begun = [place for place, each in enumerate(before) if each == behind[0]] if behind else ()
        return any(
            len(told) >= ALIKE and before[place:][: len(behind)] == told
            for place in begun[:MOST_TRIED]
            if (told := behind[: len(before) - place])
        )

    def _start(self, line: int) -> int:
        if line <= self.before + 1:
            return 0
        ends = np.flatnonzero(np.frombuffer(self.data, dtype=np.uint8) == ord("\n"))
        return int(ends[line - self.before - 2]) + 1


def find(lines: Lines, piece: LogPiece, jumps: Sequence[Jump], zone: ZoneInfo) -> Seam | None:
    """Return where the first other text begins in a piece; None where it is of one text.

    piece, jumps: what was read of the lines, as if they were of one.
    """
    days = {jump.line: jump.days for jump in jumps}
    steps = [
        each for each in piece.others if isinstance(each, ClockStep) and each.reason == WENT_BACK
    ]
    again = [step for step in steps if step.seconds < -RETOLD]
    near = [step for step in steps if -RETOLD <= step.seconds <= -RETOLD_LEAST]
    again += [step for step in near[:MOST_TRIED] if lines.told_again(step.line)]
    seams = [
        Seam(step.line, _day(step.at, zone, days.get(step.line, 0)), step.at, step.seconds)
        for step in again
    ]
    # A date that contradicts the first lines of a text is the first to tell of their day.
    back = [jump for jump in jumps if jump.days < 0 and jump.confirmed is not None]
    seams += filter(None, (_before_date(lines, jump, zone) for jump in back))
    return min(seams, default=None, key=lambda seam: seam.line)


def _before_date(lines: Lines, jump: Jump, zone: ZoneInfo) -> Seam | None:
    """Return the seam that a date line shows which lies behind the one before it; None where the
    text goes back no further than lines come late.

    Logs print the date every six hours, so lines far from the one are near the other. Where that
    leaves a choice, the other text begins with its date line.
    """
    told = _since(lines, jump, zone)
    at = np.array([each for _line, each in told], dtype=np.int64)
    first, second = split(at[:-1], jump)
    begun = int(at[second]) + jump.days * DAY
    before = jump.confirmed if jump.since > lines.before else lines.latest
    before = int(at[second - 1]) if second else before
    back = 0 if before is None else begun - before
    if back >= -RETOLD:
        return None
    return Seam(
        told[second][0],
        _day(int(at[second]), zone, jump.days),
        begun,
        back,
        jump.line,
        jump.confirmed,
        unsure=first < second,
        stored=jump.since <= lines.before and not surely_before(jump, lines.latest),
    )


def _since(lines: Lines, jump: Jump, zone: ZoneInfo) -> list[tuple[int, int]]:
    """Return the lines after the date line before the one that jumps, up to this, with their
    moments by the calendar."""
    assert jump.confirmed is not None
    clock = LogClock(zone, state=lines.clock)
    if jump.since > lines.before:
        clock = LogClock(zone, _day(jump.confirmed, zone))
    told = [
        (number, clock.read(tod))
        for number, tod in _timed(lines)
        if jump.since <= number <= jump.line
    ]
    return [each for each in told if each[0] > jump.since]


def _filled(data: bytes) -> list[bytes]:
    return [line for line in data.split(b"\n") if line.strip()]


def _timed(lines: Lines) -> Iterator[tuple[int, int]]:
    """Yield the number and the time of day of each line that has one."""
    for number, line in enumerate(lines.data.split(b"\n"), lines.before + 1):
        found = LINE.match(line) if len(line) <= LINE_CAP else None
        if found and (tod := time_of_day(found)) is not None:
            yield number, tod


def _day(at: int, zone: ZoneInfo, days: int = 0) -> date:
    return datetime.fromtimestamp(at, UTC).astimezone(zone).date() + timedelta(days=days)
