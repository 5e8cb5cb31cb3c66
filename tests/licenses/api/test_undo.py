"""What a program changed can be taken back as what was saved in a form."""

from __future__ import annotations

from typing import Any

import pytest

from licenses.api.urls import ENDPOINTS
from licenses.importing.edits import EDITED
from licenses.models import (
    AlertRule,
    Channel,
    Contract,
    LicensePool,
    Silence,
    TeamRule,
    UndoStep,
)
from tests.factories import TeamFactory, VendorFactory

from .test_history import client, pool, pytestmark

__all__ = ["pool", "pytestmark"]


@pytest.fixture
def rows(pool: LicensePool) -> dict[str, Any]:
    """A row of each kind, and what is sent to change it."""
    team = TeamFactory(name="Ours")
    rule = AlertRule.objects.create(name="Full", kind="use_percent", threshold=90)
    vendor = pool.product.vendor
    return {
        "vendors": (vendor, {"name": "Other", "notes": "new"}),
        "products": (pool.product, {"category": "CAD"}),
        "contracts": (
            Contract.objects.create(vendor=vendor, number="C-1"),
            {"valid_to": "2026-03-31", "cost": "10.50"},
        ),
        "pools": (pool, {"owner_teams": [team.pk], "house_rules": "Be kind."}),
        "teams": (team, {"cost_center": "4711"}),
        "team-rules": (TeamRule.objects.create(team=team, user_pattern="a*"), {"order": 7}),
        "alert-rules": (rule, {"threshold": 80}),
        "silences": (
            Silence.objects.create(
                rule=rule,
                reason="works",
                starts_at="2026-11-24T10:00Z",
                ends_at="2026-11-24T12:00Z",
            ),
            {"reason": "other works"},
        ),
    }


def test_what_was_changed_is_as_before_once_it_is_taken_back(
    rows: dict[str, Any], pool: Any
) -> None:
    assert {type(row)._meta.label_lower for row, _ in rows.values()} == set(EDITED)
    assert rows.keys() <= ENDPOINTS.keys()
    manager = client("manager", pool)
    for name, (row, sent) in rows.items():
        place = f"/api/v1/{name}/{row.pk}/"
        before = manager.get(place).json()
        answer = manager.patch(place, sent)
        assert answer.status_code == 200 and answer.json() != before, (name, answer.content)
        (step,) = manager.get("/api/v1/undo-steps/").json()["results"]
        assert step["words"] == "Changes saved"
        taken = manager.post(f"/api/v1/undo-steps/{step['id']}/take-back/")
        assert taken.status_code == 200, (name, taken.content)
        assert manager.get(place).json() == before, name


def test_no_way_back_is_offered_where_nothing_changed_or_a_secret_might(pool: LicensePool) -> None:
    manager = client("manager", pool)
    vendor = VendorFactory(name="Same")
    channel = Channel.objects.create(
        name="desk", kind="webhook", target="https://hook.example/x", secret="canary-secret"
    )
    for place, sent in {
        f"vendors/{vendor.pk}/": {"name": "Same"},
        f"channels/{channel.pk}/": {"secret": "another long secret"},
    }.items():
        assert manager.patch(f"/api/v1/{place}", sent).status_code == 200
    for wrong in ({"name": ""}, [], [["name"]], "name", 7):
        assert manager.patch(f"/api/v1/vendors/{vendor.pk}/", wrong).status_code == 400, wrong
    assert not UndoStep.objects.exists()


def test_what_was_changed_again_meanwhile_stays(pool: LicensePool) -> None:
    manager = client("manager", pool)
    vendor = VendorFactory(name="A")
    for name in "BC":
        manager.patch(f"/api/v1/vendors/{vendor.pk}/", {"name": name})
    first = UndoStep.objects.order_by("pk")[0]
    refused = manager.post(f"/api/v1/undo-steps/{first.pk}/take-back/")
    assert refused.status_code == 400
    vendor.refresh_from_db()
    assert vendor.name == "C"
