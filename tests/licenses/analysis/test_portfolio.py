from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group

from licenses.analysis.portfolio import portfolio
from licenses.models import VIEWER, LicensePool, PoolHour, PoolNow, Scope
from tests.factories import PoolFactory, TeamFactory, at

pytestmark = pytest.mark.django_db

NOW = at("2026-03-10T09:00")


@pytest.fixture
def manager():
    return get_user_model().objects.create_superuser("boss")


def test_a_card_shows_the_newest_figures_and_the_last_week(manager):
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
    (card,) = portfolio(manager, NOW)
    assert (card.name, card.in_use, card.limit, card.free, card.share) == ("CAD", 8, 10, 2, 0.8)
    assert (card.at, card.age_seconds, card.peak_12_months) == (NOW - 60, 60, 11)
    assert (card.peak_week, card.full_seconds_week, card.denials_week) == (10, 660, 4)
    assert card.observed_share_week == pytest.approx(2 / 168)


def test_what_is_unknown_stays_unknown(manager):
    PoolFactory()
    (card,) = portfolio(manager, NOW)
    assert {
        card.in_use,
        card.limit,
        card.free,
        card.share,
        card.at,
        card.peak_week,
        card.full_seconds_week,
    } == {None}
    assert (card.denials_week, card.observed_share_week) == (0, 0.0)


def test_use_above_the_limit_shares_more_than_all_of_it(manager):
    PoolNow.objects.create(pool=PoolFactory(), in_use=12, limit=10)
    PoolNow.objects.create(pool=PoolFactory(), in_use=1, limit=0)
    assert [(card.share, card.free) for card in portfolio(manager, NOW)] == [(1.2, 0), (None, 0)]


def test_only_active_pools_that_the_user_may_see_are_shown(manager):
    team = TeamFactory()
    PoolFactory(name="theirs").owner_teams.add(team)
    PoolFactory(name="other")
    LicensePool.objects.filter(pk=PoolFactory(name="old").pk).update(retired_at=NOW)
    viewer = get_user_model().objects.create_user("viewer")
    viewer.groups.add(Group.objects.get(name=VIEWER))
    Scope.objects.create(user=viewer).teams.add(team)
    assert [card.name for card in portfolio(viewer, NOW)] == ["theirs"]
    assert [card.name for card in portfolio(manager, NOW)] == ["other", "theirs"]


def test_two_queries_whatever_the_number_of_pools(manager, django_assert_num_queries):
    for pool in [PoolFactory() for _ in range(30)]:
        PoolHour.objects.create(pool=pool, hour=NOW - 3600, peak=1)
    with django_assert_num_queries(2):
        assert len(portfolio(manager, NOW)) == 30
