"""Write a FlexNet debug log, as lmgrd and its daemons do: wall-clock times without dates, dated now
and then.

The grammar is that of real logs of versions 11.12 to 11.19: see the docstrings of the functions for
what each line imitates.
"""

from __future__ import annotations

import io
from bisect import bisect_left
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import BinaryIO, TextIO
from zoneinfo import ZoneInfo

from .entities import Daemon, Server, Supply
from .history import CRASH, DENIED, DEQUEUED, IN, OUT, QUEUED, START, STOP, History

SIX_HOURS = 6 * 3600
UNQUOTED = frozenset({"halvnumd"})
"""Daemons that print features without quotes, as some vendors' do."""

NOTE = """-----------------------------------------------
  Please Note:

  This log is intended for debug purposes only.
  In order to capture accurate license
  usage data into an organized repository,
  please enable report logging.

-----------------------------------------------

"""


class WallClock:
    """A server's clock on the wall: what it shows at an instant. Offsets are looked up once a
    quarter of an hour."""

    def __init__(self, zone: ZoneInfo) -> None:
        self.zone = zone
        self.offsets: dict[int, int] = {}

    def local(self, at: int) -> int:
        """Return seconds since 1970-01-01 00:00 of the local clock."""
        quarter = at // 900
        offset = self.offsets.get(quarter)
        if offset is None:
            shift = datetime.fromtimestamp(at, self.zone).utcoffset()
            offset = self.offsets[quarter] = int(shift.total_seconds()) if shift else 0
        return at + offset

    def time(self, at: int) -> str:
        """Return " 8:05:09": the hour padded with a blank."""
        second = self.local(at) % 86400
        return f"{second // 3600:2d}:{second // 60 % 60:02d}:{second % 60:02d}"

    def date(self, at: int) -> str:
        """Return M/D/YYYY."""
        day = datetime.fromtimestamp(self.local(at), UTC)
        return f"{day.month}/{day.day}/{day.year}"

    def long(self, at: int) -> str:
        """Return "Wed Mar 04 2026 08:05:09 CET"."""
        day = datetime.fromtimestamp(at, self.zone)
        return f"{day:%a %b %d %Y %H:%M:%S %Z}"


def write_debug_log(
    history: History,
    server: str,
    out: TextIO | BinaryIO,
    start: int | None = None,
    end: int | None = None,
) -> int:
    """Write the server's log of [start, end) and return the number of lines.

    start, end: default: the whole history.

    A piece that does not begin with the server's start begins with a TIMESTAMP line. Every piece
    at whose end the server is up closes with one, of the second in which the next begins, as when
    a log is rotated: pieces that follow each other vouch for all of the time.
    Bytes are UTF-8, lines end with a newline.
    """
    as_text = isinstance(out, io.TextIOBase)
    count = 0
    for line in log_lines(history, server, start, end):
        text = line + "\n"
        out.write(text if as_text else text.encode())  # type: ignore[arg-type]
        count += 1
    return count


def write_monthly_logs(
    history: History, server: str, folder: Path, end: int | None = None
) -> list[Path]:
    """Write one file for each month of the server's calendar, SERVER-YYYY-MM.log, and return them
    in order."""
    zone = history.world.servers[server].tzinfo
    stop = history.end if end is None else end
    first = datetime.fromtimestamp(history.start, zone).date().replace(day=1)
    paths: list[Path] = []
    while True:
        following = date(first.year + first.month // 12, first.month % 12 + 1, 1)
        low = max(history.start, int(datetime.combine(first, time(), zone).timestamp()))
        high = min(stop, int(datetime.combine(following, time(), zone).timestamp()))
        if low >= stop:
            return paths
        path = folder / f"{server}-{first:%Y-%m}.log"
        with path.open("w", encoding="utf-8", newline="\n") as out:
            write_debug_log(history, server, out, low, high)
        paths.append(path)
        first = following


def log_lines(
    history: History, server: str, start: int | None = None, end: int | None = None
) -> Iterator[str]:
    """Yield the lines of [start, end), without line ends."""
    low = history.start if start is None else start
    high = history.end if end is None else end
    writer = LogWriter(history, history.world.servers[server])
    clock = writer.clock
    outages = [o for o in history.outages if o.server == server]
    gaps = [(o.start, o.end) for o in outages if o.kind == "log-gap"]
    stamps = sorted({*([low] if low > history.start else []), *(stop for _, stop in gaps)})
    for at, who, text in writer.lines(low, stamps):
        if at >= high:
            break
        if at >= low and not any(a <= at < b for a, b in gaps):
            yield f"{clock.time(at)} ({who}) {text}" if who else text
    if low < high and not any(o.start < high <= o.end for o in outages):
        yield f"{clock.time(high)} (lmgrd) TIMESTAMP {clock.date(high)}"


class LogWriter:
    """Turn a history into one server's lines, each with its time and the process that prints it."""

    def __init__(self, history: History, server: Server) -> None:
        self.history = history
        self.server = server
        self.clock = WallClock(server.tzinfo)
        self.supplies = history.world.supplies(server.name)
        self.due: list[tuple[int, int, str, str]] = []
        """(next time, seconds between, process, what): the lines that come by the clock while the
        server is up."""
        self.exit_at: int | None = None

    def lines(self, low: int, stamps: list[int]) -> Iterator[tuple[int, str, str]]:
        """Yield (time, process, text) in time order; a line without process has no time in front.

        low:    events before it may be left out.
        stamps: moments at which lmgrd prints the date besides its own habit.
        """
        extra = list(stamps)
        for at, kind, what in self.entries(low):
            while extra and extra[0] < at:
                yield from self.periodic(extra[0])
                if self.due:
                    yield extra[0], "lmgrd", f"TIMESTAMP {self.clock.date(extra[0])}"
                extra.pop(0)
            yield from self.periodic(at)
            if self.exit_at is not None and not (kind == IN and at == self.exit_at):
                yield self.exit_at, "lmgrd", "EXITING DUE TO SIGNAL 15"
                self.exit_at = None
            yield from self.entry(at, kind, what)
        if self.exit_at is not None:
            yield self.exit_at, "lmgrd", "EXITING DUE TO SIGNAL 15"
        for at in extra:
            yield from self.periodic(at)
            if self.due:
                yield at, "lmgrd", f"TIMESTAMP {self.clock.date(at)}"
        yield from self.periodic(self.history.end)

    def entries(self, low: int) -> Iterator[tuple[int, int, int | str]]:
        """Yield this server's part of the history's log: from `low` on everything, before it starts
        and stops alone."""
        history, name = self.history, self.server.name
        place = bisect_left(history.log, low, key=lambda entry: entry[0])
        yield from (entry for entry in history.log[:place] if entry[2] == name)
        rows = {
            OUT: history.sessions,
            IN: history.sessions,
            DENIED: history.denials,
            QUEUED: history.queue,
            DEQUEUED: history.queue,
        }
        for at, kind, what in history.log[place:]:
            if what == name if isinstance(what, str) else rows[kind][what].server == name:  # type: ignore[index]
                yield at, kind, what

    def periodic(self, until: int) -> Iterator[tuple[int, str, str]]:
        """Yield the lines due up to `until`: TIMESTAMP every 6 h, statistics every 4 h."""
        while self.due and min(self.due)[0] <= until:
            at, seconds, who, what = min(self.due)
            self.due[self.due.index((at, seconds, who, what))] = (at + seconds, seconds, who, what)
            if what == "stamp":
                yield at, who, f"TIMESTAMP {self.clock.date(at)}"
                continue
            slog = f"(@{who}-SLOG@)"
            yield at, who, f"{slog} ==============================================="
            yield at, who, f"{slog} === Last 10 Client Requests Processing Time (in ms) ==="
            yield at, who, f"{slog} Time: {self.clock.long(at)}"
            yield at, who, f"{slog} === Active Connections Info ==="
            yield at, who, f"{slog} ==============================================="

    def entry(self, at: int, kind: int, what: int | str) -> Iterator[tuple[int, str, str]]:
        history = self.history
        if isinstance(what, str):
            yield from {START: self.started, STOP: self.stopped, CRASH: self.crashed}[kind](at)
        elif kind in (OUT, IN):
            session = history.sessions[what]
            if kind == OUT and what % 61 == 0:
                yield at, session.daemon, "TCP_NODELAY NOT enabled"
            who = f"{session.login}@{session.host}  "
            if kind == OUT and what % 397 == 0:
                unknown = f'UNSUPPORTED: "{session.feature}_XT" (PORT_AT_HOST_PLUS   ) {who}'
                reason = "(License server system does not support this feature. (-18,327))"
                yield at, session.daemon, unknown + reason
            word, tail = "OUT", self.tail(session.seats, session.data)
            if kind == IN:
                word = "IN"
                tail += {"inactive": "(INACTIVE)", "shutdown": "(SHUTDOWN)"}.get(session.ending, "")
            for feature in filter(None, (session.feature, session.component)):
                quoted = self.quoted(session.daemon, feature)
                yield at, session.daemon, f"{word}: {quoted} {who}{tail}"
        elif kind == DENIED:
            denial = history.denials[what]
            version = f'"v{denial.version}"' if denial.version else ""
            minor = {-4: 342, -25: 334, -101: 556}[denial.code]
            data = f"[{denial.data}] " if denial.data else ""
            who = f"{self.quoted(denial.daemon, denial.feature)} {denial.login}@{denial.host}"
            reason = f"({denial.reason} ({denial.code},{minor}))"
            yield at, denial.daemon, f"DENIED: {who}  {data}{version}{reason}"
        else:
            waiting = history.queue[what]
            word = "QUEUED" if kind == QUEUED else "DEQUEUED"
            who = f"{self.quoted(waiting.daemon, waiting.feature)} {waiting.login}@{waiting.host}"
            yield at, waiting.daemon, f"{word}: {who}  {self.tail(waiting.seats, waiting.data)}"

    @staticmethod
    def quoted(daemon: str, feature: str) -> str:
        return feature if daemon in UNQUOTED else f'"{feature}"'

    @staticmethod
    def tail(seats: int, data: str) -> str:
        return (f"[{data}] " if data else "") + (f"({seats} licenses) " if seats > 1 else "")

    def started(self, at: int) -> Iterator[tuple[int, str, str]]:
        """Yield the banner of lmgrd and of each daemon, and set their clocks going."""
        server, clock = self.server, self.clock
        version = f"{server.daemons[0].version}.0 build 275847 {server.platform}"
        for line in NOTE.splitlines():
            yield at, "lmgrd", line
        yield at, "lmgrd", f"Server's System Date and Time: {clock.long(at)}"
        yield at, "lmgrd", "pid 3372"
        yield at, "lmgrd", "SLOG: Summary LOG statistics is enabled."
        yield at, "lmgrd", "Done rereading"
        yield (
            at,
            "lmgrd",
            f"FlexNet Licensing ({version}) started on {server.host} (linux) ({clock.date(at)})",
        )
        yield at, "lmgrd", f"License file(s): /opt/licences/{server.name}.lic"
        yield at, "lmgrd", f"lmgrd tcp-port {server.port}"
        yield at, "lmgrd", f"(@lmgrd-SLOG@) Start-Date: {clock.long(at)}"
        yield at, "lmgrd", "Starting vendor daemons ... "
        self.due = [(at + SIX_HOURS, SIX_HOURS, "lmgrd", "stamp")]
        for place, daemon in enumerate(server.daemons):
            yield at, "lmgrd", f"Started {daemon.name} (pid {3400 + place})"
            yield from self.daemon_started(at, daemon)
            self.due.append((at + SIX_HOURS + 300 + place, SIX_HOURS + 300, daemon.name, "stamp"))
            self.due.append((at + 4 * 3600 + place, 4 * 3600, daemon.name, "slog"))

    def daemon_started(self, at: int, daemon: Daemon) -> Iterator[tuple[int, str, str]]:
        own = [supply for supply in self.supplies if supply.daemon == daemon.name]
        yield (
            at,
            daemon.name,
            f"FlexNet Licensing version {daemon.version}.0 build 275847 {self.server.platform}",
        )
        for line in served_lines(self.server.host, own):
            yield at, daemon.name, line
        yield at, daemon.name, "EXTERNAL FILTERS are OFF"
        for supply in own:
            if supply.timeout_seconds:
                timeout = f"INACTIVITY TIMEOUT set to {supply.timeout_seconds} seconds"
                yield at, daemon.name, f"FEATURE {supply.feature} {timeout}"
            if supply.reserve:
                key = f"{supply.feature}/145D 7797 905A 1252 "
                group = f"licenses for USER_GROUP {supply.reserve.group}"
                yield at, daemon.name, f"RESERVING {supply.reserve.seats} {key} {group}"
        yield at, "lmgrd", f"{daemon.name} using TCP-port {daemon.port}"

    def stopped(self, at: int) -> Iterator[tuple[int, str, str]]:
        """Yield what lmgrd says when it is told to stop; the INs with (SHUTDOWN) follow, then its
        last line."""
        self.due = []
        self.exit_at = at
        yield at, "", ""
        yield at, "lmgrd", "lmgrd will now shut down all the vendor daemons"
        yield at, "", ""
        for place, daemon in enumerate(self.server.daemons):
            yield (
                at,
                "lmgrd",
                f"Shutting down {daemon.name} pid={3400 + place} because of signal 15",
            )
        for daemon in self.server.daemons:
            yield at, daemon.name, "daemon shutdown requested - shutting down"

    def crashed(self, at: int) -> Iterator[tuple[int, str, str]]:
        """Yield one line of each daemon in the second in which the machine dies: nothing says that
        seats came back."""
        self.due = []
        for daemon in self.server.daemons:
            yield at, daemon.name, "TCP_NODELAY NOT enabled"


def served_lines(host: str, supplies: list[Supply]) -> list[str]:
    """Return the list after "Server started on": three features a line, a package with its
    components on lines of its own."""
    plain = [supply.feature for supply in supplies if not supply.components]
    lines = [f"Server started on {host} for:\t" + (f"{plain.pop(0)}\t\t" if plain else "")]
    for place in range(0, len(plain), 3):
        lines.append("".join(f"{feature}\t" for feature in plain[place : place + 3]))
    for supply in supplies:
        if supply.components:
            first, *others = supply.components
            lines.append(f"{supply.feature} (consisting of:\t\t{first} ")
            lines.append(" ".join(others) + ") ")
    return lines
