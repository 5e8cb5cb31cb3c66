"""What the features of a server's last status said, by their text, so that of the next status only
the features are read of which a line changed."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import repeat
from operator import attrgetter
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
    """A feature that was read. line, lines: of its text, the first and how many."""

    status: FeatureStatus
    line: int
    lines: int
    taken_at: int

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

    def find(self, place: Place) -> Known | None:
        """Return what the same text said before, if it still says so."""
        found = self._known.get(place)
        if found is None or not found.taken_at <= self.taken <= found.taken_at + FRESH_SECONDS:
            return None
        self.kept[place] = found
        return found

    def learn(self, place: Place, line: int, lines: int, draft: FeatureDraft) -> None:
        """Note a feature whose text said nothing of anything else."""
        self._read.append((place, line, lines, draft))

    def settle(self) -> None:
        """Keep what was read, once the report is whole."""
        for place, line, lines, draft in self._read:
            status = draft.finished
            if status is not None and lasts(status, self.taken):
                self.kept[place] = Known(status, line, lines, self.taken)


def lasts(feature: FeatureStatus, taken_at: int) -> bool:
    """Whether what was read does not depend on the day on which the text was taken."""
    oldest = taken_at - OLDEST_START_SECONDS
    for block in feature.blocks:
        starts = list(map(_STARTED, block.holdings))
        if None in starts or min(starts, default=oldest) < oldest:
            return False
        if any(map(_GUESSED, block.holdings)):
            return False
    return True


_STARTED, _GUESSED = attrgetter("started_at"), attrgetter("start_guessed")


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
