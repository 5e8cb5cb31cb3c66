"""The way back in the message bar, and the same over the API."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from licenses.importing.edits import values
from licenses.models import (
    AlertRule,
    Channel,
    Contract,
    DirtySpan,
    EscalationStep,
    Feature,
    LicensePool,
    RowChange,
    SavedFilter,
    Silence,
    UndoStep,
)
from tests.factories import FeatureFactory

from .conftest import World


@pytest.fixture
def told(mara: Client, world: World) -> str:
    """What a manager sees who has just ignored a feature."""
    feature = FeatureFactory(server=world.server, name="NEW")
    place = reverse("admin:licenses_licenseserver_map_feature", args=[world.server.pk])
    data = {"feature": feature.pk, "deed": "ignore"}
    return mara.post(place, data, follow=True).content.decode()


def test_the_message_brings_the_way_back(mara: Client, told: str) -> None:
    step = UndoStep.objects.get()
    form = re.search(rf'<form method="post" action="/admin/undo/{step.pk}/">.*?</form>', told, re.S)
    assert form is not None and "csrfmiddlewaretoken" in form[0]
    place = re.search(r'name="next" value="([^"]+)"', form[0])
    assert place is not None
    answer = mara.post(f"/admin/undo/{step.pk}/", {"next": place[1]}, follow=True)
    assert answer.redirect_chain[0][0] == place[1]
    assert "It is as it was before." in answer.content.decode()
    assert Feature.objects.unmapped().filter(name="NEW").exists()
    again = mara.post(f"/admin/undo/{step.pk}/", {"next": place[1]}, follow=True)
    assert "undone already" in again.content.decode()


@pytest.mark.parametrize(
    "place", ["https://evil.example/", "//evil.example/", "evil", "/\\evil.example"]
)
def test_it_leads_to_no_other_host(mara: Client, told: str, place: str) -> None:
    answer = mara.post(f"/admin/undo/{UndoStep.objects.get().pk}/", {"next": place})
    assert answer["Location"] == "/"


def test_a_link_undoes_nothing_and_others_find_nothing(
    mara: Client, root: Client, told: str
) -> None:
    place = f"/admin/undo/{UndoStep.objects.get().pk}/"
    assert mara.get(place).status_code == 405
    assert root.post(place).status_code == 404
    assert Client(enforce_csrf_checks=True).post(place).status_code == 403
    assert UndoStep.objects.get().used_at is None


def test_a_deleted_filter_is_offered_back(mara: Client, world: World) -> None:
    row = SavedFilter.objects.create(
        owner=User.objects.get(username="mara"), page="licenses.vendor", name="V", query="q=a"
    )
    place = f"/admin/licenses/savedfilter/{row.pk}/delete/"
    text = mara.post(place, {"post": "yes"}, follow=True).content.decode()
    step = UndoStep.objects.get()
    assert f"/admin/undo/{step.pk}/" in text and "“V” was deleted" in text
    mara.post(f"/admin/undo/{step.pk}/")
    assert SavedFilter.objects.get().name == "V"


def test_the_api_tells_what_can_be_taken_back_and_does_it(mara: Client, told: str) -> None:
    api = APIClient()
    api.force_authenticate(User.objects.get(username="mara"))
    (row,) = api.get("/api/v1/undo-steps/").json()["results"]
    assert (row["kind"], row["words"]) == ("feature-ignored", "Feature ignored")
    assert api.post(f"/api/v1/undo-steps/{row['id']}/take-back/").status_code == 200
    assert Feature.objects.unmapped().filter(name="NEW").exists()
    assert api.get("/api/v1/undo-steps/").json()["results"] == []
    assert api.post(f"/api/v1/undo-steps/{row['id']}/take-back/").status_code == 404


def form_of(client: Client, row: Any) -> tuple[str, dict[str, Any]]:
    """Return the address of a row's form, and what it sends where nothing was typed."""
    meta = row._meta
    path = reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[row.pk])
    context = client.get(path).context
    forms = [context["adminform"].form]
    for part in context["inline_admin_formsets"]:
        forms += [part.formset.management_form, *part.formset.forms]
    sent: dict[str, Any] = {}
    for form in forms:
        for field in form:
            value = field.value()
            widget = getattr(field.field.widget, "widget", field.field.widget)
            if hasattr(widget, "decompress") and not isinstance(value, list):
                for place, part in enumerate(widget.decompress(value)):
                    sent[f"{field.html_name}_{place}"] = "" if part is None else part
            elif value is not None and value is not False:
                sent[field.html_name] = value
    return path, sent


def save(client: Client, row: Any, **typed: Any) -> str:
    path, sent = form_of(client, row)
    answer = client.post(path, sent | typed, follow=True)
    assert answer.redirect_chain, answer.context["errors"]
    return str(answer.content.decode())


@pytest.fixture
def rows(world: World) -> dict[str, Any]:
    rule = AlertRule.objects.create(name="Full", kind="use_percent", threshold=90)
    rule.channels.add(Channel.objects.get())
    return {
        "contract": Contract.objects.get(number="Mine-1"),
        "pool": world.mine,
        "rule": rule,
        "team": world.team,
        "silence": Silence.objects.create(
            rule=rule,
            reason="works",
            starts_at="2026-11-24T10:00Z",
            ends_at="2026-11-24T12:00Z",
        ),
        "product": world.mine.product,
        "vendor": world.vendor,
    }


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("contract", {"owner": "Ann", "notice_days": 30, "valid_to": "2027-01-31"}),
        ("pool", {"owner_teams": [], "on_status": "", "house_rules": "Be quick."}),
        ("rule", {"threshold": 80, "channels": []}),
        ("team", {"name": "Other name", "cost_center": "4711"}),
        ("silence", {"reason": "more works", "ends_at_1": "13:00:00"}),
        ("product", {"category": "CAD"}),
        ("vendor", {"name": "Renamed", "website": "https://vendor.example"}),
    ],
)
def test_what_was_saved_in_a_form_is_taken_back_wholly(
    mara: Client, rows: dict[str, Any], name: str, typed: dict[str, Any]
) -> None:
    row = rows[name]
    row.refresh_from_db()
    names = [each.removesuffix("_1") for each in typed]
    before = values(row, names)
    text = save(mara, row, **typed)
    row.refresh_from_db()
    after, step = values(row, names), UndoStep.objects.get()
    assert before is not None and after is not None
    assert [key for key in names if before[key] == after[key]] == []
    assert f"/admin/undo/{step.pk}/" in text
    told = RowChange.objects.filter(row=row.pk).count()
    answer = mara.post(f"/admin/undo/{step.pk}/", follow=True).content.decode()
    assert "It is as it was before." in answer
    row.refresh_from_db()
    assert values(row, names) == before
    if name != "silence":
        assert RowChange.objects.filter(row=row.pk).count() > told  # it is a change itself
    newest = LogEntry.objects.order_by("-pk").first()
    assert newest is not None and str(newest.user) == "mara" and newest.object_id == str(row.pk)


def test_hours_are_counted_again_as_with_the_form(mara: Client, rows: dict[str, Any]) -> None:
    pool = rows["pool"]
    save(mara, pool, episode_gap_minutes=20)
    DirtySpan.objects.all().delete()
    mara.post(f"/admin/undo/{UndoStep.objects.get().pk}/")
    pool.refresh_from_db()
    assert pool.episode_gap_minutes == 15 and DirtySpan.objects.filter(pool=pool).exists()


def test_what_somebody_changed_since_stays(mara: Client, rows: dict[str, Any]) -> None:
    contract = rows["contract"]
    save(mara, contract, owner="Ann", notice_days=30)
    Contract.objects.filter(pk=contract.pk).update(owner="Bob")
    text = mara.post(f"/admin/undo/{UndoStep.objects.get().pk}/", follow=True).content.decode()
    assert "Something else changed it since" in text
    contract.refresh_from_db()
    assert (contract.owner, contract.notice_days) == ("Bob", 30)


def test_who_may_not_change_it_any_more_takes_nothing_back(
    mara: Client, rows: dict[str, Any]
) -> None:
    save(mara, rows["contract"], owner="Ann")
    User.objects.get(username="mara").groups.clear()
    assert mara.post(f"/admin/undo/{UndoStep.objects.get().pk}/").status_code == 403
    assert Contract.objects.get(number="Mine-1").owner == "Ann"


def test_nothing_is_offered_where_not_all_could_be_taken_back(
    mara: Client, rows: dict[str, Any]
) -> None:
    save(mara, rows["contract"])  # nothing changed
    save(mara, Channel.objects.get(), name="Other")  # it holds a secret
    rule = rows["rule"]
    step = EscalationStep.objects.create(rule=rule, step=1, channel=Channel.objects.get())
    save(mara, rule, threshold=70, **{"escalation-0-wait_minutes": 5})  # rows below it
    step.refresh_from_db()
    assert step.wait_minutes == 5
    assert not UndoStep.objects.exists()


def test_a_pool_and_its_mappings_saved_in_one_form_are_taken_back_together(
    mara: Client, rows: dict[str, Any]
) -> None:
    pool = rows["pool"]
    row = pool.mappings.get()
    typed = {"house_rules": "Be quick.", "mappings-0-weight": 3}
    why = {"mappings-0-code": "other", "mappings-0-reason": "Counted twice."}
    text = save(mara, pool, **typed, **why)
    pool.refresh_from_db()
    row.refresh_from_db()
    step = UndoStep.objects.get()
    assert (pool.house_rules, row.weight) == ("Be quick.", 3)
    assert f"/admin/undo/{step.pk}/" in text
    mara.post(f"/admin/undo/{step.pk}/")
    pool.refresh_from_db()
    row.refresh_from_db()
    assert (pool.house_rules, row.weight) == ("", 1)


def test_neither_is_taken_back_where_one_of_them_changed_since(
    mara: Client, rows: dict[str, Any]
) -> None:
    pool = rows["pool"]
    why = {"mappings-0-code": "other", "mappings-0-reason": "Counted twice."}
    save(mara, pool, house_rules="Be quick.", **{"mappings-0-weight": 3}, **why)
    LicensePool.objects.update(house_rules="Be slow.")
    text = mara.post(f"/admin/undo/{UndoStep.objects.get().pk}/", follow=True).content.decode()
    assert "Something else changed it since" in text
    assert pool.mappings.get().weight == 3
