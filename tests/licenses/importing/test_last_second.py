"""What is out at the last line of a log was out in its second."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from itertools import permutations

import pytest
import time_machine
from django.db import transaction

from licenses.analysis import rollup
from licenses.analysis.holdings import holdings
from licenses.analysis.usage import usage
from licenses.evidence.recount.holdings import feature_holdings
from licenses.evidence.recount.told import Server
from licenses.importing.logs import LogImport
from licenses.importing.mapping import map_feature
from licenses.importing.rebuilding import rebuild
from licenses.models import Feature, LicensePool, LicenseServer, PoolHour
from tests.factories import ProductFactory
from tests.told import told_of

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


STOPS = [
    "(acmed) Shutdown requested from ann@h1 IP=10.0.0.1",
    "(acmed) EXITING DUE TO SIGNAL 28 Exit reason 5",
    "(acmed) daemon shutdown requested - shutting down",
    "(lmgrd) acmed exited with status 28 signal = 28",
    "(lmgrd) EXITING DUE TO SIGNAL 15",
]
ON = f"""\
10:00:05 (lmgrd) {"-" * 47}
10:00:05 (lmgrd)   Please Note:
10:00:06 (lmgrd) FlexNet Licensing (v11.16.2.0 build 1 x64_lsb) started on lic (linux) (3/2/2026)
10:00:07 (acmed) Server started on lic for: cad
"""


def recounted() -> list[tuple[int, ...]]:
    """Return when each holding was taken and returned for sure, and at most, by the evidence."""
    server = Server()
    for entry in told_of(LicenseServer.objects.get()):
        server.add(entry)
    return [row[2:8] for row in feature_holdings(server, ("acmed", "cad"))[0]]


def counted(pool: LicensePool) -> list[tuple[int, ...]]:
    rows = holdings(pool, 0, 2**40)
    names = ("seats", "taken_by", "returned_after", "taken_at", "returned_at", "exact")
    return list(zip(*(getattr(rows, name).tolist() for name in names), strict=True))


@pytest.mark.parametrize("stop", STOPS)
@pytest.mark.parametrize("gone_on", [False, True])
def test_what_is_out_when_a_daemon_stops_is_not_out_in_that_second(
    stop: str, gone_on: bool
) -> None:
    stopped = f"10:00:00 {stop}\n"
    pool = read([TAKEN + stopped + (ON if gone_on else "")])
    last = int(datetime(2026, 3, 2, 10, tzinfo=UTC).timestamp())
    assert {row[4] for row in counted(pool)} == {last} == {row[2] for row in counted(pool)}
    assert sorted(recounted()) == sorted(counted(pool))


@pytest.mark.parametrize("stop", STOPS)
def test_hours_are_the_same_in_whatever_pieces_and_order_a_log_with_a_stop_comes(
    stop: str,
) -> None:
    texts = [TAKEN + STAMP, f"10:00:00 {stop}\n"]
    found = set()
    for order in [*permutations(texts), ["".join(texts)]]:
        try:
            with transaction.atomic():
                pool = read(order)
                kept = hours()
                assert sorted(recounted()) == sorted(counted(pool))
                rebuild()
                rollup.drain()
                assert hours() == kept
                found.add(repr(kept))
                raise _Undo
        except _Undo:
            pass
    assert len(found) == 1


class _Undo(Exception):
    pass
