"""A row gets back the values that it had, on either database."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError

from licenses.importing.edits import EDITED, give_back, values
from licenses.models import AlertRule, Contract, LicensePool, Silence, Team, TeamRule
from licenses.models.fields import EncryptedField
from tests.factories import PoolFactory, TeamFactory, VendorFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def boss() -> User:
    return User.objects.create_superuser("boss")


def row_of(model: Any) -> Any:
    vendor, team = VendorFactory(), TeamFactory()
    pool = PoolFactory(zone="UTC")
    rule = AlertRule.objects.create(name="Full", kind="use_percent", pool=pool)
    made: dict[Any, Any] = {
        LicensePool: lambda: pool,
        AlertRule: lambda: rule,
        Team: lambda: team,
        TeamRule: lambda: TeamRule.objects.create(team=team, user_pattern="a*"),
        Contract: lambda: Contract.objects.create(vendor=vendor, number="C-1"),
        Silence: lambda: Silence.objects.create(
            rule=rule, reason="works", starts_at="2026-11-24T10:00Z", ends_at="2026-11-24T12:00Z"
        ),
    }
    fallback = {"product": lambda: pool.product, "vendor": lambda: vendor}
    row = made.get(model, fallback.get(model._meta.model_name))()
    row.refresh_from_db()
    return row


CHANGES = {
    "alertrule": {"threshold": 50, "enabled": False},
    "contract": {"owner": "Ann", "cost": "12.50", "valid_to": "2027-01-31"},
    "licensepool": {"notes": "x", "episode_gap_minutes": 20, "retired_at": "2026-11-24T10:00Z"},
    "product": {"category": "CAD"},
    "silence": {"ends_at": "2026-11-24T13:00Z"},
    "team": {"cost_center": "4711"},
    "teamrule": {"user_pattern": "b*", "order": 7},
    "vendor": {"name": "Other"},
}


@pytest.mark.parametrize("model", EDITED.values(), ids=lambda model: model._meta.model_name)
def test_all_values_come_back_or_none(model: Any, boss: User) -> None:
    row, typed = row_of(model), CHANGES[model._meta.model_name]
    before = values(row, typed)
    for name, value in typed.items():
        setattr(row, name, value)
    row.save()
    row.refresh_from_db()
    after = values(row, typed)
    assert before is not None and after is not None and before != after
    other = {name: "else" for name in after}
    assert not give_back(row, before, other, user=boss)
    row.refresh_from_db()
    assert values(row, typed) == after
    assert give_back(row, before, after, user=boss)
    row.refresh_from_db()
    assert values(row, typed) == before


def test_what_a_rule_forbids_by_now_is_refused(boss: User) -> None:
    row = row_of(Contract)
    Contract.objects.create(vendor=row.vendor, number="C-0")
    with pytest.raises(ValidationError):
        give_back(row, {"number": "C-0"}, {"number": "C-1"}, user=boss)
    row.refresh_from_db()
    assert row.number == "C-1"


def test_no_row_that_holds_a_secret_is_edited_back() -> None:
    kept = [field for model in EDITED.values() for field in model._meta.concrete_fields]
    assert [field for field in kept if isinstance(field, EncryptedField)] == []
