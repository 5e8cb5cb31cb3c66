"""Whether a figure says something of now is judged alike wherever it is told."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from licenses.analysis.availability import load_availability
from licenses.models import PoolNow
from tests.factories import FeatureFactory, PoolFactory, ServerFactory

pytestmark = pytest.mark.django_db


def told(age: int, polling: str, client: Client, **values: Any) -> dict[str, Any]:
    """Return what each page and answer says of a pool, polled every 30 s or never."""
    pool = PoolFactory(name="CAD")
    server = ServerFactory(polling=polling, address="27000@cad", poll_seconds=30)
    FeatureFactory(pool=pool, server=server)
    now = int(timezone.now().timestamp())
    figures = {"in_use": 26, "limit": 60, "allowed": 60, "issued": 60, "source": "polls"} | values
    PoolNow.objects.create(pool=pool, at=now - age, **figures)
    client.force_login(User.objects.create_superuser("boss"))
    (card,) = client.get("/api/v1/pools/now/").json()["pools"]
    live = client.get(f"/admin/live/pools/?ids={pool.pk}").json()["pools"][str(pool.pk)]
    totals = client.get("/api/v1/overview/").json()["totals"]
    listed = {
        use: client.get(f"/admin/licenses/licensepool/?use={use}").context["cl"].result_count
        for use in ("full", "over", "high", "idle", "old")
    }
    return {
        "status": load_availability([pool], now)[pool.pk].free,
        "api": card["free"],
        "live": live["free"],
        "words": live["words"],
        "bar": live["bar"],
        "dashboard": client.get("/admin/live/dashboard/pools/").content.decode(),
        "totals": {name: totals[name] for name in ("full", "over", "silent")},
        "listed": listed,
    }


def test_a_figure_that_is_late_says_something_of_now(client: Client) -> None:
    found = told(230, "tool", client)
    assert (found["status"], found["api"], found["live"]) == (34, 34, 34)
    assert found["words"] == "34 seats free" in found["dashboard"]
    assert found["totals"] == {"full": 0, "over": 0, "silent": 0}
    assert found["listed"]["old"] == 0


def test_a_figure_that_is_too_old_says_what_was(client: Client) -> None:
    found = told(294, "tool", client)
    assert (found["status"], found["api"], found["live"], found["bar"]) == (None,) * 4
    assert found["words"] == "not known now; 34 seats free when last heard" in found["dashboard"]
    assert found["totals"] == {"full": 0, "over": 0, "silent": 1}
    assert found["listed"]["old"] == 1


def test_a_server_that_is_not_polled_may_be_silent_for_hours(client: Client) -> None:
    found = told(6 * 3600, "off", client)
    assert (found["status"], found["api"], found["live"]) == (34, 34, 34)
    assert found["totals"]["silent"] == found["listed"]["old"] == 0


def test_what_was_full_or_over_is_not_so_now(client: Client) -> None:
    found = told(294, "tool", client, in_use=61)
    assert found["totals"] == {"full": 0, "over": 0, "silent": 1}
    assert found["listed"] == {"full": 0, "over": 0, "high": 0, "idle": 0, "old": 1}
