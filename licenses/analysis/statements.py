"""What servers and licence files say that is issued, and how much of it adds to a pool."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from django.db.models import F

from licenses.analysis.mappings import Mapping
from licenses.analysis.prepared import Asked, Prepared
from licenses.analysis.rows import EVER, grouped, number
from licenses.concurrency.intervals import IntervalSet
from licenses.concurrency.timeline import OPEN, UNKNOWN, Steps, merged_times
from licenses.models import IssuedCount


class Statement(NamedTuple):
    """A server issues so many seats of a feature over [start, end); None: uncounted.

    read_from, read_until:  of a licence file, when it was read first and last with these lines.
    """

    source: str
    seats: int | None
    start: int
    end: int
    overdraft: int = 0
    read_from: int = OPEN
    read_until: int = EVER


def load_statements(feature_ids: Collection[int]) -> dict[int, list[Statement]]:
    """Return what the servers said that they issue, by feature, in order of start. One query."""
    rows = grouped(_STATED.rows(feature_ids))
    return {key: [Statement(*row) for row in group] for key, group in rows.items()}


@Prepared
def _STATED(feature_ids: Collection[int]) -> Asked:
    rows = IssuedCount.objects.filter(feature__among=feature_ids)
    return rows.order_by("feature_id", F("starts").asc(nulls_first=True), "pk"), (
        "feature_id",
        "source",
        "count",
        number("starts", EVER),
        number("ends", OPEN),
        "overdraft",
        number("read_from", OPEN),
        number("read_until", EVER),
    )


def issued_steps(
    mappings: Iterable[Mapping], stated: Stated, start: int, end: int
) -> tuple[Steps, bool]:
    """Return (what the servers issue to a pool, weighted; whether a part of it is uncounted).

    UNKNOWN where no feature feeds the pool, and where one does whose number nobody states.
    """
    known: list[tuple[int, int, int]] = []
    silent: list[tuple[int, int]] = []
    mapped: list[tuple[int, int]] = []
    uncounted = False
    for mapping in mappings:
        first, last = max(mapping.start, start), min(mapping.end, end)
        if first >= last:
            continue
        mapped.append((first, last))
        for cell in stated.cells(mapping.feature, first, last):
            if cell.seats is None:
                silent.append((cell.start, cell.end))
                uncounted |= cell.source != ""
            else:
                known.append((cell.start, cell.end, cell.seats * mapping.weight))
    if not known:
        return Steps.constant(UNKNOWN, start, end), uncounted
    starts, ends, seats = _columns(known, 3)
    total = Steps.from_spans(starts, ends, seats, start, end)
    told = IntervalSet.of(*_columns(mapped, 2)).subtract(IntervalSet.of(*_columns(silent, 2)))
    return total.only_within(told), uncounted


def in_force(statements: Sequence[Statement], start: int, end: int) -> list[Statement]:
    """Return what holds at each moment of [start, end); a cell without a source is silence."""
    said = _Statements(statements)
    grid = _grid([statements], start, end)
    return [Statement(*said.at(first), first, last) for first, last in pairwise(grid)]


def _grid(parts: Iterable[Sequence[Statement | Mapping]], start: int, end: int) -> list[int]:
    """Return the moments of [start, end] at which one of these rows begins or ends, and both."""
    moments = np.array([m for rows in parts for r in rows for m in (r.start, r.end)], np.int64)
    grid: list[int] = merged_times([moments], start, end).tolist()
    return grid


class Stated:
    """What servers say they issue, as far as it adds to the seats of a pool.

    A server lists a package and each of its components with all of their seats, and one checkout
    takes one of each: of the server's own total a component adds what it has beyond its packages of
    the same pool. A licence file has a line of a component only for seats that are sold besides.
    """

    def __init__(
        self, statements: dict[int, list[Statement]], packed: dict[int, list[Mapping]]
    ) -> None:
        """packed:  for each feature that is a component, the mappings of its packages."""
        self.statements, self.packed = statements, packed
        self.said: dict[int, _Statements] = {}

    def added(self, feature: int, at: int) -> tuple[str, int | None]:
        """Return (source, seats) of what a feature adds at a moment; the source "" is silence."""
        source, seats = self._of(feature).at(at)
        if source == IssuedCount.Source.FILE:
            return source, seats
        told = [
            (source_of_it, its_own)
            for package in self.packed.get(feature, ())
            if package.start <= at < package.end
            for source_of_it, its_own in [self._of(package.feature).at(at)]
            if its_own is not None
        ]
        if not told or (seats is None and source):
            return source, seats
        return source or told[0][0], max(0, (seats or 0) - sum(count for _source, count in told))

    def cells(self, feature: int, start: int, end: int) -> list[Statement]:
        """Return what a feature adds at each moment of [start, end)."""
        packages = self.packed.get(feature)
        if not packages:
            return in_force(self.statements.get(feature, ()), start, end)
        rows = [self.statements.get(each, ()) for each in {feature, *(p.feature for p in packages)}]
        grid = _grid([packages, *rows], start, end)
        return [Statement(*self.added(feature, at), at, until) for at, until in pairwise(grid)]

    def _of(self, feature: int) -> _Statements:
        if feature not in self.said:
            self.said[feature] = _Statements(self.statements.get(feature, ()))
        return self.said[feature]


class _Statements:
    """What is stated of one feature.

    The statement holds that began last. A licence file states the sum of its lines in force; the
    server's own total stands until the next total, or a file whose line begins later. Of two from
    the same second the server's own wins.
    """

    def __init__(self, rows: Sequence[Statement]) -> None:
        self.files = [row for row in rows if row.source == IssuedCount.Source.FILE]
        self.totals = [row for row in rows if row.source == IssuedCount.Source.STATUS]
        self.begins = [row.start for row in self.totals]

    def at(self, moment: int) -> tuple[str, int | None]:
        """Return (source, seats) of what holds at a moment; the source "" is silence."""
        place = bisect_right(self.begins, moment) - 1
        lines = [row for row in self.files if row.start <= moment < row.end]
        if place >= 0 and moment < self.totals[place].end:
            total = self.totals[place]
            if all(row.start <= total.start for row in lines):
                return total.source, total.seats
        if not lines:
            return "", None
        counts = [row.seats for row in lines if row.seats is not None]
        return lines[0].source, sum(counts) if len(counts) == len(lines) else None


def _columns(rows: Sequence[tuple[int, ...]], width: int) -> list[list[int]]:
    return [[row[place] for row in rows] for place in range(width)]
