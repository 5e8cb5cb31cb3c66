"""Nobody sees what is not theirs: lists, searches, choices, live numbers and pages alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from licenses.analysis.rows import as_moment
from licenses.models import (
    Alert,
    AlertRule,
    Capture,
    Contract,
    Coverage,
    Entitlement,
    Gap,
    Person,
    PoolFeature,
    Scope,
    SharingRule,
    UnreadableLine,
)
from tests.factories import FeatureFactory, PoolFactory, scope_of

from .conftest import NOW, World, logged_in

LISTS = [
    "licensepool",
    "product",
    "vendor",
    "contract",
    "entitlement",
    "feature",
    "checkout",
    "denial",
]


@pytest.mark.parametrize("name", LISTS)
def test_an_auditor_lists_one_vendor(name: str, anton: Client, world: World) -> None:
    text = anton.get(f"/admin/licenses/{name}/").content.decode()
    assert "Mine" in text
    assert "Other" not in text and "SHARED_OTHER" not in text


@pytest.mark.parametrize("name", ["licensepool", "product", "checkout", "denial"])
def test_a_viewer_lists_the_pools_of_the_team(name: str, vera: Client, world: World) -> None:
    text = vera.get(f"/admin/licenses/{name}/").content.decode()
    assert "Mine" in text
    assert "Other" not in text


@pytest.mark.parametrize("name", ["contract", "entitlement", "capture", "evidenceblock", "channel"])
def test_a_viewer_sees_no_papers_and_no_bytes(name: str, vera: Client) -> None:
    assert vera.get(f"/admin/licenses/{name}/").status_code == 403


def test_of_a_shared_server_nothing_names_the_daemons_of_others(
    anton: Client, vera: Client, mara: Client, world: World
) -> None:
    FeatureFactory(server=world.server, daemon="otherd", name="APART", pool=world.other)
    span = {"starts": as_moment(NOW - 7200), "ends": as_moment(NOW)}
    rule = AlertRule.objects.create(name="Files", kind=AlertRule.Kind.LICENSE_EXPIRY, threshold=30)
    silent = AlertRule.objects.create(name="Silent", kind=AlertRule.Kind.SERVER)
    for daemon in ("otherd", world.my_feature.daemon, ""):
        Coverage.objects.create(server=world.server, daemon=daemon, source="polls", **span)
        Gap.objects.create(server=world.server, daemon=daemon, cause="timeout", **span)
    for each, text in ((rule, "OTHER_APART: 6 seats fewer"), (silent, "no answer")):
        Alert.objects.create(
            rule=each, server=world.server, subject=f"server:{world.server.pk}", message=text,
            title=text, started_at=as_moment(NOW),
        )  # fmt: skip
    for name, expected in (("anton", 2), ("vera", 2), ("mara", 3)):
        user = User.objects.get(username=name)
        seen_by = (
            Coverage.objects.for_user(user).filter(source="polls"),
            Gap.objects.for_user(user),
        )
        assert [rows.count() for rows in seen_by] == [expected, expected]
    for client, seen in ((anton, False), (vera, False), (mara, True)):
        page = client.get("/admin/licenses/alert/").content.decode()
        assert "no answer" in page and ("OTHER_APART" in page) == seen
        assert ("otherd" in client.get("/admin/licenses/coverage/").content.decode()) == seen


def test_dashboard_and_search_keep_to_the_scope(anton: Client, world: World) -> None:
    for path in ("/admin/", "/admin/search/?s=o&extended=1", "/admin/search/?s=pool&extended=1"):
        text = anton.get(path).content.decode()
        assert "Other Pool" not in text
    assert "Mine Pool" in anton.get("/admin/search/?s=mine&extended=1").content.decode()


def test_the_search_finds_people_by_name_for_who_sees_names(
    mara: Client, vera: Client, world: World, settings: Any
) -> None:
    path = "/admin/search/?s=mineuser&extended=1"
    assert "mineuser" in mara.get(path).content.decode()
    assert "mineuser" not in vera.get(path).content.decode()
    settings.ITAM_NAMES = "pseudonymous"
    assert "mineuser" not in mara.get(path).content.decode()
    label = Person.objects.get(identity__login="mineuser").label
    assert label in mara.get(f"/admin/search/?s={label}&extended=1").content.decode()


def test_the_search_leads_to_what_is_looked_at_and_shows_few_of_a_kind(
    mara: Client, world: World
) -> None:
    for number in range(20):
        PoolFactory(name=f"Many {number}")
    text = mara.get("/admin/search/?s=many&extended=1").content.decode()
    assert text.count("/overview/") == 8
    assert f"/admin/licenses/licenseserver/{world.server.pk}/overview/" in (
        mara.get("/admin/search/?s=shared&extended=1").content.decode()
    )


def test_search_forgets_at_once_what_was_taken_away(anton: Client, world: World) -> None:
    path = "/admin/search/?s=mine&extended=1"
    assert "Mine Pool" in anton.get(path).content.decode()
    Scope.objects.get(user__username="anton").vendors.clear()
    assert "Mine Pool" not in anton.get(path).content.decode()


def test_choices_of_a_form_keep_to_the_scope(anton: Client, world: World) -> None:
    answer = anton.get(
        "/admin/autocomplete/",
        {"app_label": "licenses", "model_name": "entitlement", "field_name": "pool"},
    )
    assert answer.status_code == 200
    assert [row["text"] for row in answer.json()["results"]] == ["Mine Pool"]


@pytest.mark.parametrize(
    "name", ["licensepool_overview", "licensepool_change", "licensepool_history"]
)
def test_a_foreign_pool_and_none_look_alike(name: str, anton: Client, world: World) -> None:
    foreign = anton.get(reverse(f"admin:licenses_{name}", args=[world.other.pk]))
    absent = anton.get(reverse(f"admin:licenses_{name}", args=[987654]))
    assert foreign.status_code == absent.status_code
    assert foreign.status_code in (302, 404)
    assert "Other" not in foreign.content.decode()


def test_live_answers_leave_out_foreign_pools(anton: Client, vera: Client, world: World) -> None:
    ids = f"{world.mine.pk},{world.other.pk}"
    for client in (anton, vera):
        found = client.get("/admin/live/pools/", {"ids": ids}).json()["pools"]
        assert list(found) == [str(world.mine.pk)]
    query = {"from": 1_790_000_000, "to": 1_790_003_600, "at": "2026-11-24T08:30:00Z"}
    for part in ("use", "pattern", "lines", "holders"):
        assert anton.get(f"/admin/live/pools/{world.other.pk}/{part}/", query).status_code == 404
        assert anton.get(f"/admin/live/pools/{world.mine.pk}/{part}/", query).status_code == 200


def test_a_shared_server_shows_the_auditor_its_own_vendor_alone(
    anton: Client, world: World
) -> None:
    capture = world.server.captures.get()
    for name in ("MINE_RULE", "SHARED_OTHER"):
        SharingRule.objects.create(
            server=world.server, feature_name=name, keyword="RESERVE", amount=1, capture=capture
        )
    page = anton.get(reverse("admin:licenses_licenseserver_overview", args=[world.server.pk]))
    text = page.content.decode()
    assert "Mine_FEATURE" in text
    assert "SHARED_OTHER" not in text
    assert "SHARED_OTHER" not in anton.get("/admin/licenses/sharingrule/").content.decode()


def test_files_of_a_server_with_a_daemon_that_feeds_no_pool_are_not_the_auditors(
    anton: Client, world: World
) -> None:
    auditor = User.objects.get(username="anton")
    seen = [rows.objects.for_user(auditor).exists for rows in (Capture, UnreadableLine)]
    assert [each() for each in seen] == [False, False]
    PoolFeature.objects.filter(feature__name="SHARED_OTHER").delete()
    assert [each() for each in seen] == [True, True]
    FeatureFactory(server=world.server, daemon="rivald")
    assert [each() for each in seen] == [False, False]


def test_without_scope_or_role_nothing_is_shown(world: World) -> None:
    user = User.objects.create(username="nobody", is_staff=True)
    client = Client()
    client.force_login(user)
    text = client.get("/admin/").content.decode()
    assert "Your account has no role yet" in text
    assert "Pool" not in client.get("/admin/search/?s=pool&extended=1").content.decode()
    assert client.get("/admin/live/pools/?ids=1").status_code == 403


def test_who_has_no_scope_reads_that_and_not_that_there_is_no_pool(
    account: Callable[..., User], world: World
) -> None:
    user = account("lost", "viewer")
    client = logged_in(user)
    for path in ("/admin/", "/admin/live/dashboard/pools/"):
        text = client.get(path).content.decode()
        assert (
            "Your account has no scope that is in force" in text
            and "There are no pools" not in text
        )
    assert "Administrators:" not in client.get("/admin/").content.decode()
    boss = account("boss", is_superuser=True, email="boss@company.example")
    account("keeper", "manager", first_name="Mara", last_name="Lind")
    account("gone", "manager", email="gone@company.example", is_active=False)
    text = client.get("/admin/").content.decode()
    assert "Administrators: boss@company.example, Mara Lind." in text
    assert boss.username + "<" not in text and "lm-card-value" not in text  # no figures of nothing
    scope = scope_of(user)
    assert "There are no pools in your scope yet." in client.get("/admin/").content.decode()
    Scope.objects.filter(pk=scope.pk).update(valid_until=timezone.now())
    assert "no scope that is in force" in client.get("/admin/").content.decode()


def test_an_auditor_changes_nothing(anton: Client, world: World) -> None:
    line = Entitlement.objects.get(pool=world.mine)
    contract = Contract.objects.get(number="Mine-1")
    server, feature = world.server.pk, world.my_feature.pk
    for path, data in (
        (reverse("admin:licenses_entitlement_correct", args=[line.pk]), {"reason": "x"}),
        (reverse("admin:licenses_contract_change", args=[contract.pk]), {"number": "X"}),
        (reverse("admin:licenses_licenseserver_test", args=[server]), {}),
        (reverse("admin:licenses_licenseserver_poll", args=[server]), {}),
        (reverse("admin:licenses_licenseserver_hand_in", args=[server]), {}),
        (
            reverse("admin:licenses_licenseserver_map_feature", args=[server]),
            {"feature": feature, "deed": "ignore"},
        ),
        ("/admin/licenses/licensepool/import/", {}),
    ):
        assert anton.post(path, data).status_code == 403, path
    assert Contract.objects.get(pk=contract.pk).number == "Mine-1"
