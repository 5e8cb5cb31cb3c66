"""What is out at the last line of a log was out in its second."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from itertools import permutations

import pytest
import time_machine

from licenses.analysis import rollup
from licenses.analysis.usage import usage
from licenses.importing.logs import LogImport
from licenses.importing.mapping import map_feature
from licenses.importing.rebuilding import rebuild
from licenses.models import Feature, LicensePool, LicenseServer, PoolHour
from tests.factories import ProductFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir")]

TAKEN = """\
8:00:00 (acmed) TIMESTAMP 3/2/2026
9:58:00 (acmed) OUT: "cad" ann@h1  (2 licenses)
9:59:32 (acmed) OUT: "cad" cy@h2  (7 licenses)
"""
STAMP = "10:00:00 (acmed) TIMESTAMP 3/2/2026\n"
REFUSED = (
    '9:59:32 (acmed) DENIED: "cad" eve@h3  (Licensed number of users already reached. (-4,342))\n'
)
LATER = REFUSED + STAMP


def read(texts: Sequence[str]) -> LicensePool:
    with time_machine.travel(datetime(2026, 3, 3, tzinfo=UTC), tick=False):
        server = LicenseServer.objects.create(name="lic", zone="UTC")
        feature = Feature.objects.create(server=server, daemon="acmed", name="cad")
        pool = LicensePool.objects.create(product=ProductFactory(), name="cad", zone="UTC")
        map_feature(feature, pool)
        for text in texts:
            run = LogImport(server, source="a.log", first_day=date(2026, 3, 2))
            run.store(text.encode(), last=True)
            rollup.drain()
    return pool


def hours() -> list[tuple[object, ...]]:
    rows = PoolHour.objects.order_by("hour")
    return list(rows.values_list("hour", "hours", "peak", "peak_high", "seat_seconds"))


@pytest.mark.parametrize(
    "texts", [[TAKEN], *permutations([TAKEN, STAMP]), *permutations([TAKEN, LATER])]
)
def test_all_that_is_out_is_so_in_the_second_of_the_last_line(texts: Sequence[str]) -> None:
    pool = read(texts)
    start = int(datetime(2026, 3, 2, tzinfo=UTC).timestamp())
    found = usage(pool, start=start, end=start + 86_400).total
    assert (found.peak, found.peak_high) == (9, 9)
    assert found.seat_seconds == (193 if texts == [TAKEN] or STAMP in texts else 2 * 121 + 7 * 29)
    kept = hours()
    rebuild()
    rollup.drain()
    assert hours() == kept
