"""Reports and packs show how far they are while somebody looks on, and hand their files out."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace

import pytest
from django.urls import reverse

from reports.models import EvidencePack, Report


@pytest.fixture(params=["report", "evidencepack"])
def running(request, world, settings, tmp_path):
    """A row that is at 40 %, and the names of its pages."""
    settings.MEDIA_ROOT = tmp_path
    if request.param == "report":
        params = {"start": 0, "end": 86_400, "zone": "UTC", "scope": "Solver"}
        row = Report.objects.create(name="compliance", params=params, as_of="2026-11-24T00:00Z")
        row.pools.set([world.pool])
    else:
        row = EvidencePack.objects.create(
            vendor=world.pool.product.vendor, first=date(2026, 1, 1), end=date(2026, 2, 1)
        )
    type(row).objects.filter(pk=row.pk).update(state="running", progress=40)

    def place(name):
        return reverse(f"admin:reports_{request.param}_{name}", args=[row.pk])

    return SimpleNamespace(row=row, place=place, rows=type(row).objects.filter(pk=row.pk))


def test_a_page_of_what_is_being_made_asks_how_far_it_is(running, admin_client):
    text = admin_client.get(running.place("change")).content.decode()
    assert f'data-live-job="{running.place("progress")}"' in text and "Running, 40 %" in text
    found = admin_client.get(running.place("progress")).json()
    assert found == {"state": "Running", "progress": 40, "done": False}


def test_what_is_being_made_is_not_ready_to_sign(admin_client, world):
    params = {"start": 0, "end": 86_400 * 31, "zone": "Europe/Berlin", "scope": "Solver"}
    row = Report.objects.create(name="compliance", params=params, as_of="2026-11-24T00:00Z")
    row.pools.set([world.pool])
    place = reverse("admin:reports_report_change", args=[row.pk])
    text = admin_client.get(place).text
    assert "Ready to sign" not in text
    assert "1 Jan 1970 to 1 Feb 1970, days of Europe/Berlin" in text and world.pool.name in text
    Report.objects.filter(pk=row.pk).update(state="done", sha256="a" * 64, data_sha256="b" * 64)
    assert "Ready to sign" in admin_client.get(place).text


def test_it_says_when_that_is_over_and_why_it_failed(running, admin_client):
    running.rows.update(state="failed", error="<b>no ink</b>")
    assert admin_client.get(running.place("progress")).json()["done"] is True
    text = admin_client.get(running.place("change")).content.decode()
    assert "&lt;b&gt;no ink&lt;/b&gt;" in text and "data-live-job" not in text


def test_a_file_that_is_not_there_is_not_found(running, admin_client):
    assert admin_client.get(running.place("file")).status_code == 404


def test_strangers_learn_nothing_of_it(running, client, django_user_model):
    client.force_login(django_user_model.objects.create_user("other", is_staff=True))
    for name in ("progress", "file"):
        assert client.get(running.place(name)).status_code == 404
