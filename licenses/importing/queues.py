"""Requests that wait at a licence server: what texts say of them, once, and how long each waited.

Entries are made again for the keys on which something bears, from the moment it does. Where nobody
ever waited that costs a query.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from django.db.models import Q

from licenses.analysis.prepared import Asked, Prepared
from licenses.analysis.rows import insert, number
from licenses.concurrency.timeline import OPEN
from licenses.evidence.entries import Draft, draft
from licenses.models import LicenseServer, QueueEntry, QueueEvent
from licenses.sources import records

from .answers import Answers
from .context import Context, Key
from .directory import Directory
from .held import CLOCKS_AGREE, CONTINUED, EVENT, RETURNED
from .holding_rows import BATCH, JOIN, key_table, rows
from .waits import DEQUEUED, QUEUED, SHOWN, Known, Row, Taken, Told, waits

EVER = -(2**62)
COLUMNS = ("feature_id", "at", "person_id", "host_id", "seats", "kind", "ordinal")
WORDS = {QUEUED: "queued", DEQUEUED: "dequeued", SHOWN: "shown"}
Event = tuple[int, int, int, int, int, int, int]
"""The columns of one."""


def logged(asked: Sequence[tuple[records.Queue, int]], directory: Directory) -> dict[Draft, int]:
    """Store lines of a log, each with its number among equal ones; return the evidence of what is
    new, and when that was."""
    told = {
        (
            directory.features[item.daemon, item.feature],
            item.at,
            directory.persons[item.user],
            directory.hosts[item.host],
            item.seats,
            QUEUED if item.entered else DEQUEUED,
            ordinal,
        )
        for item, ordinal in asked
    }
    return {_draft(event, directory): event[1] for event in _store(told)}


def shown(snapshot: records.Snapshot, directory: Directory, at: int) -> list[Draft]:
    """Store whom a status shows waiting; return the evidence of what is new."""
    counts: dict[tuple[int, int, int, int], int] = defaultdict(int)
    told: list[Event] = []
    for feature in snapshot.features:
        if not (waiting := feature.waiting):
            continue
        directory.learn({row.user for row in waiting}, {row.host for row in waiting}, [])
        pk = directory.features[feature.daemon, feature.name]
        for row in waiting:
            key = pk, directory.persons[row.user], directory.hosts[row.host], row.seats
            told.append((pk, at, *key[1:], SHOWN, counts[key]))
            counts[key] += 1
    return [_draft(event, directory) for event in _store(told)]


def _store(told: Iterable[Event]) -> list[Event]:
    """Store what is not there yet, and return it."""
    events = sorted(told)
    if not events:
        return []
    features, first, last = {event[0] for event in events}, *_span(events)
    known = set(_TOLD.rows(features, first, last))
    new = [event for event in events if event not in known]
    columns = [np.array(column, dtype=np.int64) for column in zip(*new, strict=True)]
    if new:
        insert(QueueEvent, COLUMNS, columns)
    return new


def _span(events: Sequence[Event]) -> tuple[int, int]:
    moments = [event[1] for event in events]
    return min(moments), max(moments)


def _draft(event: Event, directory: Directory) -> Draft:
    feature, at, person, host, seats, kind, ordinal = event
    daemon, name = directory.feature_names[feature]
    body = {
        "daemon": daemon,
        "feature": name,
        "host": directory.host_pseudonyms[host],
        "ordinal": ordinal,
        "person": directory.person_pseudonyms[person],
        "seats": seats,
        "what": WORDS[kind],
    }
    return draft("queue", at, body)


@Prepared
def _TOLD(features: Collection[int], first: int, last: int) -> Asked:
    told = QueueEvent.objects.filter(feature__among=features, at__gte=first, at__lte=last)
    return told.order_by(), [number(name) if name == "at" else name for name in COLUMNS]


def derive(
    server: LicenseServer,
    daemons: Mapping[int, str],
    start: int,
    end: int,
    answers: Answers | None = None,
) -> None:
    """Make the entries again on which the time [start, end] bears.

    daemons: feature id to daemon, for the server's features.
    answers: the server's complete answers, where the caller has asked for some before.

    Runs inside the caller's transaction, once the holdings are made. A query where nobody ever
    waited; a handful for every 2,000 keys.
    """
    if not daemons or not _ANY.rows(daemons):
        return
    start, end = start - CLOCKS_AGREE, end + CLOCKS_AGREE
    touched: dict[Key, int] = {}
    for *key, since in [*_ENTERED.rows(daemons, start, end), *_EVENTS.rows(daemons, start, end)]:
        _touch(touched, Key(*key), since - CLOCKS_AGREE)
    context = Context(server, answers)
    keys = sorted(touched)
    for place in range(0, len(keys), BATCH):
        _derive({key: touched[key] for key in keys[place : place + BATCH]}, daemons, context)


def _touch(touched: dict[Key, int], key: Key, at: int) -> None:
    touched[key] = min(at, touched.get(key, at))


_KEY = ("feature_id", "person_id", "host_id", "seats")


@Prepared
def _ANY(features: Collection[int]) -> Asked:
    return QueueEvent.objects.filter(feature__among=features).order_by()[:1], ("pk",)


@Prepared
def _ENTERED(features: Collection[int], start: int, end: int) -> Asked:
    reaching = Q(ended_at=None) | Q(ended_at__gte=start)
    begun = Q(queued_at=None) | Q(queued_at__lte=end)
    entered = QueueEntry.objects.filter(reaching, begun, feature__among=features)
    return entered.order_by(), (*_KEY, number("queued_by"))


@Prepared
def _EVENTS(features: Collection[int], start: int, end: int) -> Asked:
    told = QueueEvent.objects.filter(feature__among=features, at__gte=start, at__lte=end)
    return told.order_by(), (*_KEY, number("at"))


def _derive(touched: dict[Key, int], daemons: Mapping[int, str], context: Context) -> None:
    stored = _settle(touched)
    told: dict[Key, list[Told]] = defaultdict(list)
    for *key, at, kind in _joined(touched, "licenses_queueevent", "r.at, r.kind", "r.at"):
        told[Key(*key)].append(Told(at, kind))
    taken: dict[Key, list[Taken]] = defaultdict(list)
    # What a log tells is read as it stands.
    latest = f"CASE WHEN r.method = {EVENT} THEN r.taken_at ELSE r.taken_at + r.taken_within END"
    columns = f"r.taken_at, {latest}, r.method"
    for *key, at, by, method in _joined(touched, "licenses_checkout", columns, latest):
        if method not in (CONTINUED, RETURNED):
            taken[Key(*key)].append(Taken(at, by, method == EVENT))
    answers = _answers(context.answers, touched)
    wrong: list[int] = []
    fresh: list[QueueEntry] = []
    for key, since in touched.items():
        daemon = daemons[key.feature]
        known = Known(
            restarts=[restart for restart in context.restarts(daemon) if restart.at >= since],
            answers=answers[key.feature],
            taken=sorted(taken[key]),
            next_hole=partial(context.next_hole, daemon),
            log_until=partial(context.log_until, daemon),
        )
        before = stored[key]
        for row in waits(told[key], known):
            if before.get(row):
                before[row].pop()
            else:
                fresh.append(_entry(key, row))
        wrong += [pk for pks in before.values() for pk in pks]
    QueueEntry.objects.filter(pk__in=wrong).delete()
    QueueEntry.objects.bulk_create(fresh, batch_size=500)


def _settle(touched: dict[Key, int]) -> dict[Key, dict[Row, list[int]]]:
    """Lower the moments until no entry reaches over its key's, and return the entries from there
    on. What came before them has ended, and no event of theirs is among those from there on."""
    while True:
        stored: dict[Key, dict[Row, list[int]]] = defaultdict(lambda: defaultdict(list))
        settled = True
        columns = (
            "k.since, r.id, r.queued_at, r.queued_by, r.ended_after, r.ended_at, r.outcome, "
            "r.method"
        )
        last = f"COALESCE(r.ended_at, {OPEN}) + {CLOCKS_AGREE}"
        for row in _joined(touched, "licenses_queueentry", columns, last):
            key, (since, pk), wait = Key(*row[:4]), row[4:6], Row(*row[6:])
            stored[key][wait].append(pk)
            if wait.queued_by - CLOCKS_AGREE < since:
                _touch(touched, key, wait.queued_by - CLOCKS_AGREE)
                settled = False
        if settled:
            return stored


def _joined(touched: Mapping[Key, int], table: str, columns: str, moment: str) -> Any:
    """Yield each key with columns of its rows from its moment on."""
    return rows(
        f"{key_table(touched)}SELECT k.feature, k.person, k.host, k.seats, {columns} "
        f"FROM k JOIN {table}{JOIN}AND {moment} >= k.since ORDER BY r.id"
    )


def _answers(answers: Answers, touched: Mapping[Key, int]) -> dict[int, list[tuple[int, int]]]:
    """Return by feature when answers told of it: the last one before the earliest moment of its
    keys, and those from there on."""
    since: dict[int, int] = {}
    for key, at in touched.items():
        since[key.feature] = min(at, since.get(key.feature, at))
    return {feature: answers.since(feature, at) for feature, at in since.items()}


def _entry(key: Key, row: Row) -> QueueEntry:
    holder = dict(zip(_KEY, key, strict=True))
    return QueueEntry(**holder, **row._asdict())


def rebuild(server: LicenseServer, daemons: Mapping[int, str]) -> None:
    """Make all entries of a server again."""
    QueueEntry.objects.filter(feature__in=daemons).delete()
    derive(server, daemons, EVER // 2, -EVER // 2)
