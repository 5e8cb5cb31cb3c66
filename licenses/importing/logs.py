"""Import an event log: chunk by chunk, each in one transaction with its place in the text.

A chunk's rows, evidence, coverage and cursor are committed together, so a kill at any moment leaves
the state before a chunk or
after it, and going on (or starting over) neither loses nor doubles anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, BinaryIO
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q

from licenses.concurrency.intervals import IntervalSet
from licenses.evidence import entries
from licenses.models import (
    Boundary,
    Capture,
    Checkout,
    Coverage,
    Disagreement,
    Feature,
    LicenseServer,
    PollState,
    Sighting,
)
from licenses.sources import records
from licenses.sources.flexnet.debug_log import DebugLogParser, LogPiece

from . import bulk, coverage, dirty, facts, late, server_facts
from .captures import check_room, known_capture, store_raw, store_unreadable
from .derive import BEGINNING, Key, Touched, derive
from .directory import Directory
from .pairing import Hole, holes

SHOWN = 20


@dataclass
class FileResult:
    """What an import of one file came to."""

    file: str
    format: str
    lines: int = 0
    out: int = 0
    returned: int = 0
    denied: int = 0
    new: int = 0
    known: int = 0
    unreadable: list[records.Unreadable] = field(default_factory=list)
    unreadable_count: int = 0
    starts: int | None = None
    ends: int | None = None
    notes: list[str] = field(default_factory=list)

    def count_unreadable(self, lines: list[records.Unreadable]) -> None:
        self.unreadable_count += len(lines)
        self.unreadable += lines[: SHOWN - len(self.unreadable)]

    def as_dict(self, zone: ZoneInfo) -> dict[str, Any]:
        """Return the object that `import_usage` prints and the API answers."""

        def iso(seconds: int | None) -> str | None:
            return None if seconds is None else datetime.fromtimestamp(seconds, zone).isoformat()

        return {
            "file": self.file,
            "format": self.format,
            "lines": self.lines,
            "out": self.out,
            "in": self.returned,
            "denied": self.denied,
            "new": self.new,
            "known": self.known,
            "unreadable": [
                {"line": line.line, "text": line.text, "reason": line.reason}
                for line in self.unreadable
            ],
            "unreadable_count": self.unreadable_count,
            "from": iso(self.starts),
            "to": iso(self.ends),
            **({"notes": self.notes} if self.notes else {}),
        }


Cursor = dict[str, Any]
"""Where a log's import stands: the parser's state and ours. Fit for JSON."""


class LogImport:
    """One log text on its way into a server's rows.

    source:      what to call the text: a file's name.
    first_day:   date of the first line, for a text that starts here; not needed with a cursor.
    cursor:      of an earlier import of the same text, to go on where it ended.
    save_cursor: called inside each chunk's transaction with the place reached.
    """

    def __init__(
        self,
        server: LicenseServer,
        *,
        source: str,
        first_day: date | None = None,
        cursor: Cursor | None = None,
        save_cursor: Callable[[Cursor], None] | None = None,
        whole_server: bool = False,
    ) -> None:
        known = cursor or {}
        self.server = server
        self.source = source
        self.parser = DebugLogParser(zone=server.tzinfo, date=first_day, state=known.get("parser"))
        self.repeats = facts.Repeats.load(known.get("repeats", ()))
        self.daemons: set[str] = set(known.get("daemons", ()))
        # The text of lmgrd tells of every daemon; one daemon's own log vouches for that daemon
        # alone.
        self.whole_server = whole_server or known.get("whole_server", False)
        self.directory = Directory(server)
        self.save_cursor = save_cursor
        self._newest = bulk.Newest()
        self.result = FileResult(source, Capture.Kind.LOG)
        self._counts = dict(self.parser.counts)
        self._lines = self.parser.lines

    def cursor(self) -> Cursor:
        return {
            "parser": self.parser.state(),
            "repeats": self.repeats.dump(),
            "daemons": sorted(self.daemons),
            "whole_server": self.whole_server,
        }

    def store(self, block: bytes, *, last: bool = False) -> None:
        """Store the next bytes of the text, in one transaction.

        last: nothing follows; a last line without a newline is read as a line.
        """
        check_room()
        offset = self.parser.offset
        digest, path = store_raw(block) if block else ("", "")
        piece = self.parser.read(block, last=last)
        self.whole_server = self.whole_server or b"(lmgrd)" in block
        with transaction.atomic():
            LicenseServer.objects.select_for_update().get(pk=self.server.pk)
            self._store_piece(piece, block, offset, digest, path)
            if self.save_cursor:
                self.save_cursor(self.cursor())

    def _store_piece(
        self, piece: LogPiece, block: bytes, offset: int, digest: str, path: str
    ) -> None:
        items = piece.others
        newest = self._newest_event() if len(piece.events) >= bulk.MANY else None
        stored = facts.store(piece, self.directory, self.repeats)
        if self.parser.last_at is not None:
            self.repeats.forget_before(self.parser.last_at - facts.REPEAT_WINDOW)
        unreadable = [item for item in items if isinstance(item, records.Unreadable)]
        spans = self.parser.take_spans()
        known = known_capture(self.server, Capture.Kind.LOG, digest, offset) if digest else None
        capture = known or self._capture(
            items, block, offset, digest, path, spans, unreadable, stored
        )
        known_spans = coverage.log_spans(self.server)
        added = self._extend_coverage(piece, spans)
        _touch_lost(self.server, stored, added)
        _touch_told_twice(self.server, stored)
        if added:
            lost = _holes(known_spans) ^ _holes(coverage.log_spans(self.server))
            _touch_across(self.server, stored, lost)
        changed = self._derive(stored, newest)
        if stored.new:
            # The next answer is compared with what the log now says, though it may read as the last
            # one.
            PollState.objects.filter(server=self.server).update(line_digest=None)
        stated = [item for item in items if isinstance(item, records.Stated)]
        stored.drafts += server_facts.store(self.server, stated, Capture.Kind.LOG)
        self._append_evidence(items, capture, known is None, stored, added, digest)
        self._mark_dirty(stored, added, changed, _heard_until(known_spans))
        if spans and (stored.new or added):
            late.mark(self.server, spans[0][0], spans[-1][1])
        self._count(items, stored, unreadable)

    def _newest_event(self) -> int:
        return self._newest.before(bulk.last_event_id(), list(self.directory.feature_names))

    def _derive(self, stored: facts.Stored, newest: int | None) -> Touched:
        """Make the holdings again that the chunk touched.

        newest: moment of the newest event before it; None for a chunk too small to matter.
        """
        daemons = {pk: names[0] for pk, names in self.directory.feature_names.items()}
        changed = Touched(2**62, BEGINNING)
        rows = stored.movements
        if newest is not None and rows is not None and stored.all_new:
            changed = bulk.derive_new(self.server, rows, stored.touched, daemons, newest)
            self._newest.added(int(rows.at.max()), bulk.last_event_id())
        rest = derive(self.server, stored.touched, daemons)
        return Touched(min(changed.start, rest.start), max(changed.end, rest.end))

    def _capture(
        self,
        items: list[records.LogRecord],
        block: bytes,
        offset: int,
        digest: str,
        path: str,
        spans: list[tuple[int, int]],
        unreadable: list[records.Unreadable],
        stored: facts.Stored,
    ) -> Capture | None:
        if not block:
            return None
        steps = [item for item in items if isinstance(item, records.ClockStep)]
        capture = Capture.objects.create(
            server=self.server,
            kind=Capture.Kind.LOG,
            source=self.source[:255],
            result=Capture.Result.PARSED,
            detail="; ".join(
                f"line {step.line}: {step.reason} ({step.seconds} s)" for step in steps
            )[:1000],
            sha256=digest,
            size=len(block),
            offset=offset,
            stored=path,
            starts=coverage.moment(spans[0][0]) if spans else None,
            ends=coverage.moment(spans[-1][1]) if spans else None,
            lines=self.parser.lines - self._lines,
            unreadable_count=len(unreadable),
            new=stored.new,
            known=stored.known,
        )
        store_unreadable(capture, unreadable)
        return capture

    def _extend_coverage(
        self, piece: LogPiece, spans: list[tuple[int, int]]
    ) -> dict[str, list[tuple[int, int]]]:
        """Add what the chunk vouches for, and return what was new, by daemon."""
        self.daemons |= piece.events.daemons() | {
            item.daemon
            for item in piece.others
            if isinstance(item, records.Checkout | records.Checkin | records.Denial)
        }
        wanted = [""] if self.whole_server else sorted(self.daemons)
        added = {
            daemon: coverage.extend(self.server, daemon, Coverage.Source.LOG, spans)
            for daemon in wanted
        }
        for new in added.values():
            for start, end in new:
                coverage.fill_gaps(self.server, start, end)
        return {daemon: new for daemon, new in added.items() if new}

    def _append_evidence(
        self,
        items: list[records.LogRecord],
        capture: Capture | None,
        is_new: bool,
        stored: facts.Stored,
        added: dict[str, list[tuple[int, int]]],
        digest: str,
    ) -> None:
        drafts = list(stored.drafts)
        for daemon, spans in added.items():
            drafts += [
                entries.draft(
                    "coverage", end, {"daemon": daemon, "from": start, "source": "log", "to": end}
                )
                for start, end in spans
            ]
        drafts += [
            entries.draft(
                "clock", item.at, {"line": item.line, "reason": item.reason, "step": item.seconds}
            )
            for item in items
            if isinstance(item, records.ClockStep) and is_new
        ]
        if capture is not None and is_new:
            body = {
                "bytes": capture.size,
                "file": self.source,
                "kind": str(capture.kind),
                "known": stored.known,
                "lines": capture.lines,
                "new": stored.new,
                "offset": capture.offset,
                "sha256": digest,
                "unreadable": capture.unreadable_count,
            }
            drafts.insert(0, entries.draft("capture", int(capture.recorded_at.timestamp()), body))
        entries.append(entries.server_stream(self.server), drafts, source=f"capture:{digest}")

    def _mark_dirty(
        self,
        stored: facts.Stored,
        added: dict[str, list[tuple[int, int]]],
        changed: Touched,
        heard: int | None,
    ) -> None:
        spans = [span for new in added.values() for span in new]
        if spans and heard is not None:
            # What the log left open counted until the newest line heard; now it counts on, also
            # through the gap up to this piece.
            first = min(start for start, _end in spans)
            spans.append((min(heard, first), first))
        if changed.start <= changed.end:
            spans.append((changed.start, changed.end))
        if stored.denial_span:
            spans.append((stored.denial_span[0], stored.denial_span[1] + 1))
        if spans:
            dirty.mark_server(
                self.server, min(start for start, _ in spans), max(end for _, end in spans)
            )

    def _count(
        self,
        items: list[records.LogRecord],
        stored: facts.Stored,
        unreadable: list[records.Unreadable],
    ) -> None:
        result, counts = self.result, self.parser.counts
        result.lines += self.parser.lines - self._lines
        result.out += counts["out"] - self._counts["out"]
        result.returned += counts["in"] - self._counts["in"]
        result.denied += counts["denied"] - self._counts["denied"]
        result.new += stored.new
        result.known += stored.known
        result.count_unreadable(unreadable)
        result.starts = result.starts if result.starts is not None else self.parser.first_at
        result.ends = self.parser.last_at
        for item in items:
            if isinstance(item, records.ClockStep) and len(result.notes) < SHOWN:
                result.notes.append(
                    f"line {item.line}: clock moved by {item.seconds} s: {item.reason}"
                )
            elif isinstance(item, records.Upgrade) and len(result.notes) < SHOWN:
                result.notes.append(
                    f"line {item.line}: a checkout of {item.feature} was changed while it ran "
                    f"({item.seats} seats named); it is counted with the seats it was taken with"
                )
        self._counts, self._lines = dict(counts), self.parser.lines


def _heard_until(spans: dict[str, IntervalSet]) -> int | None:
    """Return the newest moment that any log of a server vouches for."""
    return max((int(known.ends[-1]) for known in spans.values() if len(known)), default=None)


def _touch_lost(
    server: LicenseServer, stored: facts.Stored, added: dict[str, list[tuple[int, int]]]
) -> None:
    """Have the holdings made again that a restart just learned of has lost, or whose end new
    coverage moves."""
    starts = Boundary.objects.filter(server=server, kind=Boundary.Kind.START)
    for daemon, restart in stored.boundaries:
        rows = _of_daemon(server, daemon)
        _touch(stored, rows.overlapping(restart, restart + 1), at=restart)
        # Those that a piece of the log which knew less had let end in this restart.
        before = starts.filter(at__lt=restart).order_by("-at").values_list("at", flat=True).first()
        lost = rows.filter(end_reason="restart", returned_at__lte=restart)
        _touch(stored, lost.filter(returned_at__gt=before) if before is not None else lost)
        # Polls ended these; where the log was last heard before that, the restart did.
        unseen = rows.filter(
            end_reason="not_seen", method=Checkout.Method.EVENT, taken_at__lt=restart
        )
        _touch(stored, unseen.filter(returned_at__gt=before) if before is not None else unseen)
    polled = (
        Capture.objects.filter(server=server, kind=Capture.Kind.STATUS).exists()
        or Sighting.objects.filter(feature__server=server).exists()
    )
    for daemon, spans in added.items():
        rows = _of_daemon(server, daemon)
        for start, end in spans:
            restarts = Boundary.objects.filter(server=server, kind=Boundary.Kind.START)
            following = (
                restarts.filter(at__gte=end).order_by("at").values_list("at", flat=True).first()
            )
            if following is not None:
                before = (
                    restarts.filter(at__lt=end).order_by("-at").values_list("at", flat=True).first()
                )
                lost = rows.filter(end_reason="restart", returned_at__lte=end)
                _touch(stored, lost.filter(returned_at__gt=before) if before is not None else lost)
            if not polled:
                continue
            # What only polls saw is what the log may now contradict.
            _touch(stored, rows.filter(method=Checkout.Method.SAMPLED).overlapping(start, end))
            # Polls ended these while the log was silent; where it now speaks the bounds change.
            _touch(
                stored,
                rows.filter(
                    Q(returned_at__gte=start, returned_at__lte=end)
                    | Q(returned_after__gte=start - 1, returned_after__lte=end),
                    end_reason="not_seen",
                    method=Checkout.Method.EVENT,
                ),
            )


def _touch_told_twice(server: LicenseServer, stored: facts.Stored) -> None:
    """Have the holdings made again that a step of the clock just learned of may explain, in the
    time that it told twice: INs that ended nothing, or that another step explains."""
    alone = Disagreement.objects.filter(feature__server=server, kind=Disagreement.Kind.RETURN_ALONE)
    for at, until in stored.set_back:
        found = alone.filter(starts__gte=coverage.moment(at), starts__lt=coverage.moment(until))
        for key in found.values_list("feature_id", "person_id", "host_id", "seats"):
            stored.touch(Key(*key), at)
        bounded = _of_daemon(server, "").filter(
            method=Checkout.Method.EVENT, returned_after__lt=F("returned_at")
        )
        _touch(stored, bounded.overlapping(at, until), at=at)
        lost = _of_daemon(server, "").filter(end_reason="restart", taken_at__lt=until)
        _touch(stored, lost.filter(taken_at__gte=at), at=at)


def _holes(spans: dict[str, IntervalSet]) -> set[tuple[str, Hole]]:
    """Return the time of which the log is lost, by daemon."""
    return {(name, hole) for name in spans for hole in holes(coverage.of_daemon(spans, name))}


def _touch_across(
    server: LicenseServer, stored: facts.Stored, changed: Iterable[tuple[str, Hole]]
) -> None:
    """Have the holdings made again that reach across a hole in the log that is new, or another."""
    for daemon, hole in changed:
        rows = _of_daemon(server, daemon).filter(method=Checkout.Method.EVENT)
        _touch(stored, rows.overlapping(hole.start, hole.end))


def _of_daemon(server: LicenseServer, daemon: str) -> Any:
    features = Feature.objects.filter(server=server)
    if daemon:
        features = features.filter(daemon=daemon)
    return Checkout.objects.filter(feature__in=features.values("pk"))


def _touch(stored: facts.Stored, rows: Any, *, at: int | None = None) -> None:
    for feature, person, host, seats, taken_at in rows.values_list(
        "feature_id", "person_id", "host_id", "seats", "taken_at"
    ).iterator(chunk_size=2000):
        stored.touch(
            Key(feature, person, host, seats), at if at is not None else int(taken_at.timestamp())
        )


def blocks(stream: BinaryIO, size: int = 0) -> Iterator[tuple[bytes, bool]]:
    """Yield a text in pieces of whole lines, each with whether it is the last. A line longer than a
    piece is cut.

    stream: gives less than it is asked for at its end only, as buffered files do.
    """
    size = size or settings.ITAM_CHUNK_BYTES
    carry = b""
    while True:
        wanted = size - len(carry)
        read = stream.read(wanted) if wanted else b""
        block = carry + read
        if len(read) < wanted:
            yield block, True
            return
        cut = block.rfind(b"\n") + 1 or len(block)
        carry = block[cut:]
        yield block[:cut], False
