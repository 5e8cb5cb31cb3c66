"""Signing through the doors: the admin's pages and the API, with errors beside their fields."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import Group
from rest_framework.test import APIClient

from reports import delivery
from reports.admin import reports as admin_module
from reports.api import views
from reports.models import Report
from tests.reports.conftest import END, START

PASSWORD = "a long password"


@pytest.fixture(autouse=True)
def handed(monkeypatch, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    found: list[int] = []
    for module in (views, admin_module):
        monkeypatch.setattr(module, "nudge", lambda _task, *ids: found.extend(ids))
    return found


def manager(django_user_model, name):
    user = django_user_model.objects.create_user(name, password=PASSWORD, is_staff=True)
    user.groups.add(Group.objects.get(name="manager"))
    return user


@pytest.fixture
def boss(django_user_model):
    return manager(django_user_model, "boss")


@pytest.fixture
def report(world, django_user_model):
    author = manager(django_user_model, "author")
    asked = delivery.request_report("compliance", [world.pool], START, END, ZoneInfo("UTC"), author)
    delivery.build(asked.pk)
    return asked


@pytest.fixture
def place(client, boss, report):
    client.force_login(boss)
    return lambda step: f"/admin/reports/report/{report.pk}/{step}/"


def over_http(user, report, step, **values):
    client = APIClient()
    client.force_authenticate(user)
    return client.post(f"/api/v1/reports/{report.pk}/{step}/", values, format="json")


def decision(report):
    return Report.objects.values_list("decision", flat=True).get(pk=report.pk)


def test_a_manager_signs_a_colleagues_report_in_the_admin(client, place, report):
    change = f"/admin/reports/report/{report.pk}/change/"
    assert place("sign") in client.get(change).content.decode()
    assert b'type="password"' in client.get(place("sign")).content
    answer = client.post(place("sign"), {"comment": "Seen.", "password": PASSWORD}, follow=True)
    assert answer.status_code == 200
    assert decision(report) == "signed"
    shown = answer.content.decode()
    assert "by boss (manager)." in shown and "never changed again" in shown
    assert place("sign") not in shown


@pytest.mark.parametrize(
    ("step", "values", "field", "words"),
    [
        ("sign", {"comment": "Seen.", "password": "wrong"}, "password", "own password"),
        ("sign", {"comment": "Seen."}, "password", "required"),
        ("reject", {"comment": "", "password": PASSWORD}, "comment", "say why"),
    ],
)
def test_the_page_says_beside_the_field_what_is_missing(
    client, place, report, step, values, field, words
):
    answer = client.post(place(step), values)
    assert answer.status_code == 200
    assert words in " ".join(answer.context["form"].errors[field])
    assert decision(report) == ""


def test_nobody_signs_their_own_report_in_the_admin(client, report):
    client.force_login(report.requested_by)
    answer = client.post(
        f"/admin/reports/report/{report.pk}/sign/", {"comment": "Fine.", "password": PASSWORD}
    )
    assert "prepared" in " ".join(answer.context["form"].non_field_errors())
    assert decision(report) == ""


def test_who_prepared_a_report_reads_why_no_button_signs_it(client, place, report):
    page, sign = f"/admin/reports/report/{report.pk}/change/", place("sign")
    assert sign in client.get(page).text
    client.force_login(report.requested_by)
    text = client.get(page).text
    assert sign not in text and "ask somebody else" in text


def test_an_auditor_finds_no_page_to_sign_on(client, report, django_user_model):
    user = django_user_model.objects.create_user("auditor", is_staff=True, password=PASSWORD)
    user.groups.add(Group.objects.get(name="auditor"))
    client.force_login(user)
    assert client.get(f"/admin/reports/report/{report.pk}/sign/").status_code == 403
    answer = over_http(user, report, "sign", password=PASSWORD, comment="x")
    assert answer.status_code == 403
    assert decision(report) == ""


def test_the_admin_makes_a_new_version(client, place, report, handed):
    assert client.get(place("version")).status_code == 403
    client.post(place("version"))
    newer = Report.objects.get(supersedes=report)
    assert handed == [newer.pk]
    shown = client.get(f"/admin/reports/report/{report.pk}/change/").content.decode()
    assert "A newer version" in shown and place("version") not in shown


def test_the_api_reviews_signs_and_makes_a_new_version(report, boss, django_user_model, handed):
    third = manager(django_user_model, "third")
    answer = over_http(third, report, "review", password=PASSWORD)
    assert answer.status_code == 200, answer.json()
    answer = over_http(boss, report, "sign", password=PASSWORD, comment="Seen.")
    assert answer.status_code == 200, answer.json()
    body = answer.json()
    assert (body["stage"], body["version"]) == ("signed", 1)
    assert [(row["step"], row["name"]) for row in body["sign_offs"]] == [
        ("reviewed", "third"),
        ("approved", "boss"),
    ]
    answer = over_http(boss, report, "versions")
    assert answer.status_code == 202
    assert (answer.json()["version"], answer.json()["supersedes"]) == (2, report.pk)
    assert handed == [answer.json()["id"]]


def test_the_api_names_the_field_that_is_refused(report, boss):
    answer = over_http(boss, report, "sign", password="wrong", comment="Seen.")
    assert answer.status_code == 400
    assert [row["attr"] for row in answer.json()["errors"]] == ["password"]
    answer = over_http(boss, report, "reject", password=PASSWORD)
    assert [row["attr"] for row in answer.json()["errors"]] == ["comment"]
    assert decision(report) == ""


def test_the_list_asks_as_often_for_many_reports_as_for_one(
    report, boss, world, django_assert_num_queries
):
    client = APIClient()
    client.force_authenticate(boss)
    client.get("/api/v1/reports/")
    for _ in range(3):
        delivery.request_report(
            "compliance", [world.pool], START, END, ZoneInfo("UTC"), boss, scope="x"
        )
    with django_assert_num_queries(2):
        assert len(client.get("/api/v1/reports/").json()["results"]) == 4
