"""What logs tell of packages late counts as if it had been known before."""

from __future__ import annotations

import pytest

from licenses.analysis.rollup import drain
from licenses.importing.logs import LogImport
from licenses.importing.rebuilding import rebuild
from licenses.models import LicensePool, LicenseServer, PoolHour
from tests.factories import FeatureFactory, PoolFactory, ServerFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir")]

MONDAY = (
    "8:00:00 (acmed) TIMESTAMP 3/2/2026\n"
    '9:00:00 (acmed) OUT: "suite" ann@pc1\n9:00:00 (acmed) OUT: "paint" ann@pc1\n'
    '10:00:00 (acmed) IN: "paint" ann@pc1\n10:00:00 (acmed) IN: "suite" ann@pc1\n'
    "11:00:00 (acmed) TIMESTAMP 3/2/2026\n"
)
SUNDAY = (
    "7:59:59 (acmed) TIMESTAMP 3/1/2026\n8:00:00 (acmed) Server started on lic for: suite\n"
    "8:00:00 (acmed) suite (consisting of: paint)\n9:00:00 (acmed) TIMESTAMP 3/1/2026\n"
)


@pytest.fixture
def pool() -> LicensePool:
    pool: LicensePool = PoolFactory()
    server = ServerFactory(name="lic")
    for name in ("suite", "paint"):
        FeatureFactory(server=server, daemon="acmed", name=name, pool=pool)
    return pool


def read(text: str, source: str) -> None:
    LogImport(LicenseServer.objects.get(), source=source).store(text.encode(), last=True)
    drain()


def hours() -> list[tuple[object, ...]]:
    rows = PoolHour.objects.exclude(peak=0).order_by("hour")
    return list(rows.values_list("hour", "peak", "peak_high", "seat_seconds"))


def test_hours_that_were_counted_before_a_package_was_known_are_counted_again(
    pool: LicensePool,
) -> None:
    read(MONDAY, "monday.log")
    assert [row[1] for row in hours()] == [2]
    read(SUNDAY, "sunday.log")
    found = hours()
    assert [row[1] for row in found] == [1]
    rebuild()
    assert hours() == found
