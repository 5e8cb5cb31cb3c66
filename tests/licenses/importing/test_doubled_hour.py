"""In autumn a clock shows an hour twice, and a row does not say in which of the two it began."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from licenses.importing.logs import LogImport
from licenses.importing.pieces import blocks
from licenses.importing.rebuilding import rebuild_holdings
from licenses.importing.snapshots import store_snapshot
from licenses.models import Checkout, Disagreement, LicenseServer
from licenses.sources.flexnet.lmstat import parse_lmstat
from tests.factories import ServerFactory, at

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir")]

LOG = """\
0:00:00 (vendord) TIMESTAMP 10/25/2026
0:00:01 (vendord) Server started on lic for: cad
2:10:00 (vendord) OUT: "cad" zed@h9
2:20:00 (vendord) IN: "cad" zed@h9
2:55:00 (vendord) OUT: "cad" zed@h9
2:01:00 (vendord) IN: "cad" zed@h9
2:30:10 (vendord) OUT: "cad" mia@h2
2:55:10 (vendord) IN: "cad" mia@h2
6:00:00 (vendord) TIMESTAMP 10/25/2026
"""
STATUS = """\
Flexible License Manager status on {time:%a %m/%d/%Y %H:%M}
License server status: 27000@lic
lic: license server UP (MASTER) v11.19.5
Vendor daemon status (on lic):
     vendord: UP v11.19.5
Feature usage info:
Users of cad:  (Total of 9 licenses issued;  Total of {held} licenses in use)
  "cad" v1.0, vendor: vendord, expiry: permanent(no expiration date)
  floating license
"""
ZONE = ZoneInfo("Europe/Berlin")
TAKEN, BACK = at("2026-10-25T01:30:10"), at("2026-10-25T01:55:10")


@pytest.fixture
def server() -> LicenseServer:
    server: LicenseServer = ServerFactory(name="lic", zone="Europe/Berlin", poll_seconds=300)
    return server


def log(server: LicenseServer) -> None:
    wanted = LogImport(server, source="a.log", first_day=date(2026, 10, 25))
    for block, last in blocks(io.BytesIO(LOG.encode()), 0):
        wanted.store(block, last=last)


def answers(server: LicenseServer, first: str = "2026-10-24T23:30") -> None:
    for moment in range(at(first), at("2026-10-25T02:20"), 300):
        held = TAKEN <= moment < BACK
        text = STATUS.format(time=datetime.fromtimestamp(moment, ZONE), held=int(held))
        if held:
            text += "    mia h2 h2 (v1.0) (lic/27000 1), start Sun 10/25 2:30\n"
        (snapshot,) = parse_lmstat(text.encode(), zone=ZONE, now=moment)
        assert snapshot.result == "parsed", snapshot.detail
        store_snapshot(server, snapshot, text.encode(), at=moment, source="poll")


def held() -> list[tuple[str, str, str, str]]:
    rows = Checkout.objects.filter(person__identity__login="mia").order_by("taken_at")
    return [
        tuple(
            moment.astimezone(UTC).strftime("%H:%M:%S")
            for moment in (row.taken_at, row.taken_by, row.returned_after, row.returned_at)
        )
        for row in rows
    ]


@pytest.mark.parametrize("order", [(log, answers), (answers, log)])
def test_a_row_is_the_holding_of_either_hour(
    server: LicenseServer, order: tuple[Callable[[LicenseServer], None], ...]
) -> None:
    for tell in order:
        tell(server)
    for _ in range(2):
        assert held() == [("01:30:10", "01:30:10", "01:55:10", "01:55:10")]
        # Answers show nothing of the other holder at all.
        assert not Disagreement.objects.filter(person__identity__login="mia").exists()
        rebuild_holdings(server)


@pytest.mark.parametrize("first", ["2026-10-24T23:30", "2026-10-25T01:35"])
def test_a_row_alone_is_known_from_the_second_and_possible_from_the_first(
    server: LicenseServer, first: str
) -> None:
    answers(server, first)
    assert held() == [("00:30:00", "01:30:59", "01:55:01", "02:00:00")]


def test_a_row_that_is_shown_before_the_hour_comes_again_began_in_the_first(
    server: LicenseServer,
) -> None:
    text = STATUS.format(time=datetime(2026, 10, 25, 2, 35), held=1)  # noqa: DTZ001
    text += "    mia h2 h2 (v1.0) (lic/27000 1), start Sun 10/25 2:30\n"
    moment = at("2026-10-25T00:35")
    (snapshot,) = parse_lmstat(text.encode(), zone=ZONE, now=moment)
    store_snapshot(server, snapshot, text.encode(), at=moment, source="poll")
    (row,) = Checkout.objects.all()
    assert (row.taken_at.minute, row.taken_by.second) == (30, 59)
    assert row.taken_by.astimezone(UTC).hour == 0
