"""Store what a piece of a log said, once: events, refusals, packages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import compress
from typing import Any, NamedTuple

import numpy as np
from django.db import connection
from django.db.models import Model

from licenses.analysis import rollup
from licenses.analysis.rows import Coded, Column, insert, numbered
from licenses.concurrency.denials import RULES
from licenses.concurrency.intervals import Flags, Ints
from licenses.evidence import stock
from licenses.evidence.entries import Draft, canonical, draft
from licenses.evidence.lines import Columns
from licenses.models import Denial, PackageComponent
from licenses.sources import records
from licenses.sources.flexnet.debug_log import LogPiece
from licenses.sources.flexnet.denials import CAPACITY, classify
from licenses.sources.flexnet.log_columns import DENIED

from . import events, queues
from .context import Key
from .directory import Directory
from .held import IN, OUT
from .movements import Movements, movements, used
from .repeats import Repeats, Unserved, number_equal

DENIAL_COLUMNS = (
    *("feature_id", "at", "person_id", "host_id", "seats", "code", "ordinal"),
    *("minor", "reason", "version", "reason_class", "capacity", "rules"),
)
WORDS = {OUT: "checkout", IN: "checkin"}


class DenialRow(NamedTuple):
    feature: int
    at: int
    person: int
    host: int
    seats: int
    code: int
    ordinal: int
    minor: str
    reason: str
    version: str
    reason_class: str
    capacity: bool
    rules: int


@dataclass
class Stored:
    """What a chunk brought: its evidence, and where holdings must be made again."""

    new: int = 0
    known: int = 0
    drafts: list[Draft] = field(default_factory=list)
    columns: dict[str, Columns] = field(default_factory=dict)
    """The drafts of the new movements, by daemon."""
    touched: dict[Key, int] = field(default_factory=dict)
    """Those of the new movements only after `touch_new_rows`."""
    boundaries: list[tuple[str, int]] = field(default_factory=list)
    """(daemon, moment) of starts and stops not known before."""
    set_back: list[tuple[int, int]] = field(default_factory=list)
    """Steps of the log's clock not known before: the moment to which it was set, and from which."""
    denial_span: tuple[int, int] | None = None
    waits: list[int] = field(default_factory=list)
    """When requests not known before began to wait, or ceased."""
    movements: Movements | None = None
    new_rows: Flags | None = None
    """Which of the movements were not stored before."""
    all_new: bool = False
    """Whether none of the movements was stored before."""

    def touch(self, key: Key, at: int) -> None:
        known = self.touched.get(key)
        if known is None or at < known:
            self.touched[key] = at

    def touch_new_rows(self) -> None:
        """Have the holdings made again of which a movement is new."""
        rows, new = self.movements, self.new_rows
        if rows is None or new is None:
            return
        # Sorted by key and moment: the first of a key is its earliest.
        keys, firsts = np.unique(rows.key[new], return_index=True)
        for key, at in zip(rows.named(keys), rows.at[new][firsts].tolist(), strict=True):
            self.touch(key, at)


def store(piece: LogPiece, directory: Directory, repeats: Repeats) -> Stored:
    """Store what one chunk says. Rows already there are left alone and counted as known."""
    others = piece.others
    unserved: list[Unserved] = [
        *_denials(piece),
        *(each for each in others if isinstance(each, Unserved)),
    ]
    unserved.sort(key=lambda item: item.line)
    odd = [each for each in others if isinstance(each, records.Checkout | records.Checkin)]
    users, hosts, features = _names(piece)
    directory.learn(
        users | {item.user for item in (*odd, *unserved)},
        hosts | {item.host for item in (*odd, *unserved)},
        features | {(item.daemon, item.feature) for item in (*odd, *unserved)},
    )
    stored = Stored()
    rows = movements(piece, directory)
    ordinals = number_equal(rows, unserved, directory, repeats)
    _store_events(rows, directory, stored)
    asked = list(zip(unserved, ordinals, strict=True))
    refusals = [(each, number) for each, number in asked if isinstance(each, records.Denial)]
    waits = [(each, number) for each, number in asked if isinstance(each, records.Queue)]
    _store_denials(refusals, directory, stored)
    _store_queue(waits, directory, stored)
    _store_packages(others, directory)
    return stored


def _names(piece: LogPiece) -> tuple[set[str], set[str], set[tuple[str, str]]]:
    """Return the users, the machines and the features (with their daemons) of the columns."""
    events, names = piece.events, piece.events.names
    who, head, feature = (
        column.astype(np.int64) for column in (events.who, events.head, events.feature)
    )
    whos = [names.whos[code] for code in used(who).tolist()]
    width = len(names.features) + 1
    named = [divmod(code, width) for code in used(head * width + feature).tolist()]
    read = {(names.heads[daemon], names.features[name]) for daemon, name in named}
    return (
        {each.user for each in whos if each},
        {each.host for each in whos if each},
        {(daemon.daemon, name) for daemon, name in read if daemon and name},
    )


def _denials(piece: LogPiece) -> list[records.Denial]:
    events = piece.events
    if not len(events):
        return []
    rows = np.flatnonzero(events.names.kinds()[events.head] == DENIED)
    found = events.at_rows(rows).records()
    return [each for each in found if isinstance(each, records.Denial)]


def _store_events(rows: Movements, directory: Directory, stored: Stored) -> None:
    if not len(rows):
        return
    stored.movements = rows
    new = events.store_new(rows)
    count = int(new.sum())
    stored.new += count
    stored.known += len(rows) - count
    stored.new_rows, stored.all_new = new, count == len(rows)
    if count:
        stored.columns = _entries(rows, directory, new)


def _entries(rows: Movements, directory: Directory, new: Flags) -> dict[str, Columns]:
    """Return the entries of the new rows by daemon, as `draft` would write each of them."""
    persons, hosts = directory.person_pseudonyms, directory.host_pseudonyms
    reasons = [f'"reason":{_quoted(word)},' if word else "" for word in rows.reasons]
    holders, firsts = numbered(*rows.keys[1:])
    people, machines, seats = rows.keys[1:, firsts].tolist()

    def held(code: int) -> str:
        rest, holder = divmod(code, len(people))
        ordinal, reason = divmod(rest, len(reasons))
        return (
            f'{hosts[machines[holder]]}","ordinal":{ordinal},"person":"{persons[people[holder]]}",'
            f'{reasons[reason]}"seats":{seats[holder]}}},"event_time":'
        )

    # Keys in order: daemon, feature, host, ordinal, person, reason, seats. What is put together
    # from few pieces that are written once each takes a quarter of the time.
    about = _Written(lambda pk: f'{_feature_text(directory, pk)}"host":"')
    holding = _Written(held)

    def of(chosen: Flags) -> Columns:
        # Most rows of a holder have the same ordinal and reason: all make one number.
        odd = rows.ordinal[chosen] * len(reasons) + rows.reason[chosen]
        bodies = [
            about.of(rows.feature[chosen]),
            holding.of(odd * len(people) + holders[rows.key[chosen]]),
        ]
        return Columns(bodies, rows.at[chosen], rows.kind[chosen], WORDS)

    return {daemon: of(chosen) for daemon, chosen in _by_daemon(rows, directory, new)}


def _by_daemon(rows: Movements, directory: Directory, new: Flags) -> Iterator[tuple[str, Flags]]:
    """Yield each daemon that has any of these rows, with its own ones."""
    # Keys stand in the order of their features: of each there is one run.
    column = rows.keys[0]
    begins = np.flatnonzero(np.append(True, column[1:] != column[:-1]))
    named = [directory.feature_names[pk][0] for pk in column[begins].tolist()]
    daemons = sorted(set(named))
    if len(daemons) == 1:
        yield daemons[0], new
        return
    lengths = np.diff(np.append(begins, len(column)))
    codes = np.repeat([daemons.index(name) for name in named], lengths)[rows.key]
    for code, daemon in enumerate(daemons):
        own = new & (codes == code)
        if own.any():
            yield daemon, own


class _Written(dict[int, bytes]):
    """The texts of numbers, each written when it is first asked for."""

    def __init__(self, write: Callable[[int], str]) -> None:
        self._write = write

    def __missing__(self, value: int) -> bytes:
        text = self[value] = self._write(value).encode()
        return text

    def of(self, column: Ints) -> list[bytes]:
        return [*map(self.__getitem__, column.tolist())]


_quoted = lru_cache(maxsize=10_000)(canonical)


def _feature_text(directory: Directory, feature: int) -> str:
    """Return how an entry about a feature begins."""
    daemon, name = directory.feature_names[feature]
    return f'{{"body":{{"daemon":{_quoted(daemon)},"feature":{_quoted(name)},'


def _store_queue(
    asked: Sequence[tuple[records.Queue, int]], directory: Directory, stored: Stored
) -> None:
    drafts = queues.logged(asked, directory)
    stored.new += len(drafts)
    stored.known += len(asked) - len(drafts)
    stored.drafts += drafts
    stored.waits += drafts.values()


def _store_denials(
    refusals: Sequence[tuple[records.Denial, int]], directory: Directory, stored: Stored
) -> None:
    rows: dict[tuple[Any, ...], DenialRow] = {}
    for item, ordinal in refusals:
        feature = directory.features[item.daemon, item.feature]
        person, host = directory.persons[item.user], directory.hosts[item.host]
        reason_class = classify(item.code, item.reason)
        rows[feature, item.at, person, host, item.seats, item.code or 0, ordinal] = DenialRow(
            feature,
            item.at,
            person,
            host,
            item.seats,
            item.code or 0,
            ordinal,
            item.minor[:60],
            item.reason[:300],
            item.version[:50],
            str(reason_class),
            reason_class in CAPACITY,
            RULES,
        )
    ordered = sorted(rows.values(), key=lambda row: (row.feature, row.at))
    new = list(compress(ordered, _insert_denials(ordered)))
    stored.new += len(new)
    stored.known += len(refusals) - len(new)
    for row in new:
        daemon, name = directory.feature_names[row.feature]
        body = {
            "daemon": daemon,
            "feature": name,
            "host": directory.host_pseudonyms[row.host],
            "minor": row.minor,
            "ordinal": row.ordinal,
            "person": directory.person_pseudonyms[row.person],
            "reason": row.reason,
            "seats": row.seats,
            "version": row.version,
        }
        if row.code:
            body["code"] = row.code
        stored.drafts.append(draft("denial", row.at, body))
    if new:
        stored.denial_span = min(row.at for row in new), max(row.at for row in new)


def _insert_denials(rows: Sequence[DenialRow]) -> Iterable[bool]:
    if not rows:
        return []
    table = [
        np.array(column, dtype=np.int64) if type(column[0]) is int else Coded.of(column)
        for column in zip(*rows, strict=True)
    ]
    return _insert(Denial, DENIAL_COLUMNS, 7, table).tolist()


def _store_packages(items: Sequence[records.LogRecord], directory: Directory) -> None:
    found = {
        (item.daemon, item.name, component)
        for item in items
        if isinstance(item, records.Package)
        for component in item.components
        if component != item.name
    }
    if not found:
        return
    server = directory.server
    known = PackageComponent.objects.filter(server=server)
    if fresh := sorted(found.difference(known.values_list("daemon", "package", "component"))):
        PackageComponent.objects.bulk_create(
            PackageComponent(server=server, daemon=daemon, package=package, component=component)
            for daemon, package, component in fresh
        )
        stock.tell_server(server)
        # What was counted of them apart before counts once.
        names = {name for _daemon, *both in fresh for name in both}
        ids = server.features.filter(name__in=names).order_by().values_list("pk", flat=True)
        rollup.mark_dirty(feature_ids=list(ids))


def _insert(
    model: type[Model], names: Sequence[str], identity: int, table: Sequence[Column]
) -> Flags:
    """Insert the rows that are not there yet, and tell which those were.

    names:     of the columns, those that tell rows apart first, beginning with the feature.
    identity:  how many of them do.
    """
    told = [column for column in table[:identity] if not isinstance(column, Coded)]
    count = len(told[0])
    into = model._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT COALESCE(MAX(id), 0) FROM {into}")
        (before,) = cursor.fetchone()
        inserted = insert(model, names, table, otherwise="ON CONFLICT DO NOTHING")
        if inserted in (0, count):
            return np.full(count, inserted > 0)
        # A mixture: the new ones are those with ids of this transaction. Features belong to one
        # server, and only one
        # import of a server runs at a time, so nobody else's rows are among them.
        features = ",".join(map(str, np.unique(told[0]).tolist()))
        cursor.execute(
            f"SELECT {', '.join(names[:identity])} FROM {into} "
            f"WHERE id > %s AND feature_id IN ({features})",
            [before],
        )
        new = set(cursor.fetchall())
    rows = zip(*(column.tolist() for column in told), strict=True)
    return np.fromiter((row in new for row in rows), dtype=np.bool_, count=count)
