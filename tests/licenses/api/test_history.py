"""A pool's history over the API: curve, pattern, and any moment with its holders and raw lines."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from rest_framework.test import APIClient

from licenses.models import LicensePool, PoolNow
from tests.factories import (
    EntitlementFactory,
    FeatureFactory,
    PersonFactory,
    PoolFactory,
    at,
    covered,
    holding,
    scope_of,
)

pytestmark = pytest.mark.django_db

NINE = at("2026-03-10T09:00")
DAY = "from=2026-03-10&to=2026-03-11"


def client(role: str, pool: LicensePool) -> APIClient:
    user = User.objects.create_user(role)
    user.groups.add(Group.objects.get(name=role))
    scope_of(user).vendors.add(pool.product.vendor)
    api = APIClient()
    api.force_authenticate(user)
    return api


@pytest.fixture
def pool() -> LicensePool:
    pool = PoolFactory(name="CAD", zone="Europe/Berlin")
    feature = FeatureFactory(pool=pool)
    EntitlementFactory(pool=pool, quantity=10)
    covered(feature.server, NINE, NINE + 3600)
    holding(feature, NINE + 60, NINE + 600, 3, person=PersonFactory(login="ann"))
    return pool


def get(api: APIClient, pool: LicensePool, what: str) -> Any:
    answer = api.get(f"/api/v1/pools/{pool.pk}/{what}")
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_the_curve_says_the_most_of_each_bucket_and_no_zero_for_missing_time(pool):
    found = get(client("manager", pool), pool, f"series/?{DAY}&step=3600")
    assert (found["zone"], found["step"], len(found["buckets"])) == ("Europe/Berlin", 3600, 24)
    span = "from=2026-03-10T10:00:00%2B01:00&to=2026-03-10T12:00:00%2B01:00"
    minute = get(client("auditor", pool), pool, f"series/?{span}&step=900")
    assert [row["peak"] for row in minute["buckets"]] == [3, 0, 0, 0, None, None, None, None]
    assert minute["buckets"][0]["peak_at"] == "2026-03-10T10:01:00+01:00"
    assert minute["limits"] == [{"at": "2026-03-10T10:00:00+01:00", "limit": 10}]
    assert [gap["start"] for gap in minute["gaps"]] == ["2026-03-10T11:00:00+01:00"]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        (f"{DAY}&step=7", "expected one of"),
        (f"{DAY}&step=x", "expected a number"),
        (f"{DAY}&step=1", "more than 2000"),
        ("from=2010-01-01&to=2026-01-01", "more than 2000"),
        ("from=2026-01-01", "required"),
    ],
)
def test_a_curve_that_cannot_be_drawn_is_a_400(pool, query, words):
    answer = client("manager", pool).get(f"/api/v1/pools/{pool.pk}/series/?{query}")
    assert answer.status_code == 400 and words in answer.content.decode()


def test_the_pattern_has_hours_weekdays_and_marks(pool):
    found = get(client("manager", pool), pool, f"pattern/?{DAY}")
    assert len(found["heatmap"]["peak"]) == 7 and len(found["heatmap"]["mean"][0]) == 24
    load = found["load_duration"]
    assert load["observed_seconds"] == 3600
    assert load["levels"] == [{"seats": 0, "seconds": 3600}, {"seats": 3, "seconds": 540}]
    assert load["marks"] == [{"share": 0.95, "seats": 3}, {"share": 0.99, "seats": 3}]


def test_a_moment_names_people_only_to_who_may_see_names(pool):
    moment = "at/?at=2026-03-10T10:05:00%2B01:00&lines=true"
    told = get(client("manager", pool), pool, moment)
    assert (told["in_use"], told["limit"], told["holders"][0]["name"]) == (3, 10, "ann")
    assert told["holders"][0]["lines"][0]["problem"] == "No log of that moment was read."
    hidden = get(client("auditor", pool), pool, moment)
    assert (hidden["in_use"], hidden["holders"][0]["name"]) == (3, None)
    assert "ann" not in str(hidden)


def test_a_moment_needs_a_pool_in_scope_and_an_offset(pool):
    other, api = PoolFactory(), client("auditor", pool)
    for what in ("series", "pattern", "at"):
        query = f"{DAY}&at=2026-03-10"
        assert api.get(f"/api/v1/pools/{other.pk}/{what}/?{query}").status_code == 404
        assert api.get(f"/api/v1/pools/{pool.pk}/{what}/?{query}").status_code == 200
    assert api.get(f"/api/v1/pools/{pool.pk}/at/?at=2026-03-10T10:00").status_code == 400


def test_a_moment_needs_the_right_to_see_holdings(pool):
    api = client("auditor", pool)
    group = Group.objects.get(name="auditor")
    group.permissions.remove(*group.permissions.filter(codename="view_checkout"))
    assert api.get(f"/api/v1/pools/{pool.pk}/at/?at=2026-03-10").status_code == 403


def test_a_forecast_says_that_nothing_is_known_where_it_is_not(pool):
    found = get(client("auditor", pool), pool, "forecast/")
    assert found == {"pool": "CAD", "known": False, "seconds": None}


def test_a_forecast_says_when_the_pool_is_going_to_be_full(pool):
    feature = pool.mappings.get().feature
    holding(feature, NINE + 1800, None, 5)
    PoolNow.objects.create(
        pool=pool, at=datetime.fromtimestamp(NINE + 3600, UTC), in_use=5, limit=10
    )
    found = get(client("auditor", pool), pool, "forecast/")
    assert (found["known"], found["in_use"], found["at"]) == (True, 5, "2026-03-10T11:00:00+01:00")
    assert 0 < found["seconds"] < 3 * 3600 and found["seats_an_hour"] > 0
