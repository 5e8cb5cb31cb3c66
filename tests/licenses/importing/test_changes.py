"""Several rows changed at once: told first, all or none, on record, and taken back."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError

from licenses.importing.changes import change, preview, undo
from licenses.importing.papers import prove
from licenses.importing.rights import correct_right, override_strength
from licenses.models import (
    Contract,
    DirtySpan,
    Document,
    Entitlement,
    LicensePool,
    Strength,
)
from tests.factories import (
    EntitlementFactory,
    FeatureFactory,
    PoolFactory,
    TeamFactory,
    VendorFactory,
    at,
    covered,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def user() -> User:
    return User.objects.create_user("mara")


@pytest.fixture
def pools() -> Any:
    first, second = PoolFactory(name="A", house_rules="old"), PoolFactory(name="B")
    first.owner_teams.add(TeamFactory(name="Before"))
    return LicensePool.objects.filter(pk__in=[first.pk, second.pk])


def test_the_preview_says_old_and_new_and_stores_nothing(pools: Any) -> None:
    team = TeamFactory(name="After")
    parts = preview("pools", pools, {"owner_teams": [team], "house_rules": "old"})
    told = [(part.name, part.field, part.old_words, part.new_words) for part in parts]
    assert told == [
        ("A", "owner_teams", "Before", "After"),
        ("B", "owner_teams", "–", "After"),
        ("B", "house_rules", "–", "old"),
    ]
    assert LicensePool.objects.get(name="B").house_rules == ""


def test_a_change_and_its_undoing_leave_history_and_the_old_values(pools: Any, user: User) -> None:
    team = TeamFactory(name="After")
    changes = {"owner_teams": [team], "house_rules": "new", "on_status": False}
    done = change("pools", pools, changes, user=user)
    for pool in pools.all():
        assert (list(pool.owner_teams.all()), pool.house_rules, pool.on_status) == (
            [team], "new", False,
        )  # fmt: skip
    assert LogEntry.objects.filter(user=user).count() == 2
    undo(done, user=user)
    first = LicensePool.objects.get(name="A")
    assert ([team.name for team in first.owner_teams.all()], first.house_rules) == (
        ["Before"],
        "old",
    )
    assert LicensePool.objects.get(name="B").on_status
    assert done.undone_by == user
    assert LogEntry.objects.filter(user=user).count() == 4
    with pytest.raises(ValidationError, match="undone already"):
        undo(done, user=user)


def test_nothing_is_undone_where_a_row_was_changed_since(pools: Any, user: User) -> None:
    done = change("pools", pools, {"house_rules": "new"}, user=user)
    LicensePool.objects.filter(name="B").update(house_rules="newer")
    with pytest.raises(ValidationError, match="B was changed since"):
        undo(done, user=user)
    assert LicensePool.objects.get(name="A").house_rules == "new"
    done.refresh_from_db()
    assert done.undone_at is None


def test_one_row_that_breaks_a_rule_stops_all(pools: Any, user: User) -> None:
    starts = date(2026, 5, 1)
    for number, first in (("late", starts), ("early", date(2026, 1, 1))):
        vendor = pools[0].product.vendor
        Contract.objects.create(vendor=vendor, number=number, valid_from=first)
    with pytest.raises(ValidationError, match="late: The contract ends before it starts"):
        ends = {"valid_to": starts - timedelta(days=1)}
        change("contracts", Contract.objects.order_by("number"), ends, user=user)
    assert not Contract.objects.exclude(valid_to=None).exists()
    with pytest.raises(ValidationError, match="Unknown time zone"):
        preview("pools", pools, {"zone": "Nowhere/Nowhere"})
    with pytest.raises(ValidationError, match="Nothing would change"):
        change("pools", pools, {"zone": "UTC"}, user=user)
    with pytest.raises(ValidationError, match="not changed for several"):
        change("pools", pools, {"name": "Both"}, user=user)


def test_another_zone_has_the_hours_counted_again(pools: Any, user: User) -> None:
    for pool in pools:
        covered(FeatureFactory(pool=pool).server, at("2026-03-01"), at("2026-03-02"))
    DirtySpan.objects.all().delete()
    change("pools", pools, {"zone": "Europe/Berlin"}, user=user)
    assert set(DirtySpan.objects.values_list("pool", flat=True)) == {pool.pk for pool in pools}


class TestEntitlements:
    @pytest.fixture
    def lines(self) -> Any:
        first = EntitlementFactory(unit_price="10.00", purchase_order="PO 1")
        return [first, EntitlementFactory(unit_price="12.00")]

    def test_each_line_is_replaced_with_the_reason_and_none_is_edited(
        self, lines: Any, user: User
    ) -> None:
        wish = {"unit_price": Decimal("12"), "purchase_order": "PO 7"}
        told = [(part.field, part.old, part.new) for part in preview("entitlements", lines, wish)]
        assert told == [
            ("unit_price", "10.00", "12.00"),
            ("purchase_order", "PO 1", "PO 7"),
            ("purchase_order", "", "PO 7"),
        ]
        change("entitlements", lines, wish, user=user, reason="New order")
        for line in lines:
            line.refresh_from_db()
            assert line.purchase_order != "PO 7"
            copy = line.replaced_by
            assert (copy.unit_price, copy.purchase_order) == (Decimal("12.00"), "PO 7")
            assert (copy.reason, copy.recorded_by, copy.quantity) == (
                "New order",
                user,
                line.quantity,
            )

    def test_taking_it_back_writes_lines_again(self, lines: Any, user: User) -> None:
        done = change("entitlements", lines, {"scope": "EMEA"}, user=user, reason="Paper 3")
        undo(done, user=user)
        newest = Entitlement.objects.filter(replaced_by=None)
        assert {line.scope for line in newest} == {""}
        assert {line.reason for line in newest} == {"Taken back: Paper 3"}
        assert Entitlement.objects.count() == 6

    def test_a_line_that_was_corrected_since_stops_the_undoing(
        self, lines: Any, user: User
    ) -> None:
        done = change("entitlements", lines, {"scope": "EMEA"}, user=user, reason="Paper 3")
        newest = Entitlement.objects.filter(replaced_by=None).first()
        correct_right(newest, changes={"quantity": 3}, reason="typed wrong", user=user)
        with pytest.raises(ValidationError, match="changed since"):
            undo(done, user=user)
        assert Entitlement.objects.filter(replaced_by=None, scope="EMEA").count() == 2

    def test_it_needs_a_reason_and_lines_that_count(self, lines: Any, user: User) -> None:
        with pytest.raises(ValidationError, match="Say why"):
            change("entitlements", lines, {"scope": "EMEA"}, user=user)
        with pytest.raises(ValidationError):
            change("entitlements", lines, {"quantity": 3}, user=user, reason="x")
        correct_right(lines[0], changes={"quantity": 3}, reason="typed wrong", user=user)
        old = Entitlement.objects.filter(pk=lines[0].pk)
        with pytest.raises(ValidationError, match="replaced or withdrawn"):
            change("entitlements", old, {"scope": "EMEA"}, user=user, reason="x")


def test_lines_that_go_back_to_their_contract_are_proven_as_before(user: User) -> None:
    line = EntitlementFactory(strength=Strength.CLAIMED)
    vendor = line.pool.product.vendor
    old, new = (Contract.objects.create(vendor=vendor, number=number) for number in "AB")
    (line,) = Entitlement.objects.filter(
        pk=correct_right(line, changes={"contract": old}, reason="x", user=user).pk
    )
    paper = Document.objects.create(contract=old, kind="order", title="Order", size=1)
    prove([line], [paper], user=user)
    override_strength(line, strength=3, reason="Seen at the reseller's", user=user)
    wish = {"contract": new}
    done = change("entitlements", [line], wish, user=user, reason="Moved")
    assert [row.proof for row in Entitlement.objects.as_of().with_proof()] == [Strength.CLAIMED]
    undo(done, user=user)
    (back,) = Entitlement.objects.as_of().with_proof()
    assert (back.proof, list(back.documents.all())) == (Strength.PARTIAL, [paper])


@pytest.mark.parametrize("how", ["judged", "proven"])
def test_lines_that_were_judged_or_proven_since_stop_the_undoing(user: User, how: str) -> None:
    contract = Contract.objects.create(vendor=VendorFactory(), number="A")
    line = EntitlementFactory(contract=contract, pool__product__vendor=contract.vendor)
    done = change("entitlements", [line], {"scope": "EMEA"}, user=user, reason="Paper 3")
    (now,) = Entitlement.objects.as_of()
    if how == "judged":
        override_strength(now, strength=1, reason="The invoice is a forgery.", user=user)
    else:
        prove([now], [Document.objects.create(contract=contract, kind="mail", size=1)], user=user)
    with pytest.raises(ValidationError, match="changed since"):
        undo(done, user=user)
