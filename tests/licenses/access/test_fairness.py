"""How a waitlist served people, in sums."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from rest_framework.test import APIClient

from licenses.access.fairness import Waits, waits
from licenses.admin.pool_refusals import waits_words
from licenses.models import LicensePool, WaitlistEntry
from tests.factories import PoolFactory

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)


def minute(count: int | None) -> datetime | None:
    return None if count is None else NOW + timedelta(minutes=count)


def entry(
    pool: LicensePool, state: str, joined: int, told: int | None = None, closed: int | None = None
) -> None:
    """Write a place by its moments, in minutes."""
    offer: dict[str, Any] = {}
    if state == "offered":
        offer = {"seat": 1, "offer_until": minute((told or 0) + 15)}
    WaitlistEntry.objects.create(
        pool=pool,
        user=User.objects.create_user(f"user{WaitlistEntry.objects.count()}"),
        state=state,
        joined_at=minute(joined),
        expires_at=minute(joined + 600),
        offered_at=minute(told),
        closed_at=minute(closed),
        **offer,
    )


def test_how_those_fared_who_waited() -> None:
    pool = PoolFactory()
    entry(pool, "served", 0, told=10, closed=12)
    entry(pool, "missed", 1, told=31, closed=46)
    entry(pool, "left", 2, closed=5)
    entry(pool, "expired", 3, closed=603)
    entry(pool, "offered", 40, told=60)
    entry(pool, "waiting", 41)
    entry(pool, "waiting", 700)
    entry(PoolFactory(), "waiting", 0)
    assert waits(pool, NOW, NOW + timedelta(hours=10)) == Waits(
        joined=6, waiting=2, told=3, served=1, missed=1, left=1, expired=1,
        overtaken=1, median_seconds=20 * 60, longest_seconds=30 * 60,
    )  # fmt: skip


def test_whoever_was_told_in_order_overtook_nobody() -> None:
    pool = PoolFactory()
    for joined, told in ((0, 10), (1, 10), (2, 20), (3, None)):
        entry(pool, "waiting" if told is None else "missed", joined, told, told and told + 15)
    assert waits(pool, NOW, NOW + timedelta(hours=1)).overtaken == 0
    assert waits(PoolFactory(), NOW, NOW + timedelta(hours=1)) == Waits(
        0, 0, 0, 0, 0, 0, 0, 0, None, None
    )


def test_the_sums_are_told_by_the_api_and_on_the_pools_page() -> None:
    pool = PoolFactory()
    entry(pool, "served", 0, told=30, closed=31)
    entry(pool, "waiting", 1)
    now = int(NOW.timestamp()) + 86_400
    assert waits_words(pool, now) == (
        "2 joined the list: 1 got a seat, 1 still waiting."
        " 1 was told of a free seat, after 30 minutes."
    )
    assert waits_words(PoolFactory(), now) == ""
    path = f"/api/v1/pools/{pool.pk}/waits/?from=2026-11-24&to=2026-11-25"
    for role, code in (("manager", 200), ("viewer", 404)):
        user = User.objects.create_user(role)
        user.groups.add(Group.objects.get(name=role))
        api = APIClient()
        api.force_authenticate(user)
        answer = api.get(path)
        assert answer.status_code == code
        if code == 200:
            assert (answer.json()["joined"], answer.json()["median_seconds"]) == (2, 1800)
