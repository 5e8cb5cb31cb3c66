"""Licence files of one daemon: each holds until the next begins, in whatever order they came."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from itertools import permutations
from pathlib import Path

import pytest
import time_machine

from licenses.evidence import entries
from licenses.importing.files import Wanted, import_file
from licenses.models import IssuedCount, LicenseServer

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir")]

HEAD = "SERVER lic1 001122334455 27000\nVENDOR acmed\n"
LINE = "INCREMENT CAD acmed 1.0 {expires} {count} 0123456789AB{start} SIGN=0\n"
Span = tuple[int, str, str]


def license_file(count: int, start: str = "", expires: str = "permanent", more: str = "") -> str:
    start = f" START={start}" if start else ""
    return HEAD + LINE.format(count=count, start=start, expires=expires) + more


def issued(folder: Path, *files: str) -> set[Span]:
    """Return (seats, first day, day after the last) of the lines that hold at all."""
    name = f"s{LicenseServer.objects.count()}"
    server = LicenseServer.objects.create(name=name, zone="UTC")
    for text in files:
        path = folder / "acme.lic"
        path.write_text(text)
        import_file(server, path, path.name, Wanted())
    return {
        (row.count or 0, f"{row.starts or ''}"[:10], f"{row.ends or ''}"[:10])
        for row in IssuedCount.objects.filter(feature__server=server)
        if row.starts is None or row.starts != row.ends
    }


YEARS = [
    license_file(10, "1-jan-2024", "31-dec-2024"),
    license_file(5, "1-jan-2025", "30-jun-2026"),
    license_file(7, "1-jan-2026"),
]


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_each_file_holds_until_the_next_whatever_came_first(
    tmp_path: Path, order: tuple[int, ...]
) -> None:
    assert issued(tmp_path, *(YEARS[place] for place in order)) == {
        (10, "2024-01-01", "2025-01-01"),
        (5, "2025-01-01", "2026-01-01"),
        (7, "2026-01-01", ""),
    }


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_line_without_a_date_holds_from_where_its_file_does(
    tmp_path: Path, order: tuple[int, ...]
) -> None:
    more = LINE.format(count=2, start="", expires="permanent")
    files = [YEARS[0], license_file(5, "1-jan-2025", more=more)]
    assert issued(tmp_path, *(files[place] for place in order)) == {
        (10, "2024-01-01", "2025-01-01"),
        (5, "2025-01-01", ""),
        (2, "2025-01-01", ""),
    }


def test_a_file_that_was_corrected_replaces_the_wrong_one(tmp_path: Path) -> None:
    corrected = license_file(6, "1-jan-2025", "30-jun-2026")
    assert issued(tmp_path, *YEARS, corrected) == {
        (10, "2024-01-01", "2025-01-01"),
        (6, "2025-01-01", "2026-01-01"),
        (7, "2026-01-01", ""),
    }


def test_no_line_that_was_stored_is_ever_deleted(tmp_path: Path) -> None:
    issued(tmp_path, YEARS[2], YEARS[0], license_file(6, "1-jan-2026"))
    assert IssuedCount.objects.count() == 3


def test_an_old_file_handed_in_again_changes_nothing(tmp_path: Path) -> None:
    assert issued(tmp_path, *YEARS, YEARS[0]) == issued(tmp_path, *YEARS)


def test_an_old_file_is_in_force_again_from_a_day_that_is_given(tmp_path: Path) -> None:
    found = issued(tmp_path, YEARS[1], YEARS[2])
    server = LicenseServer.objects.get()
    path = tmp_path / "acme.lic"
    path.write_text(YEARS[1])
    import_file(server, path, path.name, Wanted(date=date(2026, 3, 1)))
    assert (5, "2026-03-01", "2026-07-01") in {
        (row.count, f"{row.starts or ''}"[:10], f"{row.ends or ''}"[:10])
        for row in IssuedCount.objects.all()
    }
    assert (7, "2026-01-01", "") in found
    assert f"{IssuedCount.objects.get(count=7).ends:%Y-%m-%d}" == "2026-03-01"


def readings(server: LicenseServer) -> list[tuple[str, str]]:
    rows = IssuedCount.objects.filter(feature__server=server).order_by("pk")
    return [(f"{row.read_from}"[:10], f"{row.read_until}"[:10]) for row in rows]


class TestReadings:
    """When a file is known to have said what it says: what it bounds lies between."""

    @pytest.fixture
    def server(self) -> LicenseServer:
        found: LicenseServer = LicenseServer.objects.create(name="lic1", zone="UTC")
        return found

    @pytest.fixture
    def hand_in(self, server: LicenseServer, tmp_path: Path) -> Callable[..., None]:
        def handed(day: str, text: str, on: date | None = None) -> None:
            path = tmp_path / "acme.lic"
            path.write_text(text)
            with time_machine.travel(f"{day}T12:00Z", tick=False):
                import_file(server, path, path.name, Wanted(date=on))

        return handed

    def test_a_file_that_was_handed_in_again_was_read_twice(
        self, server: LicenseServer, hand_in: Callable[..., None]
    ) -> None:
        hand_in("2026-03-01", license_file(5))
        assert readings(server) == [("2026-03-01", "2026-03-01")]
        hand_in("2026-05-01", license_file(5))
        assert readings(server) == [("2026-03-01", "2026-05-01")]
        told = [
            row["body"].get("what") for row in entries.entries(entries.server_stream(server)[0])
        ]
        assert told.count("licence file read again") == 1

    def test_the_day_of_which_a_line_is_dated_stands_for_a_reading(
        self, server: LicenseServer, hand_in: Callable[..., None]
    ) -> None:
        more = LINE.format(count=2, start="", expires="permanent")
        more += LINE.format(count=3, start=" ISSUED=1-feb-2025", expires="permanent")
        hand_in("2026-03-01", license_file(5, "1-jan-2025", more=more))
        first = [begins for begins, _last in readings(server)]
        assert first == ["2025-01-01", "2026-03-01", "2025-02-01"]

    def test_the_day_from_which_a_file_is_said_to_hold_stands_for_a_reading(
        self, server: LicenseServer, hand_in: Callable[..., None]
    ) -> None:
        hand_in("2026-03-01", license_file(5), date(2026, 2, 1))
        hand_in("2026-03-02", license_file(5), date(2026, 1, 1))
        hand_in("2026-03-03", license_file(5), date(2026, 2, 15))
        assert readings(server) == [("2026-01-01", "2026-03-03")]

    def test_a_file_that_another_replaced_is_not_read_again(
        self, server: LicenseServer, hand_in: Callable[..., None]
    ) -> None:
        for day, text in (("01", YEARS[1]), ("02", YEARS[2]), ("03", YEARS[1])):
            hand_in(f"2026-03-{day}", text)
        assert readings(server) == [("2025-01-01", "2026-03-01"), ("2026-01-01", "2026-03-02")]
