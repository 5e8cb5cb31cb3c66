"""Asking for an audit report through the doors: the API and the admin's page give the same row."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group
from rest_framework.test import APIClient

from reports import delivery
from reports.admin import asking
from reports.api import views
from reports.models import Report
from tests import factories as f

PAGE = "/admin/reports/report/audit/"
SAID = {"nda": "N-7", "recipients": "A. Auditor\nB. Controller"}


@pytest.fixture(autouse=True)
def handed(monkeypatch, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    found: list[int] = []
    for module in (views, asking):
        monkeypatch.setattr(module, "nudge", lambda _task, *ids: found.extend(ids))
    return found


def over_http(user, **values):
    client = APIClient()
    client.force_authenticate(user)
    body = {"name": "audit", "start": "2025-11-01", "end": "2026-11-01", **values}
    return client.post("/api/v1/reports/", body, format="json")


def on_the_page(client, world, **values):
    body = {"vendor": world.pool.product.vendor.pk, "first": "2025-11-01", "end": "2026-11-01"}
    return client.post(PAGE, {**body, "zone": "UTC", **values})


def test_both_doors_give_the_same_request(world, admin_client, admin_user, handed):
    vendor = world.pool.product.vendor.pk
    assert over_http(admin_user, vendor=vendor, about=SAID).status_code == 202
    assert on_the_page(admin_client, world, **SAID).status_code == 302
    page, api = Report.objects.order_by("-pk")
    assert handed == [api.pk, page.pk]
    assert page.params["about"].items() == {"nda": "N-7", "recipients": SAID["recipients"]}.items()
    assert api.params == page.params
    assert api.scope_key == page.scope_key


def test_the_report_is_built_and_its_row_stays_small(world, admin_user, handed):
    over_http(admin_user, vendor=world.pool.product.vendor.pk, about=SAID)
    delivery.build(handed[0])
    report = Report.objects.get()
    assert (report.state, report.error) == ("done", "")
    assert report.data["report"] == "audit"
    assert report.data["positions"][0]["peak"] == 3
    assert not {"audit", "pools", "changes"} & report.data.keys()


def test_pools_of_two_vendors_are_refused(world, admin_user):
    pools = [world.pool.pk, f.PoolFactory().pk]
    answer = over_http(admin_user, pools=pools)
    assert answer.status_code == 400
    assert "about one vendor" in answer.content.decode()


def test_an_occasion_has_no_place_in_a_compliance_report(world, admin_user):
    answer = over_http(admin_user, name="compliance", pools=[world.pool.pk], about=SAID)
    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"zone": "Mars/North"}, "Unknown time zone"),
        ({"end": "2025-11-01"}, "it is exclusive"),
        ({"first": "2099-11-01", "end": "2099-12-01"}, "begins on 2099-11-01"),
        ({"vendor": "0"}, "Select a valid choice"),
    ],
    ids=["zone", "span", "future", "vendor"],
)
def test_the_page_says_what_is_wrong_beside_the_field(world, admin_client, values, words):
    answer = on_the_page(admin_client, world, **values)
    assert answer.status_code == 200
    assert words in answer.content.decode()
    assert not Report.objects.exists()


def test_a_vendor_without_a_pool_in_sight_is_refused(world, admin_client):
    empty = f.VendorFactory()
    answer = on_the_page(admin_client, world, vendor=empty.pk)
    assert "about one" in answer.content.decode() or "at least one pool" in answer.content.decode()


def test_the_page_offers_the_vendors_in_scope_only(world, client, django_user_model):
    f.PoolFactory(product__vendor__name="Rival")
    user = django_user_model.objects.create_user("lead", is_staff=True)
    user.groups.add(Group.objects.get(name="manager"))
    client.force_login(user)
    assert b"Rival" in client.get(PAGE).content
    user.groups.set([Group.objects.get(name="auditor")])
    f.scope_of(user).vendors.add(world.pool.product.vendor)
    answer = client.get(PAGE)
    assert answer.status_code == 403 or b"Rival" not in answer.content


def test_the_list_leads_to_the_page(world, admin_client):
    assert PAGE.encode() in admin_client.get("/admin/reports/report/").content
