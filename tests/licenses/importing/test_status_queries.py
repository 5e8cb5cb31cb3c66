"""How many questions to the database a status costs."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from licenses.importing import mapping
from licenses.importing.snapshots import store_snapshot
from licenses.models import LicenseServer
from licenses.sources.flexnet.lmstat import parse_lmstat

from .conftest import NOW

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir")]

STEP = 300
START = NOW - 86400
UNCHANGED = 27
"""With the two savepoints of a test's transaction, and three for what is of the daemon's stream."""


@pytest.fixture
def server() -> LicenseServer:
    return LicenseServer.objects.create(name="berlin", zone="UTC")


def status(users: list[str], features: int) -> bytes:
    """Return a status in which each user holds a seat of each feature."""
    rows = "".join(
        f"    {user} ws1 ws1 (v1.0) (lic1/27000 1), start Tue 11/24 0:01\n" for user in users
    )
    lists = "".join(
        f"Users of {name}:  (Total of 9 licenses issued;  "
        f"Total of {len(users)} licenses in use)\n\n"
        f'  "{name}" v1.0, vendor: acmed, expiry: 31-dec-2030\n  floating license\n\n{rows}\n'
        for name in map(str, range(features))
    )
    return (
        "License server status: 27000@lic1\nlic1: license server UP (MASTER) v11.19.7\n"
        f"Vendor daemon status (on lic1):\nacmed: UP v11.19.7\nFeature usage info:\n{lists}"
    ).encode()


def queries(server: LicenseServer, text: bytes, at: int) -> int:
    (snapshot,) = parse_lmstat(text, zone=server.tzinfo, now=at)
    with CaptureQueriesContext(connection) as seen:
        store_snapshot(server, snapshot, text, at=at, source="poll", refresh=False)
    return len(seen)


def test_a_status_costs_few_queries_however_many_features_it_lists(server: LicenseServer) -> None:
    steady = []
    for count in (3, 6):
        queries(server, status(["anna", "bob"], count), START + count * STEP)
        mapping.create_pools(server)
        queries(server, status(["anna", "bob"], count), START + (count + 1) * STEP)
        steady.append(queries(server, status(["anna", "bob"], count), START + (count + 2) * STEP))
    assert steady == [UNCHANGED, UNCHANGED]
