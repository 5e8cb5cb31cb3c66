"""Import a file: recognise it, and hand it to what reads its format."""

from __future__ import annotations

import gzip
import io
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils import timezone

from licenses.models import Capture, LicenseServer, zone_names
from licenses.sources import detect
from licenses.sources.base import DateNeeded, SourceError
from licenses.sources.flexnet.debug_log import DebugLogParser
from licenses.sources.flexnet.lmstat import parse_lmstat
from licenses.sources.flexnet.log_dates import first_line_date
from licenses.sources.flexnet.log_lines import of_manager
from licenses.sources.flexnet.machines import machines
from licenses.sources.records import Result, Snapshot
from licenses.sources.text import LineReader

from . import late, saved_times
from .logs import LogImport
from .machines import OtherMachine, check_status, note_gap
from .pieces import blocks
from .results import FileResult
from .rights_files import import_license_file, import_options_file
from .snapshots import store_snapshot

HEAD = 64 * 1024
STATUS_LIMIT = 64 * 2**20
"""A status or licence file is read whole; one beyond this is not one."""
UNPACKED_RATIO = 200


class ImportRefused(Exception):
    """The data refuse it. The message is for a person: what was found, what was expected, where."""


@dataclass(frozen=True)
class Wanted:
    """What the person who hands in a file says of it."""

    format: str = ""
    date: date | None = None
    progress: Callable[[int, int], None] = lambda _done, _total: None
    """Called with bytes read and bytes in all."""


FORMATS = tuple(str(kind) for kind in Capture.Kind)


def set_zone(server: LicenseServer, zone: str | None) -> str | None:
    """Set a server's zone where none is set, and return a note for the person, if there is anything
    to note.

    Raises ImportRefused where another one is set already: what was read under it would be wrong.
    """
    if zone:
        if zone not in zone_names():
            raise ImportRefused(
                f"Unknown time zone {zone!r}: expected a name such as Europe/Berlin or UTC."
            )
        if server.zone and server.zone != zone:
            raise ImportRefused(
                f"Server {server.name} has the zone {server.zone}, not {zone}. What was "
                f"imported was read in "
                f"{server.zone}; leave --zone away, or use another server name."
            )
    if server.zone:
        return None
    server.zone = zone or settings.TIME_ZONE
    server.save(update_fields=["zone"])
    if zone:
        return None
    return (
        f"Server {server.name} had no zone and none was given: its times are read as {server.zone}."
    )


def import_file(server: LicenseServer, path: Path, name: str, wanted: Wanted) -> list[FileResult]:
    """Import one file into a server. Raises ImportRefused, and OtherMachine where it is of one that
    nobody has named; nothing is stored half."""
    try:
        with open_text(path) as stream:
            head = stream.read(HEAD)
            file_format = wanted.format or detect(server.kind, head)
            if file_format not in FORMATS:
                raise ImportRefused(
                    f"{name}: format {file_format!r} is not read; expected one of "
                    f"{', '.join(FORMATS)}."
                )
            stream.seek(0)
            if file_format == Capture.Kind.LOG:
                return [_import_log(server, stream, path, name, wanted)]
            data = stream.read(STATUS_LIMIT + 1)
            if len(data) > STATUS_LIMIT:
                raise ImportRefused(
                    f"{name}: larger than {STATUS_LIMIT // 2**20} MB, which no {file_format} is."
                )
            return [_import_whole(server, data, name, file_format, wanted)]
    except SourceError as error:
        if isinstance(error, DateNeeded):
            raise ImportRefused(f"{name}: {error} Give it with --date YYYY-MM-DD.") from error
        raise ImportRefused(f"{name}: {error}") from error
    except (OSError, EOFError) as error:
        raise ImportRefused(f"{name}: cannot be read: {error}") from error


def _import_log(
    server: LicenseServer, stream: BinaryIO, path: Path, name: str, wanted: Wanted
) -> FileResult:
    look = look_through(stream, wanted.date)
    stream.seek(0)
    run = LogImport(server, source=name, **look._asdict())
    done, size = 0, path.stat().st_size
    try:
        for block, last in blocks(stream):
            run.store(block, last=last)
            done += len(block)
            wanted.progress(done, size)
    except OtherMachine as error:
        note_waiting(server, path, error, wanted.date)
        raise
    if (
        run.result.out + run.result.returned + run.result.denied == 0
        and run.parser.first_at is None
        and not run.result.notes
    ):
        raise ImportRefused(
            f"{name}: not one line with a time and a daemon was found; expected a FlexNet debug "
            f"log."
        )
    return run.result


class FirstLook(NamedTuple):
    """What a whole log tells of its first lines.

    whole_server:  it is that of lmgrd, which tells of every daemon, and not one daemon's own.
    machine:       the first that it names.
    """

    first_day: date | None
    whole_server: bool
    machine: str


def look_through(stream: BinaryIO, first_day: date | None = None) -> FirstLook:
    """Look through a log from its start. first_day: said of it, where it does not say so itself."""
    first_day = first_line_date(stream) or first_day
    stream.seek(0)
    whole, machine, reader = False, "", LineReader()
    for block, last in blocks(stream):
        lines = reader.whole(block)
        if last:
            lines += reader.finish() or b""
        whole = whole or of_manager(lines)
        machine = machine or next((found.name for found in machines(lines)), "")
        if whole and machine:
            break
    return FirstLook(first_day, whole, machine)


def note_waiting(
    server: LicenseServer,
    path: Path,
    error: OtherMachine,
    first_day: date | None = None,
    until: int | None = None,
) -> None:
    """Write the gap of a log that waits for its machine to be confirmed.

    first_day: said of the log. until: for one that grows, when it was looked at.
    """
    with open_text(path) as stream:
        stream.seek(error.offset)
        size = -1 if until is None else settings.ITAM_CHUNK_BYTES
        rest: BinaryIO = stream if size < 0 else io.BytesIO(stream.read(size))
        day = first_line_date(rest) or (None if error.offset else first_day)
        rest.seek(error.offset if rest is stream else 0)
        parser = DebugLogParser(zone=server.tzinfo, date=day)
        # Without any date nobody knows when it was.
        with suppress(DateNeeded):
            for block, last in blocks(rest):
                parser.read(block, last=last)
    if parser.first_at is not None:
        end = parser.last_at if until is None else until
        note_gap(server, parser.first_at, end or parser.first_at, str(error))


def _import_whole(
    server: LicenseServer, data: bytes, name: str, file_format: str, wanted: Wanted
) -> FileResult:
    if file_format == Capture.Kind.STATUS:
        return import_status(server, data, source=name)
    if file_format == Capture.Kind.LICENSE_FILE:
        return import_license_file(server, data, source=name, on=wanted.date)
    return import_options_file(server, data, source=name)


def import_status(server: LicenseServer, data: bytes, *, source: str) -> FileResult:
    """Store a status text that somebody saved: as of the date that it prints, or now where it
    prints none."""
    now = int(timezone.now().timestamp())
    snapshots = parse_lmstat(data, zone=server.tzinfo, now=now)
    result = FileResult(source, Capture.Kind.STATUS)
    recognised = [snapshot for snapshot in snapshots if snapshot.result != Result.NOT_RECOGNISED]
    if not recognised:
        detail = (
            snapshots[0].detail if snapshots else "nothing in it looks like the output of lmstat"
        )
        raise ImportRefused(f"{source}: {detail}")
    _refuse_two_servers(recognised, source)
    hosts = [host for each in recognised for host, _up, _text in each.members]
    check_status(server, hosts)
    told: Counter[int] = Counter()
    printed = [snapshot.taken_at for snapshot in recognised]
    minutes = saved_times.moments(printed, server.tzinfo, now)
    if not any(minutes):
        raise ImportRefused(f"{source}: {_twice(recognised[0], server)}")
    for snapshot, minute in zip(recognised, minutes, strict=True):
        if minute is None:
            result.notes.append(_twice(snapshot, server))
            continue
        within = (
            0
            if snapshot.taken_at is None
            else max(min(minute + saved_times.WITHIN, now) - minute, 0)
        )
        # Several of one minute are each a status of its own, and nothing tells which came first.
        stored = store_snapshot(
            server,
            snapshot,
            data,
            at=minute,
            source=source,
            within=within,
            place=told[minute],
        )
        told[minute] += 1
        result.new += stored.new
        result.known += stored.known
        result.lines += snapshot.lines
        result.count_unreadable(list(snapshot.unreadable))
        result.starts = minute if result.starts is None else min(result.starts, minute)
        result.ends = minute if result.ends is None else max(result.ends, minute)
        if snapshot.result != Result.PARSED:
            result.notes.append(f"{snapshot.result}: {snapshot.detail}")
    if result.new and result.starts is not None and result.ends is not None:
        late.mark(server, result.starts, result.ends + 1)
    return result


def _twice(snapshot: Snapshot, server: LicenseServer) -> str:
    """Return why an answer is left out of which nobody knows when it was given."""
    at = datetime.fromtimestamp(snapshot.taken_at or 0, server.tzinfo)
    return (
        f"the answer of {at:%Y-%m-%d %H:%M} is left out, as the clock showed that time twice; "
        f"expected it in one file with those before and after it, in their order."
    )


def _refuse_two_servers(snapshots: Sequence[Snapshot], source: str) -> None:
    """Refuse a text in which two licence servers tell of one daemon at one time: what the one does
    not list would be over for the other."""
    known: dict[tuple[int | None, str], str] = {}
    for snapshot in snapshots:
        for daemon, _up, _text in snapshot.daemons:
            first = known.setdefault((snapshot.taken_at, daemon.lower()), snapshot.server)
            if first.lower() != snapshot.server.lower():
                raise ImportRefused(
                    f"{source}: both {first} and {snapshot.server} tell of the daemon {daemon}; "
                    f"expected one licence server. Import the answer of each into a server of its "
                    f"own."
                )


def open_text(path: Path) -> BinaryIO:
    """Open a text for reading, unpacked where it is a gzip file."""
    with path.open("rb") as stream:
        packed = stream.read(2) == b"\x1f\x8b"
    if not packed:
        return path.open("rb")
    return cast(BinaryIO, _LimitedGzip(path))


class _LimitedGzip(gzip.GzipFile):
    """A packed log, refused when it unpacks to more than any log would: a bomb."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "rb")
        self._limit = max(path.stat().st_size * UNPACKED_RATIO, 200 * 2**20)

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        if self.tell() > self._limit:
            raise OSError(
                f"it unpacks to more than {UNPACKED_RATIO} times its size; unpack it yourself first"
            )
        return data


def server_for(name: str, *, kind: str = "flexnet") -> LicenseServer:
    """Return the server of that name, made where it is new. Raises ImportRefused for a name that
    cannot be one."""
    server = LicenseServer.objects.filter(name=name).first()
    if server is not None:
        if server.kind != kind:
            raise ImportRefused(f"Server {name} is of kind {server.kind}, not {kind}.")
        return server
    server = LicenseServer(name=name, kind=kind)
    try:
        server.full_clean()
        server.save()
    except ValidationError as error:
        raise ImportRefused(" ".join(error.messages)) from error
    return server
