"""Two texts of one log that contradict each other: bounds, and a row for a manager to see."""

from __future__ import annotations

import json
from datetime import date
from itertools import permutations

import pytest
from django.test import Client
from django.urls import reverse

from licenses.analysis.usage import usage
from licenses.importing.logs import LogImport
from licenses.importing.rebuilding import rebuild
from licenses.models import Checkout, Contradiction, Disagreement, LicenseServer
from tests.factories import EntitlementFactory, FeatureFactory, PoolFactory, ServerFactory, at

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir")]

START, END_OF_DAY = at("2026-03-02T08:00:00"), at("2026-03-02T18:00:00")
BEGIN, END = "8:00:00 (acmed) TIMESTAMP 3/2/2026\n", "10:30:00 (acmed) TIMESTAMP 3/2/2026\n"


@pytest.fixture
def server() -> LicenseServer:
    return LicenseServer.objects.create(name="lic", zone="UTC")


def taken(seats: int, returned: str = "8:15:00") -> list[str]:
    lines = [f'8:10:00 (acmed) OUT: "cad" ann@h1 ({seats} licenses)\n']
    return lines + [f'{returned} (acmed) IN: "cad" ann@h1 ({seats} licenses)\n'] * bool(returned)


def text(*lines: str) -> str:
    return "".join([BEGIN, *sorted(lines), END])


def read(server: LicenseServer, *texts: str, chunk: int = 10**6) -> None:
    for one in texts:
        run = LogImport(server, source="a.log", first_day=date(2026, 3, 2))
        data = one.encode()
        lines = data.splitlines(keepends=True)
        parts = [b"".join(lines[each : each + chunk]) for each in range(0, len(lines), chunk)]
        for number, part in enumerate(parts, start=1):
            if number > 1:
                run = LogImport(server, source="a.log", cursor=json.loads(json.dumps(run.cursor())))
            run.store(part, last=number == len(parts))


def held() -> list[tuple[int, str, str, str | None]]:
    """Return seats, and when they were taken, were known to be held until, and came back."""
    return [
        (
            row.seats,
            f"{row.taken_at:%H:%M:%S}",
            f"{row.returned_after:%H:%M:%S}" if row.returned_after else "",
            f"{row.returned_at:%H:%M:%S}" if row.returned_at else None,
        )
        for row in Checkout.objects.order_by("taken_at", "seats")
    ]


def differing() -> list[tuple[str, str, int, int | None]]:
    return [
        (row.kind, f"{row.starts:%H:%M:%S}", row.seats_logged, row.seats_shown)
        for row in Disagreement.objects.order_by("starts", "seats_logged", "seats_shown")
    ]


@pytest.mark.parametrize("chunk", [1, 2, 100])
@pytest.mark.parametrize("backwards", [False, True])
def test_other_seats_in_the_same_second_are_possible_only(
    server: LicenseServer, chunk: int, backwards: bool
) -> None:
    texts = [text(*taken(2)), text(*taken(3))]
    read(server, *(texts[::-1] if backwards else texts), chunk=chunk)
    bounded = [(2, "08:10:00", "08:15:00", "08:15:00"), (3, "08:10:00", "08:10:00", "08:15:00")]
    assert held() == bounded
    assert differing() == [("logs_differ", "08:10:00", 3, 2)]
    rebuild()
    assert held() == bounded
    assert differing() == [("logs_differ", "08:10:00", 3, 2)]


def test_what_both_may_mean_ends_with_the_first_return(server: LicenseServer) -> None:
    read(server, text(*taken(2, "8:30:00")), text(*taken(3, "8:20:00")))
    assert held() == [
        (2, "08:10:00", "08:20:00", "08:30:00"),
        (3, "08:10:00", "08:10:00", "08:20:00"),
    ]


def test_a_return_that_comes_in_a_later_piece_ends_it_too(server: LicenseServer) -> None:
    read(server, text(*taken(2, "8:30:00")), text(*taken(3, "")))
    assert held() == [(2, "08:10:00", "08:30:00", "08:30:00"), (3, "08:10:00", "08:10:00", None)]
    read(server, text(*taken(3, "8:20:00")))
    assert held()[:2] == [
        (2, "08:10:00", "08:20:00", "08:30:00"),
        (3, "08:10:00", "08:10:00", "08:20:00"),
    ]


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_text_that_tells_of_both_settles_it(
    server: LicenseServer, order: tuple[int, ...]
) -> None:
    texts = [text(*taken(2)), text(*taken(3)), text(*taken(2), *taken(3))]
    read(server, *(texts[place] for place in order))
    assert held() == [(seats, "08:10:00", "08:15:00", "08:15:00") for seats in (2, 3)]
    assert differing() == []
    assert not Contradiction.objects.exists()


def shifted(seconds: int) -> list[str]:
    return [
        f'8:10:0{seconds} (acmed) OUT: "cad" ann@h1 (2 licenses)\n',
        f'8:15:0{seconds} (acmed) IN: "cad" ann@h1 (2 licenses)\n',
    ]


@pytest.mark.parametrize("chunk", [1, 2, 100])
@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_the_same_use_a_second_apart_is_known_once(
    server: LicenseServer, order: tuple[int, ...], chunk: int
) -> None:
    texts = [text(*shifted(5)), text(*shifted(6)), text(*shifted(5))]
    read(server, *(texts[place] for place in order), chunk=chunk)
    bounded = [(2, "08:10:05", "08:15:05", "08:15:05"), (2, "08:10:06", "08:10:06", "08:15:06")]
    assert held() == bounded
    assert differing() == [("logs_differ", "08:10:06", 2, 0)]
    rebuild()
    assert held() == bounded


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_text_that_tells_of_both_seconds_settles_it(
    server: LicenseServer, order: tuple[int, ...]
) -> None:
    texts = [text(*shifted(5)), text(*shifted(6)), text(*shifted(5), *shifted(6))]
    read(server, *(texts[place] for place in order))
    assert held() == [(2, f"08:10:0{each}", *2 * (f"08:15:0{each}",)) for each in (5, 6)]
    assert differing() == []


@pytest.mark.parametrize("backwards", [False, True])
def test_two_seconds_apart_are_two_uses(server: LicenseServer, backwards: bool) -> None:
    texts = [text(*shifted(5)), text(*shifted(7))]
    read(server, *(texts[::-1] if backwards else texts))
    assert [row[2] for row in held()] == ["08:15:05", "08:15:07"]


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_the_least_of_three_is_known(server: LicenseServer, order: tuple[int, ...]) -> None:
    texts = [text(*taken(seats)) for seats in (4, 2, 3)]
    read(server, *(texts[place] for place in order))
    assert [row[2] for row in held()] == ["08:15:00", "08:10:00", "08:10:00"]
    assert [row[2:] for row in differing()] == [(3, 2), (4, 2), (4, 3)]


@pytest.mark.parametrize("chunk", [1, 100])
@pytest.mark.parametrize("backwards", [False, True])
def test_a_cut_within_the_second_contradicts_nothing(
    server: LicenseServer, chunk: int, backwards: bool
) -> None:
    two, three = taken(2), taken(3)
    parts = [BEGIN + two[0], three[0] + two[1] + three[1] + END]
    read(server, *(parts[::-1] if backwards else parts), chunk=chunk)
    assert held() == [(seats, "08:10:00", "08:15:00", "08:15:00") for seats in (2, 3)]
    assert differing() == []


@pytest.mark.parametrize("chunk", [1, 100])
@pytest.mark.parametrize("backwards", [False, True])
def test_a_copy_that_lacks_lines_contradicts_nothing(
    server: LicenseServer, chunk: int, backwards: bool
) -> None:
    texts = [text(*taken(2)), text(*taken(2), *taken(3))]
    read(server, *(texts[::-1] if backwards else texts), chunk=chunk)
    assert held() == [(seats, "08:10:00", "08:15:00", "08:15:00") for seats in (2, 3)]
    assert differing() == []


def test_no_over_use_is_stated_of_what_only_one_of_two_texts_tells() -> None:
    pool = PoolFactory()
    server = ServerFactory(name="lic", zone="UTC")
    FeatureFactory(server=server, daemon="acmed", name="cad", pool=pool)
    EntitlementFactory(pool=pool, quantity=2)
    read(server, text(*taken(2)), text(*taken(3)))
    (row,) = usage(pool, start=START, end=END_OF_DAY).periods
    assert (row.peak_low, row.peak_high) == (2, 5)
    assert (row.seat_seconds, row.over_seconds) == (600, 0)


def test_what_no_text_returns_stays_possible() -> None:
    pool = PoolFactory()
    server = ServerFactory(name="lic", zone="UTC")
    FeatureFactory(server=server, daemon="acmed", name="cad", pool=pool)
    read(server, text(*taken(2, "")), text(*taken(3, "")))
    (row,) = usage(pool, start=START, end=END_OF_DAY).periods
    assert (row.peak_low, row.peak_high, row.seat_seconds) == (2, 5, 2 * 8401)


def test_the_page_of_a_contradiction_has_both_numbers_and_links_both_texts(
    server: LicenseServer, admin_client: Client
) -> None:
    read(server, text(*taken(2)), text(*taken(3)))
    row = Disagreement.objects.get()
    page = admin_client.get(
        reverse("admin:licenses_disagreement_change", args=[row.pk])
    ).content.decode()
    assert "two logs of that second have different seats taken" in page
    for capture in server.captures.all():
        assert f'/admin/licenses/capture/{capture.pk}/change/">Debug log {capture.pk}</a>' in page
