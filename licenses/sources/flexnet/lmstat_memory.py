"""The last answers of many servers, so that one that says the same again is not read again."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Final
from zoneinfo import ZoneInfo

from licenses.sources.flexnet.lmstat import parse_lmstat, report_time
from licenses.sources.flexnet.lmstat_sections import FRESH_SECONDS, Known, Place, Sections, lasts
from licenses.sources.records import Snapshot

KEPT_BYTES: Final = 64 << 20
"""Texts kept by one process; the records made of a text take some five times as much."""

_DATE_LINE = b"Flexible License Manager status on "


@dataclass(frozen=True, slots=True)
class _Kept:
    """A server's last text. lasting: all that it says would mean the same some days later."""

    before: bytes
    after: bytes
    zone: ZoneInfo
    taken_at: int
    snapshots: Sequence[Snapshot]
    sections: dict[Place, Known]
    lasting: bool

    @property
    def size(self) -> int:
        """Return the bytes of the text, which is kept as a whole and in its sections."""
        return 2 * (len(self.before) + len(self.after))


class StatusMemory:
    """Reads statuses as `parse_lmstat` does, from memory where nothing but their date changed, and
    only the features of which a line changed where some did.

    Safe to use from several threads. Forgets the servers asked longest ago.
    """

    def __init__(self, limit: int = KEPT_BYTES) -> None:
        self._limit, self._size = limit, 0
        self._kept: OrderedDict[Hashable, _Kept] = OrderedDict()
        self._lock = threading.Lock()

    def parse(self, key: Hashable, data: bytes, *, zone: ZoneInfo, now: int) -> list[Snapshot]:
        """Return what `parse_lmstat` returns.

        key:  of the server; one text is kept for each.
        """
        with self._lock:
            kept = self._kept.get(key)
        before, line, after = _around_date(data, kept)
        taken = report_time(line, zone=zone, now=now)
        if taken is None:
            return parse_lmstat(data, zone=zone, now=now)
        if (
            kept is not None
            and kept.lasting
            and kept.zone == zone
            and before is kept.before
            and after is kept.after
            and kept.taken_at <= taken <= kept.taken_at + FRESH_SECONDS
        ):
            return [
                replace(each, taken_at=taken) if each.taken_at == kept.taken_at else each
                for each in kept.snapshots
            ]
        known = kept.sections if kept is not None and kept.zone == zone else {}
        sections = Sections(known, taken)
        snapshots = parse_lmstat(data, zone=zone, now=now, sections=sections)
        lasting = _lasts(snapshots, taken, sections)
        self._keep(key, _Kept(before, after, zone, taken, snapshots, sections.kept, lasting))
        return snapshots

    def _keep(self, key: Hashable, new: _Kept) -> None:
        with self._lock:
            if (old := self._kept.pop(key, None)) is not None:
                self._size -= old.size
            self._kept[key] = new
            self._size += new.size
            while self._size > self._limit:
                _key, oldest = self._kept.popitem(last=False)
                self._size -= oldest.size


def _around_date(data: bytes, kept: _Kept | None) -> tuple[bytes, bytes, bytes]:
    """Return what stands before the one line with a date, the line, and the rest; without a line
    where there is none, or another one.

    kept: of an earlier text; where the parts are the same, its own are returned.
    """
    if kept is not None and data.startswith(kept.before) and data.endswith(kept.after):
        # No other line of it has a date, or it would not have been kept.
        line = data[len(kept.before) : len(data) - len(kept.after)]
        if line.find(b"\n") == len(line) - 1 and line.count(_DATE_LINE) == 1:
            return kept.before, line, kept.after
    place = data.find(_DATE_LINE)
    if place < 0 or data.find(_DATE_LINE, place + 1) >= 0:
        return data, b"", b""
    start, end = data.rfind(b"\n", 0, place) + 1, data.find(b"\n", place) + 1 or len(data)
    return data[:start], data[start:end], data[end:]


def _lasts(snapshots: Sequence[Snapshot], taken_at: int, sections: Sections) -> bool:
    """Whether what was read does not depend on the day on which the text was taken."""
    if any(each.taken_at not in (None, taken_at) for each in snapshots):
        return False
    if sections.last(sum(len(each.features) for each in snapshots)):
        return True
    return all(lasts(feature, taken_at) for each in snapshots for feature in each.features)
