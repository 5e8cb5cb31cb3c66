"""A package and its component, where statuses list the seat by the one name or the other."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from licenses.analysis.usage import usage
from licenses.importing import mapping
from licenses.importing.rights_files import import_license_file
from licenses.importing.snapshots import store_snapshot
from licenses.models import Feature, LicensePool, LicenseServer, Product, Vendor
from licenses.sources.flexnet.lmstat import parse_lmstat
from licenses.sources.records import Result
from tests.factories import PoolFactory
from tests.reports.packs.test_recompute import differences, packed

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("place")]

NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)
SUITE, CAD = "SUITE", "CAD"
FILE = b"""SERVER lic1 001122334455 27000
VENDOR acmed
PACKAGE SUITE acmed 1.0 COMPONENTS="CAD" OPTIONS=SUITE SIGN="0"
INCREMENT SUITE acmed 1.0 permanent 5 SIGN="0"
"""
HEAD = """\
Flexible License Manager status on Mon 3/2/2026 {at:%H:%M}
License server status: 27000@lic1
lic1: license server UP (MASTER) v11.18
Vendor daemon status (on lic1):
     acmed: UP v11.18
Feature usage info:
"""
BLOCK = (
    '  "{name}" v1.0, vendor: acmed, expiry: permanent(no expiration date)\n  floating license\n'
)
ROW = "    ada pc1 pc1 (v1.0) (lic1/27000 {handle}), start Mon 3/2 8:50\n"


@pytest.fixture
def place(tmp_path: Path, settings: Any) -> Path:
    settings.ITAM_DATA_DIR = tmp_path
    settings.ITAM_CAPTURE_DIR = tmp_path / "captures"
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.ITAM_EVIDENCE_DIR = tmp_path / "evidence"
    return tmp_path


def poll(server: LicenseServer, minute: int, shown: str) -> None:
    at = NINE + timedelta(minutes=minute)
    text = HEAD.format(at=at)
    for handle, name in enumerate((SUITE, CAD)):
        there = name in shown.split()
        text += f"Users of {name}:  (Total of 5 licenses issued;  "
        text += f"Total of {int(there)} licenses in use)\n"
        text += BLOCK.format(name=name) + ROW.format(handle=handle) if there else ""
    (snapshot,) = parse_lmstat(text.encode(), zone=server.tzinfo, now=int(at.timestamp()))
    assert snapshot.result == Result.PARSED, snapshot.detail
    store_snapshot(server, snapshot, text.encode(), at=int(at.timestamp()), source="poll")


def told(*shown: str) -> LicenseServer:
    server = LicenseServer.objects.create(name="berlin", zone="UTC", poll_seconds=300)
    import_license_file(server, FILE, source="l.lic")
    for place, names in enumerate(shown):
        poll(server, 5 * place, names)
    return server


def map_to(pool: LicensePool) -> None:
    for feature in Feature.objects.order_by("pk"):
        mapping.map_feature(feature, pool)


@pytest.mark.parametrize(
    ("shown", "known"),
    [
        (("SUITE CAD", "CAD", "SUITE CAD", "SUITE CAD"), 1),
        (("SUITE CAD", "SUITE", "SUITE CAD", "SUITE CAD"), 1),
        (("SUITE CAD", "", "SUITE CAD", "SUITE CAD"), 1),
        (("SUITE CAD", "CAD", "SUITE CAD", "SUITE", "SUITE CAD", "SUITE CAD"), 1),
    ],
)
def test_one_seat_by_two_names_is_never_two(shown: tuple[str, ...], known: int) -> None:
    told(*shown)
    pool = PoolFactory(zone="UTC")
    map_to(pool)
    start = int(NINE.timestamp()) - 3600
    for low in (0, 400, 700):
        found = usage(pool, start=start + 3600 * (low > 0) + low, end=start + 7200).total
        assert (found.peak_low, found.peak_high) == (known, 1), low
    assert usage(pool, start=start, end=start + 7200).total.checkouts == 1


@pytest.mark.once
def test_packs_count_it_again_alike(place: Path, settings: Any) -> None:
    for seed in range(12):
        chance = random.Random(seed)
        shown = [chance.choice(("SUITE CAD", "SUITE CAD", "SUITE", "CAD", "")) for _ in range(7)]

        def make(_folder: Path, _seed: int, shown: list[str] = shown) -> Vendor:
            vendor = Vendor.objects.create(name="Vendor")
            product = Product.objects.create(vendor=vendor, name="P")
            pool = LicensePool.objects.create(
                product=product, name="pool", zone="UTC", retired_at=NINE + timedelta(hours=3)
            )
            told(*shown)
            map_to(pool)
            return vendor

        assert differences(packed(place, seed, settings, make)) == [], (seed, shown)
