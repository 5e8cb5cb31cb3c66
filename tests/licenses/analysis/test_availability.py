"""How many seats could be taken now, and how far that can be relied on."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model

from licenses.analysis.availability import freshness, load_availability, longest_interval
from licenses.analysis.portfolio import portfolio
from licenses.models import LicensePool, PoolNow, taken_share
from tests.factories import FeatureFactory, PoolFactory, ServerFactory, at

pytestmark = pytest.mark.django_db

NOW = at("2026-11-24T10:00")


def pool(*intervals: int | None, **figures: Any) -> LicensePool:
    """Return a pool with a server for each interval; None: one that is not polled."""
    made: LicensePool = PoolFactory()
    for interval in intervals:
        polling = "off" if interval is None else "tool"
        server = ServerFactory(polling=polling, address="27000@lic", poll_seconds=interval or 300)
        FeatureFactory(pool=made, server=server)
    PoolNow.objects.create(pool=made, **figures)
    return made


@pytest.mark.parametrize(
    ("age", "interval", "key"),
    [
        pytest.param(None, 300, "none", id="never"),
        pytest.param(660, 300, "fresh", id="two-intervals"),
        pytest.param(661, 300, "late", id="later"),
        pytest.param(1860, 300, "late", id="six-intervals"),
        pytest.param(1861, 300, "stale", id="stale"),
        pytest.param(7260, None, "fresh", id="logs-come-in-pieces"),
    ],
)
def test_a_figure_is_judged_by_the_interval_of_its_news(
    age: int | None, interval: int | None, key: str
) -> None:
    assert freshness(age, interval) == key


def test_of_several_servers_the_slowest_counts() -> None:
    slow = pool(300, 1800, at=NOW - 3600, in_use=1, limit=4)
    fast = pool(300, 300, at=NOW - 3600, in_use=1, limit=4)
    logs = pool(None, at=NOW - 3600, in_use=1, limit=4)
    both = pool(300, None, at=NOW - 3600, in_use=1, limit=4)
    rows = (slow, fast, logs, both)
    found = load_availability(rows, NOW)
    assert [found[row.pk].free for row in rows] == [3, None, 3, 3]
    assert [found[row.pk].free_then for row in rows] == [3, 3, 3, 3]
    every = {row.pk: row.every for row in LicensePool.objects.annotate(every=longest_interval())}
    assert [every[row.pk] for row in rows] == [1800, 300, 3600, 3600]


@pytest.mark.parametrize(
    ("figures", "seats", "free"),
    [
        pytest.param({"in_use": 1, "limit": 4, "issued": 4}, 4, 3, id="plain"),
        pytest.param({"in_use": 3, "limit": 4, "issued": 2}, 2, 0, id="fewer-served-than-allowed"),
        pytest.param({"in_use": 1, "limit": 4, "issued": 9}, 4, 3, id="fewer-allowed-than-served"),
        pytest.param(
            {"in_use": 1, "limit": 4, "reserved_idle": 2}, 4, 1, id="kept-for-others"
        ),
        pytest.param({"in_use": None, "limit": 4}, 4, None, id="use-not-known"),
        pytest.param({"in_use": 0, "limit": None}, None, None, id="limit-not-known"),
        pytest.param({"in_use": 0, "limit": 0}, 0, 0, id="none-allowed"),
    ],
)  # fmt: skip
def test_free_is_what_somebody_could_take(
    figures: dict[str, Any], seats: int | None, free: int | None
) -> None:
    row = pool(300, at=NOW, **figures)
    found = load_availability([row], NOW)[row.pk]
    assert (found.seats, found.free) == (seats, free)
    (card,) = portfolio(get_user_model().objects.create_superuser("boss"), now=NOW)
    assert card["free"] == PoolNow.objects.get(pool=row).free == free


@pytest.mark.parametrize(
    ("figures", "share"),
    [
        pytest.param({"in_use": 8, "limit": 26, "issued": 16}, 0.5, id="fewer-served"),
        pytest.param({"in_use": 8, "limit": 16, "issued": 26}, 0.5, id="fewer-allowed"),
        pytest.param({"in_use": 8, "limit": 16}, 0.5, id="served-not-known"),
        pytest.param({"in_use": 6, "limit": 10, "reserved_idle": 4}, 1, id="the-rest-is-kept"),
        pytest.param({"in_use": 1, "limit": 4, "issued": 0}, 1e6, id="in-use-of-none"),
        pytest.param({"in_use": 0, "limit": 4, "issued": 0}, None, id="none"),
        pytest.param({"in_use": 1, "limit": None}, None, id="limit-not-known"),
        pytest.param({"in_use": None, "limit": 4}, None, id="use-not-known"),
    ],
)
def test_pools_are_ordered_by_how_much_of_what_is_servable_is_taken(
    figures: dict[str, Any], share: float | None
) -> None:
    row = pool(at=NOW, **figures)
    assert LicensePool.objects.annotate(share=taken_share()).get(pk=row.pk).share == share


def test_any_number_of_pools_costs_two_queries(django_assert_num_queries: Any) -> None:
    pools = [pool(300, at=NOW, in_use=1, limit=2) for _ in range(5)] + [PoolFactory()]
    with django_assert_num_queries(2):
        found = load_availability(pools, NOW)
    assert found[pools[-1].pk].freshness == "none"
