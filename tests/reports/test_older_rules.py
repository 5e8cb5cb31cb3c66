"""What goes out rests on holdings that the rules of today made, however soon after an upgrade."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from licenses.importing.logs import LogImport
from licenses.importing.mapping import map_feature
from licenses.importing.rebuilding import rebuild
from licenses.models import (
    HOLDING_RULES,
    Checkout,
    Feature,
    LicensePool,
    LicenseServer,
    Vendor,
)
from reports import delivery
from tests.reports.packs.one_pool import bought, one_pool
from tests.reports.packs.test_recompute import differences, packed, place

__all__ = ["place"]
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("place")]

UTC_ZONE = ZoneInfo("UTC")
UNTIL = datetime(2026, 3, 4, 9, tzinfo=UTC)
LOG = """\
8:00:00 (lmgrd) TIMESTAMP 3/2/2026
8:10:00 (vd) OUT: "cad" bob@pc2
8:30:00 (vd) IN: "cad" bob@pc2
9:00:00 (lmgrd) TIMESTAMP 3/2/2026
"""


def old_installation() -> LicensePool:
    """A pool whose only holding is one that older rules did not make."""
    pool = one_pool(UNTIL)
    server = LicenseServer.objects.create(name="lic", zone="UTC")
    feature = Feature.objects.create(server=server, daemon="vd", name="cad")
    map_feature(feature, pool)
    LogImport(server, source="a.log", first_day=date(2026, 3, 2)).store(LOG.encode(), last=True)
    bought(pool, 2, date(2026, 3, 2))
    rebuild()
    grow_old()
    return pool


def grow_old() -> None:
    Checkout.objects.all().delete()
    Feature.objects.update(holding_rules=HOLDING_RULES - 1)


def test_a_pack_holds_what_the_rules_of_today_make_of_its_entries(
    place: Path, settings: Any
) -> None:
    def make(_folder: Path, _seed: int) -> Vendor:
        return old_installation().product.vendor

    assert differences(packed(place, 1, settings, make, UNTIL)) == []


def test_a_report_holds_what_the_rules_of_today_make_of_facts() -> None:
    pool = old_installation()
    start, end = (int(datetime(2026, 3, day, tzinfo=UTC).timestamp()) for day in (2, 4))

    def text() -> bytes:
        return delivery.render("compliance", [pool], start, end, UTC_ZONE, UNTIL).text

    first = text()
    assert Checkout.objects.count() == 1
    grow_old()
    assert text() == first
