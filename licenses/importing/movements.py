"""The OUTs and INs of a piece of log as columns of ids, in the order of their keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from licenses.analysis.rows import numbered
from licenses.concurrency.intervals import Flags
from licenses.sources import records
from licenses.sources.flexnet import log_columns
from licenses.sources.flexnet.debug_log import LogPiece

from .context import Key
from .directory import Directory
from .held import IN, OUT

Ints = npt.NDArray[np.int64]
KINDS = {log_columns.OUT: OUT, log_columns.IN: IN}
REASON_LENGTH = 20
COLUMNS = ("feature", "person", "host", "seats", "at", "kind", "reason", "key", "ordinal")


@dataclass
class Movements:
    """OUTs and INs sorted by key, moment and kind; equal ones as they stand in the text.

    feature, person, host: ids. kind: OUT or IN of `held`. ordinal: numbers equal ones.
    key:    the place of a row's key in `keys`, which are sorted.
    keys:   the columns feature, person, host and seats of each key.
    reason: the place of an IN's word in `reasons`.
    """

    feature: Ints
    person: Ints
    host: Ints
    seats: Ints
    at: Ints
    kind: Ints
    reason: Ints
    reasons: list[str]
    keys: Ints
    key: Ints
    ordinal: Ints

    def __len__(self) -> int:
        return len(self.at)

    def named(self, places: Ints) -> list[Key]:
        """Return the keys at these places. (An object for each of them all takes long.)"""
        return [Key(*key) for key in self.keys[:, places].T.tolist()]

    def places(self, asked: Ints) -> Ints:
        """Return the places of keys, given as `keys` are; -1 where no row has such a one."""
        code, _ = numbered(*np.concatenate([self.keys, asked], axis=1))
        known = np.full(len(code), -1, dtype=np.int64)
        count = self.keys.shape[1]
        known[code[:count]] = np.arange(count)
        return known[code[count:]]

    def repeated(self) -> Ints:
        """Return where each run of equal rows begins."""
        if not len(self):
            return np.empty(0, dtype=np.int64)
        same = (np.diff(self.key) == 0) & (np.diff(self.at) == 0) & (np.diff(self.kind) == 0)
        return np.flatnonzero(np.append(True, ~same))

    def number_equal(self) -> None:
        """Number equal rows, each run of them from 0."""
        begins = self.repeated()
        lengths = np.diff(np.append(begins, len(self)))
        self.ordinal = np.arange(len(self)) - np.repeat(begins, lengths)

    def only(self, kept: Flags | Ints) -> Movements:
        """Return only these rows, of the same keys."""
        columns = {each: getattr(self, each)[kept] for each in COLUMNS}
        return replace(self, **columns)


def movements(piece: LogPiece, directory: Directory) -> Movements:
    """Return what a piece says of checkouts; its names must be known to *directory*."""
    usual, odd = _usual(piece, directory), _odd(piece, directory)
    reasons = [*usual[1], *odd[1]]
    odd[0][6] += len(usual[1])
    feature, person, host, seats, at, kind, reason, line = np.concatenate(
        [usual[0], odd[0]], axis=1
    )
    code, firsts = numbered(feature, person, host, seats)
    order = np.lexsort((line, kind, at, code))
    found = Movements(
        feature=feature[order],
        person=person[order],
        host=host[order],
        seats=seats[order],
        at=at[order],
        kind=kind[order],
        reason=reason[order],
        reasons=reasons,
        keys=np.stack([column[firsts] for column in (feature, person, host, seats)]),
        key=code[order],
        ordinal=np.zeros(len(at), dtype=np.int64),
    )
    found.number_equal()
    return found


def _usual(piece: LogPiece, directory: Directory) -> tuple[Ints, list[str]]:
    events, names = piece.events, piece.events.names
    if len(events):
        events = events.at_rows(np.flatnonzero(names.kinds()[events.head] != log_columns.DENIED))
    head, feature, who, tail = (
        column.astype(np.int64) for column in (events.head, events.feature, events.who, events.tail)
    )
    kinds = np.array([KINDS.get(kind, 0) for kind in names.kinds().tolist()], dtype=np.int64)
    width = len(names.features) + 1
    places = [divmod(each, width) for each in used(head * width + feature).tolist()]
    features = np.zeros((len(names.heads), width), dtype=np.int64)
    for daemon, name in places:
        features[daemon, name] = directory.features[
            names.heads[daemon].daemon, names.features[name]
        ]
    persons, hosts = np.zeros((2, len(names.whos)), dtype=np.int64)
    for place in used(who).tolist():
        person = names.whos[place]
        if person:
            persons[place] = directory.persons[person.user]
            hosts[place] = directory.hosts[person.host]
    tails, ending = np.unique(tail, return_inverse=True)
    read = [names.tails[code] for code in tails.tolist()]
    reason = np.arange(1, len(tails) + 1) * [bool(each and each.reason) for each in read]
    kind = kinds[head]
    found = [
        features[head, feature],
        persons[who],
        hosts[who],
        _ints([each.seats for each in read if each])[ending],
        events.at,
        kind,
        reason.astype(np.int64)[ending] * (kind == IN),
        events.line,
    ]
    words = ["", *(each.reason[:REASON_LENGTH] for each in read if each)]
    return np.stack(found), words


def _odd(piece: LogPiece, directory: Directory) -> tuple[Ints, list[str]]:
    rows = [each for each in piece.others if isinstance(each, records.Checkout | records.Checkin)]
    found = [
        (
            directory.features[each.daemon, each.feature],
            directory.persons[each.user],
            directory.hosts[each.host],
            each.seats,
            each.at,
            OUT if isinstance(each, records.Checkout) else IN,
            place,
            each.line,
        )
        for place, each in enumerate(rows)
    ]
    words = ["" if isinstance(each, records.Checkout) else each.reason for each in rows]
    return (
        np.array(found, dtype=np.int64).reshape(-1, 8).T,
        [word[:REASON_LENGTH] for word in words],
    )


def used(codes: Ints) -> Ints:
    """Return which of these small numbers occur, in order."""
    return np.flatnonzero(np.bincount(codes))


def _ints(values: Sequence[int]) -> Ints:
    return np.array(values, dtype=np.int64)
