"""Lists of the API are narrowed as the administration narrows its own: by pool, time, standing."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from licenses.models import Contract, Entitlement, LicensePool, correct_entitlement
from tests.factories import FeatureFactory, PersonFactory, PoolFactory, holding, refusal

from .test_history import DAY, NINE, client, pool, pytestmark

__all__ = ["pool", "pytestmark"]


@pytest.fixture
def manager(pool: LicensePool) -> Any:
    other = FeatureFactory(pool=PoolFactory(name="Other"))
    feature = pool.mappings.get().feature
    for each in (feature, other):
        refusal(each, NINE, person=PersonFactory(login=f"of {each.pk}"))
        refusal(each, NINE + 2 * 86400, person=PersonFactory(login=f"later of {each.pk}"))
    holding(other, NINE, None, 1)
    return client("manager", pool)


def count(api: Any, query: str) -> int:
    answer = api.get(f"/api/v1/{query}")
    assert answer.status_code == 200, answer.content
    return len(answer.json()["results"])


def test_use_is_found_by_its_pool_and_by_when_it_begins(manager: Any, pool: LicensePool) -> None:
    feature = pool.mappings.get().feature
    for query, expected in {
        "denials/": 4,
        f"denials/?pool={pool.pk}": 2,
        f"denials/?pool={pool.pk}&{DAY}": 1,
        f"denials/?feature={feature.pk}&from=2026-03-11": 1,
        "checkouts/": 2,
        f"checkouts/?pool={pool.pk}": 1,
        f"checkouts/?pool={pool.pk}&to=2026-03-10": 0,
        f"checkouts/?pool={pool.pk}&state=borrowed": 0,
        f"disagreements/?pool={pool.pk}&{DAY}": 0,
        "denials/?pool=999999": 0,
    }.items():
        assert count(manager, query) == expected, query


@pytest.mark.parametrize("name", ["denials", "checkouts", "disagreements"])
def test_no_time_is_looked_for_in_all_rows(manager: Any, name: str) -> None:
    """There are millions of them, which are found by their feature alone."""
    with CaptureQueriesContext(connection) as seen:
        answer = manager.get(f"/api/v1/{name}/?{DAY}")
    assert answer.status_code == 400 and answer.json()["errors"][0]["attr"] == "from"
    assert "Give a pool or a feature" in answer.json()["errors"][0]["detail"]
    assert not any(f"licenses_{name[:-1]}" in query["sql"] for query in seen)


def test_lines_that_count_are_told_from_those_that_were_replaced(manager: Any) -> None:
    line = Entitlement.objects.get(pool__name="CAD")
    new = correct_entitlement(line, changes={"quantity": 8}, reason="typo", author=None)
    for asked, expected in (("true", new), ("false", line)):
        found = manager.get(f"/api/v1/entitlements/?current={asked}").json()["results"]
        assert [row["id"] for row in found] == [expected.pk]


def test_contracts_are_found_by_their_last_day(manager: Any, pool: LicensePool) -> None:
    vendor = pool.product.vendor
    for number, last in (("A", date(2026, 3, 31)), ("B", date(2026, 4, 1)), ("C", None)):
        Contract.objects.create(vendor=vendor, number=number, valid_to=last)
    found = manager.get("/api/v1/contracts/?from=2026-03-01&to=2026-04-01").json()["results"]
    assert [row["number"] for row in found] == ["A"]
    assert manager.get("/api/v1/contracts/?from=soon").status_code == 400


def test_what_was_read_and_told_is_found_by_its_moment(manager: Any) -> None:
    assert count(manager, "coverage/") == count(manager, f"coverage/?{DAY}") == 1
    assert count(manager, "coverage/?from=2026-03-11") == 0
    for name in ("captures", "gaps", "alerts", "notifications"):
        assert count(manager, f"{name}/?{DAY}") == 0
