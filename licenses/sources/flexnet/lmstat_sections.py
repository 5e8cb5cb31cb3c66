"""What the features of a server's last status said, by their text, so that of the next status only
the features are read of which a line changed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import chain, repeat
from operator import itemgetter
from typing import Final, NamedTuple

from licenses.sources.flexnet.lmstat_report import FeatureDraft
from licenses.sources.flexnet.lmstat_usual import Head
from licenses.sources.records import Block, FeatureStatus, Holding

FRESH_SECONDS: Final = 30 * 86400
OLDEST_START_SECONDS: Final = 300 * 86400
"""Starts are printed without a year: which year is meant may change as time passes. It cannot for
one of the last 300 days while no more than 30 pass."""


class Place(NamedTuple):
    """Where a feature's text stands: with the text, all that decides what its lines mean but for
    the year of a start."""

    text: str
    server: bool
    in_vendors: bool
    daemons: tuple[str, ...]


class Known(NamedTuple):
    """A feature that was read. line, lines: of its text, the first and how many. oldest: when the
    first of its rows began."""

    status: FeatureStatus
    line: int
    lines: int
    taken_at: int
    oldest: int

    def at(self, line: int) -> FeatureStatus:
        """Return the feature as its text says it from another line on."""
        return self.status if line == self.line else _moved(self.status, line - self.line)


class Part(NamedTuple):
    """A feature of a report that is known from before, or whose head is usual."""

    start: int
    end: int
    lines: int
    place: Place | None
    known: Known | None
    head: Head | None


def section_spans(text: str) -> Iterator[tuple[int, int]]:
    """Yield (start, end) of what stands before the first feature, and of each feature."""
    start = 0
    while start < len(text):
        end = text.find("\nUsers of ", start) + 1 or len(text)
        yield start, end
        start = end


class Sections:
    """The features of one server's status while it is read, and those of the one before.

    known:  of the status before.
    taken:  when this one was taken.
    """

    def __init__(self, known: dict[Place, Known], taken: int) -> None:
        self._known, self.taken = known, taken
        self._read: list[tuple[Place, int, int, FeatureDraft]] = []
        self.kept: dict[Place, Known] = {}
        self._oldest: list[int] = []
        self._settled = False

    def find(self, place: Place) -> Known | None:
        """Return what the same text said before, if it still says so."""
        found = self._known.get(place)
        if found is None or not found.taken_at <= self.taken <= found.taken_at + FRESH_SECONDS:
            return None
        self.kept[place] = found
        self._oldest.append(found.oldest)
        return found

    def learn(self, place: Place, line: int, lines: int, draft: FeatureDraft) -> None:
        """Note a feature whose text said nothing of anything else."""
        self._read.append((place, line, lines, draft))

    def settle(self) -> None:
        """Keep what was read, once the report is whole."""
        for place, line, lines, draft in self._read:
            oldest = None if draft.finished is None else oldest_start(draft.finished)
            if draft.finished is None or oldest is None:
                continue
            self._oldest.append(oldest)
            if oldest >= self.taken - OLDEST_START_SECONDS:
                self.kept[place] = Known(draft.finished, line, lines, self.taken, oldest)
        self._settled = True

    def last(self, count: int) -> bool:
        """Whether these are all of a report's *count* features, and none depends on the day on
        which the text was taken; False also where that cannot be told from here."""
        limit = self.taken - OLDEST_START_SECONDS
        oldest = min(self._oldest, default=limit)
        return self._settled and len(self._oldest) == count and oldest >= limit


def lasts(feature: FeatureStatus, taken_at: int) -> bool:
    """Whether what was read does not depend on the day on which the text was taken."""
    oldest = oldest_start(feature)
    return oldest is not None and oldest >= taken_at - OLDEST_START_SECONDS


def oldest_start(feature: FeatureStatus) -> int | None:
    """Return when the first of a feature's rows began, a time far off where it has none; None where
    a start is unknown, or a guess."""
    oldest = sys.maxsize
    for block in feature.blocks:
        if any(map(_GUESSED, block.holdings)):
            return None
        try:
            oldest = min(chain([oldest], map(_STARTED, block.holdings)))
        except TypeError:  # None is less than no number; to look for it first takes twice the time
            return None
    return oldest


# By place, as a look by name takes longer.
_STARTED = itemgetter(Holding._fields.index("started_at"))
_GUESSED = itemgetter(Holding._fields.index("start_guessed"))


def _moved(status: FeatureStatus, by: int) -> FeatureStatus:
    # By name and not by `replace`, which takes longer than the rows do.
    return FeatureStatus(
        daemon=status.daemon,
        name=status.name,
        issued=status.issued,
        in_use=status.in_use,
        uncounted=status.uncounted,
        error=status.error,
        blocks=tuple([_block_moved(block, by) for block in status.blocks]),
        line=status.line + by,
    )


def _block_moved(block: Block, by: int) -> Block:
    return Block(
        daemon=block.daemon,
        version=block.version,
        expires_on=block.expires_on,
        vendor_string=block.vendor_string,
        lock=block.lock,
        holdings=_rows_moved(block.holdings, by),
        reservations=tuple([row._replace(line=row.line + by) for row in block.reservations]),
        waiting=tuple([row._replace(line=row.line + by) for row in block.waiting]),
    )


def _rows_moved(rows: tuple[Holding, ...], by: int) -> tuple[Holding, ...]:
    if not rows:
        return ()
    *columns, lines = zip(*rows, strict=True)
    moved = zip(*columns, [line + by for line in lines], strict=True)
    # What a named tuple's own constructor does, without a call of Python for each row.
    return tuple(map(tuple.__new__, repeat(Holding), moved))
