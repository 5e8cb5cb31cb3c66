"""One line of a debug log, by the exact grammar: the definition of what a log says.

Keeps what lines mean for those after them: the calendar, which daemons are up, a package that is
wrapped over lines. `debug_log` reads most lines faster, and never otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from licenses.sources.base import DateNeeded
from licenses.sources.clock import LogClock
from licenses.sources.flexnet import log_lines as grammar
from licenses.sources.flexnet.daemons import Daemons
from licenses.sources.flexnet.log_dates import stated_in, time_of_day
from licenses.sources.flexnet.stated import in_log
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
from licenses.sources.text import LINE_CAP, decode_part, visible

PACKAGE_SECONDS = 60
TOO_LONG = f"longer than {LINE_CAP} bytes; the rest was skipped"
NULS = "NUL bytes stand where lines were"


class Jump(NamedTuple):
    """A date line that contradicted the calendar.

    since, confirmed: line and time of the last date line that agreed before; 0 and None without.
    line, read_as:    its own line, and its time by the calendar before.
    days:             by how many it moved the calendar.
    """

    since: int
    confirmed: int | None
    line: int
    read_as: int
    days: int


class LineParser:
    """Reads one line after the other.

    zone, date, state: as for `DebugLogParser`.
    """

    def __init__(
        self, *, zone: ZoneInfo, date: date | None, state: Mapping[str, Any] | None = None
    ) -> None:
        known = state or {}
        self.clock = LogClock(zone, date, known.get("clock"))
        self.daemons = Daemons(known.get("daemons"))
        self.counts: dict[str, int] = dict(known.get("counts", {"out": 0, "in": 0, "denied": 0}))
        self.first_at: int | None = known.get("first_at")
        self._package: list[Any] | None = known.get("package")
        self._confirmed_line: int = known.get("confirmed_line", 0)
        self.jumps: list[Jump] = [Jump(*jump) for jump in known.get("jumps", ())]
        self.doubts: list[tuple[str, int | None]] = [tuple(one) for one in known.get("doubts", ())]
        """Moments from which on more seats may be out than lines tell, with the daemon ("" for
        any): the newest time then, None before the first."""
        self.losses: list[tuple[str, int | None]] = [tuple(one) for one in known.get("losses", ())]
        """Likewise, moments at which something may have been returned that no line tells of."""

    def state(self) -> dict[str, Any]:
        """Return what another one needs to go on; fit for JSON."""
        return {
            "clock": self.clock.state(),
            "daemons": self.daemons.state(),
            "counts": dict(self.counts),
            "first_at": self.first_at,
            "package": self._package,
            "confirmed_line": self._confirmed_line,
            "jumps": [list(jump) for jump in self.jumps],
            "doubts": [list(one) for one in self.doubts],
            "losses": [list(one) for one in self.losses],
        }

    def tick(self, tod: int, number: int, out: list[LogRecord]) -> int:
        """Read a time of day, and report a clock that went back."""
        at = self.clock.read(tod)
        if self.clock.step:
            out.append(ClockStep(at, *self.clock.step, number))
        if self.first_at is None:
            self.first_at = at
        self.daemons.line(at)
        return at

    def read(self, line: bytes, number: int, out: list[LogRecord]) -> None:
        """Read any line by the exact grammar."""
        if len(line) > LINE_CAP:
            text = visible(decode_part(line[:2000]))
            out.append(Unreadable(number, text, TOO_LONG))
            self._lost()
            return
        line = line.rstrip(b"\r")
        found = grammar.LINE.match(line)
        tod = time_of_day(found) if found else None
        if found is None or tod is None:
            if grammar.LOOKS_LIKE_EVENT.search(line):
                reason = "expected a time and a daemon: HH:MM:SS (daemon) EVENT: ..."
                out.append(Unreadable(number, visible(decode_part(line)), reason))
                self._lost()
            elif b"\0" in line:
                # What a machine leaves in place of lines that it lost with its power.
                out.append(Unreadable(number, visible(decode_part(line[:200])), NULS))
                self._lost()
            elif not grammar.UNTIMED.match(line):
                reason = "no time stands before it, and it is no text that is known"
                out.append(Unreadable(number, visible(decode_part(line)), reason))
                if b"@" in line or b'"' in line:
                    self._lost()
            return
        message = decode_part(found["message"])
        event = grammar.EVENT.match(found["message"])
        near = self.clock.today if found["month"] else None
        # Names that an event holds may read like a date.
        stated = stated_in(found, "" if event else message, near)
        if not self.clock.dated:
            if stated is None:
                raise DateNeeded(number)
            self.clock.start(stated)
        self.daemons.before_line()
        at = self.tick(tod, number, out)
        if stated is not None:
            at = self._confirm(stated, at, number, out)
        daemon = decode_part(found["daemon"])
        if event:
            try:
                self._event(
                    event["kind"].decode(), daemon, decode_part(event["rest"]), at, number, out
                )
            except grammar.NotAnEvent as error:
                out.append(Unreadable(number, visible(decode_part(line)), str(error)))
                if event["kind"] == b"OUT":
                    self.doubts.append((daemon, at))
                elif event["kind"].startswith(b"IN"):
                    self.losses.append((daemon, at))
        elif grammar.is_like_event(message):
            reason = "names a feature and USER@HOST, and is no event that is known"
            out.append(Unreadable(number, visible(decode_part(line)), reason))
            self.doubts.append((daemon, at))
            self.losses.append((daemon, at))
        else:
            if (wrong := grammar.wrong_date(message)) is not None:
                # All else that it says counts; no event is lost with it.
                text = visible(wrong[:60])
                reason = f"expected a date that exists, as TIMESTAMP MM/DD/YYYY, found {text!r}"
                out.append(Unreadable(number, visible(decode_part(line)), reason))
            self._message(daemon, message, at, number, out)

    def _lost(self) -> None:
        """Note a line that may have been anything."""
        self.doubts.append(("", self.daemons.latest))
        self.losses.append(("", self.daemons.latest))

    def _confirm(self, stated: date, at: int, number: int, out: list[LogRecord]) -> int:
        confirmed, today = self.clock.confirmed_at, self.clock.today
        seconds = self.clock.confirm(stated)
        now = self.clock.at
        if seconds and now is not None and today is not None:
            days = (stated - today).days
            self.jumps.append(Jump(self._confirmed_line, confirmed, number, at, days))
            self.daemons.jump(at, now)
            reason = f"the date line says {stated.isoformat()}"
            out.append(ClockStep(now, seconds, reason, number))
        if self.clock.confirmed_at == now:
            self._confirmed_line = number
        self.daemons.confirmed(self.clock.confirmed_at)
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
            self.daemons.alive(daemon, at)
            self.counts["out"] += 1
            out.append(Checkout(at, daemon, feature, user, host, seats, data, number))
        elif kind.startswith("IN"):
            word = word or kind.removeprefix("IN").strip()
            self.daemons.known(daemon)
            self.counts["in"] += 1
            out.append(Checkin(at, daemon, feature, user, host, seats, data, word, number))
        elif kind == "UPGRADE":
            out.append(Upgrade(at, daemon, feature, user, host, seats, data, number))
            self.doubts.append((daemon, at))
        else:
            entered = kind == "QUEUED"
            out.append(Queue(at, daemon, feature, user, host, seats, entered, number))

    def _message(
        self, daemon: str, message: str, at: int, number: int, out: list[LogRecord]
    ) -> None:
        """Read a line that is no event: starts, stops, what the server states of itself, packages
        and reservations; the rest is talk."""
        out.extend(self.daemons.message(daemon, message, at, number))
        out.extend(in_log(daemon, message, at, number))
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

    def is_cut(self, line: bytes) -> bool:
        """Whether this last line, which no newline ends, is an event that may lack its end, or
        breaks off where an event might have come."""
        found = grammar.LINE.match(line)
        if found is None or not (event := grammar.EVENT.match(found["message"])):
            return grammar.may_become_event(line)
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
        return not grammar.is_whole(rest)


def may_hide_event(text: str, reason: str) -> bool:
    """Whether a line that could not be read, and why, may have told of a seat taken or returned: a
    log proves nothing by itself from there on.

    text: of the line, as `Unreadable` keeps it.
    """
    if reason in (TOO_LONG, NULS):
        return True
    lines = LineParser(zone=ZoneInfo("UTC"), date=date(2000, 1, 1))
    lines.read(text.encode(), 1, [])
    return bool(lines.doubts or lines.losses)
