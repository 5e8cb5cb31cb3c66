"""Each night some figures are counted again from the evidence log, and what differs is told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from licenses.evidence import keys, nightly
from licenses.models import Checkout, EvidenceCheck, LicensePool
from reports import nights
from reports.packs import recounting
from tests.reports.test_compared import pool as pool  # a fixture

pytestmark = pytest.mark.django_db

NIGHT = datetime(2026, 3, 20, 0, 30, tzinfo=UTC)
DATA = "2026-03-02"
"""A day on which two of the pool's one seat were in use."""


@pytest.fixture
def night(pool: LicensePool, settings: Any, tmp_path: Any) -> datetime:
    """The first night in whose turn the days of the log are."""
    settings.ITAM_SECRETS_DIR = tmp_path / "secrets"
    with time_machine.travel(datetime(2026, 3, 4, 9, tzinfo=UTC), tick=False):
        keys.signer()
    found = (NIGHT + timedelta(days=place) for place in range(nights.SPANS))
    return next(
        each for each in found if (told := span(each))[0] <= DATA < told[1]
    )  # fmt: skip


def span(night: datetime) -> tuple[str, str]:
    with time_machine.travel(night, tick=False):
        told = nights.compare(night)
    return told["first"], told["end"]


def test_figures_of_what_was_imported_are_those_of_the_log(
    pool: LicensePool, night: datetime, admin_client: Client
) -> None:
    with time_machine.travel(night, tick=False):
        assert nightly.run(night) == []
    row = EvidenceCheck.objects.get()
    assert (row.compared["pools"], row.compared["differ"]) == ([pool.pk], [])
    page = admin_client.get(f"/admin/licenses/evidencecheck/{row.pk}/change/").content.decode()
    assert f"{row.compared['first']} to {row.compared['end']}: {pool.name}" in page


def test_a_seat_that_was_taken_out_of_the_database_is_a_problem_of_the_night(
    pool: LicensePool, night: datetime
) -> None:
    Checkout.objects.order_by("-pk")[:1].get().delete()
    with time_machine.travel(night, tick=False):
        found = nightly.run(night)
    assert found and all("The evidence log gives other figures: " in each for each in found)
    assert any("counted 2" in each for each in found)
    row = EvidenceCheck.objects.get()
    assert row.problems == found
    with time_machine.travel(night + timedelta(hours=1), tick=False):
        assert nightly.run(night + timedelta(hours=1)) == found
    assert EvidenceCheck.objects.get() == row  # counted once a night


def test_more_entries_than_a_task_can_count_are_left_out_and_that_is_on_record(
    night: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recounting, "MOST_ENTRIES", 0)
    Checkout.objects.order_by("-pk")[:1].get().delete()
    with time_machine.travel(night, tick=False):
        assert nightly.run(night) == []
    assert EvidenceCheck.objects.get().compared["differ"] is None


def test_every_pool_and_each_of_thirteen_months_gets_its_turn(
    pool: LicensePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nights, "of_vendor", lambda *_what: [])
    monkeypatch.setattr(nights, "MOST_POOLS", 2)
    others = [LicensePool.objects.create(product=pool.product, name=f"p{n}") for n in range(2)]
    seen = set()
    for place in range(2 * nights.SPANS):
        now = NIGHT + timedelta(days=place)
        told = nights.compare(now)
        back = (now.date() - datetime.fromisoformat(told["end"]).date()).days // nights.DAYS
        seen |= {(pk, back) for pk in told["pools"]}
    pools = [pool.pk, *(each.pk for each in others)]
    assert seen == {(pk, back) for pk in pools for back in range(nights.SPANS)}
