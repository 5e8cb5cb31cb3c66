"""The API: who may do what, what it answers, and what it never tells."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from rest_framework.test import APIClient

from licenses.api.urls import router
from licenses.models import Channel, Scope
from tests.factories import (
    EntitlementFactory,
    FeatureFactory,
    PoolFactory,
    ServerFactory,
    TeamFactory,
    VendorFactory,
)

pytestmark = pytest.mark.django_db
ROUTES = sorted({prefix for prefix, _view, _name in router.registry})


def client(role: str | None) -> APIClient:
    user = User.objects.create_user(f"{role}-user")
    if role:
        user.groups.add(Group.objects.get(name=role))
    api = APIClient()
    api.force_authenticate(user)
    api.user = user
    return api


def rows(answer: Any) -> list[Any]:
    assert answer.status_code == 200, answer.content
    return answer.json()["results"]


@pytest.mark.parametrize("route", ROUTES)
def test_a_stranger_gets_nothing(route: str) -> None:
    assert APIClient().get(f"/api/v1/{route}/").status_code == 401


@pytest.mark.parametrize("route", ROUTES)
def test_a_user_without_a_group_is_refused(route: str) -> None:
    assert client(None).get(f"/api/v1/{route}/").status_code == 403


@pytest.mark.parametrize("route", ROUTES)
def test_an_asset_manager_reads_every_list(route: str) -> None:
    assert client("manager").get(f"/api/v1/{route}/").status_code == 200


def test_an_auditor_sees_the_pools_of_his_vendors_and_of_no_other() -> None:
    mine, other = PoolFactory(), PoolFactory()
    api = client("auditor")
    assert rows(api.get("/api/v1/pools/")) == []
    Scope.objects.create(user=api.user).vendors.add(mine.product.vendor)
    assert [row["id"] for row in rows(api.get("/api/v1/pools/"))] == [mine.pk]
    assert api.get(f"/api/v1/pools/{other.pk}/").status_code == 404
    assert api.get(f"/api/v1/pools/{other.pk}/holders/").status_code == 404
    assert api.patch(f"/api/v1/pools/{mine.pk}/", {"name": "x"}).status_code == 403


def test_a_viewer_sees_the_pools_of_teams_below_his() -> None:
    above = TeamFactory()
    below = TeamFactory(parent=above)
    pool = PoolFactory()
    pool.owner_teams.add(below)
    PoolFactory()
    api = client("viewer")
    assert rows(api.get("/api/v1/pools/")) == []
    Scope.objects.create(user=api.user).teams.add(above)
    assert [row["id"] for row in rows(api.get("/api/v1/pools/"))] == [pool.pk]
    assert api.get("/api/v1/servers/").status_code == 403


def test_the_models_own_rules_are_told_beside_the_field() -> None:
    pool = PoolFactory()
    answer = client("manager").post(
        "/api/v1/entitlements/",
        {"pool": pool.pk, "quantity": 5, "valid_from": "2026-04-01", "valid_to": "2026-03-01"},
    )
    assert answer.status_code == 400
    (error,) = answer.json()["errors"]
    assert error["attr"] == "valid_to"
    assert error["detail"] == (
        "The entitlement ends on 2026-03-01, before it starts on 2026-04-01."
    )


def test_an_entitlement_is_corrected_by_a_new_line_with_a_reason() -> None:
    line = EntitlementFactory(quantity=10, valid_from=date(2026, 1, 1))
    api = client("manager")
    assert api.patch(f"/api/v1/entitlements/{line.pk}/", {"quantity": 1}).status_code == 403
    assert api.post(f"/api/v1/entitlements/{line.pk}/correct/", {"quantity": 12}).status_code == 400
    answer = api.post(
        f"/api/v1/entitlements/{line.pk}/correct/", {"quantity": 12, "reason": "typed wrong"}
    )
    assert answer.status_code == 201
    assert (answer.json()["quantity"], answer.json()["replaces"]) == (12, line.pk)


def test_a_feature_is_mapped_once_at_one_time() -> None:
    feature, pool, other = FeatureFactory(), PoolFactory(), PoolFactory()
    api = client("manager")
    assert (
        api.post("/api/v1/mappings/", {"feature": feature.pk, "pool": pool.pk}).status_code == 201
    )
    again = api.post("/api/v1/mappings/", {"feature": feature.pk, "pool": other.pk})
    assert again.status_code == 400
    assert "already feeds the pool" in again.json()["errors"][0]["detail"]


def test_a_channels_secret_is_never_read_back() -> None:
    api = client("manager")
    answer = api.post(
        "/api/v1/channels/",
        {"name": "ops", "kind": "webhook", "target": "https://hooks.example/", "secret": "s3cr3t"},
    )
    assert answer.status_code == 201
    assert Channel.objects.get().secret == "s3cr3t"
    assert b"s3cr3t" not in answer.content + api.get("/api/v1/channels/").content


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("from=2026-01-01&to=2026-02-01&zone=Mars", "zone"),
        ("from=yesterday&to=2026-02-01", "from"),
        ("from=2026-03-01&to=2026-02-01", "to"),
        ("from=2026-01-01&to=2026-02-01&by=minute", "by"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(query: str, field: str) -> None:
    answer = client("manager").get(f"/api/v1/pools/{PoolFactory().pk}/usage/?{query}")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["attr"] == field


def test_usage_answers_what_the_command_prints() -> None:
    pool = PoolFactory()
    answer = client("manager").get(
        f"/api/v1/pools/{pool.pk}/usage/?from=2026-01-01&to=2026-03-01&by=month"
    )
    assert answer.status_code == 200
    assert [period["peak"] for period in answer.json()["periods"]] == [None, None]


@pytest.mark.parametrize("address", ["-c", "27000@a:27000@b", "27000@$(id)", "27000@a b", "x@h"])
def test_an_address_that_could_be_something_else_is_refused(address: str) -> None:
    answer = client("manager").post("/api/v1/servers/", {"name": "plant", "address": address})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["attr"] == "address"


def test_lists_take_a_constant_number_of_queries(django_assert_max_num_queries) -> None:
    for _ in range(8):
        pool = PoolFactory()
        pool.owner_teams.add(TeamFactory())
    ServerFactory(), VendorFactory()
    api = client("manager")
    api.get("/api/v1/pools/")
    with django_assert_max_num_queries(6):
        assert len(rows(api.get("/api/v1/pools/"))) == 8
