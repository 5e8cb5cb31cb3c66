from __future__ import annotations

import pytest

from licenses.analysis import now
from licenses.models import Checkout, FeatureNow, PackageComponent, PoolHour, PoolNow, Sighting
from tests.factories import (
    EntitlementFactory,
    FeatureFactory,
    HostFactory,
    PersonFactory,
    PoolFactory,
    at,
    covered,
    holding,
    polled,
)

pytestmark = pytest.mark.django_db

NOW = at("2026-03-10T09:00")


@pytest.fixture
def pool():
    return PoolFactory()


@pytest.fixture
def feature(pool):
    feature = FeatureFactory(pool=pool, weight=2)
    polled(feature.server, NOW - 60)
    return feature


def refreshed(pool, **values):
    now.refresh([pool.pk], NOW, **values)
    return PoolNow.objects.get(pool=pool)


class TestRefresh:
    def test_seats_that_are_out_are_in_use_by_weight(self, pool, feature):
        holding(feature, NOW - 900, None, 3)
        holding(feature, NOW - 900, NOW - 60)
        row = refreshed(pool)
        assert (row.in_use, row.at, row.source) == (6, at_moment(NOW - 60), "polls")

    def test_figures_are_as_old_as_the_oldest_of_the_newest_answers(self, pool, feature):
        covered(FeatureFactory(pool=pool).server, NOW - 9000, NOW - 3000)
        assert refreshed(pool).at == at_moment(NOW - 3000)

    def test_a_pool_with_a_server_that_was_never_heard_has_no_figure(self, pool, feature):
        FeatureFactory(pool=pool)
        row = refreshed(pool)
        assert (row.in_use, row.at) == (None, None)

    def test_a_feature_no_longer_mapped_is_not_counted(self, pool, feature):
        gone = FeatureFactory(pool=pool, server=feature.server, mapped_until=NOW - 300)
        holding(gone, NOW - 900, None)
        assert refreshed(pool).in_use == 0

    def test_limits_are_those_of_the_moment_of_the_figures(self, pool, feature):
        EntitlementFactory(pool=pool, quantity=5, valid_to="2026-03-09")
        EntitlementFactory(pool=pool, quantity=8, valid_from="2026-03-10")
        assert (refreshed(pool).limit, refreshed(pool).allowed, refreshed(pool).issued) == (
            8,
            8,
            None,
        )
        polled(feature.server, at("2026-03-09T10:00"))
        assert refreshed(pool).limit == 5

    def test_states_that_a_server_tells_are_weighted(self, pool, feature):
        FeatureNow.objects.create(
            feature=feature, at=NOW, reserved_idle=2, borrowed=1, queued=3, lingering=9
        )
        row = refreshed(pool)
        assert (row.reserved_idle, row.borrowed, row.queued) == (4, 2, 6)

    def test_a_second_refresh_changes_the_same_row(self, pool, feature):
        refreshed(pool)
        holding(feature, NOW - 900, None)
        assert refreshed(pool).in_use == 2
        assert PoolNow.objects.count() == 1

    def test_the_peak_of_12_months_is_found_once_and_then_raised(self, pool, feature):
        for days, peak in ((400, 90), (100, 12), (1, 5)):
            PoolHour.objects.create(pool=pool, hour=NOW - days * 86400, peak=peak)
        assert refreshed(pool).peak_12_months == 12
        PoolHour.objects.filter(peak=5).update(peak=15)
        assert refreshed(pool).peak_12_months == 15
        PoolHour.objects.filter(peak=15).update(peak=2)
        assert refreshed(pool).peak_12_months == 15
        assert refreshed(pool, year=True).peak_12_months == 12

    def test_queries_do_not_grow_with_pools(self, django_assert_max_num_queries):
        pools = [PoolFactory() for _ in range(15)]
        for each in pools:
            feature = FeatureFactory(pool=each)
            polled(feature.server, NOW - 60)
            holding(feature, NOW - 900, None)
            PoolHour.objects.create(pool=each, hour=NOW - 86400, peak=1)
        with django_assert_max_num_queries(15):
            now.refresh([each.pk for each in pools], NOW)
        assert PoolNow.objects.filter(in_use=1).count() == 15


class TestHolders:
    def test_the_longest_holding_comes_first(self, pool, feature):
        young = holding(feature, NOW - 100, None)
        old = holding(feature, NOW - 900, None, 2)
        found = now.holders(pool, now=NOW)
        assert [row.label for row in found.rows] == [old.person.label, young.person.label]
        assert [row.seats for row in found.rows] == [4, 2]
        assert (found.at, found.age_seconds) == (NOW - 60, 60)

    def test_names_are_hidden_unless_asked_for(self, pool, feature):
        person, host = PersonFactory(login="ada"), HostFactory(name="ws-ada")
        sighting = Sighting.objects.create(
            feature=feature,
            person=person,
            host=host,
            row_key="k",
            seats=1,
            started_at=NOW - 900,
            first_seen=NOW - 900,
            last_seen=NOW - 60,
            state="borrowed",
            display="ada:0",
        )
        holding(feature, NOW - 900, None, person=person, host=host, sighting=sighting,
                method=Checkout.Method.SAMPLED)  # fmt: skip
        (row,) = now.holders(pool, now=NOW).rows
        assert "ada" not in str(row)
        assert (row.label, row.state) == (person.label, "borrowed")
        (row,) = now.holders(pool, now=NOW, names=True).rows
        assert (row.name, row.host, row.display) == ("ada", "ws-ada", "ada:0")

    def test_a_component_of_a_package_is_not_shown_beside_it(self, pool, feature):
        suite = FeatureFactory(server=feature.server, name="suite", pool=pool)
        PackageComponent.objects.create(
            server=feature.server, daemon="vendord", package="suite", component=feature.name
        )
        person = PersonFactory()
        for each in (suite, feature):
            holding(each, NOW - 900, None, person=person)
        assert [row.feature for row in now.holders(pool, now=NOW).rows] == ["suite"]
        assert refreshed(pool).in_use == 1

    def test_holders_add_up_to_what_is_in_use(self, pool, feature):
        for seats in (1, 2, 5):
            holding(feature, NOW - 900, None, seats)
        rows = now.holders(pool, now=NOW).rows
        assert sum(row.seats for row in rows) == refreshed(pool).in_use == 16

    def test_they_take_eight_queries(self, pool, feature, django_assert_max_num_queries):
        for _ in range(9):
            holding(feature, NOW - 900, None)
        with django_assert_max_num_queries(8):
            now.holders(pool, now=NOW, names=True)


def at_moment(epoch):
    from licenses.analysis.rows import as_moment

    return as_moment(epoch)
