"""FlexNet debug logs: the only readable record of every checkout, return and refusal.

The lines carry the time of day; `licenses.sources.clock` finds the day. The parser reads blocks of
any size in flat memory. Nearly all lines are OUT and IN: they are cut with two byte splits, and
their parts (head, user@host, tail) looked up in dictionaries that the exact grammar of `log_lines`
fills. Every other line goes through that grammar itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import Any, BinaryIO
from zoneinfo import ZoneInfo

from licenses.sources.base import DateNeeded
from licenses.sources.clock import LATE, DayCounter, LogClock
from licenses.sources.flexnet import log_lines as grammar
from licenses.sources.flexnet.daemons import Daemons
from licenses.sources.records import (
    Checkin,
    Checkout,
    ClockStep,
    Denial,
    LogRecord,
    Package,
    Queue,
    ReservationEcho,
    Unreadable,
    Unsupported,
    Upgrade,
)
from licenses.sources.text import LINE_CAP, LineReader, decode_part, visible

MEMO_CAP = 200_000
"""Entries of a memo before it is emptied: bounds the memory, whatever the text."""
PACKAGE_SECONDS = 60
_new = tuple.__new__


class _Memo(dict[bytes, Any]):
    """Remembers what the exact grammar makes of a part of a line; raises what the grammar
    raises."""

    def __init__(self, read: Callable[[bytes], Any]) -> None:
        super().__init__()
        self._read = read

    def __missing__(self, part: bytes) -> Any:
        value = self[part] = self._read(part)
        return value


def _stamp(part: bytes) -> int:
    """Return the time of day of the eight bytes before " (daemon)"."""
    if not (found := grammar.STAMP.fullmatch(part)) or (hour := int(found[1])) > 23:
        raise ValueError
    return hour * 3600 + int(found[2]) * 60 + int(found[3])


def _tail_memos() -> dict[str, _Memo]:
    return {
        "OUT": _Memo(lambda part: grammar.read_tail(decode_part(part))[:2]),
        "IN": _Memo(lambda part: grammar.read_tail(decode_part(part))),
        "DENIED": _Memo(lambda part: grammar.read_refusal(decode_part(part))),
    }


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
            or (tod := _time_of_day(found)) is None
        ):
            return None
        if found["month"]:
            self._here = _stated(found, "", self._here) or self._here
            self._first = self._first or self._here
        day = self._days.count(tod)
        stated = _stated(found, decode_part(found["message"]))
        if stated is None:
            return None
        if self._first is not None:
            near = self._first + (stated - self._here)
            return grammar.day_near(self._first.month, self._first.day, near)
        return date.fromordinal(stated.toordinal() - day)


def _time_of_day(line: Any) -> int | None:
    hour = int(line["hour"])
    second = int(line["second"] or 0)
    return hour * 3600 + int(line["minute"]) * 60 + second if hour < 24 else None


def _stated(line: Any, message: str, near: date | None = None) -> date | None:
    """Return the date that a line states; *near* tells the year where it states none."""
    if line["date"]:
        return grammar.prefix_date(line["date"].decode())
    if near is not None and line["month"]:
        return grammar.day_near(int(line["month"]), int(line["day"]), near)
    if stated := grammar.stated_date(message):
        return stated
    started = grammar.started_on(message)
    return started[1] if started else None


class DebugLogParser:
    """Reads one debug log, in blocks, into records.

    zone:  of the machine that writes the log.
    date:  of the first timed line; not needed where that line states a date itself, or with
           *state*.
    state: of another parser, to go on at its `offset`.

    Raises DateNeeded (from `feed` or `finish`) where nothing tells the first line's day.
    """

    def __init__(
        self, *, zone: ZoneInfo, date: date | None, state: Mapping[str, Any] | None = None
    ) -> None:
        known = state or {}
        self._reader = LineReader(offset=known.get("offset", 0), encoding=known.get("encoding", ""))
        self._clock = LogClock(zone, date, known.get("clock"))
        self._daemons = Daemons(known.get("daemons"))
        self.lines: int = known.get("lines", 0)
        self.counts: dict[str, int] = dict(known.get("counts", {"out": 0, "in": 0, "denied": 0}))
        self.first_at: int | None = known.get("first_at")
        self._package: list[Any] | None = known.get("package")
        self._padded: bool | None = known.get("padded")
        self._heads: dict[bytes, tuple[str, str, _Memo]] = {}
        self._stamps = _Memo(_stamp)
        self._features = _Memo(grammar.read_feature)
        self._whos = _Memo(lambda part: grammar.read_who(decode_part(part)))
        self._tails = _tail_memos()

    @property
    def offset(self) -> int:
        """Bytes of whole lines consumed, from the start of the text."""
        return self._reader.offset

    @property
    def last_at(self) -> int | None:
        """The latest time seen."""
        return self._daemons.latest

    def state(self) -> dict[str, Any]:
        """Return what a new parser needs to go on at `offset`; fit for JSON. A half line is not
        part of it."""
        return {
            "offset": self.offset,
            "encoding": self._reader.encoding,
            "lines": self.lines,
            "clock": self._clock.state(),
            "daemons": self._daemons.state(),
            "counts": dict(self.counts),
            "first_at": self.first_at,
            "package": self._package,
            "padded": self._padded,
        }

    def take_spans(self) -> list[tuple[int, int]]:
        """Return the time vouched for since the last call, as half-open spans in order.

        From the first line to the latest, without what lies between the stop of the server, or of
        its only daemon, and the next start; before a restart that no stop announced, from the last
        line before it. A jump of the calendar by a date line cuts what was not yet taken, back to
        the last date line that agreed.
        """
        return self._daemons.take()

    def feed(self, block: bytes) -> Iterator[LogRecord]:
        """Read the next bytes at once; what follows the last newline is kept for the next call."""
        return iter(self._read(self._reader.feed(block)))

    def finish(self) -> Iterator[LogRecord]:
        """Read a last line that has no newline. An event that was cut in the middle is Unreadable.

        Other lines of the text show whether blanks follow a host; where they do, a host at the
        very end is half a host.
        """
        last = self._reader.finish()
        if last is None:
            return iter(())
        if len(last) <= LINE_CAP and self._is_cut(last):
            self.lines += 1
            reason = "the text ends in the middle of this event"
            return iter([Unreadable(self.lines, visible(decode_part(last)), reason)])
        return iter(self._read([last]))

    def _read(self, lines: list[bytes]) -> list[LogRecord]:
        out: list[LogRecord] = []
        add = out.append
        clock, daemons, counts = self._clock, self._daemons, self.counts
        stamps, heads, features = self._stamps, self._heads, self._features
        whos = self._whos
        number, latest = self.lines, daemons.latest
        # Copies of the clock's place: tod, at and base are true while `fresh`; `advance` hands
        # them back.
        tod, at, base = -1, 0, None
        fast = 0
        for line in lines:
            number += 1
            try:
                head, feature, rest = line.split(b'"', 2)
                who, gap, tail = rest.partition(b"  ")
                kind, daemon, tails = heads[head[8:]]
                now = stamps[head[:8]]
                name = features[feature]
                user, host = whos[who]
                fields = tails[tail]
                if not gap:
                    raise ValueError
            except (KeyError, ValueError):
                if not line:
                    continue
                if base is not None:
                    clock.advance(tod, at)
                    daemons.latest = latest
                self.lines = number
                self._line(line, number, out)
                latest = daemons.latest
                base = None
                continue
            fast += 1
            if base is not None and LATE < tod <= now:
                at = base + now
                tod = now
            else:
                if base is not None:
                    clock.advance(tod, at)
                at = self._tick(now, number, out)
                tod, base = clock.tod or 0, clock.base
                if clock.line_day != clock.day or tod != now:
                    base = None
            if latest is None or at > latest:
                latest = at
            if kind == "OUT":
                if daemons.down or daemons.open is None:
                    daemons.latest = latest
                    daemons.alive(daemon, at)
                counts["out"] += 1
                add(_new(Checkout, (at, daemon, name, user, host, *fields, number)))
            elif kind == "IN":
                counts["in"] += 1
                add(_new(Checkin, (at, daemon, name, user, host, *fields, number)))
            else:
                counts["denied"] += 1
                add(_new(Denial, (at, daemon, name, user, host, *fields, number)))
        if base is not None:
            clock.advance(tod, at)
        daemons.latest = latest
        self.lines = number
        if fast and self._padded is None:
            self._padded = True
        memos: list[dict[Any, Any]] = [features, whos, heads, *self._tails.values()]
        for memo in memos:
            if len(memo) > MEMO_CAP:
                memo.clear()
        return out

    def _tick(self, tod: int, number: int, out: list[LogRecord]) -> int:
        """Read a time of day, and report a clock that went back."""
        at = self._clock.read(tod)
        if self._clock.step:
            out.append(ClockStep(at, *self._clock.step, number))
        if self.first_at is None:
            self.first_at = at
        self._daemons.line(at)
        return at

    def _line(self, line: bytes, number: int, out: list[LogRecord]) -> None:
        """Read any line by the exact grammar."""
        if len(line) > LINE_CAP:
            text = visible(decode_part(line[:2000]))
            out.append(
                Unreadable(number, text, f"longer than {LINE_CAP} bytes; the rest was skipped")
            )
            return
        line = line.rstrip(b"\r")
        found = grammar.LINE.match(line)
        tod = _time_of_day(found) if found else None
        if found is None or tod is None:
            if grammar.LOOKS_LIKE_EVENT.search(line):
                reason = "expected a time and a daemon: HH:MM:SS (daemon) EVENT: ..."
                out.append(Unreadable(number, visible(decode_part(line)), reason))
            return
        message = decode_part(found["message"])
        stated = _stated(found, message, self._clock.today)
        if not self._clock.dated:
            if stated is None:
                raise DateNeeded(number)
            self._clock.start(stated)
        self._daemons.before_line()
        at = self._tick(tod, number, out)
        if stated is not None:
            at = self._confirm(stated, at, number, out)
        daemon = decode_part(found["daemon"])
        if event := grammar.EVENT.match(found["message"]):
            try:
                self._event(
                    event["kind"].decode(), daemon, decode_part(event["rest"]), at, number, out
                )
            except grammar.NotAnEvent as error:
                out.append(Unreadable(number, visible(decode_part(line)), str(error)))
            else:
                self._remember(line, daemon, event["kind"].decode())
        else:
            self._message(daemon, message, at, number, out)

    def _confirm(self, stated: date, at: int, number: int, out: list[LogRecord]) -> int:
        seconds = self._clock.confirm(stated)
        now = self._clock.at
        if seconds and now is not None:
            self._daemons.jump(at, now)
            reason = f"the date line says {stated.isoformat()}"
            out.append(ClockStep(now, seconds, reason, number))
        self._daemons.confirmed(self._clock.confirmed_at)
        return at if now is None else now

    def _event(
        self, kind: str, daemon: str, rest: str, at: int, number: int, out: list[LogRecord]
    ) -> None:
        counted = 1
        if old := grammar.split_old(kind, rest):
            feature, (user, host), counted, rest = old
        else:
            feature, rest = grammar.split_feature(rest)
            if kind == "UNSUPPORTED":
                rest = grammar.skip_key(rest)
            (user, host), rest = grammar.split_who(rest)
        if kind == "UNSUPPORTED":
            code = grammar.read_refusal(rest).code
            out.append(Unsupported(at, daemon, feature, user, host, code, number))
            return
        if kind == "DENIED":
            refusal = grammar.read_refusal(rest)
            if old:
                refusal = grammar.Refusal(counted, None, "", "", "", "")
            self.counts["denied"] += 1
            out.append(Denial(at, daemon, feature, user, host, *refusal, number))
            return
        seats, data, word = grammar.read_tail(rest)
        if kind == "OUT":
            self._daemons.alive(daemon, at)
            self.counts["out"] += 1
            out.append(Checkout(at, daemon, feature, user, host, seats, data, number))
        elif kind.startswith("IN"):
            word = word or kind.removeprefix("IN").strip()
            self._daemons.known(daemon)
            self.counts["in"] += 1
            out.append(Checkin(at, daemon, feature, user, host, seats, data, word, number))
        elif kind == "UPGRADE":
            out.append(Upgrade(at, daemon, feature, user, host, seats, data, number))
        else:
            entered = kind == "QUEUED"
            out.append(Queue(at, daemon, feature, user, host, seats, entered, number))

    def _message(
        self, daemon: str, message: str, at: int, number: int, out: list[LogRecord]
    ) -> None:
        """Read a line that is no event: starts, stops, packages and reservations; the rest is
        talk."""
        out.extend(self._daemons.message(daemon, message, at, number))
        if self._package is not None and self._package[0] == daemon:
            self._component(message, at, out)
        elif "(consisting of:" in message:
            name, _, components = message.partition("(consisting of:")
            name = name.rpartition("for:")[2].strip()
            self._package = [daemon, name, [], number, at]
            self._component(components, at, out)
        elif message.startswith("RESERVING ") and (echo := grammar.reservation(message)):
            seats, feature, holder_type, holder = echo
            out.append(ReservationEcho(at, daemon, feature, seats, holder_type, holder, number))

    def _component(self, message: str, at: int, out: list[LogRecord]) -> None:
        """Read a line of a list of components, which the log wraps until a bracket closes it."""
        assert self._package is not None
        daemon, name, components, number, began = self._package
        words, closing, _ = message.partition(")")
        if "(" in words or ":" in words or at - began > PACKAGE_SECONDS or len(components) > 10_000:
            self._package = None
            reason = "expected the components of a package, and a bracket that closes them"
            out.append(Unreadable(number, visible(f"{name} (consisting of:"), reason))
            return
        components.extend(words.split())
        if closing:
            self._package = None
            out.append(Package(daemon, name, tuple(components), number))

    def _remember(self, line: bytes, daemon: str, kind: str) -> None:
        """Remember the head of a line that `_read` can cut, and whether blanks follow the host."""
        parts = line.split(b'"', 2)
        if kind not in self._tails or len(parts) != 3:
            return
        head, _, rest = parts
        if b"  " not in rest:
            self._padded = False
        elif grammar.HEAD.fullmatch(head[8:]) and grammar.STAMP.fullmatch(head[:8]):
            self._heads[head[8:]] = (kind, daemon, self._tails[kind])

    def _is_cut(self, line: bytes) -> bool:
        """Whether this last line, which no newline ends, is an event that may lack its end."""
        found = grammar.LINE.match(line)
        if found is None or not (event := grammar.EVENT.match(found["message"])):
            return False
        rest = decode_part(event["rest"])
        try:
            if old := grammar.split_old(event["kind"].decode(), rest):
                return not grammar.is_whole(old[3])
            _, rest = grammar.split_feature(rest)
            if event["kind"] == b"UNSUPPORTED":
                rest = grammar.skip_key(rest)
            _, rest = grammar.split_who(rest)
        except grammar.NotAnEvent:
            return True
        if not rest and self._padded:
            return True
        return not grammar.is_whole(rest) or (event["kind"] == b"DENIED" and not rest.strip())
