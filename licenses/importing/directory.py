"""From names as printed to rows: people, machines and features, looked up in bulk and remembered
for one import."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import connection
from django.utils import timezone

from licenses.analysis.prepared import Prepared
from licenses.models import Feature, Host, Identity, LicenseServer, Person, pseudonym

from .teams import match_names


class Directory:
    """Ids and pseudonyms of the people, machines and features of one server.

    People and machines are the same whatever the case of their names; a feature's name is exact.
    Rows that are missing are
    made. Call `learn` once a chunk (a few queries, whatever its size), then read the dictionaries.
    """

    def __init__(self, server: LicenseServer) -> None:
        self.server = server
        self.persons: dict[str, int] = {}
        self.hosts: dict[str, int] = {}
        self.features: dict[tuple[str, str], int] = {}
        self.person_pseudonyms: dict[int, str] = {}
        self.host_pseudonyms: dict[int, str] = {}
        self.feature_names: dict[int, tuple[str, str]] = {}
        for pk, daemon, name in _FEATURES.rows(server.pk):
            self._remember_feature(pk, daemon, name)

    def learn(
        self, users: Iterable[str], hosts: Iterable[str], features: Iterable[tuple[str, str]]
    ) -> None:
        self._learn_persons({user for user in users if user not in self.persons})
        self._learn_hosts({host for host in hosts if host not in self.hosts})
        self._learn_features({feature for feature in features if feature not in self.features})

    def _learn_persons(self, missing: set[str]) -> None:
        by_pseudonym: dict[str, list[str]] = {}
        for login in sorted(missing):
            by_pseudonym.setdefault(pseudonym("person", login), []).append(login)
        ids = _ids(Person, by_pseudonym)
        new = [code for code in by_pseudonym if code not in ids]
        if new:
            now = connection.ops.adapt_datetimefield_value(timezone.now())
            _add(Person, ("pseudonym", "recorded_at"), [(code, now) for code in new])
            ids |= _ids(Person, new)
            _add(
                Identity,
                ("person_id", "login", "name", "email", "recorded_at"),
                [(ids[code], by_pseudonym[code][0][:255], "", "", now) for code in new],
            )
            match_names({ids[code]: by_pseudonym[code][0] for code in new}, {})
        for code, logins in by_pseudonym.items():
            self.person_pseudonyms[ids[code]] = code
            for login in logins:
                self.persons[login] = ids[code]

    def _learn_hosts(self, missing: set[str]) -> None:
        by_pseudonym: dict[str, list[str]] = {}
        for name in sorted(missing):
            by_pseudonym.setdefault(pseudonym("host", name), []).append(name)
        ids = _ids(Host, by_pseudonym)
        new = [code for code in by_pseudonym if code not in ids]
        if new:
            rows = [(code, by_pseudonym[code][0][:255]) for code in new]
            _add(Host, ("pseudonym", "name"), rows)
            ids |= _ids(Host, new)
            match_names({}, {ids[code]: by_pseudonym[code][0] for code in new})
        for code, names in by_pseudonym.items():
            self.host_pseudonyms[ids[code]] = code
            for name in names:
                self.hosts[name] = ids[code]

    def _learn_features(self, missing: set[tuple[str, str]]) -> None:
        for daemon, name in sorted(missing):
            found = self._same_feature(daemon, name)
            if found is None:
                row, _created = Feature.objects.get_or_create(
                    server=self.server, daemon=daemon, name=name
                )
                found = row.pk
            self._remember_feature(found, daemon, name)

    def _same_feature(self, daemon: str, name: str) -> int | None:
        """Find the feature under the other of its two keys: a status may not tell which daemon
        serves an idle feature."""
        if not daemon:
            known = {
                pk for pk, (of, feature) in self.feature_names.items() if feature == name and of
            }
            return known.pop() if len(known) == 1 else None
        nameless = self.features.get(("", name))
        if nameless is not None and self.feature_names[nameless][0] == "":
            Feature.objects.filter(pk=nameless, daemon="").update(daemon=daemon)
            return nameless
        return None

    def _remember_feature(self, pk: int, daemon: str, name: str) -> None:
        self.features[daemon, name] = pk
        if daemon or pk not in self.feature_names:
            self.feature_names[pk] = (daemon, name)

    def person_label(self, login: str) -> str:
        return self.person_pseudonyms[self.persons[login]]


def lock(server: LicenseServer) -> None:
    """Have other imports into this server wait until the transaction ends."""
    if not _LOCKED.rows(server.pk):
        raise LicenseServer.DoesNotExist(f"{server} is no longer there.")


_LOCKED = Prepared(
    lambda server: (LicenseServer.objects.select_for_update().filter(pk=server).order_by(), ["pk"])
)
_FEATURES = Prepared(
    lambda server: (Feature.objects.filter(server=server), ("pk", "daemon", "name"))
)


def _add(
    model: type[Person] | type[Identity] | type[Host],
    names: Sequence[str],
    rows: Sequence[tuple[Any, ...]],
) -> None:
    """Insert the rows that are not there yet. A first log brings thousands of names, for which
    instances of models take ten times as long."""
    into = f"INSERT INTO {model._meta.db_table} ({', '.join(names)})"
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # One statement for all: a statement for each row takes five times as long.
            lists = ", ".join(f"%s::{_KINDS[type(value)]}[]" for value in rows[0])
            cursor.execute(
                f"{into} SELECT * FROM unnest({lists}) ON CONFLICT DO NOTHING",
                [list(column) for column in zip(*rows, strict=True)],
            )
            return
        marks = ", ".join(["%s"] * len(names))
        cursor.executemany(f"{into} VALUES ({marks}) ON CONFLICT DO NOTHING", rows)


_KINDS = {int: "bigint", str: "text", datetime: "timestamptz"}


def _ids(model: type[Person] | type[Host], pseudonyms: Iterable[str]) -> dict[str, int]:
    """Return the ids of those that are there. Nobody deletes them before the transaction ends: then
    facts refer to them (`licenses.models.guards`)."""
    codes = list(pseudonyms)
    if not codes:
        return {}
    sql = f"SELECT pseudonym, id FROM {model._meta.db_table} WHERE pseudonym "
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"{sql} = ANY(%s) FOR KEY SHARE", [codes])
        else:
            cursor.execute(f"{sql} IN (SELECT value FROM json_each(%s))", [json.dumps(codes)])
        return dict(cursor.fetchall())
