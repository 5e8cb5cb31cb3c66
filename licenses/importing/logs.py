"""Import an event log: chunk by chunk, each in one transaction with its place in the text.

A chunk's rows, evidence, coverage and cursor are committed together, so a kill at any moment leaves
the state before a chunk or
after it, and going on (or starting over) neither loses nor doubles anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from django.db import transaction

from licenses.analysis.events import newest_event
from licenses.concurrency.intervals import IntervalSet
from licenses.evidence import entries
from licenses.models import Capture, Coverage, LicenseServer, PollState
from licenses.sources import records
from licenses.sources.flexnet.debug_log import DebugLogParser, LogPiece
from licenses.sources.flexnet.log_lines import of_manager
from licenses.sources.flexnet.seams import Seam

from . import (
    boundaries,
    bulk,
    coverage,
    dirty,
    facts,
    late,
    log_records,
    otherwise,
    queues,
    reach,
    server_facts,
    unlisted,
)
from .captures import check_room, known_capture, store_raw
from .contradictions import Contradictions
from .derive import BEGINNING, Touched, derive
from .directory import Directory, lock
from .held import Hole, lost_at
from .joints import Joints, Lately, cut_seconds
from .machines import OtherMachine, Watch
from .repeated_hours import Daemons, RepeatedHours
from .repeats import Repeats
from .results import FileResult, meets, tells_otherwise
from .texts import Read, Texts
from .unreturned import Unreturned
from .unreturned import note as unreturned_note

Cursor = dict[str, Any]
"""Where a log's import stands: the parser's state and ours. Fit for JSON."""


class LogImport:
    """One log text on its way into a server's rows.

    source:      what to call the text: a file's name.
    first_day:   date of the first line, for a text that starts here; not needed with a cursor.
    cursor:      of an earlier import of the same text, to go on where it ended.
    save_cursor: called inside each chunk's transaction with the place reached.
    machine:     that the text names first, where somebody has looked.
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
        machine: str = "",
    ) -> None:
        known = cursor or {}
        self.server = server
        self.source = source
        self.texts = Texts(server, first_day, known)
        # The text of lmgrd tells of every daemon; one daemon's own log vouches for that daemon
        # alone.
        self.whole_server = whole_server or known.get("whole_server", False)
        self.watch = Watch(server, machine)
        self.directory = Directory(server)
        self._follow(known)
        self.save_cursor = save_cursor
        self.result = FileResult(source, Capture.Kind.LOG)
        self._counts = dict(self.parser.counts)
        self._lines = self.parser.lines

    def _follow(self, known: Cursor) -> None:
        """Follow a text from where its cursor stands; from its beginning without one."""
        self.repeats = Repeats.load(known.get("repeats", ()))
        self.daemons: set[str] = set(known.get("daemons", ()))
        self.joints = Joints(self.server, known.get("joints", ()))
        self.lately = Lately(known.get("lately", ()))
        self.otherwise: bool = known.get("otherwise", False)
        self.contradictions = Contradictions(self.directory, known.get("contradictions", ()))
        self.unreturned = Unreturned(known.get("unreturned"))
        self.hours = RepeatedHours(known.get("hours", ()))

    @property
    def parser(self) -> DebugLogParser:
        """The parser of the text that is read."""
        return self.texts.parser

    def cursor(self) -> Cursor:
        return self.texts.state() | {
            "repeats": self.repeats.dump(),
            "daemons": sorted(self.daemons),
            "whole_server": self.whole_server,
            "joints": self.joints.dump(),
            "lately": self.lately.dump(),
            "otherwise": self.otherwise,
            "contradictions": self.contradictions.dump(),
            "unreturned": self.unreturned.dump(),
            "hours": self.hours.dump(),
        }

    def store(self, block: bytes, *, last: bool = False) -> None:
        """Store the next bytes of the text, in one transaction.

        last: nothing follows; a last line without a newline is read as a line.

        Raises OtherMachine where another machine wrote them; what stands before its part is stored.
        """
        other = self.watch.first_other(block, self.parser.encoding)
        if other is None:
            self._store(block, last=last)
            return
        at, name = other
        if at:
            self._store(block[:at])
        offset, line = self.parser.offset, self.parser.lines + 1
        raise OtherMachine(self.server, name, offset=offset, line=line)

    def _store(self, block: bytes, *, last: bool = False) -> None:
        check_room()
        done = self._store_text(block, last=last)
        while done < len(block):
            block = block[done:]
            done = self._store_text(block, last=last)

    def _store_text(self, block: bytes, *, last: bool) -> int:
        """Store the next bytes as far as they are of one text, and return how many these are; what
        follows is stored as a text that was handed in apart."""
        read = self.texts.read(block, last=last, whole_server=self.whole_server)
        own = block[: read.size]
        digest, path = store_raw(own) if own else ("", "")
        self.whole_server = self.whole_server or of_manager(own)
        with transaction.atomic():
            lock(self.server)
            if other := self.watch.overtaken():
                raise OtherMachine(self.server, other, offset=read.offset, line=read.lines + 1)
            self._store_piece(read, own, digest, path)
            if read.seam is not None:
                self._begin(read.seam)
            if self.save_cursor:
                self.save_cursor(self.cursor())
        return read.size

    def _begin(self, seam: Seam) -> None:
        """Go on with another text, of as many daemons as the one before."""
        before = self.parser.first_at, self.daemons, self.lately
        self.texts.begin(seam)
        self._follow({})
        self.joints.follow(seam.at, seam.at - seam.seconds, *before)
        self._counts = dict(self.parser.counts)

    def _store_piece(self, read: Read, block: bytes, digest: str, path: str) -> None:
        settled, before = read.settled, read.before
        piece = settled.piece
        many = len(piece.events) >= bulk.MANY
        newest = newest_event(list(self.directory.feature_names)) if many else None
        known_spans = coverage.log_spans(self.server)
        daemons = _daemons(piece)
        self.daemons |= daemons
        alike = {""} if self.whole_server else daemons
        told = [span for daemon in alike for span in known_spans.get(daemon, ())]
        self.joints.meet(told, self.parser.first_at, before, self.parser.last_at)
        stored = facts.store(piece, self.directory, self.repeats)
        boundaries.store(piece.others, self.server, stored)
        steps = self.joints.judge(stored, daemons, self.parser.last_at, self.parser.lines)
        boundaries.store_steps(steps, self.server, stored)
        self.lately.add(stored.movements, self.parser.last_at)
        first, last = self.parser.first_at, self.parser.last_at
        self.contradictions.judge(stored, self.repeats, told, first, before, last)
        misdated = [("", first if at is None else at) for at in settled.unsure if first is not None]
        cuts = cut_seconds(stored, told, first, before, last)
        differs = None
        if not self.otherwise and not steps and not self.joints.open:
            differs = otherwise.compare(
                stored, self.server, self.daemons, told, first, before, last
            )
        self.otherwise = self.otherwise or differs is not None
        lost, unreturned = self._store_unsure(read, stored, misdated, cuts)
        items = [*read.steps, *piece.others, *steps]
        self.repeats.forget_old()
        unreadable = [item for item in items if isinstance(item, records.Unreadable)]
        spans = self.parser.take_spans()
        offset, log = read.offset, Capture.Kind.LOG
        known = known_capture(self.server, log, digest, offset) if digest else None
        capture = known
        if known is None and block:
            lines = self.parser.lines - self._lines
            raw = log_records.Raw(self.source, block, offset, lines, digest, path)
            capture = log_records.capture(self.server, raw, items, spans, unreadable, stored)
        added = self._extend_coverage(spans)
        alone = [(name, at) for at in self.parser.take_alone() for name in self._told_of()]
        seconds = boundaries.store_seconds(alone, self.server, stored)
        reach.touch_lost(self.server, stored, added)
        reach.touch_told_twice(self.server, stored)
        if added or seconds or settled.stored:
            moved = reach.moved_holes(self.server, known_spans, seconds)
            reach.touch_across(self.server, stored, moved.holes)
            reach.touch_returns(self.server, stored, moved.holes | moved.firsts)
        if stored.new:
            # The next answer is compared with what the log now says, though it may read as the last
            # one.
            PollState.objects.filter(server=self.server).update(line_digest=None)
        stated = [item for item in items if isinstance(item, records.Stated)]
        stored.drafts += server_facts.store(self.server, stated, Capture.Kind.LOG)
        drafts = log_records.drafts(stored, added)
        if known is None:
            drafts = log_records.of_text(items, capture, self.source) + drafts
        source = f"capture:{digest}"
        pending = entries.begin_server(self.server, drafts, columns=stored.columns, source=source)
        rows = stored.movements
        told_of = set() if rows is None else set(rows.keys[0].tolist())
        held = unlisted.first_held(self.server, told_of)
        changed = self._derive(stored, many, newest)
        unlisted.heard_of(held, unlisted.first_held(self.server, told_of))
        self._derive_waits(stored, before, changed, [hole.start for _, hole in lost])
        entries.finish_server(pending)
        learned = spans if stored.new or added else []
        self._mark(stored, added, changed, _heard_until(known_spans), learned)
        self._count(items, stored, unreadable)
        notes = {unreturned_note(daemon) for daemon, _hole in unreturned}
        notes |= {meets(at, self.server.tzinfo) for at in cuts} | set(self.texts.beginning.notes)
        notes |= set() if differs is None else {tells_otherwise(differs, self.server.tzinfo)}
        notes |= self.hours.notes(self.parser.hours, self.server.tzinfo)
        self.result.notes += sorted(notes.difference(self.result.notes))

    def _store_unsure(
        self,
        read: Read,
        stored: facts.Stored,
        misdated: list[tuple[str, int]],
        cuts: Sequence[int],
    ) -> tuple[list[tuple[str, Hole]], list[tuple[str, Hole]]]:
        """Store what a piece tells for no certain time, or may have lost; return of which time
        returns are lost, and of which no line tells of any."""
        first, before = self.parser.first_at, read.before
        meeting = [("", at) for at in cuts]
        boundaries.store_doubts(
            [*self.parser.take_doubts(), *misdated, *meeting], self.server, stored
        )
        told_losses = [*self.parser.take_losses(), *misdated]
        wrong = [
            ("", Hole(first if at is None else at, before + 1))
            for at in read.settled.stored
            if first is not None and before is not None
        ]
        boundaries.store_misdated(wrong, self.server, stored)
        stored.drafts += coverage.withdraw_log(
            self.server, self._told_of(), [hole for _, hole in wrong]
        )
        losses = boundaries.store_losses(told_losses, self.server, stored)
        lost = [(name, lost_at(at)) for name, at in losses]
        unreturned = self.unreturned.follow(stored.movements, self.directory, self.parser.last_at)
        lost += boundaries.store_silence([*unreturned, *wrong], self.server, stored)
        beginning = self.texts.beginning
        hidden = [("", hole) for hole in beginning.hidden]
        lost += boundaries.store_silence(hidden, self.server, stored)
        boundaries.store_doubts([(name, hole.start) for name, hole in hidden], self.server, stored)
        beginning.hidden.clear()
        reach.touch_across(self.server, stored, lost)
        reach.touch_returns(self.server, stored, lost)
        hours = self.hours.store(
            read.settled,
            self.parser.hours,
            Daemons(self._told_of(), self.daemons),
            self.server,
            stored,
            before,
        )
        reach.touch_hours(self.server, stored, hours)
        return lost, unreturned

    def _derive(self, stored: facts.Stored, many: bool, newest: int | None) -> Touched:
        """Make the holdings again that the chunk touched.

        newest: moment of the newest event before it, where it has many.
        """
        daemons = {pk: names[0] for pk, names in self.directory.feature_names.items()}
        changed = Touched(2**62, BEGINNING)
        rows = stored.movements
        if many and rows is not None and stored.all_new:
            before = BEGINNING if newest is None else newest
            changed = bulk.derive_new(self.server, rows, stored.touched, daemons, before)
        else:
            stored.touch_new_rows()
        rest = derive(self.server, stored.touched, daemons)
        return Touched(min(changed.start, rest.start), max(changed.end, rest.end))

    def _derive_waits(
        self, stored: facts.Stored, before: int | None, changed: Touched, lost: list[int]
    ) -> None:
        """Make the waits again on which the chunk bears: its own time, and that of what it says of
        other times.

        lost: when parts of the log that were lost begin.
        """
        since = self.parser.first_at if before is None else before
        own = [at for at in (since, self.parser.last_at) if at is not None]
        told = [*own, *stored.waits, *(at for _daemon, at in stored.boundaries)]
        daemons = {pk: names[0] for pk, names in self.directory.feature_names.items()}
        start = min([*told, *lost, changed.start])
        queues.derive(self.server, daemons, start, max([*told, changed.end]))

    def _extend_coverage(self, spans: list[tuple[int, int]]) -> dict[str, list[tuple[int, int]]]:
        """Add what the chunk vouches for, and return what was new, by daemon."""
        added = {
            daemon: coverage.extend(self.server, daemon, Coverage.Source.LOG, told)
            for daemon, told in self._vouched(spans).items()
        }
        for new in added.values():
            for start, end in new:
                coverage.fill_gaps(self.server, start, end)
        return {daemon: new for daemon, new in added.items() if new}

    def _told_of(self) -> set[str]:
        """Return the daemons of which the log tells; "" is every one of the server."""
        return {""} if self.whole_server else self.daemons

    def _vouched(self, spans: list[tuple[int, int]]) -> Mapping[str, Iterable[tuple[int, int]]]:
        """Return the spans by daemon: of one that is down while others serve, nobody tells."""
        outages = self.parser.take_outages()
        wanted = self._told_of()
        if not outages:
            return {daemon: spans for daemon in sorted(wanted)}
        told, every = IntervalSet.of_spans(spans), IntervalSet.empty()
        down = dict.fromkeys(self.daemons | self.parser.daemons, every)
        for daemon, start, end in outages:
            down[daemon] = down.get(daemon, every).union(IntervalSet.of([start], [end]))
        if not self.whole_server:
            return {daemon: told.subtract(down[daemon]) for daemon in sorted(wanted)}
        some = IntervalSet.of_spans(sorted((start, end) for _daemon, start, end in outages))
        within = told.intersection(some)
        alone = {daemon: within.subtract(times) for daemon, times in sorted(down.items())}
        return {"": told.subtract(some)} | alone

    def _mark(
        self,
        stored: facts.Stored,
        added: dict[str, list[tuple[int, int]]],
        changed: Touched,
        heard: int | None,
        learned: list[tuple[int, int]],
    ) -> None:
        """Mark what is to be counted again, and what is to be looked through for alerts: that, and
        the time that the chunk tells of."""
        # What is out counts for the second of the last line too.
        spans = [(start, end + 1) for new in added.values() for start, end in new]
        if spans and heard is not None:
            # What the log left open counted until the newest line heard; now it counts on, also
            # through the gap up to this piece.
            first = min(start for start, _end in spans)
            spans.append((min(heard, first), first))
        # What was out when a log ended is not, in the second of a stop that another text tells of.
        spans += [(at, at + 1) for _daemon, at in stored.boundaries]
        if changed.start <= changed.end:
            spans.append((changed.start, changed.end))
        if stored.denial_span:
            spans.append((stored.denial_span[0], stored.denial_span[1] + 1))
        if spans:
            dirty.mark_server(self.server, *_around(spans))
        if spans or learned:
            late.mark(self.server, *_around([*spans, *learned]))

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
        last = self.parser.last_at
        result.ends = last if result.ends is None else max(result.ends, last or result.ends)
        result.count_others(items)
        self._counts, self._lines = dict(counts), self.parser.lines


def _daemons(piece: LogPiece) -> set[str]:
    """Return whose events a piece holds."""
    return piece.events.daemons() | {
        item.daemon
        for item in piece.others
        if isinstance(item, records.Checkout | records.Checkin | records.Denial | records.Queue)
    }


def _heard_until(spans: dict[str, IntervalSet]) -> int | None:
    """Return the newest moment that any log of a server vouches for."""
    return max((int(known.ends[-1]) for known in spans.values() if len(known)), default=None)


def _around(spans: list[tuple[int, int]]) -> tuple[int, int]:
    return min(start for start, _end in spans), max(end for _start, end in spans)
