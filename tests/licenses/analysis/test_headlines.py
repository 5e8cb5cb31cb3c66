"""The three numbers of a pool: what is proven, who was blocked for how long, what is unused."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from django.utils import timezone

from licenses.analysis import headlines
from licenses.analysis.headlines import Unused, due, refresh, told, unused
from licenses.analysis.rollup import drain, mark_dirty
from licenses.models import (
    Boundary,
    Coverage,
    LicensePool,
    PoolHeadline,
    Strength,
)
from tests.factories import (
    EntitlementFactory,
    FeatureFactory,
    IssuedCountFactory,
    PersonFactory,
    PoolFactory,
    at,
    covered,
    derived,
    holding,
    refusal,
)

pytestmark = pytest.mark.django_db

NOW = at("2026-05-30T00:00")
DAY = 86_400
MONTH = 30 * DAY
LATELY, BEFORE = NOW - MONTH, NOW - 2 * MONTH


@pytest.fixture
def pool() -> LicensePool:
    return PoolFactory()


@pytest.fixture
def feature(pool):
    return FeatureFactory(pool=pool)


def counted(pool: LicensePool) -> PoolHeadline:
    assert refresh([pool.pk], NOW) == 1
    return PoolHeadline.objects.get(pool=pool)


def test_all_of_the_time_is_proven_where_the_server_cannot_issue_more(pool, feature):
    EntitlementFactory(pool=pool, quantity=10)
    IssuedCountFactory(feature=feature, count=10)
    covered(feature.server, BEFORE, NOW)
    row = counted(pool)
    assert row.expected_seconds == row.proven_seconds == MONTH
    assert row.expected_seconds_before == row.proven_seconds_before == MONTH


def test_rights_without_documents_prove_nothing(pool, feature):
    EntitlementFactory(pool=pool, quantity=10, strength=Strength.CLAIMED)
    IssuedCountFactory(feature=feature, count=10)
    covered(feature.server, BEFORE, NOW)
    assert counted(pool).proven_seconds == 0


def test_time_that_is_told_in_full_by_logs_is_proven_and_over_use_is_not(pool, feature):
    EntitlementFactory(pool=pool, quantity=2)
    covered(feature.server, BEFORE - DAY, NOW)
    # The daemon began with nothing out, so the log tells of every holding from there.
    Boundary.objects.create(
        server=feature.server, daemon="", at=BEFORE - DAY, kind=Boundary.Kind.START
    )
    holding(feature, LATELY + DAY, LATELY + DAY + 600, 3)
    row = counted(pool)
    assert row.over_seconds == 600
    assert row.proven_seconds == MONTH - 600
    assert row.proven_seconds_before == MONTH


def test_where_nobody_says_what_is_allowed_nothing_is_proven(pool, feature):
    covered(feature.server, BEFORE, NOW)
    row = counted(pool)
    assert (row.expected_seconds, row.proven_seconds) == (MONTH, 0)


def test_each_month_has_the_refusals_that_began_in_it(pool, feature):
    ann, ben = PersonFactory(), PersonFactory()
    for moment, person in ((LATELY + DAY, ann), (LATELY + DAY + 240, ann), (LATELY - DAY, ben)):
        refusal(feature, moment, person)
    derived(pool, BEFORE, NOW)
    row = counted(pool)
    assert (row.blocked_seconds, row.people_blocked) == (240, 1)
    assert (row.blocked_seconds_before, row.people_blocked_before) == (0, 1)


def test_that_nobody_was_blocked_is_known_from_logs_alone(pool, feature):
    covered(feature.server, BEFORE, NOW, source=Coverage.Source.POLLS)
    row = counted(pool)
    assert (row.blocked_seconds, row.people_blocked) == (None, None)
    covered(feature.server, LATELY, NOW)
    row = counted(pool)
    assert (row.blocked_seconds, row.people_blocked) == (0, 0)
    assert (row.blocked_seconds_before, row.people_blocked_before) == (None, None)
    assert told(row, NOW)["before"]["blocked_seconds"] is None


def test_how_much_of_the_time_logs_tell_of_stands_beside_what_was_blocked(pool, feature):
    covered(feature.server, LATELY - DAY, LATELY + 7200)
    row = counted(pool)
    assert (row.logged_seconds, row.logged_seconds_before) == (7200, DAY)
    assert (row.expected_seconds, row.expected_seconds_before) == (MONTH, DAY)
    figures = told(row, NOW)
    assert (figures["logged_seconds"], figures["before"]["logged_seconds"]) == (7200, DAY)


@pytest.mark.parametrize(
    ("known", "whole", "told"),
    [
        ((950, 950), (1000, 1000), True),
        ((949, 1000), (1000, 1000), False),
        ((1000, 949), (1000, 1000), False),
        ((1000, 200), (1000, 200), False),
        ((200, 1000), (200, 1000), False),
        ((0, 0), (0, 0), False),
        ((1000, 0), (1000, 0), False),
    ],
)
def test_times_are_compared_where_both_are_known_and_about_as_long(known, whole, told):
    assert headlines.comparable(*known, *whole) is told


def test_a_log_of_a_feature_that_fed_the_pool_at_another_time_tells_nothing(pool):
    feature = FeatureFactory(pool=pool, mapped_until=LATELY)
    covered(feature.server, LATELY, NOW)
    assert counted(pool).blocked_seconds is None


def test_a_pool_is_full_while_all_seats_are_held(pool, feature):
    EntitlementFactory(pool=pool, quantity=2)
    covered(feature.server, BEFORE, NOW)
    holding(feature, LATELY + 7200, LATELY + 9000, 2)
    holding(feature, BEFORE + 7200, BEFORE + 7500, 2)
    mark_dirty([pool.pk])
    drain()
    row = counted(pool)
    assert (row.full_seconds, row.full_seconds_before) == (1800, 300)
    assert row.observed_seconds == row.observed_seconds_before == MONTH


def test_full_is_not_known_where_no_limit_is(pool, feature):
    covered(feature.server, BEFORE, NOW)
    holding(feature, LATELY + 7200, LATELY + 9000, 2)
    mark_dirty([pool.pk])
    drain()
    assert counted(pool).full_seconds is None


def test_the_peak_of_the_year_before_leaves_the_last_month_out(pool, feature):
    EntitlementFactory(pool=pool, quantity=9)
    covered(feature.server, NOW - 420 * DAY, NOW)
    holding(feature, NOW - 400 * DAY, NOW - 400 * DAY + 60, 8)
    holding(feature, NOW - 390 * DAY, NOW - 390 * DAY + 60, 6)
    holding(feature, LATELY + DAY, LATELY + DAY + 60, 7)
    mark_dirty([pool.pk])
    drain()
    assert counted(pool).year_peak_before == 6


def test_due_are_pools_that_were_never_counted_then_those_with_news_then_old_ones(pool):
    fresh, old, marked, retired = (PoolFactory() for _ in range(4))
    refresh([fresh.pk, marked.pk, retired.pk], NOW)
    refresh([old.pk], NOW - 3600)
    LicensePool.objects.filter(pk=retired.pk).update(retired_at=NOW - 1)
    headlines.mark_due([marked.pk, retired.pk])
    found = due(NOW)
    assert found[0] == pool.pk
    assert set(found[1:]) == {marked.pk, old.pk}
    assert headlines.drain(NOW) == 3
    assert due(NOW) == []


def test_a_second_count_writes_the_same_row(pool, feature):
    EntitlementFactory(pool=pool)
    covered(feature.server, BEFORE, NOW)
    assert told(counted(pool), NOW) == told(counted(pool), NOW)
    assert PoolHeadline.objects.count() == 1


def test_the_number_of_queries_does_not_depend_on_the_number_of_pools(
    django_assert_max_num_queries,
):
    pools = [PoolFactory() for _ in range(20)]
    for each in pools:
        FeatureFactory(pool=each)
    with django_assert_max_num_queries(45):
        refresh([each.pk for each in pools], NOW)


def test_only_all_of_the_time_reads_as_all_of_it():
    assert headlines.share(999_999, 1_000_000) == 0.999
    assert headlines.share(10, 10) == 1
    assert headlines.share(0, 0) is None


def right(pool: LicensePool, quantity: int, price: str | None, currency: str = "EUR") -> None:
    EntitlementFactory(
        pool=pool,
        quantity=quantity,
        unit_price=None if price is None else Decimal(price),
        currency=currency,
    )


def spare(pool: LicensePool, peak: int | None) -> Unused:
    return unused({pool.pk: peak}, date(2026, 5, 1))[pool.pk]


def test_the_dearest_seats_are_the_ones_kept(pool):
    right(pool, 10, "100")
    right(pool, 5, "40")
    assert spare(pool, 8) == Unused(7, Decimal("400"), "EUR", "")


def test_nothing_is_unused_where_all_was_used(pool):
    right(pool, 10, "100")
    assert spare(pool, 12) == Unused(0, Decimal(0), "EUR", "")


@pytest.mark.parametrize("reader", ["UTC", "Asia/Tokyo", "America/Los_Angeles"])
@pytest.mark.parametrize(
    ("zone", "seats"), [("UTC", 8), ("Pacific/Auckland", 18), ("America/Los_Angeles", 8)]
)
def test_what_is_unused_today_is_that_of_the_pools_day_whoever_reads_it(
    zone, seats, reader, time_machine
):
    time_machine.move_to(at("2026-05-01T20:00"), tick=False)
    pool = PoolFactory(zone=zone)
    for quantity, first, last in ((10, date(2026, 1, 1), None), (10, date(2026, 5, 2), None),
                                  (7, date(2026, 1, 1), date(2026, 4, 30))):  # fmt: skip
        EntitlementFactory(pool=pool, quantity=quantity, valid_from=first, valid_to=last)
    with timezone.override(reader):
        found = unused({pool.pk: 2})[pool.pk]
    assert found.seats == seats


def test_what_is_unused_stands_beside_that_of_30_days_ago(pool):
    right(pool, 10, "100")
    EntitlementFactory(
        pool=pool, quantity=4, unit_price=Decimal("50"), valid_from=date(2026, 4, 20)
    )
    row = unused({pool.pk: 9}, date(2026, 5, 1), {pool.pk: 8})[pool.pk]
    assert row.before == Unused(2, Decimal("200"), "EUR", "")
    assert row.change() == (3, Decimal("100"))  # five for 300 a year now: four at 50, one at 100
    row = unused({pool.pk: 9}, date(2026, 5, 1), {})[pool.pk]
    assert row.before.why == "use not known" and row.change() is None


@pytest.mark.parametrize(
    ("lines", "peak", "expected"),
    [
        pytest.param([], 3, Unused(None, None, "", "no entitlement in force"), id="no-right"),
        pytest.param([(9, "1")], None, Unused(None, None, "", "use not known"), id="no-use"),
        pytest.param(
            [(9, None)], 3, Unused(6, None, "", "no price in the contract"), id="no-price"
        ),
        pytest.param(
            [(9, "1", "EUR"), (3, "1", "USD")],
            3,
            Unused(9, None, "", "prices in several currencies"),
            id="two-currencies",
        ),
    ],
)
def test_what_is_not_known_is_said_and_never_nothing(lines, peak, expected, pool):
    for line in lines:
        right(pool, *line)
    assert spare(pool, peak) == expected


def test_named_users_are_no_seats(pool):
    EntitlementFactory(pool=pool, quantity=50, metric="named")
    assert spare(pool, 3).why == "no entitlement in force"


def test_costs_add_up_by_currency():
    rows = [
        Unused(2, Decimal("10"), "EUR", ""),
        Unused(1, Decimal("5"), "EUR", ""),
        Unused(1, Decimal("7"), "CHF", ""),
        Unused(4, None, "", "no price in the contract"),
    ]
    assert headlines.total_cost(rows) == {"CHF": Decimal("7"), "EUR": Decimal("15")}
