"""With the broker's socket gone, or the worker dead, every page says so and goes on working."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from celery import current_app
from django.core.cache import caches
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from licenses.models import ConnectionCheck, Contract, Heartbeat, ImportJob, LicenseServer
from licenses.overview import installation
from reports.models import Report

from .conftest import World

SOCKET = "/nonexistent/valkey.sock"
SAID = "The broker does not answer (ConnectionError)"


@pytest.fixture
def broker_away(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let broker and cache be at a socket that is not there."""
    url = f"redis+socket://{SOCKET}?virtual_host=0"
    settings.CELERY_BROKER_URL = url
    settings.CACHES = {
        "default": {
            "BACKEND": "itam.cache.PatientRedisCache",
            "LOCATION": f"unix://{SOCKET}?db=1",
        }
    }
    caches.close_all()
    monkeypatch.setattr(current_app.conf, "broker_url", url)
    monkeypatch.setattr(current_app, "_pool", None)
    monkeypatch.setattr(current_app.amqp, "_producer_pool", None)
    Heartbeat.objects.create(name="worker", at=timezone.now())
    installation.forget()


def pages(world: World) -> list[str]:
    return [
        "/admin/",
        reverse("admin:licenses_licensepool_changelist"),
        reverse("admin:licenses_licensepool_overview", args=[world.mine.pk]),
        reverse("admin:licenses_licensepool_change", args=[world.mine.pk]),
        reverse("admin:licenses_licenseserver_overview", args=[world.server.pk]),
        reverse("admin:licenses_contract_changelist"),
        reverse("admin:licenses_entitlement_add"),
        reverse("admin:licenses_alertrule_changelist"),
        reverse("admin:reports_report_changelist"),
        reverse("admin:set-up-step", args=["server"]),
    ]


def test_every_page_says_that_the_broker_is_away(
    mara: Client, world: World, broker_away: None
) -> None:
    for path in pages(world):
        answer = mara.get(path)
        assert answer.status_code == 200, path
        assert SAID in answer.content.decode(), path
    assert mara.get("/api/v1/overview/").json()["stopped"][0].startswith(SAID)
    assert SAID in mara.get(reverse("admin:live-installation")).content.decode()


def test_every_page_says_that_the_worker_is_dead(mara: Client, world: World) -> None:
    Heartbeat.objects.create(name="worker", at=timezone.now() - timedelta(minutes=12))
    installation.forget()
    for path in pages(world):
        assert "The worker stands still" in mara.get(path).content.decode(), path


def test_nothing_is_said_where_all_runs(mara: Client, world: World) -> None:
    Heartbeat.objects.create(name="worker", at=timezone.now())
    installation.forget()
    for path in pages(world):
        text = mara.get(path).content.decode()
        assert "stands still" not in text and "does not answer" not in text, path


def test_what_is_asked_for_waits_on_record(
    mara: Client, world: World, broker_away: None, settings: Any, tmp_path: Path
) -> None:
    settings.MEDIA_ROOT = tmp_path
    LicenseServer.objects.filter(pk=world.server.pk).update(polling="tool", address="1@h")
    server = [world.server.pk]
    log = SimpleUploadedFile("a.log", b'10:00:00 (acmed) OUT: "F1" ann@pc1  \n')
    place = reverse("admin:licenses_licenseserver_hand_in", args=server)
    mara.post(place, {"file": log, "format": "", "date": "2026-01-05"})
    assert ImportJob.objects.get().state == "waiting"
    answer = mara.post(reverse("admin:licenses_licenseserver_test", args=server), follow=True)
    assert "waiting for a worker" in answer.content.decode()
    assert ConnectionCheck.objects.get().state == "waiting"
    mara.post(
        reverse("admin:licenses_licensepool_report", args=[world.mine.pk]),
        {"from": "2026-01-01", "to": "2026-02-01"},
    )
    assert Report.objects.get().state == "waiting"


def test_what_is_on_record_can_be_changed(mara: Client, world: World, broker_away: None) -> None:
    row = Contract.objects.get(number="Mine-1")
    data = {
        "vendor": row.vendor_id, "number": "Mine-1", "title": "Renamed", "currency": "EUR",
        "notice_days": "0",
    }  # fmt: skip
    page = mara.get(reverse("admin:licenses_contract_change", args=[row.pk]))
    for form in page.context["inline_admin_formsets"]:
        data |= {
            f"{form.formset.prefix}-{name}": value
            for name, value in form.formset.management_form.initial.items()
        }
    answer = mara.post(reverse("admin:licenses_contract_change", args=[row.pk]), data)
    assert answer.status_code == 302, answer.content.decode()[:2000]
    row.refresh_from_db()
    assert row.title == "Renamed"


def test_people_are_told_on_the_status_page(mara: Client, world: World, broker_away: None) -> None:
    text = mara.get(reverse("portal:status")).content.decode()
    assert "A part of this system stands still" in text
    assert "ConnectionError" not in text
