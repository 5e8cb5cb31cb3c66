"""Equal lines of one second, told apart by their number: a text that comes again adds nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from licenses.analysis.rows import numbered
from licenses.sources import records

from .directory import Directory
from .movements import Movements

Unserved = records.Denial | records.Queue
"""A request that brought no seat when it was logged."""

REPEAT_WINDOW = 900
"""Seconds for which equal lines are remembered to be numbered apart. A text that goes back further
tells of that time again: what it told before is numbered as it was then."""


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


def told_again(
    rows: Movements,
    asked: Sequence[Unserved],
    others: Iterable[records.LogRecord],
    repeats: Repeats,
) -> list[int]:
    """Return the lines from which on a text tells again of time that it told of before."""
    newest = repeats.newest
    steps = any(
        isinstance(each, records.ClockStep) and each.seconds < -REPEAT_WINDOW for each in others
    )
    earliest = min([int(rows.at.min())] if len(rows) else [], default=newest)
    if not steps and min([earliest, *(each.at for each in asked)]) >= newest - REPEAT_WINDOW:
        return []
    told = zip(rows.line.tolist(), rows.at.tolist(), strict=True)
    again = []
    for line, at in sorted([*told, *((each.line, each.at) for each in asked)]):
        if at < newest - REPEAT_WINDOW:
            again.append(line)
            newest = at
        newest = max(newest, at)
    return again


def number_equal(
    rows: Movements,
    asked: Sequence[Unserved],
    again: Sequence[int],
    directory: Directory,
    repeats: Repeats,
) -> tuple[Movements, list[int]]:
    """Number equal rows, and what is equal of the others; return the rows, each once, and the
    others' numbers.

    again: the lines at which numbering begins anew.
    """
    ordinals: list[int] = []
    if not again:
        repeats.number_rows(rows)
        ordinals += (_number(each, directory, repeats) for each in asked)
        return rows, ordinals
    telling = np.searchsorted(again, rows.line, side="right")
    of_asked = np.searchsorted(again, [each.line for each in asked], side="right")
    for number in range(len(again) + 1):
        if number:
            repeats.counts.clear()
        mine = telling == number
        part = rows.only(mine)
        part.number_equal()
        repeats.number_rows(part)
        rows.ordinal[mine] = part.ordinal
        places = np.flatnonzero(of_asked == number).tolist()
        ordinals += (_number(asked[place], directory, repeats) for place in places)
    _, firsts = numbered(rows.key, rows.at, rows.kind, rows.ordinal)
    return rows.only(np.sort(firsts)), ordinals


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
