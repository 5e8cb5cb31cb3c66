"""OUTs and INs as logs printed them, read by the column from the blocks in which they are kept.

A row of its own for each of millions would be most of an import: its key is as long as itself, and
scatters over the whole index. A block holds a feature's rows of one import, 27 bytes each; small
ones are joined (`licenses.importing.events`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, NamedTuple, Self

import numpy as np
from django.db import connection

from licenses.concurrency.intervals import Flags, Ints

from .rows import EVER, values

ROW = np.dtype(
    [
        *(("at", "<i8"), ("person", "<u4"), ("host", "<u4"), ("seats", "<u4")),
        *(("ordinal", "<u4"), ("kind", "u1"), ("reason", "<u2")),
    ]
)
"""A row as it is stored: epoch seconds, ids, the number among equal rows, `EventBlock.Kind`, and
the place of its word in the block's reasons, from 1 on; 0 is none."""


STORED = ("person", "host", "seats", "at", "kind", "ordinal")


@dataclass(frozen=True)
class Events:
    """OUTs and INs by the column.

    reasons: words, of which the first is no word.
    at:      epoch seconds.  kind: `EventBlock.Kind`.  ordinal: numbers rows that are else equal.
    reason:  the place of its word in *reasons*.
    """

    reasons: Sequence[str]
    feature: Ints
    person: Ints
    host: Ints
    seats: Ints
    at: Ints
    kind: Ints
    ordinal: Ints
    reason: Ints

    def __len__(self) -> int:
        return len(self.at)

    @property
    def columns(self) -> list[Ints]:
        """The columns that tell rows apart, and that of the reasons."""
        return [getattr(self, field.name) for field in fields(self)[1:]]

    @property
    def identity(self) -> list[Ints]:
        return self.columns[:-1]

    def only(self, chosen: Flags | Ints) -> Self:
        """Return the chosen rows, in the order in which they are chosen."""
        return type(self)(self.reasons, *(column[chosen] for column in self.columns))

    def joined(self, other: Events) -> Events:
        """Return these rows, and those of the other behind them."""
        ours, theirs = self.columns, other.columns
        theirs[-1] = np.where(theirs[-1] > 0, theirs[-1] + len(self.reasons), 0)
        return Events(
            [*self.reasons, *other.reasons],
            *(np.append(mine, its) for mine, its in zip(ours, theirs, strict=True)),
        )


class Packed(NamedTuple):
    """A block as its table has it."""

    feature: int
    starts: int
    ends: int
    lines: int
    reasons: str
    rows: bytes


def load_events(since: Mapping[int, int], until: int | None = None) -> Events:
    """Return the events of features, each from a moment on, up to *until*, that included.

    In no order. Cost: some 20 ns a row beside the query, and the rows of blocks that reach in.
    """
    if not since:
        return unpacked([])
    table = values(since.items())
    before = "" if until is None else f"AND b.starts <= {int(until)} "
    found = unpacked(
        _rows(
            f"WITH k(feature, since) AS (VALUES {table}) "
            "SELECT b.feature_id, b.reasons, b.rows FROM k JOIN licenses_eventblock AS b "
            f"ON b.feature_id = k.feature AND b.ends >= k.since {before}"
        )
    )
    features, moments = np.array(sorted(since.items()), dtype=np.int64).T
    chosen = found.at >= moments[np.searchsorted(features, found.feature)]
    if until is not None:
        chosen &= found.at <= until
    return found.only(chosen)


def events_by_feature(
    features: Iterable[int], start: int = EVER, until: int | None = None
) -> Iterator[tuple[int, Events]]:
    """Yield the events of each feature from *start* to *until*, both included: never those of all
    at once."""
    for feature in features:
        yield feature, load_events({feature: start}, until)


def in_time(events: Events) -> Events:
    """Return the events in the order of time; of those of one second, OUTs first."""
    return events.only(np.lexsort((events.ordinal, events.kind, events.at)))


def newest_event(features: Sequence[int]) -> int | None:
    """Return the moment of the newest event of these features; None where they have none."""
    if not features:
        return None
    chosen = ",".join(str(int(each)) for each in features)
    newest = f"SELECT MAX(ends) FROM licenses_eventblock WHERE feature_id IN ({chosen})"
    found: int | None = _rows(newest)[0][0]
    return found


def open_blocks(features: Sequence[int], most: int) -> tuple[list[int], Events]:
    """Return the newest block of each feature where it has no more rows than that: their ids, and
    what they hold."""
    if not features:
        return [], unpacked([])
    chosen = ",".join(str(int(each)) for each in features)
    found = _rows(
        "SELECT id, feature_id, reasons, rows FROM licenses_eventblock WHERE id IN "
        f"(SELECT MAX(id) FROM licenses_eventblock WHERE feature_id IN ({chosen}) "
        f"GROUP BY feature_id) AND count <= {int(most)}"
    )
    return [row[0] for row in found], unpacked([row[1:] for row in found])


def unpacked(blocks: Sequence[tuple[Any, ...]]) -> Events:
    """Return what blocks hold; of each its feature, reasons and rows."""
    texts = [bytes(rows) for *_, rows in blocks]
    table = np.frombuffer(b"".join(texts), dtype=ROW)
    counts = [len(text) // ROW.itemsize for text in texts]
    words, before = [""], []
    for _, told, _ in blocks:
        before.append(len(words) - 1)
        words += told.split("\n") if told else ()
    feature, offset = (
        np.repeat(np.array(column, dtype=np.int64), counts)
        for column in ([row[0] for row in blocks], before)
    )
    reason = table["reason"].astype(np.int64)
    columns = [feature, *(table[name].astype(np.int64) for name in STORED)]
    columns.append(np.where(reason > 0, reason + offset, 0))
    return Events(words, *columns)


def packed(events: Events, most: int) -> Iterator[Packed]:
    """Yield blocks of events that stand in the order of their features, each of at most so many
    rows."""
    if not len(events):
        return
    firsts = np.append(0, np.flatnonzero(np.diff(events.feature)) + 1)
    ends = np.append(firsts[1:], len(events))
    begins = np.concatenate(
        [np.arange(first, end, most) for first, end in zip(firsts, ends, strict=True)]
    )
    counts = np.diff(np.append(begins, len(events)))
    table = np.zeros(len(events), dtype=ROW)
    for name in STORED:
        table[name] = getattr(events, name)
    words: dict[int, str] = {}
    for place in np.flatnonzero(np.maximum.reduceat(events.reason, begins)).tolist():
        part = slice(int(begins[place]), int(begins[place] + counts[place]))
        words[place], table["reason"][part] = _reasons(events, part)
    text = table.tobytes()
    starts, lasts = (each.reduceat(events.at, begins) for each in (np.minimum, np.maximum))
    columns = (events.feature[begins], starts, lasts, counts)
    begin = 0
    for place, (feature, first, last, count) in enumerate(
        zip(*(column.tolist() for column in columns), strict=True)
    ):
        end = begin + count * ROW.itemsize
        yield Packed(feature, first, last, count, words.get(place, ""), text[begin:end])
        begin = end


def _reasons(events: Events, part: slice) -> tuple[str, Ints]:
    """Return the words of some rows, as a block has them, and each row's place in them."""
    told = [events.reasons[place] for place in events.reason[part].tolist()]
    places = {word: place for place, word in enumerate(dict.fromkeys(filter(None, told)), start=1)}
    return "\n".join(places), np.array([places.get(word, 0) for word in told], dtype=np.int64)


def _rows(sql: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return list(cursor.fetchall())
