"""Totals of all pools and what stands still, and the same answer from the API."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone, translation

from licenses.analysis.headlines import FIGURES, Unused
from licenses.models import VIEWER, Heartbeat, PoolHeadline, PoolNow, Scope
from licenses.overview import installation
from licenses.overview.totals import totals, unused_total
from tests.factories import EntitlementFactory, PoolFactory, TeamFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nothing_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("itam.health.broker_problem", lambda **_: "")
    installation.forget()


@pytest.fixture
def boss() -> User:
    return User.objects.create_superuser("boss")


def headline(pool: Any, proven: int, blocked: int | None = 0, before: int | None = 0) -> None:
    figures: dict[str, Any] = dict.fromkeys(FIGURES, 0)
    lately = figures | {
        "expected_seconds": 100,
        "logged_seconds": 0 if blocked is None else 100,
        "proven_seconds": proven,
        "blocked_seconds": blocked,
    }
    earlier = {
        f"{name}_before": value for name, value in (figures | {"blocked_seconds": before}).items()
    }
    earlier |= dict.fromkeys(
        ("expected_seconds_before", "logged_seconds_before"), 0 if before is None else 100
    )
    PoolHeadline.objects.create(pool=pool, at=timezone.now(), **lately, **earlier)


def test_totals_count_pools_that_are_proven_throughout(boss: User) -> None:
    for proven in (100, 99, 100):
        headline(PoolFactory(), proven, blocked=30, before=10)
    PoolFactory()
    found = totals(boss)
    assert (found.pools, found.judged, found.proven, found.uncounted) == (4, 3, 2, 1)
    assert (found.blocked_seconds, found.blocked_seconds_before) == (90, 30)
    assert found.judged_before == 3


def test_what_was_blocked_is_of_pools_with_a_log_and_compared_where_both_times_have_one(
    boss: User,
) -> None:
    assert totals(boss).blocked_seconds is None
    headline(PoolFactory(), 0, blocked=None, before=600)
    found = totals(boss)
    assert (found.blocked_seconds, found.blocked_seconds_change, found.unlogged) == (None, None, 1)
    headline(PoolFactory(), 0, blocked=500, before=None)
    assert (totals(boss).blocked_seconds, totals(boss).blocked_seconds_change) == (500, None)
    headline(PoolFactory(), 0, blocked=10, before=40)
    found = totals(boss)
    assert (found.blocked_seconds, found.blocked_seconds_before) == (510, 640)
    assert (found.blocked_seconds_change, found.unlogged) == (-30, 1)


def test_totals_are_of_the_pools_in_scope(db: None) -> None:
    team = TeamFactory()
    mine = PoolFactory()
    mine.owner_teams.add(team)
    headline(mine, 100, blocked=60)
    headline(PoolFactory(), 0, blocked=6000)
    viewer = User.objects.create(username="viewer")
    viewer.groups.add(Group.objects.get(name=VIEWER))
    Scope.objects.create(user=viewer).teams.add(team)
    found = totals(viewer)
    assert (found.pools, found.proven, found.blocked_seconds) == (1, 1, 60)


def test_what_cannot_be_priced_is_counted_beside_the_sum() -> None:
    found = unused_total(
        {
            1: Unused(2, None, "", "no price in the contract"),
            2: Unused(None, None, "", "use not known"),
        }
    )
    assert (found.cost, found.seats, found.unpriced, found.unknown) == ({}, 2, 1, 1)


def test_the_api_tells_what_the_first_page_tells(boss: User, client: Client) -> None:
    pool = PoolFactory(name="CAD")
    EntitlementFactory(pool=pool, quantity=10, unit_price=100)
    at = timezone.now().replace(microsecond=0)
    PoolNow.objects.create(
        pool=pool,
        at=at,
        in_use=10,
        limit=10,
        allowed=10,
        peak_12_months=7,
        source="polls",
    )
    headline(pool, 98, blocked=90, before=30)
    values = {"year_peak_before": 9, "full_seconds": 70, "full_seconds_before": 50}
    PoolHeadline.objects.update(**values)
    Heartbeat.objects.create(name="worker", at=timezone.now() - timedelta(minutes=9))
    client.force_login(boss)
    found = client.get("/api/v1/overview/").json()
    assert found["totals"]["full"] == 1 and found["totals"]["blocked_seconds"] == 90
    assert found["unused"] == {
        **{"cost": {"EUR": "300.00"}, "seats": 3, "unpriced": 0, "unknown": 0},
        **{"compared": 1, "cost_change": {"EUR": "200.00"}, "seats_change": 2},
    }
    totals = found["totals"]
    assert (totals["full_seconds"], totals["full_seconds_before"]) == (70, 50)
    assert totals["news_at"] == at.isoformat().replace("+00:00", "Z")
    assert (totals["from_polls"], totals["from_log"]) == (1, 0)
    assert found["stopped"] == ["The worker stands still: last heard of 9 minutes ago."]
    assert {task["kind"] for task in found["attention"]} == {"pool"}
    (card,) = client.get("/api/v1/pools/now/?headlines=true").json()["pools"]
    before = {"seats": 1, "cost": "100.00", "currency": "EUR", "why": ""}
    assert card["unused"] == {
        **{"seats": 3, "cost": "300.00", "currency": "EUR", "why": "", "before": before}
    }
    assert card["headline"]["proven_share"] == 0.98
    assert card["headline"]["before"]["blocked_seconds"] == 30


def test_prices_are_for_those_who_may_see_rights(client: Client) -> None:
    viewer = User.objects.create(username="viewer")
    viewer.groups.add(Group.objects.get(name=VIEWER))
    team = TeamFactory()
    PoolFactory(name="theirs").owner_teams.add(team)
    Scope.objects.create(user=viewer).teams.add(team)
    client.force_login(viewer)
    found = client.get("/api/v1/overview/").json()
    may = viewer.has_perm("licenses.view_entitlement")
    assert ("unused" in found) == may
    assert "unattended" not in found


def test_strangers_are_told_nothing(client: Client) -> None:
    assert client.get("/api/v1/overview/").status_code in (401, 403)
    client.force_login(User.objects.create(username="nobody"))
    assert client.get("/api/v1/overview/").status_code == 403


def test_a_broker_that_is_away_is_asked_once_in_ten_seconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[int] = []

    def away(**_: object) -> str:
        asked.append(1)
        return "broker: ConnectionError"

    monkeypatch.setattr("itam.health.broker_problem", away)
    for _ in range(3):
        assert "The broker does not answer (ConnectionError)" in installation.stopped()[0]
    with translation.override("de"):
        assert "Der Broker antwortet nicht (ConnectionError)" in installation.stopped()[0]
    assert len(asked) == 1


def test_a_step_of_the_set_up_is_skipped_and_taken_up_again(boss: User, client: Client) -> None:
    client.force_login(boss)
    data = {"step": "teams", "skipped": True}
    for skipped, state in ((True, "skipped"), (False, "open")):
        found = client.post("/api/v1/set-up/", data | {"skipped": skipped}).json()["steps"]
        assert {step["key"]: step["state"] for step in found}["teams"] == state
    assert client.get("/api/v1/overview/").json()["set_up"][0]["key"] == "server"
    assert client.post("/api/v1/set-up/", data | {"step": "none"}).status_code == 400
    client.force_login(User.objects.create(username="nobody"))
    assert client.post("/api/v1/set-up/", data).status_code == 403


@pytest.mark.parametrize(("running", "told"), [(89, 0), (91, 1)])
def test_workers_that_may_be_starting_are_not_missed_yet(monkeypatch, running, told):
    monkeypatch.setattr(installation, "_BORN", time.monotonic() - running)
    monkeypatch.setattr(installation.health, "broker_problem", lambda **_: "")
    installation.forget()
    assert ["No worker was ever heard of" in line for line in installation.stopped()] == [
        True
    ] * told
