"""Of checkouts that share a seat and are alike in time, both counts take the same one for held."""

from __future__ import annotations

import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from licenses.importing import mapping
from licenses.importing.rights_files import import_license_file
from licenses.importing.snapshots import store_snapshot
from licenses.models import Feature, LicensePool, LicenseServer, Product, Vendor
from licenses.sources.flexnet.lmstat import parse_lmstat
from tests.reports.packs.test_recompute import differences, packed, place

__all__ = ["place"]
pytestmark = [pytest.mark.django_db, pytest.mark.once]

NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)
FILE = b"""SERVER srv ANY 27000
VENDOR vend
INCREMENT ALPHA vend 1.0 permanent 9 DUP_GROUP=U SIGN="0"
"""
HEAD = """\
Flexible License Manager status on Mon 3/2/2026 {at:%H:%M}
License server status: 27000@srv
srv: license server UP v11.19.5
Vendor daemon status (on srv):
     vend: UP v11.19.5
Feature usage info:
Users of ALPHA:  (Total of 9 licenses issued;  Total of {used} licenses in use)
"""
BLOCK = '  "ALPHA" v1.0, vendor: vend, expiry: permanent(no expiration date)\n  floating license\n'
ROW = "    ann {host} {host} (v1.0) (srv/27000 {handle}), start Mon 3/2 9:{start:02d}\n"
SHOWN = {0: [("ws2", 0)], 5: [("ws1", 1), ("ws2", 1)], 10: [("ws1", 1), ("ws2", 1)], 15: []}


def poll(server: LicenseServer, minute: int) -> None:
    at = NINE + timedelta(minutes=minute)
    rows = [
        ROW.format(host=host, handle=place, start=start)
        for place, (host, start) in enumerate(SHOWN[minute])
    ]
    text = (HEAD.format(at=at, used=len(rows)) + (BLOCK if rows else "") + "".join(rows)).encode()
    (snapshot,) = parse_lmstat(text, zone=server.tzinfo, now=int(at.timestamp()))
    store_snapshot(server, snapshot, text, at=int(at.timestamp()), source="poll")


@pytest.mark.parametrize("first", ["ws1", "ws2"])
def test_one_of_two_that_are_alike_is_the_same_in_both_counts(
    place: Path, settings: Any, first: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = []
    for seed, order in enumerate((sorted(SHOWN), sorted(SHOWN, reverse=True))):

        def make(_folder: Path, _seed: int, order: list[int] = order) -> Vendor:
            vendor = Vendor.objects.create(name="Vendor")
            product = Product.objects.create(vendor=vendor, name="P")
            pool = LicensePool.objects.create(
                product=product, name="pool", zone="UTC", retired_at=NINE + timedelta(hours=2)
            )
            server = LicenseServer.objects.create(name="srv", zone="UTC", poll_seconds=300)
            import_license_file(server, FILE, source="l.lic")
            for minute in order:
                poll(server, minute)
            mapping.map_feature(Feature.objects.get(), pool)
            return vendor

        monkeypatch.setitem(SHOWN, 0, [(first, 0)])
        path = packed(place, seed, settings, make)
        assert differences(path) == []
        with zipfile.ZipFile(path) as file:
            (name,) = (each for each in file.namelist() if each.endswith("sessions.csv"))
            lines = file.read(name).splitlines()
            told.append(sorted(line.split(b",", 2)[2] for line in lines))
    assert told[0] == told[1]
