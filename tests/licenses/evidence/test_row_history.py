"""A row's history says who changed what, from which value to which, on its page and in the API."""

from __future__ import annotations

import re
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from itam.acting import acting
from licenses.api.status import SeatsViewSet
from licenses.api.urls import ENDPOINTS
from licenses.evidence import row_history
from licenses.evidence.changes import TOLD
from licenses.importing.mapping import save_mapping, unmap_feature
from licenses.importing.rights import correct_right, override_strength
from licenses.models import (
    Contract,
    Entitlement,
    EvidenceBlock,
    LicensePool,
    RowChange,
    Scope,
    Team,
    Vendor,
    guards,
    pseudonym,
)
from reports.api.urls import router as reports
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
    settings.ITAM_DATA_DIR = tmp_path
    return member("mara", "manager")


def member(name: str, role: str) -> User:
    user = User.objects.create_user(name, is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    return user


def page(user: User, row: Any) -> str:
    client = Client()
    client.force_login(user)
    place = f"admin:{row._meta.app_label}_{row._meta.model_name}_history"
    answer = client.get(reverse(place, args=[row.pk]))
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def api(user: User) -> APIClient:
    client = APIClient()
    client.force_login(user)
    return client


def told(user: User, row: Any) -> list[dict[str, Any]]:
    """Return what a history says of fields, the newest deed first."""
    changes = row_history.changes(list(row_history.told_of(row)), type(row), user)
    return [{v.field: (v.old_words, v.new_words) for v in change.values} for change in changes]


def test_a_contract_shows_what_it_was_whoever_changed_it(mara: User, tmp_path: Path) -> None:
    one, other = Vendor.objects.create(name="Acme"), Vendor.objects.create(name="Bolt")
    contract = Contract.objects.create(vendor=one, number="C-1", valid_to=date(2026, 12, 31))
    place = f"/api/v1/contracts/{contract.pk}/"
    api(mara).patch(place, {"valid_to": "2027-06-30", "renews": True, "owner": "Q. Anary"})
    api(mara).patch(place, {"vendor": other.pk})
    shown = page(mara, contract)
    assert "Valid to: 31 Dec 2026 → became 30 Jun 2027" in shown
    assert "Renews: no → became yes" in shown and "Owner: text changed" in shown
    assert "Vendor: Acme → became Bolt" in shown and "mara" in shown
    first, second = api(mara).get(f"{place}history/").json()["results"]
    assert [v["field"] for v in first["values"]] == ["vendor"]
    assert (first["values"][0]["old"], first["values"][0]["new_words"]) == (one.pk, "Bolt")
    assert (second["who"], second["stream"], second["number"]) == (
        *("mara", f"contract/{contract.pk}", 1),
    )
    assert "Anary" not in str(second) + shown


def test_a_command_that_made_a_row_is_named_with_its_first_values(
    mara: User, tmp_path: Path
) -> None:
    Vendor.objects.create(name="Acme")
    file = tmp_path / "contracts.csv"
    head = "contract,vendor,title,valid_from,valid_to,notice_days,renews,cost,currency,owner"
    file.write_text(f"{head}\nC-1,Acme,,,,30,no,,EUR,\n")
    call_command("import_inventory", str(file))
    shown = page(mara, Contract.objects.get())
    assert "command import_inventory Added" in shown and "Number: C-1" in shown


def test_of_a_pools_texts_that_they_changed_and_no_digest_is_shown(mara: User) -> None:
    pool, team = PoolFactory(), TeamFactory(name="Wing")
    change = {"house_rules": "Ask Q.", "notes": "x", "on_status": False, "owner_teams": [team.pk]}
    answer = api(mara).patch(f"/api/v1/pools/{pool.pk}/", change, format="json")
    assert answer.status_code == 200, answer.content
    fields: dict[str, Any] = {}
    for each in told(mara, pool):
        fields |= each
    assert fields == {
        "house_rules": ("", "text changed"),
        "notes": ("", "text changed"),
        "on_status": ("yes", "no"),
        "owner_teams": ("–", "Wing"),
    }
    text = str(api(mara).get(f"/api/v1/pools/{pool.pk}/history/").json()) + page(mara, pool)
    assert not re.search(r"\b[0-9a-f]{32,}\b", text.replace(" ", "  "))


def test_a_list_says_what_was_on_it_whichever_end_changed_it(mara: User) -> None:
    pool, wing, tail = PoolFactory(), TeamFactory(name="Wing"), TeamFactory(name="Tail")
    with acting(lambda: "mara"):
        pool.owner_teams.add(wing)
        tail.pools.add(pool)
        tail.pools.clear()
        pool.owner_teams.remove(tail)  # which is none
    assert [each["owner_teams"] for each in told(mara, pool)] == [
        ("Tail, Wing", "Wing"),
        ("Wing", "Tail, Wing"),
        ("–", "Wing"),
    ]


def test_what_the_reader_may_not_see_has_no_name(mara: User) -> None:
    mine, other = TeamFactory(name="Wing"), TeamFactory(name="Secret")
    pool = PoolFactory()
    with acting(lambda: "mara"):
        pool.owner_teams.set([mine, other])
    lead = member("lena", "team lead")
    Scope.objects.create(user=lead).teams.add(mine)
    (words,) = [each["owner_teams"][1] for each in told(lead, pool)]
    assert words == f"Wing, no. {other.pk}" and "Secret" not in page(lead, pool)
    Scope.objects.filter(user=lead).delete()
    assert api(lead).get(f"/api/v1/pools/{pool.pk}/history/").status_code in (403, 404)


def test_an_erased_login_is_shown_as_the_pseudonym(mara: User) -> None:
    person = PersonFactory(pseudonym=pseudonym("person", "q.anary"))
    with acting(lambda: "Q.Anary"):
        team = Team.objects.create(name="Desk of q.anary.")
    assert "Desk of q.anary." in str(told(mara, team))
    type(person).objects.filter(pk=person.pk).update(erased_at=timezone.now())
    (change,) = api(mara).get(f"/api/v1/teams/{team.pk}/history/").json()["results"]
    assert change["who"] == person.label
    assert change["values"][0]["new"] == f"Desk of {person.label}."
    assert "anary" not in str(change).lower()


def test_of_an_account_its_roles_and_never_its_password(mara: User) -> None:
    with acting(lambda: "mara"):
        user = User.objects.create_user("q.anary", password="secret word")
        user.groups.set([Group.objects.get(name="viewer")])
        user.groups.set([Group.objects.get(name="auditor")])
        user.set_password("another word")
        user.save()
    root = User.objects.create_superuser("root")
    assert told(root, user)[:3] == [
        {"password": ("", "text changed")},
        {"groups": ("–", "auditor")},
        {"groups": ("viewer", "–")},
    ]
    assert "became auditor" in page(root, user)


def test_an_entry_that_was_tampered_with_is_told_and_hides_no_other(mara: User) -> None:
    pool = PoolFactory(zone="UTC")
    for zone in ("Europe/Berlin", "Asia/Tokyo"):
        api(mara).patch(f"/api/v1/pools/{pool.pk}/", {"zone": zone})
    block = EvidenceBlock.objects.get(pk=RowChange.objects.order_by("block")[0].block_id)
    with guards.lifted(connection):
        EvidenceBlock.objects.filter(pk=block.pk).update(sha256="0" * 64)
    shown = page(mara, pool)
    assert "cannot be read" in shown and "Zone: Europe/Berlin → became Asia/Tokyo" in shown


def test_a_right_shows_the_lines_before_and_after_it_and_how_its_proof_was_judged(
    mara: User,
) -> None:
    pool = PoolFactory()
    contract = Contract.objects.create(vendor=pool.product.vendor, number="C-9")
    line = EntitlementFactory(pool=pool, quantity=5, contract=None, unit_price=None)
    override_strength(line, strength=2, reason="seen by hand", user=mara)
    newer = correct_right(
        line, changes={"quantity": 1200, "contract": contract}, reason="typed wrong", user=mara
    )
    correct_right(newer, changes={}, reason="never held", user=mara, withdraw=True)
    answer = api(mara).get(f"/api/v1/entitlements/{line.pk}/history/").json()
    assert [change["deed"] for change in answer] == [
        *("Withdrawn", "Corrected", "Judged", "Judged", "Added")
    ]
    assert [change["why"] for change in answer[:3]] == ["never held", "typed wrong", "seen by hand"]
    assert answer[1]["who"] == "mara" and (answer[1]["stream"], answer[1]["number"]) == ("", None)
    assert [(v["field"], v["old"], v["new"], v["new_words"]) for v in answer[1]["values"]] == [
        ("contract", "", contract.pk, str(contract)),
        ("quantity", 5, 1200, "1,200"),
    ]
    for row in (line, newer):
        shown = page(mara, row)
        assert "Corrected: typed wrong" in shown and "Quantity: 5 → became 1,200" in shown


def test_a_right_that_came_from_a_pool_out_of_scope_does_not_name_it(mara: User) -> None:
    pool, secret = PoolFactory(name="Mine"), PoolFactory(name="Secret")
    line = EntitlementFactory(pool=secret, contract=None)
    newer = correct_right(line, changes={"pool": pool}, reason="the wrong pool", user=mara)
    anton = member("anton", "auditor")
    scope = Scope.objects.create(user=anton, valid_until=timezone.now() + timedelta(days=9))
    scope.vendors.add(pool.product.vendor)
    assert f"Pool: no. {secret.pk} → became Mine" in page(anton, newer)
    assert "Pool: Secret → became Mine" in page(mara, newer)


def test_a_pool_shows_what_its_mappings_said_before(mara: User) -> None:
    pool = PoolFactory()
    feature = FeatureFactory(pool=pool, name="42")
    row = feature.mappings.get()
    row.weight = 3
    save_mapping(row, user=mara, reason="three tokens each")
    unmap_feature(row, user=mara)
    shown = page(mara, pool)
    assert "What its mappings said before" not in shown  # under "What changed", as nothing else is
    assert "Changed: three tokens each" in shown and "Weight: 1 → became 3" in shown
    assert "Mapped until: – → became" in shown and "Feature" not in shown.split("What changed")[1]
    with acting(lambda: "mara"):
        LicensePool.objects.filter(pk=pool.pk)[0].owner_teams.add(TeamFactory())
    assert "What its mappings said before" in page(mara, pool)


def test_a_long_history_is_shown_in_parts(mara: User, django_assert_max_num_queries: Any) -> None:
    pool = PoolFactory(episode_gap_minutes=1)
    with acting(lambda: "mara"):
        for gap in range(2, 62):
            LicensePool.objects.filter(pk=pool.pk)[0].save()
            pool.episode_gap_minutes = gap
            pool.save()
    client = Client()
    client.force_login(mara)
    place = reverse("admin:licenses_licensepool_history", args=[pool.pk])
    client.get(place)
    with django_assert_max_num_queries(25):
        newest = client.get(place).content.decode()
    assert "<ins>61</ins>" in newest and "<ins>11</ins>" not in newest
    assert "<ins>11</ins>" in client.get(f"{place}?changes=2").content.decode()


def test_each_kind_of_which_the_log_tells_has_its_history_in_the_api() -> None:
    views = [*ENDPOINTS.values(), *(view for _place, view, _name in reports.registry)]
    for view in views:
        told = view.queryset.model in {*TOLD, Entitlement}
        told = told and view is not SeatsViewSet  # pools as users see them
        assert hasattr(view, "history") == told, view.__name__
