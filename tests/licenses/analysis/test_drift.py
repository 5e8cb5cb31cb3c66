from __future__ import annotations

from datetime import date

import pytest

from licenses.analysis.drift import Said, drift, drifts
from licenses.models import IssuedCount, PackageComponent
from tests.factories import (
    EntitlementFactory,
    FeatureFactory,
    IssuedCountFactory,
    PoolFactory,
    ServerFactory,
    at,
)

pytestmark = pytest.mark.django_db

NOW, MARCH = at("2026-04-01T00:00"), at("2026-03-01T00:00")
STATUS = IssuedCount.Source.STATUS


@pytest.fixture
def pool():
    return PoolFactory()


def test_contract_file_and_server_are_told_apart_each_with_its_date(pool):
    feature = FeatureFactory(pool=pool)
    EntitlementFactory(pool=pool, quantity=30, overdraft=5)
    IssuedCountFactory(feature=feature, count=25)
    IssuedCountFactory(feature=feature, source=STATUS, count=20, starts=MARCH)
    found = drift(pool, NOW)
    assert found == (Said(30, at("2026-01-01T00:00")), Said(25, None), Said(20, MARCH))
    assert found.differs


def test_servers_add_up_with_their_weights_and_agree(pool):
    for weight, count in ((1, 10), (2, 5)):
        feature = FeatureFactory(pool=pool, weight=weight)
        IssuedCountFactory(feature=feature, source=STATUS, count=count, starts=MARCH)
    EntitlementFactory(pool=pool, quantity=20)
    found = drift(pool, NOW)
    assert (found.filed.seats, found.served.seats, found.differs) == (None, 20, False)


@pytest.mark.parametrize(
    ("served", "expected"),
    [pytest.param(12, 12, id="its own"), pytest.param(17, 17, id="five more sold apart")],
)
def test_seats_of_a_component_are_those_of_its_package(pool, served, expected):
    server = ServerFactory()
    whole = FeatureFactory(server=server, name="suite", pool=pool)
    IssuedCountFactory(feature=whole, count=12)
    IssuedCountFactory(feature=whole, source=STATUS, count=12, starts=MARCH)
    for name, count in (("paint", 12), ("sculpt", served)):
        part = FeatureFactory(server=server, name=name, pool=pool)
        IssuedCountFactory(feature=part, source=STATUS, count=count, starts=MARCH)
        PackageComponent.objects.create(
            server=server, daemon=whole.daemon, package="suite", component=name
        )
    EntitlementFactory(pool=pool, quantity=12)
    found = drift(pool, NOW)
    assert (found.entitled.seats, found.filed.seats, found.served.seats) == (12, 12, expected)
    assert found.differs == (expected > 12)


def test_seats_of_a_component_that_are_sold_besides_its_package_are_no_drift(pool):
    server = ServerFactory()
    for name, filed, served in (("suite", 5, 5), ("paint", 3, 8), ("sculpt", None, 5)):
        feature = FeatureFactory(server=server, name=name, pool=pool)
        if filed is not None:
            IssuedCountFactory(feature=feature, count=filed)
        IssuedCountFactory(feature=feature, source=STATUS, count=served, starts=MARCH)
        PackageComponent.objects.create(
            server=server, daemon=feature.daemon, package="suite", component=name
        )
    found = drift(pool, NOW)
    assert (found.filed.seats, found.served.seats, found.differs) == (8, 8, False)


def test_what_is_uncounted_ended_or_says_nothing_is_not_compared(pool):
    feature = FeatureFactory(pool=pool)
    EntitlementFactory(pool=pool, quantity=30)
    IssuedCountFactory(feature=feature, count=5, ends=MARCH)
    IssuedCountFactory(feature=feature, source=STATUS, count=None, starts=MARCH)
    found = drift(pool, NOW)
    assert (found.filed, found.served) == (Said(None, None), Said(None, None))
    assert not found.differs


def test_the_sentence_says_what_each_says_and_nothing_where_they_agree(pool):
    feature = FeatureFactory(pool=pool)
    EntitlementFactory(pool=pool, quantity=30)
    IssuedCountFactory(feature=feature, count=25)
    IssuedCountFactory(feature=feature, source=STATUS, count=24, starts=MARCH)
    assert drift(pool, NOW).sentence(pool.tzinfo) == (
        "Contracts say 30 since 2026-01-01, the licence file says 25,"
        " the server serves 24 since 2026-03-01."
    )
    IssuedCount.objects.update(count=30)
    assert drift(pool, NOW).sentence(pool.tzinfo) == ""


@pytest.fixture
def served(pool):
    """Let the licence file say 24 seats of the pool, and the server serve as many."""
    feature = FeatureFactory(pool=pool)
    IssuedCountFactory(feature=feature, count=24)
    IssuedCountFactory(feature=feature, source=STATUS, count=24, starts=MARCH)


def test_once_the_last_right_ended_contracts_say_none_since_then(pool, served):
    for last, quantity in ((date(2026, 1, 31), 30), (date(2026, 3, 14), 24)):
        EntitlementFactory(pool=pool, quantity=quantity, valid_to=last)
    assert not drift(pool, at("2026-03-14T23:59")).differs
    found = drift(pool, NOW)
    assert found.entitled == Said(0, at("2026-03-15T00:00"))
    assert found.sentence(pool.tzinfo) == (
        "Contracts say 0 since 2026-03-15, the licence file says 24,"
        " the server serves 24 since 2026-03-01."
    )


def test_before_the_first_right_begins_contracts_say_nothing(pool, served):
    EntitlementFactory(pool=pool, quantity=30, valid_from=date(2026, 4, 2))
    assert drift(pool, NOW).entitled == Said(None, None)
    assert not drift(pool, NOW).differs


def test_what_contracts_say_holds_since_the_last_line_ended_or_began(pool):
    EntitlementFactory(pool=pool, quantity=30)
    EntitlementFactory(pool=pool, quantity=10, valid_to=date(2026, 2, 28))
    assert drift(pool, MARCH - 1).entitled == Said(40, at("2026-01-01T00:00"))
    assert drift(pool, NOW).entitled == Said(30, MARCH)


def test_many_pools_cost_no_queries_each(django_assert_num_queries):
    pools = [PoolFactory() for _ in range(5)]
    for each in pools:
        IssuedCountFactory(feature=FeatureFactory(pool=each), count=3)
        EntitlementFactory(pool=each, quantity=4)
    with django_assert_num_queries(3):
        found = drifts(pools, NOW)
    assert [found[each.pk].differs for each in pools] == [True] * 5
