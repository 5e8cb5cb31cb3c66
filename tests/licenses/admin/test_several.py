"""Changing several rows in the admin and over the API: the same preview, the same undo."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib.auth.models import User
from django.test import Client
from rest_framework.test import APIClient

from licenses.models import BulkChange, Entitlement, LicensePool
from tests.factories import TeamFactory

from .conftest import World

LIST = "/admin/licenses/licensepool/"


def test_choose_look_store_and_undo(mara: Client, world: World) -> None:
    chosen = [world.mine.pk, world.other.pk]
    sent = mara.post(LIST, {"action": "change_several", "_selected_action": chosen})
    place = sent["Location"]
    assert place.startswith(f"{LIST}several/?ids=")
    assert mara.get(place).status_code == 200
    wish: dict[str, Any] = {
        "house_rules": "Be <b>quick</b>.",
        "on_status": "no",
        "reason": "a test",
    }
    wish["owner_teams"] = [str(world.team.pk), str(TeamFactory(name="Second").pk)]
    text = mara.post(place, wish).content.decode()
    assert "Be &lt;b&gt;quick&lt;/b&gt;." in text and "Mine Pool" in text
    assert "House rules" in text and "On the status page" in text
    assert not BulkChange.objects.exists()
    assert mara.post(place, {**wish, "_store": "1"}).status_code == 302
    assert not LicensePool.objects.filter(on_status=True).exists()
    assert all(pool.owner_teams.count() == 2 for pool in LicensePool.objects.all())
    done = BulkChange.objects.get()
    page = mara.get(f"/admin/licenses/bulkchange/{done.pk}/change/").content.decode()
    assert "Be &lt;b&gt;quick" in page and "Undo" in page
    mara.post(f"/admin/licenses/bulkchange/{done.pk}/undo/")
    assert LicensePool.objects.filter(on_status=True, house_rules="").count() == 2


def test_who_thinks_again_finds_all_that_was_typed(mara: Client, world: World) -> None:
    place = f"{LIST}several/?ids={world.mine.pk}"
    wish = {"house_rules": "Be quick.", "owner_teams": [TeamFactory().pk], "reason": "a test"}
    assert 'name="_again"' in mara.post(place, wish).content.decode()
    answer = mara.post(place, {**wish, "_again": "1"})
    assert answer.context_data["parts"] is None and "_store" not in answer.content.decode()
    form = answer.context_data["form"]
    assert form["house_rules"].value() == "Be quick." and form["reason"].value() == "a test"
    assert f'<option value="{wish["owner_teams"][0]}" selected>' in answer.content.decode()
    assert not BulkChange.objects.exists()


def test_a_field_is_emptied_by_saying_so(mara: Client, world: World) -> None:
    place = f"{LIST}several/?ids={world.mine.pk}"
    mara.post(place, {"empty": ["owner_teams"], "_store": "1"})
    assert not world.mine.owner_teams.exists()
    text = mara.post(place, {"empty": ["owner_teams"]}).content.decode()
    assert "Nothing would change." in text


def test_a_value_that_cannot_be_is_told_beside_it_before_anything_is_stored(
    mara: Client, world: World
) -> None:
    place = f"{LIST}several/?ids={world.mine.pk}"
    for deed in ({}, {"_store": "1"}):
        form = mara.post(place, {"zone": "Mars/X", **deed}).context_data["form"]
        assert [text[:25] for text in form.errors["zone"]] == ["Unknown time zone 'Mars/X"]
        assert form["zone"].value() == "Mars/X"
    assert not BulkChange.objects.exists()


def test_who_may_not_change_rows_changes_none(anton: Client, vera: Client, world: World) -> None:
    for client in (anton, vera):
        place = f"{LIST}several/?ids={world.mine.pk}"
        assert client.post(place, {"on_status": "no", "_store": "1"}).status_code == 403
        assert client.get("/admin/licenses/bulkchange/").status_code == 403
    assert LicensePool.objects.filter(on_status=True).count() == 2


def test_the_api_does_the_same(world: World, account: Callable[..., User]) -> None:
    api: Any = APIClient()
    api.force_authenticate(account("max", "manager"))
    place = "/api/v1/changes-of-several/"
    wish = {
        "kind": "pools",
        "ids": [world.mine.pk, world.other.pk],
        "changes": {"owner_teams": [], "house_rules": "Be quick."},
    }
    told = api.post(f"{place}preview/", wish, format="json").json()
    assert {part["field"] for part in told} == {"owner_teams", "house_rules"}
    made = api.post(place, wish, format="json")
    assert made.status_code == 201, made.content
    assert LicensePool.objects.filter(house_rules="Be quick.").count() == 2
    assert api.post(f"{place}{made.json()['id']}/undo/").status_code == 200
    assert not LicensePool.objects.exclude(house_rules="").exists()
    for wrong in ({"ids": [999_999]}, {"changes": {"name": "x"}}, {"changes": {"product": "x"}}):
        assert api.post(place, wish | wrong, format="json").status_code == 400
    api.force_authenticate(account("vic", "viewer"))
    assert api.post(place, wish, format="json").status_code == 403


def test_entitlements_are_replaced_by_lines_with_a_reason(
    mara: Client, anton: Client, world: World, account: Callable[..., User]
) -> None:
    line = Entitlement.objects.filter(pool=world.mine).get()
    place = f"/admin/licenses/entitlement/several/?ids={line.pk}"
    assert anton.get(place).status_code == 403
    sent = mara.post(
        "/admin/licenses/entitlement/",
        {"action": "change_several", "_selected_action": [line.pk]},
    )
    assert sent["Location"] == place
    wish = {"purchase_order": "PO 7", "_store": "1"}
    assert mara.post(place, wish).status_code == 200  # without a reason
    assert Entitlement.objects.filter(pool=world.mine).count() == 1
    page = mara.post(place, wish | {"reason": "New order"}, follow=True).content.decode()
    assert "1 row was changed." in page and "Undo" in page
    copy = Entitlement.objects.get(replaces=line)
    assert (copy.purchase_order, copy.reason) == ("PO 7", "New order")
    api: Any = APIClient()
    api.force_authenticate(account("max", "manager"))
    wanted = {"kind": "entitlements", "ids": [copy.pk], "changes": {"unit_price": "3.50"}}
    place = "/api/v1/changes-of-several/"
    assert api.post(place, wanted, format="json").status_code == 400
    made = api.post(place, wanted | {"reason": "Invoice"}, format="json")
    assert made.status_code == 201, made.content
    assert api.post(f"{place}{made.json()['id']}/undo/").status_code == 200
