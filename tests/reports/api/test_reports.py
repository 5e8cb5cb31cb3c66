"""Reports over HTTP: accepted, looked at, fetched; and nobody sees what is not theirs."""

from __future__ import annotations

import json
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import Group, Permission
from django.utils import timezone
from jsonschema import Draft202012Validator
from rest_framework.test import APIClient

from licenses.evidence import entries
from reports import delivery
from reports.api import views
from reports.models import Report
from tests import factories as f
from tests.schemas import closed_schema


@pytest.fixture(autouse=True)
def handed(monkeypatch, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    found: list[int] = []
    monkeypatch.setattr(views, "nudge", lambda _task, *ids: found.extend(ids))
    return found


def client_of(user):
    client = APIClient()
    client.force_authenticate(user)
    return client


@pytest.fixture
def auditor(world, django_user_model):
    user = django_user_model.objects.create_user("auditor")
    user.groups.add(Group.objects.get(name="auditor"))
    f.scope_of(user).vendors.add(world.pool.product.vendor)
    return user


def ask(client, **values):
    body = {"name": "compliance", "start": "2025-11-01", "end": "2026-11-01", **values}
    return client.post("/api/v1/reports/", body, format="json")


def test_a_report_is_accepted_built_and_fetched(world, admin_user, handed):
    client = client_of(admin_user)
    answer = ask(client, pools=[world.pool.pk], zone="Europe/Berlin")
    assert answer.status_code == 202, answer.json()
    place = answer["Location"]
    assert client.get(place).json()["state"] == "waiting"
    assert client.get(f"{place}file/").status_code == 404
    assert handed == [answer.json()["id"]]
    delivery.build(handed[0])
    assert client.get(place).json()["data"]["verdict"] == "over_use"
    file = client.get(f"{place}file/")
    assert file["Content-Type"] == "application/pdf"
    assert b"".join(file.streaming_content).startswith(b"%PDF")
    numbers = client.get(f"{place}numbers/")
    assert numbers["Content-Type"] == "application/json"
    assert b"".join(numbers.streaming_content).startswith(b"{")  # and the file is closed


@pytest.mark.parametrize("name", ["compliance", "audit"])
def test_its_row_and_its_numbers_have_the_shape_that_the_schema_tells(
    world, admin_user, handed, name
):
    client = client_of(admin_user)
    about = {"about": {"nda": "N-7"}} if name == "audit" else {}
    place = ask(client, name=name, vendor=world.pool.product.vendor.pk, **about)["Location"]
    schema = closed_schema()
    for built in (False, True):
        if built:
            delivery.build(handed[0])
            numbers = b"".join(client.get(f"{place}numbers/").streaming_content)
            assert wrong(schema, "numbers/", json.loads(numbers)) == []
        assert wrong(schema, "", client.get(place).json()) == []


def wrong(schema, place, found):
    told = schema["paths"][f"/api/v1/reports/{{id}}/{place}"]["get"]["responses"]["200"]
    shape = told["content"]["application/json"]["schema"]
    rules = Draft202012Validator(shape | {"components": schema["components"]})
    return [f"{error.json_path}: {error.message[:200]}" for error in rules.iter_errors(found)]


@pytest.mark.parametrize(
    "values",
    [{}, {"pools": []}, {"vendor": 0}, {"end": "2025-11-01"}, {"zone": "x"}, {"name": "y"}],
    ids=str,
)
def test_what_makes_no_report_is_refused(world, admin_user, values):
    whole = {"pools": [world.pool.pk]} if values.keys() & {"end", "zone", "name"} else {}
    assert ask(client_of(admin_user), **whole, **values).status_code == 400
    assert not Report.objects.exists()


def test_a_period_that_has_not_begun_is_refused_beside_its_start(world, admin_user):
    begins = timezone.localdate() + timedelta(days=3)
    span = {"start": str(begins), "end": str(begins + timedelta(days=30)), "zone": "UTC"}
    answer = ask(client_of(admin_user), pools=[world.pool.pk], **span)
    assert answer.status_code == 400
    (error,) = answer.json()["errors"]
    assert error["attr"] == "start" and f"begins on {begins}" in error["detail"]
    assert not Report.objects.exists()


def test_a_period_that_goes_on_is_collecting(world, admin_user, handed):
    today = timezone.localdate()
    span = {"start": str(today - timedelta(days=3)), "end": str(today + timedelta(days=30))}
    answer = ask(client_of(admin_user), pools=[world.pool.pk], **span, zone="UTC")
    assert (answer.status_code, answer.json()["stage"]) == (202, "collecting")


def test_who_may_ask_reports_on_what_is_in_scope_only(world, auditor):
    auditor.user_permissions.add(Permission.objects.get(codename="add_report"))
    other = f.PoolFactory(name="Other")
    client = client_of(auditor)
    assert ask(client, pools=[other.pk]).status_code == 400
    assert ask(client, vendor=other.product.vendor.pk).status_code == 400
    assert ask(client, vendor=world.pool.product.vendor.pk).status_code == 202


def test_an_auditor_reads_and_asks_for_none(world, auditor):
    client = client_of(auditor)
    assert ask(client, pools=[world.pool.pk]).status_code == 403
    span = f.at("2025-11-01"), f.at("2026-11-01"), ZoneInfo("UTC")
    report = delivery.request_report("compliance", [world.pool], *span, auditor)
    assert client.post(f"/api/v1/reports/{report.pk}/versions/").status_code == 403
    assert Report.objects.get() == report


def test_reports_of_others_and_of_pools_out_of_scope_are_not_seen(world, auditor, admin_user):
    auditor.user_permissions.add(Permission.objects.get(codename="add_report"))
    ask(client_of(admin_user), pools=[world.pool.pk])
    client = client_of(auditor)
    assert client.get("/api/v1/reports/").json()["results"] == []
    mine = ask(client, pools=[world.pool.pk])["Location"]
    assert client.get(mine).status_code == 200
    auditor.scope.vendors.clear()
    assert client.get(mine).status_code == 404
    assert client.get(f"{mine}file/").status_code == 404


def test_without_a_role_or_a_name_nobody_asks(world, django_user_model):
    nobody = django_user_model.objects.create_user("nobody")
    assert ask(client_of(nobody), pools=[world.pool.pk]).status_code == 403
    assert ask(APIClient(), pools=[world.pool.pk]).status_code == 401


def test_the_admin_lists_reports_and_hands_out_the_file(world, admin_client, admin_user, handed):
    ask(client_of(admin_user), pools=[world.pool.pk])
    assert b"Waiting" in admin_client.get("/admin/reports/report/").content
    delivery.build(handed[0])
    page = admin_client.get("/admin/reports/report/").content
    place = f"/admin/reports/report/{handed[0]}/file/"
    assert place.encode() in page
    assert b"Over-use" in page
    assert list(entries.entries("installation")) == []
    assert b"".join(admin_client.get(place).streaming_content).startswith(b"%PDF")
    numbers = client_of(admin_user).get(f"/api/v1/reports/{handed[0]}/numbers/")
    assert b"".join(numbers.streaming_content).startswith(b"{")
    taken = [entry["body"] for entry in entries.entries("installation")]
    assert [(row["what"], row["report"], row["who"]) for row in taken] == [
        ("PDF of a report", handed[0], "admin"),
        ("numbers of a report", handed[0], "admin"),
    ]
    assert admin_client.get(f"/admin/reports/report/{handed[0]}/change/").status_code == 200
