"""Store what a piece of a log said, once: events, refusals, restarts, packages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

from django.db import connection

from licenses.concurrency.denials import RULES
from licenses.evidence.entries import Draft, canonical
from licenses.models import Boundary, PackageComponent
from licenses.sources import records
from licenses.sources.flexnet.denials import CAPACITY, classify

from .coverage import moment
from .derive import Key
from .directory import Directory
from .pairing import IN, OUT

Row = TypeVar("Row", bound=tuple[Any, ...])

REPEAT_WINDOW = 900
"""Seconds for which equal lines are remembered to be numbered apart."""


class EventRow(NamedTuple):
    feature: int
    at: int
    person: int
    host: int
    seats: int
    kind: int
    ordinal: int
    reason: str


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
class Repeats:
    """Numbers equal lines of one second, over the chunks of one text."""

    counts: dict[tuple[Any, ...], int] = field(default_factory=dict)

    def number(self, *what: Any) -> int:
        ordinal = self.counts.get(what, 0)
        self.counts[what] = ordinal + 1
        return ordinal

    def forget_before(self, at: int) -> None:
        self.counts = {what: count for what, count in self.counts.items() if what[0] >= at}

    def dump(self) -> list[list[Any]]:
        return [[*what, count] for what, count in self.counts.items()]

    @classmethod
    def load(cls, rows: Iterable[Sequence[Any]]) -> Repeats:
        return cls({tuple(row[:-1]): row[-1] for row in rows})


@dataclass
class Stored:
    """What a chunk brought: its evidence, and where holdings must be made again."""

    new: int = 0
    known: int = 0
    drafts: list[Draft] = field(default_factory=list)
    touched: dict[Key, int] = field(default_factory=dict)
    boundaries: list[tuple[str, int]] = field(default_factory=list)
    """(daemon, moment) of restarts not known before."""
    denial_span: tuple[int, int] | None = None

    def touch(self, key: Key, at: int) -> None:
        known = self.touched.get(key)
        if known is None or at < known:
            self.touched[key] = at


def store(items: Sequence[records.LogRecord], directory: Directory, repeats: Repeats) -> Stored:
    """Store the records of one chunk. Rows already there are left alone and counted as known."""
    movements = [item for item in items if isinstance(item, records.Checkout | records.Checkin)]
    refusals = [item for item in items if isinstance(item, records.Denial)]
    named = [*movements, *refusals]
    directory.learn(
        {item.user for item in named},
        {item.host for item in named},
        {(item.daemon, item.feature) for item in named},
    )
    stored = Stored()
    _store_events(movements, directory, repeats, stored)
    _store_denials(refusals, directory, repeats, stored)
    _store_boundaries(items, directory, stored)
    _store_packages(items, directory)
    return stored


def _store_events(
    movements: Sequence[records.Checkout | records.Checkin],
    directory: Directory,
    repeats: Repeats,
    stored: Stored,
) -> None:
    features, persons, hosts = directory.features, directory.persons, directory.hosts
    rows: dict[tuple[int, ...], EventRow] = {}
    for item in movements:
        out = type(item) is records.Checkout
        feature, person, host = (
            features[item.daemon, item.feature],
            persons[item.user],
            hosts[item.host],
        )
        kind = OUT if out else IN
        ordinal = repeats.number(item.at, feature, person, host, item.seats, kind)
        reason = "" if out else item.reason[:20]  # type: ignore[union-attr]
        rows[feature, item.at, person, host, item.seats, kind, ordinal] = EventRow(
            feature, item.at, person, host, item.seats, kind, ordinal, reason
        )
    new = _insert(
        "licenses_event",
        "feature_id, at, person_id, host_id, seats, kind, ordinal",
        "reason",
        sorted(
            rows.values(), key=lambda row: (row.feature, row.person, row.host, row.seats, row.at)
        ),
    )
    stored.new += len(new)
    stored.known += len(movements) - len(new)
    bodies: dict[tuple[int, ...], Any] = {}
    for row in new:
        stored.touch(Key(row.feature, row.person, row.host, row.seats), row.at)
        who = (row.feature, row.person, row.host, row.seats)
        body = bodies.get(who)
        if body is None:
            body = bodies[who] = _identity(directory, *who)
        # Keys in order: daemon, feature, host, ordinal, person, reason, seats.
        head, tail = body
        reason = f'"reason":{canonical(row.reason)},' if row.reason else ""
        stored.drafts.append(
            Draft(
                "checkout" if row.kind == OUT else "checkin",
                row.at,
                f"{head}{row.ordinal}{tail[0]}{reason}{tail[1]}",
            )
        )


def _identity(directory: Directory, feature: int, person: int, host: int, seats: int) -> Any:
    """Return the parts of an entry's body before the ordinal, between it and the reason, and
    after."""
    daemon, name = directory.feature_names[feature]
    head = (
        f'{{"daemon":{canonical(daemon)},"feature":{canonical(name)},'
        f'"host":"{directory.host_pseudonyms[host]}","ordinal":'
    )
    return head, (f',"person":"{directory.person_pseudonyms[person]}",', f'"seats":{seats}}}')


def _store_denials(
    refusals: Sequence[records.Denial], directory: Directory, repeats: Repeats, stored: Stored
) -> None:
    rows: dict[tuple[Any, ...], DenialRow] = {}
    for item in refusals:
        feature = directory.features[item.daemon, item.feature]
        person, host = directory.persons[item.user], directory.hosts[item.host]
        ordinal = repeats.number(
            item.at, feature, person, host, item.seats, "denied", item.code or 0
        )
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
    new = _insert(
        "licenses_denial",
        "feature_id, at, person_id, host_id, seats, code, ordinal",
        "minor, reason, version, reason_class, capacity, rules",
        sorted(rows.values(), key=lambda row: (row.feature, row.at)),
    )
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
        stored.drafts.append(Draft("denial", row.at, canonical(body)))
    if new:
        stored.denial_span = min(row.at for row in new), max(row.at for row in new)


def _store_boundaries(
    items: Sequence[records.LogRecord], directory: Directory, stored: Stored
) -> None:
    for item in items:
        if isinstance(item, records.ServerStart):
            kind, last_seen = Boundary.Kind.START, item.last_seen
        elif isinstance(item, records.ServerStop):
            kind, last_seen = Boundary.Kind.STOP, None
        else:
            continue
        row, created = Boundary.objects.get_or_create(
            server=directory.server,
            daemon=item.daemon,
            at=moment(item.at),
            kind=kind,
            defaults={"last_seen": None if last_seen is None else moment(last_seen)},
        )
        later = last_seen is not None and (
            row.last_seen is None or int(row.last_seen.timestamp()) < last_seen
        )
        if not created and later and last_seen is not None:
            # Another piece of the log was heard nearer to the restart: what was lost was held until
            # then.
            Boundary.objects.filter(pk=row.pk).update(last_seen=moment(last_seen))
        if kind == Boundary.Kind.START and (created or later):
            stored.boundaries.append((item.daemon, item.at))
        if created:
            word = "start" if kind == Boundary.Kind.START else "stop"
            stored.drafts.append(
                Draft(
                    "config", item.at, canonical({"daemon": item.daemon, "what": f"daemon {word}"})
                )
            )


def _store_packages(items: Sequence[records.LogRecord], directory: Directory) -> None:
    rows = [
        PackageComponent(
            server=directory.server, daemon=item.daemon, package=item.name, component=component
        )
        for item in items
        if isinstance(item, records.Package)
        for component in item.components
        if component != item.name
    ]
    if rows:
        PackageComponent.objects.bulk_create(rows, ignore_conflicts=True)


def _insert(table: str, identity: str, rest: str, rows: Sequence[Row]) -> list[Row]:
    """Insert the rows that are not there yet, and return those."""
    if not rows:
        return []
    marks = ", ".join(["%s"] * len(f"{identity}, {rest}".split(",")))
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT COALESCE(MAX(id), 0) FROM {table}")
        (before,) = cursor.fetchone()
        cursor.executemany(
            f"INSERT INTO {table} ({identity}, {rest}) VALUES ({marks}) ON CONFLICT DO NOTHING",
            rows,
        )
        inserted = cursor.rowcount
        if inserted == len(rows):
            return list(rows)
        if inserted == 0:
            return []
        # A mixture: the new ones are those with ids of this transaction. Features belong to one
        # server, and only one
        # import of a server runs at a time, so nobody else's rows are among them.
        features = ",".join(str(feature) for feature in sorted({int(row[0]) for row in rows}))
        cursor.execute(
            f"SELECT {identity} FROM {table} WHERE id > %s AND feature_id IN ({features})",
            [before],
        )
        new = set(cursor.fetchall())
    size = len(identity.split(","))
    return [row for row in rows if tuple(row[:size]) in new]
