"""The events that are stored, read from their table without the product's own code."""

from __future__ import annotations

import struct
from typing import Any, NamedTuple

from django.db import connection

ROW = struct.Struct("<qIIIIBH")
OUT, IN = 1, 2


class Told(NamedTuple):
    server: str
    daemon: str
    feature: str
    person: str
    host: str
    seats: int
    at: int
    kind: int
    ordinal: int
    reason: str


def events_told(server: str | None = None, cursor: Any = None) -> list[Told]:
    """Return all events, in order; of one server, if it is named.

    cursor: of the database; that of Django if none is given.
    """
    cursor = cursor or connection.cursor()
    cursor.execute("SELECT id, pseudonym FROM licenses_person")
    people = dict(cursor.fetchall())
    cursor.execute("SELECT id, pseudonym FROM licenses_host")
    hosts = dict(cursor.fetchall())
    cursor.execute(
        "SELECT s.name, f.daemon, f.name, b.starts, b.ends, b.count, b.reasons, b.rows "
        "FROM licenses_eventblock b JOIN licenses_feature f ON f.id = b.feature_id "
        "JOIN licenses_licenseserver s ON s.id = f.server_id"
    )
    found = []
    for name, daemon, feature, starts, ends, count, reasons, rows in cursor.fetchall():
        words = ["", *reasons.split("\n")]
        block = [
            Told(
                *(name, daemon, feature, people[person], hosts[host], seats),
                *(at, kind, ordinal, words[reason]),
            )
            for at, person, host, seats, ordinal, kind, reason in ROW.iter_unpack(bytes(rows))
        ]
        moments = [each.at for each in block]
        assert (min(moments), max(moments), len(block)) == (starts, ends, count)
        found += [each for each in block if server in (None, name)]
    return sorted(found)
