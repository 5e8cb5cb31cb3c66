"""How a pool stands, over the API: verdicts, gaps, and drift between its sources."""

from __future__ import annotations

from datetime import date

import pytest

from licenses.models import IssuedCount
from tests.factories import (
    EntitlementFactory,
    FeatureFactory,
    IssuedCountFactory,
    PoolFactory,
    covered,
    holding,
)

from .test_history import DAY, NINE, client, get, pool, pytestmark

__all__ = ["pool", "pytestmark"]

MONTH = "from=2026-03-01&to=2026-04-01"


def test_each_month_has_its_verdict_with_a_reason(pool):
    found = get(client("auditor", pool), pool, "verdicts/?from=2026-02-01&to=2026-04-01")
    assert [row["start"] for row in found["months"]] == [
        "2026-02-01T00:00:00+01:00",
        "2026-03-01T00:00:00+01:00",
    ]
    march = found["months"][1]
    assert (march["verdict"], march["peak"]) == ("not_determinable", 3)
    assert march["reason"] and found["reason"] in [row["reason"] for row in found["months"]]
    assert 0 < march["coverage"] < 0.01


OVER = ("over_seconds", "over_seat_seconds", "over_episodes", "longest_over_seconds")


@pytest.mark.parametrize("lacking", ["nothing", "a right", "any sight of its use"])
def test_over_use_of_which_nothing_is_known_is_null_and_not_zero(pool, lacking):
    month = MONTH
    if lacking == "a right":
        pool = PoolFactory(product=pool.product)
        feature = FeatureFactory(pool=pool)
        covered(feature.server, NINE, NINE + 3600)
        holding(feature, NINE, NINE + 60)
    elif lacking == "any sight of its use":
        month = "from=2026-04-01&to=2026-05-01"
    (found,) = get(client("manager", pool), pool, f"verdicts/?{month}")["months"]
    expected = 0 if lacking == "nothing" else None
    assert [found[name] for name in (*OVER, "largest_excess")] == [expected] * 5


def test_too_many_months_are_refused(pool):
    answer = client("manager", pool).get(
        f"/api/v1/pools/{pool.pk}/verdicts/?from=2000-01-01&to=2026-01-01"
    )
    assert answer.status_code == 400
    assert "60 months" in answer.content.decode()


def test_gaps_say_their_cause_and_what_is_bounded(pool):
    found = get(client("manager", pool), pool, f"gaps/?{DAY}")
    assert [row["to"] for row in found["gaps"]][-1] == "2026-03-11T00:00:00+01:00"
    assert all(row["cause"] and row["bounded_seconds"] == 0 for row in found["gaps"])
    assert sum(row["seconds"] for row in found["gaps"]) == 23 * 3600
    assert (found["expected_seconds"], found["observed_seconds"]) == (24 * 3600, 3600)
    assert (found["coverage"], found["reason"]) == (1 / 24, "")


def test_a_pool_of_which_nothing_was_expected_has_no_gaps_and_is_not_covered(pool):
    found = get(client("manager", pool), PoolFactory(), f"gaps/?{DAY}")
    assert (found["gaps"], found["expected_seconds"], found["observed_seconds"]) == ([], 0, 0)
    assert found["coverage"] is None
    assert found["reason"] == "The pool was not in use then: nothing was expected of it."


def test_drift_tells_what_each_source_says(pool):
    feature = pool.mappings.get().feature
    IssuedCountFactory(feature=feature, source=IssuedCount.Source.STATUS, count=9)
    found = get(client("manager", pool), pool, "drift/")
    assert found["differs"]
    assert (found["entitled"]["seats"], found["served"]["seats"]) == (10, 9)
    assert found["filed"] == {"seats": None, "since": None}
    assert "the server serves 9" in found["sentence"]


def test_rights_over_time_are_told_step_by_step(pool):
    pool = PoolFactory(product=pool.product, zone="Europe/Berlin")
    first, second = (
        EntitlementFactory(
            pool=pool, quantity=seats, overdraft=1, valid_from=begin, valid_to=date(2026, 12, 31)
        )
        for seats, begin in ((10, date(2026, 1, 1)), (5, date(2026, 7, 1)))
    )
    found = get(client("auditor", pool), pool, "rights/")
    assert found["zone"] == "Europe/Berlin"
    assert found["steps"] == [
        {"from": "2026-01-01T00:00:00+01:00", "to": "2026-07-01T00:00:00+02:00", "entitled": 10,
         "overdraft": 1, "allowed": 11, "entitlements": [first.pk]},
        {"from": "2026-07-01T00:00:00+02:00", "to": "2027-01-01T00:00:00+01:00", "entitled": 15,
         "overdraft": 2, "allowed": 17, "entitlements": [first.pk, second.pk]},
        {"from": "2027-01-01T00:00:00+01:00", "to": None, "entitled": 0, "overdraft": 0,
         "allowed": 0, "entitlements": []},
    ]  # fmt: skip


def test_a_pool_of_another_vendor_is_not_there(pool):
    api = client("auditor", pool)
    pool.product.vendor.scope_set.clear()
    for what in (f"verdicts/?{MONTH}", f"gaps/?{MONTH}", "drift/", "rights/"):
        assert api.get(f"/api/v1/pools/{pool.pk}/{what}").status_code == 404
