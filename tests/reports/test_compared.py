"""What may be signed is held against the evidence log: rows that an import derived can be changed
by whoever owns the database, its entries cannot."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.contrib.auth.models import Group, User
from django.utils import timezone
from pypdf import PdfReader

from licenses.evidence import entries
from licenses.models import Checkout, LicensePool, PoolFeature
from reports import delivery, lifecycle, tasks
from reports.comments import why_comment
from reports.models import Report
from reports.packs import recounting
from tests.reports.packs.test_recompute import Plain
from tests.unguarded import unguarded

pytestmark = pytest.mark.django_db

START, END = (int(datetime(2026, 3, day, tzinfo=UTC).timestamp()) for day in (1, 4))
NOW = datetime(2026, 3, 20, tzinfo=UTC)


@pytest.fixture
def pool(tmp_path: Path, settings: Any) -> LicensePool:
    """A pool of one seat, of which two were in use by its log."""
    settings.ITAM_DATA_DIR = tmp_path
    for name in ("ITAM_CAPTURE_DIR", "MEDIA_ROOT", "ITAM_EVIDENCE_DIR"):
        setattr(settings, name, tmp_path / name)
    with time_machine.travel(datetime(2026, 3, 4, 9, tzinfo=UTC), tick=False):
        Plain(1).make(tmp_path, 0)
    return LicensePool.objects.get()


def made(pool: LicensePool, as_of: datetime = NOW, name: str = "compliance") -> Report:
    user = User.objects.get_or_create(username="mara")[0]
    with time_machine.travel(as_of, tick=False):
        row = delivery.request_report(name, [pool], START, END, ZoneInfo("UTC"), user, as_of=as_of)
        tasks.build_report(row.pk)
    row.refresh_from_db()
    return row


def test_figures_of_what_was_imported_are_those_of_the_log(pool: LicensePool) -> None:
    assert made(pool, NOW - timedelta(days=12)).differs is None  # late data may arrive
    report = made(pool)
    assert (report.data["verdict"], report.differs) == ("over_use", [])
    assert not any("evidence log" in why for why in why_comment(report))


def test_a_seat_that_was_taken_out_of_the_database_makes_a_comment_compulsory(
    pool: LicensePool,
) -> None:
    Checkout.objects.order_by("-pk")[:1].get().delete()
    report = made(pool)
    assert report.data["verdict"] == "proven"
    assert any("counted 2" in words for words in report.differs)
    (why,) = (why for why in why_comment(report) if "evidence log" in why)
    assert why.startswith("The evidence log gives other figures: pool, month from 2026-03-01")


def text_of(report: Report) -> str:
    return " ".join(" ".join(page.extract_text() for page in PdfReader(report.path).pages).split())


def signed(report: Report) -> str:
    """Have a second person sign a report; return what its PDF says."""
    boss = User.objects.create_user("boss")
    boss.groups.add(Group.objects.get(name="manager"))
    with time_machine.travel(NOW + timedelta(hours=1), tick=False):
        lifecycle.take_step(report, boss, lifecycle.Step.APPROVED, "We know.", now=timezone.now())
    report.refresh_from_db()
    return text_of(report)


@pytest.mark.parametrize("name", ["compliance", "audit"])
def test_a_report_is_a_draft_until_it_is_signed_and_says_that_it_was_counted_again(
    pool: LicensePool, name: str
) -> None:
    report = made(pool, name=name)
    assert "This file is not signed: take it for a draft." in text_of(report)
    said = signed(report)
    assert "to the as-of time alone, no figure and no verdict differs" in said
    assert "for a draft" not in said


def test_what_differs_is_a_problem_that_a_signed_report_prints(pool: LicensePool) -> None:
    Checkout.objects.order_by("-pk")[:1].get().delete()
    report = made(pool)
    (why,) = (why for why in why_comment(report) if "evidence log" in why)
    assert all(words in why for words in report.differs)
    said = signed(report)
    assert "Problem: the entries of the evidence log give other figures." in said
    assert all(words[:60] in said for words in report.differs)
    assert json.loads(report.data_path.read_text())["standing"]["differs"] == report.differs


def test_a_report_that_was_not_counted_again_says_so(
    pool: LicensePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recounting, "MOST_ENTRIES", 0)
    assert "had not been counted again from the entries" in signed(made(pool))


def test_a_weight_that_was_changed_in_the_database_does_so_too(pool: LicensePool) -> None:
    with unguarded():
        PoolFeature.objects.update(weight=2)
    assert made(pool).differs


def test_more_entries_than_a_task_can_count_are_not_compared(
    pool: LicensePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = sum(1 for _ in entries.entries(f"vendor/{pool.product.vendor_id}"))
    monkeypatch.setattr(recounting, "MOST_ENTRIES", written)
    report = made(pool)
    assert (report.state, report.differs) == (Report.State.DONE, None)
