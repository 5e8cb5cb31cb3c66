"""Two texts of a log that meet within a second, with equal lines on both sides of the cut."""

from __future__ import annotations

from datetime import date

import pytest

from licenses.importing.logs import LogImport
from licenses.models import Boundary, Checkout, LicenseServer

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir")]

LINES = [
    "8:00:00 (acmed) TIMESTAMP 3/2/2026\n",
    '8:10:00 (acmed) OUT: "cad" ann@h1\n',
    '8:10:00 (acmed) OUT: "cad" ann@h1\n',
    '8:15:00 (acmed) IN: "cad" ann@h1\n',
    '8:30:00 (acmed) IN: "cad" ann@h1\n',
    "10:00:00 (acmed) TIMESTAMP 3/2/2026\n",
]


@pytest.fixture
def server() -> LicenseServer:
    return LicenseServer.objects.create(name="lic", zone="UTC")


def read(server: LicenseServer, lines: list[str]) -> list[str]:
    run = LogImport(server, source="a.log", first_day=date(2026, 3, 2))
    run.store("".join(lines).encode(), last=True)
    return run.result.notes


def doubts() -> list[str]:
    rows = Boundary.objects.filter(kind=Boundary.Kind.DOUBT).order_by("at")
    return [f"{row.at:%H:%M:%S}" for row in rows]


@pytest.mark.parametrize("backwards", [False, True])
def test_a_cut_between_equal_lines_of_a_second_is_told_and_leaves_a_doubt(
    server: LicenseServer, backwards: bool
) -> None:
    first, second = (LINES[2:], LINES[:2]) if backwards else (LINES[:2], LINES[2:])
    assert read(server, first) == []
    (note,) = read(server, second)
    assert "in the same second, 2026-03-02 08:10:00" in note
    assert doubts() == ["08:10:00"]
    read(server, LINES)
    assert Checkout.objects.count() == 2


@pytest.mark.parametrize("place", [1, 3, 4, 5])
def test_a_cut_elsewhere_leaves_none(server: LicenseServer, place: int) -> None:
    for part in (LINES[:place], LINES[place:], LINES, LINES[:place]):
        assert read(server, part) == []
    assert doubts() == []
    assert Checkout.objects.count() == 2


def test_texts_that_overlap_by_more_than_a_second_leave_none(server: LicenseServer) -> None:
    read(server, LINES[:4])
    assert read(server, LINES[1:]) == []
    assert doubts() == []
