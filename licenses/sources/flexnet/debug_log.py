"""FlexNet debug logs: the only readable record of every checkout, return and refusal.

What a line says is defined by `line_parser`. Nearly all lines are OUT and IN of one form: those
are read as columns (`log_columns`), a piece at a time, and only the others go through the
definition. The lines carry the time of day; `licenses.sources.clock` finds the day, and is asked
wherever the time does anything else than run forward.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from licenses.sources.clock import DAY, LOG_SILENCE, RepeatedHour
from licenses.sources.flexnet.byte_names import Codes, Ints
from licenses.sources.flexnet.daemons import SERVER
from licenses.sources.flexnet.line_parser import Jump, LineParser
from licenses.sources.flexnet.log_columns import DENIED, IN, OUT, PADDING, Cut, LogNames, cut
from licenses.sources.records import Checkin, Checkout, Denial, LogRecord, Unreadable
from licenses.sources.text import LINE_CAP, LineReader, decode_part, visible

PIECE = 1 << 20
"""Bytes of lines that are cut at once: so many that numpy's calls cost little, so few that the
columns stay near the processor."""
NAMES_CAP = 300_000
"""Numbered parts before the numbers begin anew: bounds the memory, whatever the text."""
_new = tuple.__new__


@dataclass(frozen=True, slots=True)
class Events:
    """Regular OUT, IN and DENIED lines in the order of the text: one value for each in each column.

    at: epoch seconds. line: from 1. head, feature, who, tail: numbers of `names`.
    """

    names: LogNames
    at: Ints
    line: Ints
    head: Codes
    feature: Codes
    who: Codes
    tail: Codes

    def __len__(self) -> int:
        return len(self.at)

    def at_rows(self, rows: Ints) -> Events:
        """Return only these rows."""
        return Events(
            self.names,
            self.at[rows],
            self.line[rows],
            self.head[rows],
            self.feature[rows],
            self.who[rows],
            self.tail[rows],
        )

    def daemons(self) -> set[str]:
        """Return the daemons that wrote the lines."""
        codes = np.unique(self.head).tolist()
        return {head.daemon for code in codes if (head := self.names.heads[code])}

    def records(self) -> list[LogRecord]:
        """Return the same as records, in order."""
        names = self.names
        found: list[LogRecord] = []
        heads, features, whos, tails = names.heads, names.features, names.whos, names.tails
        columns = (self.at, self.line, self.head, self.feature, self.who, self.tail)
        for at, line, head, feature, who, tail in zip(
            *(column.tolist() for column in columns), strict=True
        ):
            kind, daemon = heads[head]
            user, host = whos[who]
            row = (at, daemon, features[feature], user, host)
            if kind == OUT:
                seats, data, _ = tails[tail]
                found.append(_new(Checkout, (*row, seats, data, line)))
            elif kind == IN:
                found.append(_new(Checkin, (*row, *tails[tail], line)))
            else:
                found.append(_new(Denial, (*row, *names.refusal(tail), line)))
        return found


@dataclass(frozen=True, slots=True)
class LogPiece:
    """What a piece of a log says."""

    events: Events
    others: list[LogRecord]
    """All that is no regular event, in order: also events of other forms."""
    places: list[int]
    """How many of `events` stand before each of `others`."""

    def records(self) -> list[LogRecord]:
        """Return everything as records, in the order of the text."""
        events, found, done = self.events.records(), [], 0
        if not self.others:
            return events
        for other, place in zip(self.others, self.places, strict=True):
            if place > done:
                found += events[done:place]
                done = place
            found.append(other)
        return found + events[done:]


class DebugLogParser:
    """Reads one debug log, in blocks.

    zone:  of the machine that writes the log.
    date:  of the first timed line; not needed where that line states a date itself, or with
           *state*.
    state: of another parser, to go on at its `offset`.

    Raises DateNeeded (from `read`, `feed` or `finish`) where nothing tells the first line's day.
    """

    def __init__(
        self, *, zone: ZoneInfo, date: date | None, state: Mapping[str, Any] | None = None
    ) -> None:
        known = state or {}
        self._reader = LineReader(offset=known.get("offset", 0), encoding=known.get("encoding", ""))
        self._lines = LineParser(zone=zone, date=date, state=state)
        self.lines: int = known.get("lines", 0)
        self._names = LogNames()
        self._met: set[int] = set()
        """Heads of which a line was read by the definition: it may be a daemon's first sign."""

    @property
    def offset(self) -> int:
        """Bytes of whole lines consumed, from the start of the text."""
        return self._reader.offset

    @property
    def encoding(self) -> str:
        """utf-16-le or utf-16-be, once the text has shown so; "" for text of bytes."""
        return self._reader.encoding

    def begin(self, *, follows: int | None, size: int, lines: int) -> None:
        """Say what comes before the first line that is read.

        follows:      the end of another text, which tells which of two hours the first line is of.
        size, lines:  bytes and lines of this text that are left out.
        """
        self._lines.clock.follows = follows
        self._reader.offset += size
        self.lines += lines

    @property
    def between_lines(self) -> bool:
        """Whether no part of a line is kept for the next call."""
        return self._reader.between_lines

    def back_at(self, state: Mapping[str, Any]) -> DebugLogParser:
        """Return a parser that stands where this one stood when it gave a `state` of its text."""
        clock = self._lines.clock
        found = DebugLogParser(zone=clock.zone, date=None, state=state)
        found.begin(follows=clock.follows, size=0, lines=0)
        return found

    @property
    def counts(self) -> dict[str, int]:
        """How many lines OUT, IN and DENIED were read: "out", "in", "denied"."""
        return self._lines.counts

    @property
    def first_at(self) -> int | None:
        """The time of the first timed line."""
        return self._lines.first_at

    @property
    def hours(self) -> list[RepeatedHour]:
        """What the text shows of hours that the zone's clock showed twice."""
        return self._lines.clock.hours

    @property
    def last_at(self) -> int | None:
        """The latest time seen."""
        return self._lines.daemons.latest

    def state(self) -> dict[str, Any]:
        """Return what a new parser needs to go on at `offset`; fit for JSON. A half line is not
        part of it."""
        own = {"offset": self.offset, "encoding": self.encoding, "lines": self.lines}
        return own | self._lines.state()

    def take_spans(self) -> list[tuple[int, int]]:
        """Return the time vouched for since the last call, as half-open spans in order.

        From the first line to the latest, without what lies between the stop of the server, or of
        its only daemon, and the next start; before a restart that no stop announced, from the last
        line before it. A jump of the calendar by a date line cuts what was not yet taken, back to
        the last date line that agreed.
        """
        return self._lines.daemons.take()

    def take_alone(self) -> list[int]:
        """Return the single seconds heard, for which no span vouches, since the last call."""
        return self._lines.daemons.take_alone()

    @property
    def daemons(self) -> frozenset[str]:
        """The vendor daemons that write the log."""
        return self._lines.daemons.names

    def take_outages(self) -> list[tuple[str, int, int]]:
        """Return when single daemons were down since the last call, as (daemon, from, to): that
        time is vouched for of the others alone."""
        return self._lines.daemons.take_outages()

    def take_doubts(self) -> list[tuple[str, int]]:
        """Return from when on more seats may be out than the log tells, since the last call: the
        daemon ("" for any of them) and the moment.

        A line that cannot be read may be an OUT, and an UPGRADE changes seats that are out. What
        comes before the first time counts from there.
        """
        return self._take(self._lines.doubts)

    def take_losses(self) -> list[tuple[str, int]]:
        """Return when something may have been returned that the log does not tell of, likewise: a
        line that cannot be read may be an IN."""
        return self._take(self._lines.losses)

    def take_jumps(self) -> list[Jump]:
        """Return the date lines that contradicted the calendar, since the last call: what was read
        before them may be of another day (`redating`)."""
        jumps, self._lines.jumps = self._lines.jumps, []
        return jumps

    def _take(self, noted: list[tuple[str, int | None]]) -> list[tuple[str, int]]:
        first = self.first_at
        if first is None:
            return []
        taken = [(daemon, first if at is None else at) for daemon, at in noted]
        noted.clear()
        return taken

    def read(self, block: bytes, *, last: bool = False) -> LogPiece:
        """Read the next bytes; what follows the last newline is kept for the next call.

        last: nothing follows: a last line without a newline is read too. An event that no bracket
              closes may have been cut: half a host, or before its number of seats. It is
              Unreadable.
        """
        if len(self._names) > NAMES_CAP:
            self._names, self._met = LogNames(), set()
        parts, others, places, count = [], [], [], 0
        for data in _pieces(self._reader.whole(block)):
            part = _Walk(self, data)
            others += part.others
            places += [count + place for place in part.places]
            parts.append(part.events)
            count += len(part.events)
        if last:
            found = self._finish()
            others += found
            places += [count] * len(found)
        return LogPiece(_joined(parts, self._names), others, places)

    def feed(self, block: bytes) -> Iterator[LogRecord]:
        """Read the next bytes at once, into records; see `read`."""
        return iter(self.read(block).records())

    def finish(self) -> Iterator[LogRecord]:
        """Read a last line that has no newline; see `read`."""
        return iter(self._finish())

    def _finish(self) -> list[LogRecord]:
        line = self._reader.finish()
        if line is None:
            return []
        self.lines += 1
        if len(line) <= LINE_CAP and self._lines.is_cut(line):
            reason = "the text ends in the middle of this event"
            return [Unreadable(self.lines, visible(decode_part(line)), reason)]
        out: list[LogRecord] = []
        self._lines.read(line, self.lines, out)
        return out


class _Walk:
    """Reads one piece of whole lines: odd lines one by one, what lies between them as columns."""

    def __init__(self, parser: DebugLogParser, data: bytes) -> None:
        self._lines = parser._lines
        self._before = parser.lines
        self.others: list[LogRecord] = []
        self.places: list[int] = []
        found = _without_first_signs(cut(data, parser._names), parser._met)
        self._cut, self._names = found, parser._names
        self._at = np.empty(len(found.rows), dtype=np.int64)
        # Rows at which the time does anything else than run forward within a day, or text was lost.
        step = np.diff(found.tod)
        strange = (step < 0) | (step > LOG_SILENCE)
        self._breaks: list[int] = (np.flatnonzero(strange) + 1).tolist()
        self._walk(data)
        parser.lines += len(found.ends)
        self._count()
        self.events = Events(
            parser._names,
            self._at,
            found.rows + (self._before + 1),
            found.head,
            found.feature,
            found.who,
            found.tail,
        )

    def _walk(self, data: bytes) -> None:
        found, read = self._cut, self._lines.read
        odd = found.ends > found.starts
        odd[found.rows] = False
        which = np.flatnonzero(odd)
        places = np.searchsorted(found.rows, which).tolist()
        done = 0
        for index, start, end, place in zip(
            which.tolist(),
            found.starts[which].tolist(),
            found.ends[which].tolist(),
            places,
            strict=True,
        ):
            if place > done:
                self._run(done, place)
                done = place
            out: list[LogRecord] = []
            read(data[start:end], self._before + index + 1, out)
            self._add(out, place)
        if done < len(found.rows):
            self._run(done, len(found.rows))

    def _add(self, out: list[LogRecord], place: int) -> None:
        self.others += out
        self.places += [place] * len(out)

    def _run(self, first: int, end: int) -> None:
        """Read the regular lines of rows first to end: no odd line lies between."""
        daemons, row = self._lines.daemons, first
        while row < end:
            sign = self._next_sign(row, end)
            self._date(row, min(sign + 1, end))
            if sign < end:
                head = self._names.heads[self._cut.head[sign]]
                assert head is not None
                daemons.alive(head.daemon, int(self._at[sign]))
            row = sign + 1

    def _date(self, first: int, end: int) -> None:
        """Give these rows their moments."""
        clock, daemons, tod, at = self._lines.clock, self._lines.daemons, self._cut.tod, self._at
        row = first
        while row < end:
            out: list[LogRecord] = []
            now = int(tod[row])
            number = int(self._cut.rows[row]) + self._before + 1
            at[row] = self._lines.tick(now, number, out)
            if out:
                self._add(out, row)
            row += 1
            if clock.base is None or clock.line_day != clock.day or clock.tod != now:
                continue
            place = bisect_left(self._breaks, row)
            until = min(self._breaks[place], end) if place < len(self._breaks) else end
            if clock.base_until < DAY:
                until = row + int(np.searchsorted(tod[row:until], clock.base_until))
            if until > row:
                at[row:until] = tod[row:until] + clock.base
                newest = int(at[until - 1])
                clock.advance(int(tod[until - 1]), newest)
                daemons.latest = max(newest, daemons.latest or newest)
                row = until

    def _next_sign(self, first: int, end: int) -> int:
        """Return the next row at which a seat is given out by what was taken to be down; end for
        none."""
        daemons = self._lines.daemons
        if not daemons.down and daemons.open is not None:
            return end
        all_down = daemons.open is None or SERVER in daemons.down
        telling = [
            code
            for code, head in enumerate(self._names.heads)
            if head and head.kind == OUT and (all_down or head.daemon in daemons.down)
        ]
        hits = np.flatnonzero(np.isin(self._cut.head[first:end], telling))
        return first + int(hits[0]) if len(hits) else end

    def _count(self) -> None:
        counts = self._lines.counts
        of_heads = np.bincount(self._cut.head).tolist()
        names = {OUT: "out", IN: "in", DENIED: "denied"}
        for head, count in zip(self._names.heads, of_heads, strict=False):
            if head is not None:
                counts[names[head.kind]] += count


def _without_first_signs(found: Cut, met: set[int]) -> Cut:
    """Leave the first line of each new head to the definition, which notes the daemon."""
    codes = np.unique(found.head).tolist() if len(found.head) else []
    new = [code for code in codes if code not in met]
    if not new:
        return found
    met.update(new)
    keep = np.ones(len(found.rows), dtype=bool)
    for code in new:
        keep[np.argmax(found.head == code)] = False
    columns = (found.rows, found.tod, found.head, found.feature, found.who, found.tail)
    return Cut(found.starts, found.ends, *(column[keep] for column in columns))  # type: ignore[arg-type]


def _pieces(data: bytes) -> Iterator[bytes]:
    """Cut whole lines into pieces of whole lines, about as long as PIECE, with PADDING behind."""
    view = memoryview(data)
    start = 0
    while len(data) - start > PIECE:
        end = data.rfind(b"\n", start, start + PIECE) + 1 or data.index(b"\n", start) + 1
        yield b"".join((view[start:end], PADDING))
        start = end
    if start < len(data):
        yield b"".join((view[start:], PADDING))


def _joined(parts: list[Events], names: LogNames) -> Events:
    if len(parts) == 1:
        return parts[0]
    wide, narrow = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.int32)]
    return Events(
        names,
        np.concatenate(wide + [part.at for part in parts]),
        np.concatenate(wide + [part.line for part in parts]),
        np.concatenate(narrow + [part.head for part in parts]),
        np.concatenate(narrow + [part.feature for part in parts]),
        np.concatenate(narrow + [part.who for part in parts]),
        np.concatenate(narrow + [part.tail for part in parts]),
    )
