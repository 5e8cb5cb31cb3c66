"""However rights, mappings and what they hang on are changed: the evidence says who did it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, User, update_last_login
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from itam.acting import acting
from licenses.access import reversible
from licenses.evidence import changes as evidence
from licenses.evidence import entries
from licenses.importing import changes, teams
from licenses.models import (
    Contract,
    EvidenceBlock,
    Feature,
    LicensePool,
    Membership,
    Product,
    Scope,
    TeamRule,
    Vendor,
)
from tests.factories import (
    EntitlementFactory,
    FeatureFactory,
    PersonFactory,
    PoolFactory,
    TeamFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def mara(settings: Any, tmp_path: Path) -> User:
    settings.ITAM_DATA_DIR, settings.MEDIA_ROOT = tmp_path, tmp_path / "media"
    user = User.objects.create_user("mara", is_staff=True)
    user.groups.add(Group.objects.get(name="manager"))
    return user


def admin(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def api(user: User) -> APIClient:
    client = APIClient()
    client.force_login(user)
    return client


def written(kind: str) -> list[dict[str, Any]]:
    """Return the bodies of all entries of a kind, in the order in which they were written."""
    lines = [
        json.loads(line)
        for block in EvidenceBlock.objects.order_by("pk")
        for line in entries.read(block).splitlines()
    ]
    return [entry["body"] | {"stream": entry["stream"]} for entry in lines if entry["kind"] == kind]


def by_form(user: User, contract: Contract) -> None:
    place = reverse("admin:licenses_contract_change", args=[contract.pk])
    form = {"vendor": contract.vendor_id, "number": contract.number, "notice_days": 30,
            "currency": "EUR", "valid_to": "2027-06-30"}  # fmt: skip
    page = admin(user).get(place).context["inline_admin_formsets"]
    for each in page:
        prefix = each.formset.prefix
        form |= {f"{prefix}-TOTAL_FORMS": "0", f"{prefix}-INITIAL_FORMS": "0"}
    answer = admin(user).post(place, form)
    assert answer.status_code == 302, answer.context["errors"]


def over_http(user: User, contract: Contract) -> None:
    answer = api(user).patch(f"/api/v1/contracts/{contract.pk}/", {"valid_to": "2027-06-30"})
    assert answer.status_code == 200, answer.content


def with_several(user: User, contract: Contract) -> None:
    given = {"kind": "contracts", "ids": [contract.pk], "changes": {"valid_to": "2027-06-30"}}
    answer = api(user).post("/api/v1/changes-of-several/", given, format="json")
    assert answer.status_code == 201, answer.content


WAYS = [by_form, over_http, with_several]


@pytest.mark.parametrize("change", WAYS)
def test_a_changed_contract_says_by_whom_and_what_it_was(
    change: Callable[[User, Contract], None], mara: User
) -> None:
    vendor = Vendor.objects.create(name="Acme")
    contract = Contract.objects.create(
        vendor=vendor, number="C-1", valid_to=date(2026, 12, 31), notice_days=30
    )
    assert written("config") == []
    change(mara, contract)
    (body,) = written("config")
    assert (body["what"], body["who"], body["id"]) == ("contract changed", "mara", contract.pk)
    assert (body["old"]["valid_to"], body["new"]["valid_to"]) == ("2026-12-31", "2027-06-30")
    assert body["stream"] == f"contract/{contract.pk}"


HEAD = "contract,vendor,title,valid_from,valid_to,notice_days,renews,cost,currency,owner\n"


def test_a_command_that_changes_something_is_named(mara: User, tmp_path: Path) -> None:
    Vendor.objects.create(name="Acme")
    file = tmp_path / "contracts.csv"
    file.write_text(HEAD + "C-1,Acme,,,2026-12-31,30,no,,EUR,\n")
    call_command("import_inventory", str(file))
    file.write_text(HEAD + "C-1,Acme,,,2027-06-30,30,no,,EUR,\n")
    call_command("import_inventory", str(file))
    made, changed = written("config")
    assert (made["what"], made["who"]) == ("contract made", "command import_inventory")
    assert (changed["what"], changed["new"]) == ("contract changed", {"valid_to": "2027-06-30"})


def test_what_may_name_people_is_named_without_its_value(mara: User) -> None:
    contract = Contract.objects.create(vendor=Vendor.objects.create(name="Acme"), number="C-1")
    api(mara).patch(f"/api/v1/contracts/{contract.pk}/", {"owner": "Q. Anary", "notes": "of Q."})
    (body,) = written("config")
    assert body["others"] == ["notes", "owner"] and "Anary" not in json.dumps(body)
    api(mara).patch(f"/api/v1/contracts/{contract.pk}/", {"owner": "Q. Anary"})
    assert len(written("config")) == 1


def test_a_pool_its_owners_a_product_and_a_rule_are_told_of(mara: User) -> None:
    pool, team = PoolFactory(name="CAD", zone="UTC"), TeamFactory()
    with acting(lambda: "mara"):
        changes.change("pools", [pool], {"zone": "Europe/Berlin", "owner_teams": [team]}, user=mara)
        changes.change("products", [pool.product], {"category": "CAE"}, user=mara)
    zone, owners = written("pool")
    assert (zone["old"], zone["new"]) == ({"zone": "UTC"}, {"zone": "Europe/Berlin"})
    assert owners["teams"] == [team.pk]
    assert zone["stream"] == f"vendor/{pool.product.vendor_id}"
    assert written("config")[0]["what"] == "product changed"
    rule = {"team": team.pk, "user_pattern": "q.anary*", "order": 5}
    answer = api(mara).post("/api/v1/team-rules/", rule)
    assert answer.status_code == 201, answer.content
    api(mara).delete(f"/api/v1/team-rules/{answer.json()['id']}/")
    made, gone = written("rule")
    assert (made["what"], made["new"]["order"], made["who"]) == ("team rule made", 5, "mara")
    assert gone["what"] == "team rule deleted" and "anary" not in json.dumps([made, gone])
    assert not TeamRule.objects.exists()


def test_an_alert_rule_and_its_channels_are_told_of(mara: User) -> None:
    mail = {"name": "desk", "kind": "mail", "target": "q.anary@example.com"}
    channel = api(mara).post("/api/v1/channels/", mail).json()["id"]
    rule = {"name": "nearly full", "kind": "use_percent", "threshold": 80, "channels": [channel]}
    made = api(mara).post("/api/v1/alert-rules/", rule)
    assert made.status_code == 201, made.content
    place = f"/api/v1/alert-rules/{made.json()['id']}/"
    api(mara).patch(place, {"threshold": 101, "enabled": False}, format="json")
    api(mara).delete(place)
    desk, one, listed, other, gone = written("config")
    assert (desk["what"], one["what"]) == ("channel made", "alert rule made")
    assert (listed["what"], listed["channels"]) == ("alert rule channels changed", [channel])
    assert (other["old"], other["new"]) == (
        {"threshold": 80, "enabled": 1},
        {"threshold": 101, "enabled": 0},
    )
    assert (gone["what"], gone["who"]) == ("alert rule deleted", "mara")
    assert "anary" not in json.dumps([desk, one, listed, other, gone])


def ignored_by_action(user: User, feature: Feature) -> None:
    given = {"action": "ignore", "_selected_action": [feature.pk]}
    admin(user).post(reverse("admin:licenses_feature_changelist"), given)


def ignored_over_http(user: User, feature: Feature) -> None:
    api(user).patch(f"/api/v1/features/{feature.pk}/", {"ignored": True})


def ignored_with_undo(user: User, feature: Feature) -> None:
    with acting(lambda: user.username):
        reversible.ignore_feature(feature, user=user)


@pytest.mark.parametrize("ignore", [ignored_by_action, ignored_over_http, ignored_with_undo])
def test_who_set_a_feature_aside_is_told(
    ignore: Callable[[User, Feature], None], mara: User
) -> None:
    feature = FeatureFactory()
    ignore(mara, feature)
    (body,) = written("config")
    assert (body["what"], body["new"], body["who"]) == ("feature changed", {"ignored": 1}, "mara")
    assert body["stream"] == entries.server_stream(feature.server, feature.daemon)[0]


def test_who_may_do_and_see_what_is_told_without_names(mara: User) -> None:
    vendor = Vendor.objects.create(name="Acme")
    with acting(lambda: "mara"):
        user = User.objects.create_user("q.anary", email="q@example.com", password="secret word")
        user.groups.add(Group.objects.get(name="auditor"))
        scope = Scope.objects.create(user=user)
        scope.vendors.add(vendor)
        user.is_superuser = True
        user.set_password("another word")
        user.save()
        update_last_login(None, user)
        Group.objects.get(name="viewer").permissions.clear()
    made, groups, scoped, vendors, changed, role = written("config")
    assert (made["what"], made["id"], made["who"]) == ("account made", user.pk, "mara")
    assert (groups["what"], groups["groups"]) == ("account groups changed", ["auditor"])
    assert (scoped["what"], scoped["new"]["user"]) == ("scope made", user.pk)
    assert (vendors["what"], vendors["vendors"]) == ("scope vendors changed", [vendor.pk])
    assert (changed["new"], changed["others"]) == ({"is_superuser": 1}, ["password"])
    assert (role["what"], role["permissions"]) == ("role permissions changed", [])
    assert "anary" not in json.dumps(written("config"))


def test_members_that_changed_are_told_of_at_once_and_without_names(mara: User) -> None:
    team, other = TeamFactory(), TeamFactory()
    with acting(lambda: "command import_inventory"), teams.changing():
        for _ in range(3):
            Membership.objects.create(person=PersonFactory(), team=team)
    (body,) = [body for body in written("config") if body["what"] == "memberships changed"]
    assert (body["count"], body["teams"]) == (3, [team.pk]) and other.pk not in body["teams"]


FACTS = {
    *(
        "Alert",
        "AlertState",
        "AnswerStep",
        "Boundary",
        "Capture",
        "Checkout",
        "Chore",
        "ConnectionCheck",
        "Contradiction",
    ),
    *(
        "Coverage",
        "Denial",
        "DenialEpisode",
        "DirtySpan",
        "Disagreement",
        "EventBlock",
        "FeatureNow",
    ),
    *("Gap", "Heartbeat", "Host", "IdempotencyRecord", "ImportJob", "IssuedCount", "KeptPart"),
    *(
        "LateSpan",
        "LogCursor",
        "MailboxMessage",
        "Notification",
        "PackageComponent",
        "Person",
        "PollState",
    ),
    *(
        "PoolDrift",
        "PoolForecast",
        "PoolHeadline",
        "PoolHour",
        "PoolNow",
        "PoolStillness",
        "Rebuild",
    ),
    *("QueueEntry", "QueueEvent"),
    *("RowChange", "RuleMatch", "ServerFact", "SharingRule", "Sighting", "StatusScope", "TeamHour"),
    *("UnreadableLine", "UnreadableShare", "LaterData", "ReportDelivery", "WaitlistEntry"),
    *("EvidenceAnchor", "EvidenceBlock", "EvidenceCheck", "EvidenceDay", "EvidenceKey"),
    "EvidenceStream",
}
"""What servers, people at their work and the program itself write down: nobody sets it."""
ELSEWHERE = {
    "Correction": "entitlement",
    "EvidencePack": "export",
    "Entitlement": "entitlement",
    "Identity": "erasure",
    "IgnoredLines": "ignored lines",
    "MappingChange": "mapping",
    "Membership": "memberships changed",
    "NameErasure": "erasure",
    "NameReveal": "reveal",
    "OverUseNote": "over_use",
    "PoolFeature": "mapping",
    "PoolRetirement": "pool",
    "Report": "export",
    "SignOff": "report_signed",
    "Proof": "entitlement",
    "StrengthOverride": "entitlement",
}
"""What has entries of its own: of which kind, or with which words."""
OF_ONE_ACCOUNT = {
    "BulkChange",
    "SavedFilter",
    "SigningCertificate",
    "SkippedStep",
    "UndoStep",
}
"""What changes neither a figure nor what managers are told, but what one account sees or does."""


def test_no_model_that_somebody_sets_is_without_entries() -> None:
    """Whoever adds a model says here where its changes are told, or tells them."""
    models = [model for label in ("licenses", "reports") for model in
              apps.get_app_config(label).get_models()]  # fmt: skip
    told = {model.__name__ for model in evidence.TOLD} - {"Group", "User"}
    lists = [told, FACTS, {*ELSEWHERE}, OF_ONE_ACCOUNT]
    for model in models:
        places = [model.__name__ in names for names in lists]
        assert sum(places) == 1, f"{model.__name__}: are its changes told in the evidence log?"
    assert set().union(*lists) == {model.__name__ for model in models}
    for model, how in evidence.TOLD.items():
        columns = {field.name for field in model._meta.concrete_fields}
        assert {*how.fields, *how.own, *how.texts} <= columns


def test_what_is_refused_is_not_told_of(mara: User) -> None:
    vendor = Vendor.objects.create(name="Acme")
    Contract.objects.create(vendor=vendor, number="C-1")
    other = Contract.objects.create(vendor=vendor, number="C-2")
    assert api(mara).patch(f"/api/v1/contracts/{other.pk}/", {"number": "C-1"}).status_code == 400
    assert written("config") == []


def test_what_nobody_does_is_told_of_nowhere(mara: User) -> None:
    pool = PoolFactory()
    Product.objects.filter(pk=pool.product_id).first().save()
    LicensePool.objects.get(pk=pool.pk).delete()
    assert not EvidenceBlock.objects.exists()


def right_by_form(user: User, pool: LicensePool) -> None:
    place = reverse("admin:licenses_entitlement_add")
    form = {"pool": pool.pk, "quantity": 7, "metric": "concurrent", "valid_from": "2026-01-01",
            "overdraft": 0, "currency": "EUR"}  # fmt: skip
    answer = admin(user).post(place, form)
    assert answer.status_code == 302, answer.context["errors"]


def right_over_http(user: User, pool: LicensePool) -> None:
    given = {"pool": pool.pk, "quantity": 7, "valid_from": "2026-01-01"}
    answer = api(user).post("/api/v1/entitlements/", given)
    assert answer.status_code == 201, answer.content


def right_corrected_by_form(user: User, pool: LicensePool) -> None:
    line = EntitlementFactory(pool=pool, quantity=5)
    place = reverse("admin:licenses_entitlement_correct", args=[line.pk])
    form = {"pool": pool.pk, "quantity": 7, "metric": line.metric, "overdraft": 0,
            "valid_from": str(line.valid_from), "valid_to": str(line.valid_to or ""),
            "currency": line.currency, "unit_price": line.unit_price or "",
            "code": "wrong_entry", "reason": "typed wrong"}  # fmt: skip
    assert admin(user).post(place, form).status_code == 302


def right_corrected_over_http(user: User, pool: LicensePool) -> None:
    line = EntitlementFactory(pool=pool, quantity=5)
    given = {"quantity": 7, "reason": "typed wrong"}
    answer = api(user).post(f"/api/v1/entitlements/{line.pk}/correct/", given)
    assert answer.status_code in (200, 201), answer.content


@pytest.mark.parametrize(
    "enter",
    [right_by_form, right_over_http, right_corrected_by_form, right_corrected_over_http],
)
def test_a_right_says_who_entered_it(
    enter: Callable[[User, LicensePool], None], mara: User
) -> None:
    pool = PoolFactory()
    enter(mara, pool)
    (body,) = written("entitlement")
    assert (body["author"], body["quantity"]) == ("mara", 7)


def mapped_on_the_servers_page(user: User, feature: Any, pool: LicensePool) -> None:
    place = reverse("admin:licenses_licenseserver_map_feature", args=[feature.server.pk])
    form = {"feature": feature.pk, "pool": pool.name, "deed": "map"}
    assert admin(user).post(place, form).status_code == 302


def mapped_over_http(user: User, feature: Any, pool: LicensePool) -> None:
    given = {"feature": feature.pk, "pool": pool.pk}
    assert api(user).post("/api/v1/mappings/", given).status_code == 201


def mapped_to_a_pool_of_its_own(user: User, feature: Any, _pool: LicensePool) -> None:
    assert api(user).post(f"/api/v1/features/{feature.pk}/pool/").status_code == 201


@pytest.mark.parametrize(
    "enter", [mapped_on_the_servers_page, mapped_over_http, mapped_to_a_pool_of_its_own]
)
def test_a_mapping_says_who_entered_it(
    enter: Callable[[User, Any, LicensePool], None], mara: User
) -> None:
    feature, pool = FeatureFactory(), PoolFactory()
    enter(mara, feature, pool)
    (body,) = written("mapping")
    assert body["author"] == "mara"
