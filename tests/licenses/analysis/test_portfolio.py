from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group

from licenses.analysis.portfolio import portfolio
from licenses.models import VIEWER, Coverage, LicensePool, PoolHour, PoolNow, Scope
from tests.factories import FeatureFactory, PoolFactory, TeamFactory, at, covered

pytestmark = pytest.mark.django_db

NOW = at("2026-03-10T09:00")


@pytest.fixture
def manager():
    return get_user_model().objects.create_superuser("boss")


def test_a_pool_shows_the_newest_figures_and_the_last_week(manager):
    pool = PoolFactory(name="CAD")
    PoolNow.objects.create(
        pool=pool, at=NOW - 60, in_use=8, limit=10, source="polls", peak_12_months=11
    )
    for hours, peak, full in ((1, 9, 60), (24, 10, 600), (24 * 8, 99, 999)):
        PoolHour.objects.create(
            pool=pool,
            hour=NOW - hours * 3600,
            peak=peak,
            full_seconds=full,
            over_seconds=0,
            denials=2,
            observed_seconds=3600,
        )
    (card,) = portfolio(manager, week=True, now=NOW)
    assert (card["name"], card["in_use"], card["limit"], card["free"]) == ("CAD", 8, 10, 2)
    assert (card["at"], card["age_seconds"], card["peak_12_months"]) == (NOW - 60, 60, 11)
    assert card["week"] == {
        "peak": 10, "full_seconds": 660, "over_seconds": 0, "denials": 4, "logged_seconds": 0,
        "observed_seconds": 7200, "expected_seconds": 604_800,
    }  # fmt: skip


def test_what_is_unknown_stays_unknown(manager):
    PoolFactory()
    (card,) = portfolio(manager, week=True, now=NOW)
    assert {card[name] for name in ("in_use", "limit", "free", "at", "age_seconds", "week")} == {
        None
    }


def test_nothing_is_free_where_more_is_used_than_the_limit(manager):
    PoolNow.objects.create(pool=PoolFactory(), at=NOW, in_use=12, limit=10)
    assert [card["free"] for card in portfolio(manager, now=NOW)] == [0]


def test_only_active_pools_that_the_user_may_see_are_shown(manager):
    team = TeamFactory()
    PoolFactory(name="theirs").owner_teams.add(team)
    PoolFactory(name="other")
    LicensePool.objects.filter(pk=PoolFactory(name="old").pk).update(retired_at=NOW)
    viewer = get_user_model().objects.create_user("viewer")
    viewer.groups.add(Group.objects.get(name=VIEWER))
    Scope.objects.create(user=viewer).teams.add(team)
    assert [card["name"] for card in portfolio(viewer, now=NOW)] == ["theirs"]
    assert [card["name"] for card in portfolio(manager, now=NOW)] == ["other", "theirs"]


def test_refusals_of_a_week_of_which_no_log_tells_are_not_known(manager):
    pool = PoolFactory()
    server = FeatureFactory(pool=pool).server
    PoolHour.objects.create(pool=pool, hour=NOW - 3600, peak=1, observed_seconds=3600)

    def told():
        (card,) = portfolio(manager, week=True, now=NOW)
        return card["week"]["denials"], card["week"]["logged_seconds"]

    covered(server, NOW - 7200, NOW, source=Coverage.Source.POLLS)
    assert told() == (None, 0)
    covered(server, NOW - 60, NOW)
    assert told() == (0, 60)


def test_five_queries_whatever_the_number_of_pools(manager, django_assert_num_queries):
    for pool in [PoolFactory() for _ in range(30)]:
        PoolHour.objects.create(pool=pool, hour=NOW - 3600, peak=1)
    with django_assert_num_queries(5):
        assert len(portfolio(manager, week=True, now=NOW)) == 30
