"""When a pool is usually busy, by weekday and hour."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.cache import cache

from licenses.analysis import busy_kept
from licenses.analysis.availability import load_availability
from licenses.analysis.busy import Busy, NextFree, busy_hours
from licenses.models import LicensePool, PoolHour, PoolNow
from tests.factories import FeatureFactory, PoolFactory, at, covered, holding

pytestmark = pytest.mark.django_db

HOUR = 3600
DAY = 24 * HOUR
NOW = at("2026-11-24T10:00")  # a Tuesday
UTC = ZoneInfo("UTC")
ALL_FREE = [["free"] * 24 for _ in range(7)]
NO_SHARES: list[list[float | None]] = [[None] * 24 for _ in range(7)]


def levels(**spans: tuple[int, int, str]) -> Busy:
    rows = [list(row) for row in ALL_FREE]
    for name, (start, end, level) in spans.items():
        weekday = ("mon", "tue", "wed", "thu", "fri", "sat", "sun").index(name[:3])
        rows[weekday][start:end] = [level] * (end - start)
    return Busy(rows, NO_SHARES)


@pytest.mark.parametrize(
    ("busy", "sentence"),
    [
        pytest.param(
            levels(mon=(9, 12, "busy"), tue=(9, 12, "busy"), wed=(9, 12, "busy")),
            "Usually busy Mon–Wed 9–12.",
            id="days-in-a-row",
        ),
        pytest.param(
            levels(mon=(9, 12, "busy"), mon2=(14, 16, "busy"), thu=(8, 10, "busy")),
            "Usually busy Mon 9–12, 14–16; Thu 8–10.",
            id="two-spans",
        ),
        pytest.param(
            levels(fri=(22, 24, "tight")), "Was sometimes full Fri 22–24.", id="sometimes-full"
        ),
        pytest.param(levels(), "A seat was free at every hour of the last weeks that was seen.",
                     id="always-free"),
        pytest.param(
            Busy([["unknown"] * 24] * 7, NO_SHARES),
            "Not enough is known yet to say when it is usually busy.",
            id="nothing-known",
        ),
    ],
)  # fmt: skip
def test_busy_hours_are_told_in_a_sentence(busy: Busy, sentence: str) -> None:
    assert busy.sentence() == sentence


def test_the_next_free_hour_is_the_first_after_this_one() -> None:
    busy = levels(tue=(0, 13, "busy"))
    assert busy.next_free(NOW + 5, UTC) == NextFree(at("2026-11-24T13:00"), True)
    assert levels().next_free(NOW, UTC) == NextFree(NOW + HOUR, True)


def test_where_no_hour_is_free_the_least_used_is_told() -> None:
    shares: list[list[float | None]] = [[0.9] * 24 for _ in range(7)]
    shares[4][6] = 0.5
    busy = Busy([["busy"] * 24 for _ in range(7)], shares)
    assert busy.next_free(NOW, UTC) == NextFree(at("2026-11-27T06:00"), False)
    assert Busy([["unknown"] * 24] * 7, NO_SHARES).next_free(NOW, UTC) is None


@pytest.fixture
def pool(db: None) -> LicensePool:
    """Ten seats: all taken on Tuesdays from 9 to 10 for four weeks, and on one of them at 15."""
    from licenses.analysis.rollup import drain, mark_dirty

    pool: LicensePool = PoolFactory()
    feature = FeatureFactory(pool=pool)
    covered(feature.server, NOW - 28 * DAY - 12 * HOUR, NOW)
    for week in range(1, 5):
        holding(feature, NOW - week * 7 * DAY - HOUR, NOW - week * 7 * DAY, 10)
    holding(feature, NOW - 7 * DAY + 5 * HOUR, NOW - 7 * DAY + 5 * HOUR + 60, 10)
    mark_dirty([pool.pk])
    drain()
    return pool


def hours(pool: LicensePool, seats: int | None, now: int) -> Busy:
    return busy_hours([pool], {pool.pk: seats}, now)[pool.pk]


def test_levels_come_from_the_stored_hours_of_the_last_weeks(pool: LicensePool) -> None:
    tuesday = hours(pool, 10, NOW).levels[1]
    assert tuesday[9] == "busy"
    assert tuesday[15] == "tight"
    assert tuesday[10] == "free"
    assert hours(pool, None, NOW).known is False


def test_of_an_hour_that_was_seen_once_nothing_is_usual(pool: LicensePool) -> None:
    earlier = hours(pool, 10, NOW - 22 * DAY)
    assert earlier.levels[1][9] == "unknown"


def test_the_hours_of_many_pools_are_those_of_each_by_its_own_clock(pool: LicensePool) -> None:
    other = PoolFactory(zone="Asia/Kolkata")
    for row in PoolHour.objects.filter(pool=pool):
        row.pool = other
        row.save(force_insert=True)
    empty = PoolFactory(zone="Europe/Berlin")
    together = busy_hours([pool, other, empty], {pool.pk: 10, other.pk: 9, empty.pk: 3}, NOW)
    for each, seats in ((pool, 10), (other, 9), (empty, 3)):
        assert together[each.pk] == hours(each, seats, NOW)
    assert (together[other.pk].levels[1][14], together[pool.pk].levels[1][9]) == ("busy", "busy")
    assert not together[empty.pk].known


def test_usual_hours_are_made_ahead_and_then_asked_of_no_database(
    pool: LicensePool, django_assert_num_queries: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.clear()
    monkeypatch.setattr(busy_kept, "BATCH_POOLS", 2)
    more = [PoolFactory() for _ in range(4)]
    PoolFactory(on_status=False)
    PoolNow.objects.create(pool=pool, at=NOW, in_use=1, limit=10)
    assert busy_kept.make_ahead(NOW) == 5
    pools = [pool, *more]
    seats = load_availability(pools, NOW)
    with django_assert_num_queries(0):
        found = busy_kept.usual_hours(pools, seats, NOW)
    assert found == busy_hours(pools, {pk: row.seats for pk, row in seats.items()}, NOW)
    more_seats = seats | {pool.pk: replace(seats[pool.pk], seats=40)}
    with django_assert_num_queries(1):
        assert busy_kept.usual_hours(pools, more_seats, NOW)[pool.pk] != found[pool.pk]
