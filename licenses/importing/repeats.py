"""Equal lines of one second, told apart by their number: a text that comes again adds nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from licenses.sources import records
from licenses.sources.flexnet.seams import RETOLD

from .directory import Directory
from .movements import Movements

Unserved = records.Denial | records.Queue
"""A request that brought no seat when it was logged."""

REPEAT_WINDOW = RETOLD
"""Seconds for which equal lines are remembered to be numbered apart. A text that goes back further
is two (`seams`): the second numbers its own."""


@dataclass
class Repeats:
    """Numbers equal lines of one second, over the chunks of one text."""

    counts: dict[tuple[Any, ...], int] = field(default_factory=dict)

    @property
    def newest(self) -> int:
        """The latest moment of what is numbered; far in the past where nothing is."""
        return max((what[0] for what in self.counts), default=-(2**62))

    def number(self, *what: Any) -> int:
        ordinal = self.counts.get(what, 0)
        self.counts[what] = ordinal + 1
        return ordinal

    def number_rows(self, rows: Movements) -> None:
        """Go on numbering where equal rows of earlier chunks ended."""
        if not len(rows):
            return
        begins = rows.repeated()
        columns = (rows.at, rows.feature, rows.person, rows.host, rows.seats, rows.kind)
        newest = self.newest
        lengths = np.diff(np.append(begins, len(rows)))
        for place in np.flatnonzero(rows.at[begins] <= newest).tolist():
            begin = int(begins[place])
            known = self.counts.get(tuple(int(column[begin]) for column in columns), 0)
            if known:
                rows.ordinal[begin : begin + int(lengths[place])] += known
        keep = rows.at[begins] >= max(newest, int(rows.at.max())) - REPEAT_WINDOW
        last = begins[keep] + lengths[keep] - 1
        counts = (rows.ordinal[last] + 1).tolist()
        kept = zip(*(column[last].tolist() for column in columns), strict=True)
        self.counts.update(zip(kept, counts, strict=True))

    def forget_old(self) -> None:
        """Forget what is too old to come once more."""
        since = self.newest - REPEAT_WINDOW
        self.counts = {what: count for what, count in self.counts.items() if what[0] >= since}

    def dump(self) -> list[list[Any]]:
        return [[*what, count] for what, count in self.counts.items()]

    @classmethod
    def load(cls, rows: Iterable[Sequence[Any]]) -> Repeats:
        return cls({tuple(row[:-1]): row[-1] for row in rows})


def number_equal(
    rows: Movements, asked: Sequence[Unserved], directory: Directory, repeats: Repeats
) -> list[int]:
    """Number equal rows, and what is equal of the others; return the numbers of these."""
    repeats.number_rows(rows)
    return [_number(each, directory, repeats) for each in asked]


def _number(item: Unserved, directory: Directory, repeats: Repeats) -> int:
    what: tuple[Any, ...] = ("queued",)
    if isinstance(item, records.Denial):
        what = "denied", item.code or 0
    elif not item.entered:
        what = ("dequeued",)
    return repeats.number(
        item.at,
        directory.features[item.daemon, item.feature],
        directory.persons[item.user],
        directory.hosts[item.host],
        item.seats,
        *what,
    )
