"""The last answers of many servers, so that one that says the same again is not read again."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from licenses.sources.flexnet.lmstat import parse_lmstat, report_time
from licenses.sources.records import Snapshot

KEPT_BYTES: Final = 64 << 20
"""Texts kept by one process; the records made of a text take some five times as much."""
FRESH_SECONDS: Final = 30 * 86400
OLDEST_START_SECONDS: Final = 300 * 86400
"""Starts are printed without a year: which year is meant may change as time passes. It cannot for
one of the last 300 days while no more than 30 pass."""

_DATE_LINE = b"Flexible License Manager status on "


class _Kept(NamedTuple):
    before: bytes
    after: bytes
    zone: ZoneInfo
    taken_at: int
    snapshots: Sequence[Snapshot]

    @property
    def size(self) -> int:
        return len(self.before) + len(self.after)


class StatusMemory:
    """Reads statuses as `parse_lmstat` does, from memory where nothing but their date changed.

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
        before, line, after = _around_date(data)
        taken = report_time(line, zone=zone, now=now)
        if taken is None:
            return parse_lmstat(data, zone=zone, now=now)
        with self._lock:
            kept = self._kept.get(key)
        if (
            kept is not None
            and (kept.before, kept.after, kept.zone) == (before, after, zone)
            and kept.taken_at <= taken <= kept.taken_at + FRESH_SECONDS
        ):
            return [
                replace(each, taken_at=taken) if each.taken_at == kept.taken_at else each
                for each in kept.snapshots
            ]
        snapshots = parse_lmstat(data, zone=zone, now=now)
        self._keep(key, _Kept(before, after, zone, taken, snapshots))
        return snapshots

    def _keep(self, key: Hashable, new: _Kept) -> None:
        with self._lock:
            if (old := self._kept.pop(key, None)) is not None:
                self._size -= old.size
            if not _lasts(new):
                return
            self._kept[key] = new
            self._size += new.size
            while self._size > self._limit:
                _key, oldest = self._kept.popitem(last=False)
                self._size -= oldest.size


def _around_date(data: bytes) -> tuple[bytes, bytes, bytes]:
    """Return what stands before the one line with a date, the line, and the rest; without a line
    where there is none, or another one."""
    place = data.find(_DATE_LINE)
    if place < 0 or data.find(_DATE_LINE, place + 1) >= 0:
        return data, b"", b""
    start, end = data.rfind(b"\n", 0, place) + 1, data.find(b"\n", place) + 1 or len(data)
    return data[:start], data[start:end], data[end:]


def _lasts(new: _Kept) -> bool:
    """Whether what was read does not depend on the day on which the text was taken."""
    return all(
        row.started_at is not None
        and not row.start_guessed
        and row.started_at >= new.taken_at - OLDEST_START_SECONDS
        for each in new.snapshots
        for feature in each.features
        for row in feature.holdings
    ) and all(each.taken_at in (None, new.taken_at) for each in new.snapshots)
