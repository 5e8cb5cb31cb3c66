"""A log that is cut in the hour that the zone's clock shows twice in autumn."""

from __future__ import annotations

from datetime import date
from itertools import permutations

import pytest

from licenses.importing.logs import LogImport
from licenses.importing.rebuilding import rebuild_holdings
from licenses.models import Checkout, LicenseServer
from tests.factories import ServerFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir")]

LINES = [
    "0:00:00 (vendord) TIMESTAMP 10/25/2026\n",
    "0:00:01 (vendord) Server started on lic for: cad\n",
    '2:05:00 (vendord) OUT: "cad" ann@h1\n',
    '2:15:00 (vendord) IN: "cad" ann@h1\n',
    '2:10:00 (vendord) OUT: "cad" bob@h2\n',
    "2:20:00 (vendord) TIMESTAMP 10/25/2026\n",
    '2:30:00 (vendord) OUT: "cad" mia@h3\n',
    '2:40:00 (vendord) IN: "cad" bob@h2\n',
    '3:05:00 (vendord) IN: "cad" mia@h3\n',
    "6:00:00 (vendord) TIMESTAMP 10/25/2026\n",
]
TRUE = [
    ("00:05:00", "00:15:00", "00:15:00"),
    ("01:10:00", "01:40:00", "01:40:00"),
    ("01:30:00", "02:05:00", "02:05:00"),
]
WHOLE, FIRST, SECOND = LINES, LINES[:5], LINES[5:]


@pytest.fixture
def server() -> LicenseServer:
    server: LicenseServer = ServerFactory(name="lic", zone="Europe/Berlin")
    return server


def read(server: LicenseServer, lines: list[str]) -> list[str]:
    run = LogImport(server, source="a.log", first_day=date(2026, 10, 25))
    run.store("".join(lines).encode(), last=True)
    return run.result.notes


def held() -> list[tuple[str, str, str]]:
    rows = Checkout.objects.order_by("taken_at")
    moments = [(row.taken_at, row.returned_after, row.returned_at) for row in rows]
    return [tuple("" if each is None else f"{each:%H:%M:%S}" for each in row) for row in moments]


@pytest.mark.parametrize("again", [[], [WHOLE], [SECOND], [FIRST, SECOND]])
def test_a_piece_is_read_as_what_follows_the_one_before(
    server: LicenseServer, again: list[list[str]]
) -> None:
    for lines in (FIRST, SECOND, *again):
        read(server, lines)
    for _again in range(2):
        assert held() == TRUE
        rebuild_holdings(server)


def test_a_piece_without_the_one_before_is_left_out_as_long_as_its_hour_is_unknown(
    server: LicenseServer,
) -> None:
    (note,) = read(server, SECOND)
    assert "3 lines are left out" in note
    assert "the time from 2026-10-25 02:20 to 03:05 twice" in note
    assert held() == []
    read(server, FIRST)
    # His return may be among what was left out.
    assert held() == [TRUE[0], ("01:10:00", "01:10:01", "")]


@pytest.mark.parametrize("order", list(permutations([WHOLE, FIRST, SECOND])))
def test_no_seat_counts_twice_once_the_whole_is_known(
    server: LicenseServer, order: tuple[list[str], ...]
) -> None:
    for lines in order:
        read(server, lines)
    for _again in range(2):
        assert held() == TRUE
        rebuild_holdings(server)


def test_a_text_in_which_the_clock_falls_begins_in_the_first_hour(server: LicenseServer) -> None:
    assert read(server, LINES[2:]) == []
    assert held() == TRUE


FALLS = [
    "2:43:20 (vendord) TIMESTAMP 10/25/2026\n",
    '2:44:50 (vendord) OUT: "cad" bob@h1\n',
    '2:50:30 (vendord) IN: "cad" bob@h1\n',
    "2:01:40 (vendord) TIMESTAMP 10/25/2026\n",
]


def test_a_text_that_ends_in_the_second_hour_and_comes_twice_does_not_follow_itself(
    server: LicenseServer,
) -> None:
    for _again in range(3):
        read(server, FALLS)
        assert held() == [("00:44:50", "00:50:30", "00:50:30")]


def test_a_text_that_begins_in_another_hour_is_read_whole(server: LicenseServer) -> None:
    assert read(server, LINES[8:]) == []
