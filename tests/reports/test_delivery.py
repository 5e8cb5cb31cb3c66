"""A report is built by one at a time, whole or not at all, and given up after three attempts."""

from __future__ import annotations

import hashlib
import io
import json
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone
from django.utils.translation import override
from pypdf import PdfReader

from itam.said import again
from licenses.models import LegalHold, OverUseNote, StrengthOverride, correct_entitlement
from reports import delivery, tasks
from reports.datasets.plain import plain
from reports.models import Report
from tests.factories import EntitlementFactory, at
from tests.reports.conftest import END, START
from tests.unguarded import unguarded

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture
def media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


@pytest.fixture
def report(world, media, django_user_model):
    user = django_user_model.objects.create_superuser("boss")
    zone = ZoneInfo("UTC")
    return delivery.request_report("compliance", [world.pool], START, END, zone, user, as_of=NOW)


def test_a_report_is_built_with_its_numbers_beside_it(report, media):
    tasks.build_report(report.pk)
    report.refresh_from_db()
    content = report.path.read_bytes()
    assert (report.state, report.progress, report.error) == ("done", 100, "")
    assert content.startswith(b"%PDF-1.7")
    assert report.sha256 == hashlib.sha256(content).hexdigest()
    assert report.size == len(content)
    assert report.data["positions"][0]["verdict"] == "over_use"
    assert json.loads(report.data_path.read_text())["id"] == report.data["id"]
    inside = PdfReader(report.path).attachments
    assert inside["report.json"] == [report.data_path.read_bytes()]
    assert inside["daily.csv"][0].startswith(b"pool,day,zone,")
    assert sorted(path.name for path in report.path.parent.iterdir()) == sorted(
        [report.path.name, report.data_path.name]
    )


def test_the_installations_legal_entity_is_in_the_numbers(report, settings):
    settings.ITAM_LEGAL_ENTITY = "Example Works Ltd"
    tasks.build_report(report.pk)
    report.refresh_from_db()
    assert report.data["entity"] == "Example Works Ltd"


def test_a_second_run_of_the_task_changes_nothing(report):
    tasks.build_report(report.pk)
    before = Report.objects.values().get()
    tasks.build_report(report.pk)
    assert Report.objects.values().get() == before


def test_nobody_takes_a_report_whose_lease_runs(report):
    Report.objects.update(state="running", lease_until=NOW + timedelta(seconds=1), attempts=1)
    assert delivery.due(NOW) == []
    assert not delivery.build(report.pk, NOW)
    assert not report.path.exists()


def test_a_report_whose_builder_died_is_built_by_another(report):
    Report.objects.update(state="running", lease_until=NOW, attempts=1)
    assert delivery.due(NOW) == [report.pk]
    assert delivery.build(report.pk, NOW)
    report.refresh_from_db()
    assert (report.state, report.attempts) == ("done", 2)


def test_after_three_attempts_a_report_has_failed(report):
    Report.objects.update(state="running", lease_until=NOW, attempts=3)
    assert delivery.due(NOW) == []
    report.refresh_from_db()
    assert report.state == "failed"
    assert "3 attempts" in report.error


def test_an_error_is_kept_and_the_report_waits_for_another_attempt(report, monkeypatch):
    def broken(*arguments):
        raise RuntimeError("no paper left")

    kind = delivery.KINDS["compliance"]
    monkeypatch.setattr(delivery, "KINDS", {"compliance": type(kind)("x", kind.dataset, broken)})
    now = timezone.now()
    assert not delivery.build(report.pk, now)
    report.refresh_from_db()
    assert (report.state, report.error) == ("waiting", "RuntimeError: no paper left")
    assert delivery.due(now) == []
    assert delivery.due(report.lease_until) == [report.pk]
    for _ in range(2):
        delivery.build(report.pk, Report.objects.get().lease_until)
    assert Report.objects.get().state == "failed"
    assert not report.path.exists()


def test_the_tick_hands_out_what_waits(report, monkeypatch):
    handed = []
    monkeypatch.setattr(tasks.build_report, "delay", handed.append)
    tasks.tick()
    assert handed == [report.pk]


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path):
    path = tmp_path / "a.pdf"
    delivery.write(path, b"old")
    with pytest.raises(TypeError):
        delivery.write(path, "not bytes")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.pdf"]


def test_files_kept_long_enough_go_and_the_row_says_when(report, settings):
    tasks.build_report(report.pk)
    Report.objects.update(finished_at=NOW - timedelta(days=1100))
    delivery.drop_files(NOW)
    assert report.path.exists()
    delivery.drop_files(NOW + timedelta(seconds=1))
    report.refresh_from_db()
    assert not report.path.exists() and not report.data_path.exists()
    assert report.files_dropped_at == NOW + timedelta(seconds=1)
    assert report.sha256 and report.data["verdict"]
    assert delivery.file_response(report, report.requested_by) is None


@pytest.mark.parametrize("name", ["compliance", "audit"])
def test_one_reading_gives_both_languages_what_two_would_give(name, world, monkeypatch):
    pool, zone = world.pool, ZoneInfo("UTC")
    line = EntitlementFactory(
        pool=pool, valid_from=date(2026, 1, 1), scope="version 3", recorded_at=NOW
    )
    correct_entitlement(line, changes={"quantity": 9}, reason="typed wrong", author=None)
    StrengthOverride.objects.create(entitlement=line, strength=2, reason="seen")
    with unguarded():
        pool.mappings.update(recorded_at=NOW, mapped_until=NOW)
    for row in (OverUseNote(resolution="bought more"), OverUseNote()):
        row.pool, row.cause, row.owner, row.recorded_at = pool, "launch", "O. Wner", NOW
        row.starts, row.ends = at("2026-03-31T14:00"), at("2026-03-31T15:00")
        row.save()
    LegalHold.objects.create(vendor=pool.product.vendor, reason="audit", set_at=NOW)
    what = (name, [pool], START, END, zone, NOW + timedelta(days=1), "", {})
    english = delivery._dataset(*what)
    monkeypatch.setattr(delivery, "ENGLISH", "de")
    german = delivery._dataset(*what)
    with override("de"):
        told, wanted = plain(again(english), zone), plain(german, zone)
    if name == "audit":
        assert told.pop("software") == wanted.pop("software")
    assert json.dumps(told, indent=1).splitlines() == json.dumps(wanted, indent=1).splitlines()
    assert plain(english, zone) != told


def test_a_german_installation_prints_german_and_keeps_english_numbers(report, settings):
    tasks.build_report(report.pk)
    report.refresh_from_db()
    numbers = report.data_path.read_text()
    settings.LANGUAGE_CODE = "de"
    made = delivery.make(report)
    assert made.text.decode() == numbers
    words = PdfReader(io.BytesIO(made.paper)).pages[0].extract_text()
    assert "Lizenz-Compliance" in words and "Übernutzung" in words
    assert "Licence compliance" not in words and "Over-use" not in words
