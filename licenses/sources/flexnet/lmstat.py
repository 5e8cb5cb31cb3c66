"""The output of `lmutil lmstat -a`: who holds what now, as one or more servers say it.

Read line by line, never by indentation: it varies with the length of names. A report counts as
parsed only where the server is up, every line of its features was read, and every feature's rows
and reservations add up to what the server prints as in use.
"""

from __future__ import annotations

import gc
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from zoneinfo import ZoneInfo

from licenses.sources.flexnet.dates import StartDates, expiry, moment
from licenses.sources.flexnet.lmstat_report import (
    AlteredError,
    Draft,
    FeatureDraft,
    FeatureList,
    Section,
    build_snapshot,
    draft_of,
)
from licenses.sources.flexnet.lmstat_rows import (
    RowError,
    read_holding,
    read_reservation,
    read_waiting,
    split_lines,
    usual_holding,
    usual_rows,
)
from licenses.sources.flexnet.lmstat_sections import Part, Place, Sections, section_spans
from licenses.sources.flexnet.lmstat_usual import usual_features, usual_head
from licenses.sources.records import FeatureStatus, Result, Snapshot
from licenses.sources.text import LINE_CAP, visible, whole_lines

_BANNER = re.compile(r"(?:lmutil|lmstat) - Copyright \(c\)")
_DATE = re.compile(
    r"Flexible License Manager status on (?:[A-Za-z]{3} )?"
    r"(\d{1,2})/(\d{1,2})/(\d{4}) (\d{1,2}):(\d\d)(?::\d\d)?"
)
_FEATURE = re.compile(r"Users of (.{1,500}?): +\((.{1,500})\)")
_TOTALS = re.compile(
    r"Total of (\d{1,12}) licenses? issued; +(?:Total of )?(\d{1,12}) licenses? in use"
)
_NO_USERS = re.compile(r"Users of (.{1,500}?): +(Cannot get users of .{1,1000})")
_BLOCK = re.compile(
    r'"(.{1,500})" v?(\S{0,100}), vendor: ([^,\s]{1,100})(?:, expir\w{1,5}: (.{1,100}))?'
)
_UP = re.compile(r"(\S{1,255}): (?:license server )?(UP|DOWN)\b ?(.{0,200})")
_CODE = re.compile(r"\((-\d{1,4})[,:)]")
_LOCKS = ("floating license", "nodelocked", "node-locked", "uncounted")
BLOCK = 1 << 20
"""Characters whose rows are split at a time."""
TOGETHER = 1 << 17
"""Characters of features that are read in one step: so few that what is made of them on the way
stays in the processor's memory."""
_NOISE = ("License file(s) on ", "NOTE:", "[Detecting", "lmstat v", "lmutil v", "...")


def parse_lmstat(
    data: bytes, *, zone: ZoneInfo, now: int | None = None, sections: Sections | None = None
) -> list[Snapshot]:
    """Return a snapshot for each server in the text, in order; always one at least.

    zone:     of the times printed, which are those of the machine that ran the tool.
    now:      about when the report was taken, for texts without a date of their own: starts have no
              year.
    sections: features that need no second look, of a text with one date; what it gains is for the
              next text of the same server.
    """
    with _uncollected():
        text = whole_lines(data)
        reader = _Reader(zone, now)
        try:
            reader.whole(text, sections)
            found = reader.snapshots()
        except AlteredError:
            # A report of no usual shape is read as a whole.
            reader = _Reader(zone, now)
            for block in _blocks(text):
                reader.block(*block)
            return reader.snapshots()
        if sections is not None:
            sections.settle()
        return found


@contextmanager
def _uncollected() -> Iterator[None]:
    """Read thousands of rows without a look for garbage in between: there is none in them, and
    looking takes a sixth of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def report_time(line: bytes, *, zone: ZoneInfo, now: int | None = None) -> int | None:
    """Return the time of a status's date line, None where it states none that can be read."""
    reader = _Reader(zone, now)
    reader.line(1, whole_lines(line).rstrip("\n"))
    return reader.taken_at


def _blocks(text: str, start: int = 0, stop: int | None = None) -> Iterator[tuple[str, int, int]]:
    """Yield (text, start, end) of pieces of whole lines, so that their parts never fill the
    memory."""
    stop = len(text) if stop is None else stop
    while start < stop:
        end = min(text.find("\n", start + BLOCK) + 1 or stop, stop)
        yield text, start, end
        start = end


class _Reader:
    def __init__(self, zone: ZoneInfo, now: int | None) -> None:
        self._zone = zone
        self._now = now
        self.taken_at: int | None = None
        self._known = False
        self._next = 1
        self._done: list[Snapshot] = []
        self._section = self._new_section()

    def snapshots(self) -> list[Snapshot]:
        self._finish()
        if not self._done:
            found = "an lmstat banner without a report" if self._known else "no report of lmstat"
            self._done.append(
                Snapshot(
                    Result.NOT_RECOGNISED,
                    self.taken_at,
                    "",
                    f"Found {found}; expected License server status and Feature usage info.",
                    unreadable=self._section.unreadable.kept(),
                    lines=self._section.lines,
                )
            )
        return self._done

    def _new_section(self) -> Section:
        starts = StartDates(self.taken_at if self.taken_at is not None else self._now, self._zone)
        return Section(self.taken_at, starts)

    def _finish(self) -> None:
        if not self._section.empty:
            self._done.append(build_snapshot(self._section))
            self._section = self._new_section()

    def whole(self, text: str, sections: Sections | None = None) -> None:
        """Read a report: features of the usual shape together, those known from before as they are,
        all else by the block.

        Raises AlteredError for one of no usual shape.
        """
        waiting: list[Part] = []
        line = self._next
        for start, end in section_spans(text):
            part = self._usual(text, start, end, line, sections)
            if part is not None:
                waiting.append(part)
                line += part.lines
            if waiting and (part is None or end - waiting[0].start > TOGETHER):
                self._take(text, waiting, sections)
                waiting = []
            if part is None:
                self._odd(text, start, end, sections)
            if not waiting:
                line = self._next
        self._take(text, waiting, sections)

    def _usual(
        self, text: str, start: int, end: int, line: int, sections: Sections | None
    ) -> Part | None:
        """Return a feature that is known from its text, or whose head is usual."""
        if not self._section.lists or end - start > BLOCK:
            return None
        place = known = None
        if sections is not None and (place := self._place(text, start, end, sections)):
            known = sections.find(place)
        if known is not None:
            return Part(start, end, known.lines, place, known, None)
        head = usual_head(text, start, end, line)
        return None if head is None else Part(start, end, head.lines, place, None, head)

    def _place(self, text: str, start: int, end: int, sections: Sections | None) -> Place | None:
        section = self._section
        if sections is None or not section.lists or end - start > BLOCK:
            return None
        if self.taken_at != sections.taken:
            return None
        daemons = section.lists[-1].daemons
        return Place(text[start:end], bool(section.server), section.in_vendors, daemons)

    def _take(self, text: str, parts: list[Part], sections: Sections | None) -> None:
        """Take these features of one list; those with a row of no usual shape by the block."""
        if not parts:
            return
        section, told = self._section, self._around()
        features = section.lists[-1].features
        heads = [part.head for part in parts if part.head is not None]
        read = usual_features(heads, section.starts, section.lists[-1].daemons)
        for part in parts:
            status = next(read) if part.known is None else part.known.at(self._next)
            if status is None:
                self._odd(text, part.start, part.end, sections)
                if self._around() != told and part is not parts[-1]:
                    raise AlteredError  # what follows is of another server, or another list
                continue
            draft = FeatureDraft(status, [], status, sealed=True)
            features.append(draft)
            if sections is not None and part.place is not None and part.known is None:
                sections.learn(part.place, self._next, part.lines, draft)
            section.in_table = False
            section.lines += part.lines
            self._next += part.lines

    def _around(self) -> tuple[object, ...]:
        """Return what a feature's place in the report decides of its meaning."""
        section = self._section
        return id(section), len(section.lists), section.server, section.in_vendors

    def _odd(self, text: str, start: int, end: int, sections: Sections | None) -> None:
        """Read lines by the block; what is learned of a feature is kept."""
        section, line, before = self._section, self._next, self._told()
        place, count = self._place(text, start, end, sections), section.feature_count
        for block in _blocks(text, start, end):
            self.block(*block)
        if sections is None or place is None or not place.text.startswith("Users of "):
            return
        feature = section.feature
        if section.feature_count != count + 1:
            # Its lines belong to the feature before, or to several.
            raise AlteredError
        if self._told() == before and feature is not None:
            sections.learn(place, line, self._next - line, feature)

    def _told(self) -> tuple[object, ...]:
        """Return what the lines of a feature leave as it is."""
        section = self._section
        return (
            id(section),
            len(section.members),
            len(section.daemons),
            len(section.waiting_daemons),
            len(section.lists),
            section.server,
            section.error,
            section.usage_info,
            section.in_vendors,
            len(section.unreadable),
            self.taken_at,
            self._known,
            len(self._done),
        )

    def block(self, text: str, start: int, end: int) -> None:
        """Read whole lines as `line` reads each, runs of usual rows in one step."""
        found = split_lines(text, start, end)
        done = 0
        for at in [*(at for at, parts in enumerate(found) if not parts[0]), len(found)]:
            feature = self._section.feature
            if feature is None:
                # No feature is theirs: not rows, whatever they look like.
                for line in text[start:end].split("\n")[done:at] if at > done else ():
                    self.line(self._next, line)
            elif at > done:
                rows = usual_rows(found[done:at], self._next, self._section.starts)
                draft_of(feature).held += rows
                self._section.lines += at - done
                self._next += at - done
            if at < len(found):
                self.line(self._next, found[at][-1][: LINE_CAP + 1])
            done = at + 1

    def line(self, number: int, raw: str) -> None:
        self._next = number + 1
        self._section.lines += 1
        text = raw.strip()
        if not text:
            return
        feature = self._section.feature
        held = None
        if feature is not None and ", start " in text:
            held = usual_holding(text, number, self._section.starts)
        if feature is not None and held:
            draft_of(feature).held.append(held)
        elif text[0] == "-" and set(text[:20]) == {"-"}:
            return
        elif len(raw) > LINE_CAP:
            self._unreadable(number, raw, f"longer than {LINE_CAP} characters")
        elif text.startswith("Users of ") or not (self._heading(text) or self._status(text)):
            self._detail(number, text)

    def _heading(self, text: str) -> bool:
        """Read what stands before a server's answer."""
        if _BANNER.match(text):
            self._known = True
            self._finish()
        elif found := _DATE.match(text):
            self._known = True
            self._finish()
            self._date(found)
        elif text.startswith("License server status:"):
            self._known = True
            if not self._section.empty:
                self._finish()
            self._section.server = visible(text.partition(":")[2].strip())
        elif text.startswith("Error getting status:"):
            self._known = True
            if not self._section.empty and not self._section.server:
                self._finish()
            self._section.error = visible(text.partition(":")[2].strip())
        elif text.startswith("License files"):
            self._section.in_table = True
        elif not text.startswith(_NOISE):
            return False
        return True

    def _date(self, found: re.Match[str]) -> None:
        month, day, year, hour, minute = (int(part) for part in found.groups())
        try:
            local = datetime(year, month, day, hour, minute)  # noqa: DTZ001
            self.taken_at = moment(local, self._zone, self._now)
        except (ValueError, OverflowError):
            self.taken_at = None
        lines = self._section.lines
        self._section = self._new_section()
        self._section.lines = lines

    def _status(self, text: str) -> bool:
        """Read the lines that say what is up."""
        section = self._section
        if text.startswith("Vendor daemon status"):
            section.in_vendors = True
        elif text.startswith("Feature usage info:"):
            section.usage_info = True
            section.lists.append(FeatureList(tuple(section.waiting_daemons)))
            section.waiting_daemons = []
        elif found := _UP.fullmatch(text):
            self._up(found[1], found[2] == "UP", text.partition(": ")[2])
        elif section.server and not text.startswith("Users of "):
            name, colon, error = text.partition(": ")
            if not colon or " " in name or not error.endswith(")") or not _CODE.search(error):
                return False
            self._up(name, False, error)
        else:
            return False
        return True

    def _up(self, name: str, up: bool, text: str) -> None:
        section = self._section
        entry = (name, up, visible(text.strip()))
        if not section.in_vendors and not section.lists and "vendor daemon" not in text:
            section.members.append(entry)
        else:
            section.daemons.append(entry)
            section.waiting_daemons.append(name)

    def _detail(self, number: int, text: str) -> None:
        """Read the lines of features."""
        section = self._section
        if text.startswith("Users of "):
            section.in_table = False
            self._feature(number, text)
            return
        if section.in_table or (section.empty and not self._known) or not section.lists:
            return
        feature = section.feature
        if feature is None:
            self._unreadable(number, text, "expected Users of FEATURE: (...)")
        elif found := _BLOCK.fullmatch(text):
            self._block(number, feature, found)
        elif text.startswith("vendor_string:"):
            draft_of(feature).vendor_string = visible(text.partition(":")[2].strip(), 2000)
        elif text.lower().startswith(_LOCKS):
            draft_of(feature).lock = _lock(text.lower())
        else:
            self._row(number, text, feature)

    def _feature(self, number: int, text: str) -> None:
        section = self._section
        if not section.lists:
            section.lists.append(FeatureList(tuple(section.waiting_daemons)))
        status = None
        if found := _FEATURE.fullmatch(text):
            if totals := _TOTALS.fullmatch(found[2].strip()):
                status = FeatureStatus("", found[1], int(totals[1]), int(totals[2]), line=number)
            elif found[2].lower().startswith("uncounted"):
                status = FeatureStatus("", found[1], None, None, uncounted=True, line=number)
            elif found[2].startswith("Error:"):
                error = visible(found[2].removeprefix("Error:").strip())
                status = FeatureStatus("", found[1], None, None, error=error, line=number)
        elif found := _NO_USERS.fullmatch(text):
            status = FeatureStatus("", found[1], None, None, error=visible(found[2]), line=number)
        if status is None:
            self._unreadable(number, text, "expected the totals, or the reason why there are none")
        else:
            section.lists[-1].features.append(FeatureDraft(status))

    def _block(self, number: int, feature: FeatureDraft, found: re.Match[str]) -> None:
        if feature.sealed:
            raise AlteredError
        draft = Draft(daemon=found[3], version=found[2])
        if found[4]:
            try:
                draft.expires_on = expiry(found[4])
            except ValueError as error:
                self._unreadable(number, found[0], str(error))
        feature.drafts.append(draft)

    def _row(self, number: int, text: str, feature: FeatureDraft) -> None:
        try:
            if reservation := read_reservation(text, number):
                draft_of(feature).reserved.append(reservation)
            elif held := read_holding(text, number, self._section.starts):
                draft_of(feature).held.append(held)
            elif queued := read_waiting(text, number):
                draft_of(feature).queued.append(queued)
            else:
                self._unreadable(
                    number, text, "expected a holder, a reservation or a queued request"
                )
        except RowError as error:
            self._unreadable(number, text, str(error))

    def _unreadable(self, number: int, text: str, reason: str) -> None:
        self._section.unreadable.add(number, text, reason)


def _lock(text: str) -> str:
    if text.startswith("uncounted"):
        return "uncounted"
    return "floating" if text.startswith("floating") else "nodelocked"
