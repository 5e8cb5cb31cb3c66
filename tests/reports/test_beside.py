"""Two reports of one period on some of the same pools may both be signed, and say so."""

from __future__ import annotations

import io
import re
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse
from pypdf import PdfReader
from rest_framework.test import APIClient

from reports import delivery, lifecycle
from reports.beside import load_beside, signed_beside
from reports.comments import why_comment
from reports.lifecycle import Step
from reports.models import Report
from tests import factories as f
from tests.reports.conftest import END, START

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def media(settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def people(django_user_model: Any) -> Any:
    found = [django_user_model.objects.create_user(name) for name in ("author", "boss")]
    for user in found:
        user.groups.add(Group.objects.get(name="manager"))
    return found


@pytest.fixture
def other(world: Any) -> Any:
    """A pool beside that of the world, fed by the same server."""
    pool = f.PoolFactory(name="Mesher", product=world.pool.product)
    f.FeatureFactory(server=world.server, name="mesher", pool=pool)
    pool.mappings.update(recorded_at="2025-01-01T00:00:00Z")
    return pool


@pytest.fixture
def make(people: Any) -> Any:
    def made(*pools: Any, start: int = START, end: int = END, as_of: datetime = NOW) -> Report:
        report = delivery.request_report(
            "compliance", list(pools), start, end, ZoneInfo("UTC"), people[0], as_of=as_of
        )
        Report.objects.filter(pk=report.pk).update(requested_at=as_of)
        assert delivery.build(report.pk, as_of)
        report.refresh_from_db()
        return report

    return made


def sign(report: Report, people: Any, comment: str = "Seen with the team.") -> Report:
    return lifecycle.take_step(report, people[1], Step.APPROVED, comment, now=NOW + 2 * DAY)


def text_of(report: Report) -> str:
    pages = PdfReader(io.BytesIO(report.path.read_bytes())).pages
    return re.sub(r"\s+", " ", " ".join(page.extract_text() for page in pages))


SAME = "No verdict, limit, peak, coverage or over-use of them differs."


def test_the_second_signature_names_the_first_and_needs_a_comment(
    make: Any, people: Any, world: Any, other: Any
) -> None:
    first = sign(make(world.pool), people)
    f.EntitlementFactory(
        pool=world.pool, quantity=1, valid_from=date(2026, 10, 1), recorded_at=NOW + DAY
    )
    second = make(world.pool, other, as_of=NOW + DAY)
    assert signed_beside(second) == [first]
    words = (
        f"Report {first.pk}, version 1, is signed of the same period and shares 1 pool with this"
        " one. 1 figure of them differs."
    )
    assert words in why_comment(second)
    (said,) = lifecycle.check(second, people[1], Step.APPROVED, "").values()
    assert words in said
    assert words in text_of(sign(second, people))
    assert signed_beside(first) == [second]


def test_figures_that_are_the_same_are_told_to_be(
    make: Any, people: Any, world: Any, other: Any
) -> None:
    first = sign(make(world.pool), people)
    (found,) = load_beside(make(world.pool, other))
    assert (found.report, found.version, found.pools) == (first.pk, 1, 1)
    assert found.differing == 0 and str(found).endswith(SAME)
    first.data_path.unlink()
    (found,) = load_beside(make(world.pool, other))
    assert found.differing is None and str(found).endswith("nothing was compared.")


def test_another_period_another_kind_or_other_pools_are_no_rivals(
    make: Any, people: Any, world: Any, other: Any
) -> None:
    sign(make(world.pool), people)
    sign(make(other), people)
    rejected = make(world.pool, other)
    lifecycle.take_step(rejected, people[1], Step.REJECTED, "Too early.", now=NOW)
    both = make(world.pool, other)
    assert len(signed_beside(both)) == 2
    assert signed_beside(make(other)) == []
    assert signed_beside(make(world.pool, other, start=f.at("2026-01-01"))) == []
    audit = Report(name="audit", params=both.params, as_of=NOW)
    audit.save()
    audit.pools.set([world.pool, other])
    assert signed_beside(audit) == []


def test_of_several_versions_the_newest_signed_one_is_named(
    make: Any, people: Any, world: Any, other: Any
) -> None:
    first = sign(make(world.pool), people)
    again = lifecycle.new_version(first, people[0], now=NOW + DAY)
    delivery.build(again.pk, NOW + DAY)
    assert [row.pk for row in signed_beside(make(world.pool, other))] == [first.pk]
    again.refresh_from_db()
    sign(again, people)
    assert [row.pk for row in signed_beside(make(world.pool, other))] == [again.pk]


def test_one_that_was_signed_meanwhile_stops_the_other(
    make: Any, people: Any, world: Any, other: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = make(world.pool), make(world.pool, other)
    write = lifecycle._signed_files

    def late(report: Report, row: Any) -> Any:
        made = write(report, row)
        if report == second and not Report.objects.get(pk=first.pk).decision:
            sign(first, people)
        return made

    monkeypatch.setattr(lifecycle, "_signed_files", late)
    with pytest.raises(ValidationError, match="was signed meanwhile"):
        sign(second, people)
    second.refresh_from_db()
    assert second.decision == ""
    assert f"Report {first.pk}, version 1" in text_of(sign(second, people))


def test_each_is_named_on_the_page_and_over_http(
    make: Any, people: Any, world: Any, other: Any
) -> None:
    first = sign(make(world.pool), people)
    second = sign(make(world.pool, other), people)
    client, api = Client(), APIClient()
    boss = people[1]
    boss.is_staff = boss.is_superuser = True
    boss.save()
    client.force_login(boss)
    api.force_authenticate(boss)
    for one, another in ((first, second), (second, first)):
        page = client.get(reverse("admin:reports_report_change", args=[one.pk])).content.decode()
        assert f"report {another.pk}, version 1" in page
        assert api.get(f"/api/v1/reports/{one.pk}/").json()["signed_beside"] == [another.pk]
