from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from licenses.analysis.rights import Unused, entitlement_steps, limits, unused
from licenses.concurrency.timeline import UNKNOWN
from licenses.models import (
    Entitlement,
    IssuedCount,
    PackageComponent,
    PoolHour,
    correct_entitlement,
)
from tests.factories import (
    EntitlementFactory,
    FeatureFactory,
    IssuedCountFactory,
    PoolFactory,
    ServerFactory,
    at,
)

pytestmark = pytest.mark.django_db

DAY = at("2026-03-10T00:00")
NOON, NEXT = DAY + 43200, DAY + 86400
STATUS = IssuedCount.Source.STATUS


@pytest.fixture
def pool():
    return PoolFactory()


@pytest.fixture
def feature(pool):
    return FeatureFactory(pool=pool)


def allowed(pool, **values):
    return limits(pool, DAY, NEXT, **values).allowed.changes()


def issued(pool):
    return limits(pool, DAY, NEXT).issued.changes()


class TestAllowed:
    def test_nothing_is_known_without_an_entitlement(self, pool):
        assert allowed(pool) == [(DAY, UNKNOWN)]

    def test_nothing_is_known_before_the_first_entitlement(self, pool):
        EntitlementFactory(pool=pool, valid_from="2026-03-11")
        assert limits(pool, DAY, NEXT + 60).allowed.changes() == [(DAY, UNKNOWN), (NEXT, 10)]

    def test_an_ended_right_is_0_and_not_unknown(self, pool):
        EntitlementFactory(pool=pool, valid_to="2026-03-09")
        assert allowed(pool) == [(DAY, 0)]

    def test_lines_in_force_add_up_with_their_overdrafts(self, pool):
        EntitlementFactory(pool=pool, quantity=5, overdraft=2)
        EntitlementFactory(pool=pool, quantity=1)
        assert allowed(pool) == [(DAY, 8)]

    def test_days_are_the_pools_own(self):
        pool = PoolFactory(zone="America/New_York")
        EntitlementFactory(pool=pool, valid_to="2026-03-09")
        assert allowed(pool) == [(DAY, 10), (at("2026-03-10T00:00-04:00"), 0)]

    @pytest.mark.parametrize("metric", ["named", "node", "site"])
    def test_rights_of_another_kind_bound_no_concurrent_use(self, pool, metric):
        EntitlementFactory(pool=pool, metric=metric)
        assert allowed(pool) == [(DAY, UNKNOWN)]

    def test_a_corrected_line_counts_until_its_correction_was_recorded(self, pool):
        recorded = datetime(2026, 3, 1, tzinfo=UTC)
        line = EntitlementFactory(pool=pool, quantity=5, recorded_at=recorded)
        copy = correct_entitlement(line, changes={"quantity": 7}, reason="Typo", author=None)
        assert allowed(pool) == [(DAY, 7)]
        before = copy.recorded_at - timedelta(seconds=1)
        assert allowed(pool, as_of=before) == [(DAY, 5)]

    def test_a_withdrawn_line_no_longer_counts(self, pool):
        line = EntitlementFactory(pool=pool)
        correct_entitlement(line, changes={}, reason="Sold", author=None, withdraw=True)
        assert allowed(pool) == [(DAY, UNKNOWN)]


class TestIssued:
    @pytest.mark.parametrize(
        ("statements", "expected"),
        [
            pytest.param([], [(0, UNKNOWN)], id="silence"),
            pytest.param([("file", 5, None, None)], [(0, 5)], id="since-ever"),
            pytest.param([("file", 5, None, None), ("file", 3, 60, 90)], [(0, 5), (60, 8), (90, 5)],
                         id="lines-add-up"),
            pytest.param([("file", 5, None, 60)], [(0, 5), (60, UNKNOWN)], id="expired"),
            pytest.param([("file", 5, None, None), ("status", 4, 60, None)], [(0, 5), (60, 4)],
                         id="later-total"),
            pytest.param([("status", 4, 60, None), ("file", 5, 90, None)],
                         [(0, UNKNOWN), (60, 4), (90, 5)], id="later-file"),
            pytest.param([("status", 4, 60, None), ("file", 5, 60, None)],
                         [(0, UNKNOWN), (60, 4)], id="same-second"),
            pytest.param([("status", 4, 60, 90), ("status", 6, 90, None)],
                         [(0, UNKNOWN), (60, 4), (90, 6)], id="total-after-total"),
            pytest.param([("file", None, None, None)], [(0, UNKNOWN)], id="uncounted"),
            pytest.param([("file", 5, None, None), ("file", None, 60, None)],
                         [(0, 5), (60, UNKNOWN)], id="one-uncounted-line"),
        ],
    )  # fmt: skip
    def test_the_statement_that_began_last_holds(self, pool, feature, statements, expected):
        for source, count, start, end in statements:
            IssuedCountFactory(
                feature=feature,
                source=source,
                count=count,
                starts=None if start is None else DAY + start,
                ends=None if end is None else DAY + end,
            )
        assert [(moment - DAY, level) for moment, level in issued(pool)] == expected

    def test_features_add_up_by_weight_while_they_feed_the_pool(self, pool, feature):
        other = FeatureFactory(pool=pool, weight=3, mapped_from=DAY + 60, mapped_until=DAY + 90)
        IssuedCountFactory(feature=feature, count=2)
        IssuedCountFactory(feature=other, count=5)
        assert issued(pool) == [(DAY, 2), (DAY + 60, 17), (DAY + 90, 2)]

    def test_one_silent_feature_leaves_the_sum_unknown(self, pool, feature):
        FeatureFactory(pool=pool, mapped_from=DAY + 60)
        IssuedCountFactory(feature=feature, count=2)
        assert issued(pool) == [(DAY, 2), (DAY + 60, UNKNOWN)]

    def test_a_pool_without_a_feature_has_nothing_known_issued(self, pool):
        assert issued(pool) == [(DAY, UNKNOWN)]

    @pytest.mark.parametrize(("count", "flag"), [(None, True), (3, False)])
    def test_uncounted_is_told_apart_from_silence(self, pool, feature, count, flag):
        FeatureFactory(pool=pool)
        IssuedCountFactory(feature=feature, count=count)
        assert limits(pool, DAY, NEXT).uncounted is flag


class TestIssuedOfPackages:
    """A server lists a package and each component with all seats; a checkout takes one of each."""

    @pytest.fixture
    def whole_in(self):
        return None

    @pytest.fixture
    def suite(self, pool, whole_in):
        server = ServerFactory()
        found = [FeatureFactory(server=server, name="suite", pool=whole_in() if whole_in else pool)]
        for name in ("paint", "sculpt"):
            found.append(FeatureFactory(server=server, name=name, pool=pool))
            PackageComponent.objects.create(
                server=server, daemon="vendord", package="suite", component=name
            )
        return found

    @pytest.mark.parametrize(
        ("sculpt", "expected"),
        [pytest.param(12, 12, id="alike"), pytest.param(17, 17, id="five more sold apart"),
         pytest.param(4, 12, id="fewer"), pytest.param(None, UNKNOWN, id="uncounted")],
    )  # fmt: skip
    def test_seats_of_a_component_are_its_packages(self, pool, suite, sculpt, expected):
        for feature, count in zip(suite, (12, 12, sculpt), strict=True):
            IssuedCountFactory(feature=feature, count=count, source=STATUS)
        assert issued(pool) == [(DAY, expected)]
        IssuedCountFactory(feature=FeatureFactory(pool=pool), count=1, starts=NEXT - 60)
        assert limits(pool, NEXT - 60, NEXT).limit.changes() == [
            (NEXT - 60, UNKNOWN if expected == UNKNOWN else expected + 1)
        ]

    def test_a_file_that_names_the_package_alone_says_all(self, pool, suite):
        IssuedCountFactory(feature=suite[0], count=12)
        assert issued(pool) == [(DAY, 12)]

    def test_a_file_has_lines_of_a_component_for_seats_besides_the_package(self, pool, suite):
        IssuedCountFactory(feature=suite[0], count=5)
        IssuedCountFactory(feature=suite[1], count=3)
        IssuedCountFactory(feature=suite[1], count=1, starts=NOON)
        assert issued(pool) == [(DAY, 8), (NOON, 9)]

    def test_of_what_the_server_and_a_file_say_of_a_component_the_newer_counts(self, pool, suite):
        for feature, filed, served in zip(suite, (5, 3, 0), (5, 8, 5), strict=True):
            IssuedCountFactory(feature=feature, count=served, source=STATUS, starts=DAY - 60)
            if filed:
                IssuedCountFactory(feature=feature, count=filed)
        assert issued(pool) == [(DAY, 8)]
        IssuedCountFactory(feature=suite[1], count=2, starts=NOON)  # the file's own sum is 5
        assert issued(pool) == [(DAY, 8), (NOON, 10)]

    def test_each_is_followed_as_it_changes(self, pool, suite):
        for feature in suite[:2]:
            IssuedCountFactory(feature=feature, count=12, ends=NOON, source=STATUS)
        IssuedCountFactory(feature=suite[0], count=9, starts=NOON, source=STATUS)
        IssuedCountFactory(feature=suite[1], count=10, starts=NOON, source=STATUS)
        IssuedCountFactory(feature=suite[2], count=12, source=STATUS)
        assert issued(pool) == [(DAY, 12), (NOON, 13)]

    @pytest.mark.parametrize("whole_in", [pytest.param(PoolFactory, id="another pool")])
    def test_a_component_whose_package_feeds_another_pool_brings_its_own(self, pool, suite):
        for feature in suite:
            IssuedCountFactory(feature=feature, count=12)
        assert issued(pool) == [(DAY, 24)]


def test_the_limit_is_what_is_issued_until_an_entitlement_begins(pool, feature):
    IssuedCountFactory(feature=feature, count=4)
    EntitlementFactory(pool=pool, valid_from="2026-03-11", valid_to="2026-03-11", quantity=9)
    found = limits(pool, DAY, NEXT + 2 * 86400).limit.changes()
    assert found == [(DAY, 4), (NEXT, 9), (NEXT + 86400, 0)]


def test_limits_take_three_queries(pool, feature, django_assert_num_queries):
    with django_assert_num_queries(3):
        limits(pool, DAY, NEXT)


def test_table_of_rights_shows_each_change(pool):
    first = EntitlementFactory(
        pool=pool, quantity=5, valid_to="2026-02-28", valid_from="2026-02-01"
    )
    second = EntitlementFactory(pool=pool, quantity=3, overdraft=1, valid_from="2026-02-15",
                                valid_to="2026-03-09")  # fmt: skip
    third = EntitlementFactory(pool=pool, quantity=7, valid_from="2026-03-20")
    rows = entitlement_steps(pool)
    assert [(row.start, row.quantity, row.overdraft, row.entitlement_ids) for row in rows] == [
        (at("2026-02-01T00:00"), 5, 0, (first.pk,)),
        (at("2026-02-15T00:00"), 8, 1, (first.pk, second.pk)),
        (at("2026-03-01T00:00"), 3, 1, (second.pk,)),
        (at("2026-03-10T00:00"), 0, 0, ()),
        (at("2026-03-20T00:00"), 7, 0, (third.pk,)),
    ]
    assert [row.end for row in rows[:-1]] == [row.start for row in rows[1:]]
    assert rows[-1].end is None


def test_a_grace_period_is_a_line_of_no_seats_that_is_allowed_on_its_days_alone(pool):
    EntitlementFactory(pool=pool, quantity=5, valid_from="2026-02-01")
    grace = EntitlementFactory(
        pool=pool, quantity=0, overdraft=2, valid_from="2026-03-01", valid_to="2026-03-31"
    )
    grace.full_clean()
    rows = entitlement_steps(pool)
    assert [(row.quantity, row.allowed) for row in rows] == [(5, 5), (5, 7), (5, 5)]


class TestUnused:
    @pytest.fixture
    def peak(self, pool):
        PoolHour.objects.create(pool=pool, hour=DAY - 400 * 86400, peak=30)
        PoolHour.objects.create(pool=pool, hour=DAY - 100 * 86400, peak=12)
        PoolHour.objects.create(pool=pool, hour=DAY - 90 * 86400, peak=None)

    def line(self, pool, quantity, price, **values):
        price = None if price is None else Decimal(price)
        EntitlementFactory(pool=pool, quantity=quantity, unit_price=price, **values)

    def test_seats_never_used_are_priced_from_the_cheapest_line(self, pool, peak):
        self.line(pool, 10, "100")
        self.line(pool, 5, "40")
        assert unused(pool, DAY + 60) == Unused(3, Decimal(120), "EUR")

    def test_more_than_one_line_may_go(self, pool, peak):
        self.line(pool, 20, "100")
        self.line(pool, 5, "40")
        assert unused(pool, DAY + 60) == Unused(13, Decimal(200 + 800), "EUR")

    @pytest.mark.parametrize("other", [{"unit_price": None}, {"currency": "USD"}])
    def test_no_cost_without_comparable_prices(self, pool, peak, other):
        self.line(pool, 10, "100")
        EntitlementFactory(**{"pool": pool, "quantity": 5, "unit_price": Decimal(40), **other})
        assert unused(pool, DAY + 60) == Unused(3, None, None)

    def test_a_pool_used_in_full_has_none(self, pool, peak):
        self.line(pool, 12, "100")
        assert unused(pool, DAY + 60) == Unused(0, Decimal(0), "EUR")

    def test_nothing_is_said_without_known_use(self, pool):
        self.line(pool, 12, "100")
        assert unused(pool, DAY + 60) is None

    def test_nothing_is_said_without_a_right_today(self, pool, peak):
        self.line(pool, 12, "100", valid_to=date(2026, 3, 9))
        assert unused(pool, DAY + 60) is None
        assert Entitlement.objects.count() == 1
