"""Later data on a signed report are found and offered as a new version, once, and never applied."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from licenses.models import Notification
from licenses.overview import attention
from reports import delivery, later, lifecycle, tasks
from reports.models import LaterData, Report, SignOff
from tests import factories as f
from tests.reports.test_lifecycle import DAY, NOW, author, boss, make, media, sign, whole

__all__ = ["author", "boss", "make", "media"]

SIGNED = NOW + timedelta(hours=1)
LATER = SIGNED + 2 * DAY


@pytest.fixture
def signed(make, author, boss):
    for user in (author, boss):
        user.email = f"{user.username}@example.com"
        user.save()
    return sign(make(), boss)


def mails():
    rows = Notification.objects.filter(transition="personal").order_by("recipient")
    return [row.recipient for row in rows]


def test_nothing_is_offered_while_no_figure_changed(signed, admin_user):
    found = later.look(signed.pk, LATER)
    assert (found.found_at, found.count, found.rows) == (None, 0, [])
    assert mails() == [] and not Report.objects.exclude(pk=signed.pk).exists()
    assert [row for row in attention.tasks(admin_user) if row.kind == "later"] == []


def test_later_data_are_told_once_to_who_made_and_signed_it(signed, world):
    whole(world)
    found = later.look(signed.pk, LATER)
    assert found.found_at == LATER
    assert {row["month"][:7] for row in found.rows} == {"2026-06"}
    assert mails() == ["author@example.com", "boss@example.com"]
    (body, _) = Notification.objects.filter(transition="personal").values_list("body", flat=True)
    assert reverse("admin:reports_report_later", args=[signed.pk]) in body
    again = later.look(signed.pk, LATER + DAY)
    assert (again.found_at, again.checked_at, len(mails())) == (LATER, LATER + DAY, 2)


def test_the_signed_report_stays_and_no_version_is_made_by_itself(signed, world):
    before = signed.path.read_bytes(), signed.data_path.read_bytes()
    whole(world)
    later.look(signed.pk, LATER)
    assert (signed.path.read_bytes(), signed.data_path.read_bytes()) == before
    assert Report.objects.count() == 1


def test_it_needs_someone_until_a_new_version_is_made(signed, world, author):
    whole(world)
    later.look(signed.pk, LATER)
    (task,) = [row for row in attention.tasks(author) if row.kind == "later"]
    assert (task.id, task.key) == (signed.pk, "warn")
    lifecycle.new_version(signed, author, now=LATER)
    assert [row for row in attention.tasks(author) if row.kind == "later"] == []
    assert later.look(signed.pk, LATER) is None


def test_what_no_longer_differs_is_no_longer_offered(signed, world):
    line = f.EntitlementFactory(pool=world.pool, quantity=4, recorded_at=SIGNED)
    assert later.look(signed.pk, LATER).count > 0
    f.EntitlementFactory(
        pool=world.pool, replaces=line, withdrawn=True, reason="Not ours", recorded_at=LATER
    )
    assert later.look(signed.pk, LATER + DAY).found_at is None


def test_a_signed_report_is_looked_at_each_day_and_an_old_one_each_week(signed):
    at = SignOff.objects.get(step="approved").at
    assert later.due(at + timedelta(hours=23)) == []
    assert later.due(at + DAY) == [signed.pk]
    later.look(signed.pk, at + DAY)
    assert later.due(at + 1.9 * DAY) == []
    assert later.due(at + 2 * DAY) == [signed.pk]
    LaterData.objects.update(checked_at=at + 100 * DAY)
    assert later.due(at + 106 * DAY) == []
    assert later.due(at + 107 * DAY) == [signed.pk]


def test_drafts_and_what_has_a_newer_version_are_not_looked_at(make, boss, author):
    draft = make()
    assert later.look(draft.pk, LATER) is None and later.due(LATER) == []
    signed = sign(draft, boss)
    lifecycle.new_version(signed, author, now=LATER)
    assert later.due(LATER + 30 * DAY) == []


def test_numbers_that_are_gone_offer_nothing(signed):
    signed.data_path.unlink()
    assert later.look(signed.pk, LATER) is None
    assert later.due(LATER) == []


def test_the_tick_finds_it(signed, world, monkeypatch):
    whole(world)
    monkeypatch.setattr(timezone, "now", lambda: LATER)
    monkeypatch.setattr(tasks.look_at_report, "delay", later.look)
    monkeypatch.setattr(delivery, "due", lambda now: [])
    tasks.tick()
    assert LaterData.objects.get().count > 0


def test_the_page_and_the_api_say_what_differs(signed, world, admin_client):
    page = reverse("admin:reports_report_later", args=[signed.pk])
    assert "Not compared yet" in admin_client.get(page).content.decode()
    assert admin_client.get(f"/api/v1/reports/{signed.pk}/later/").status_code == 404
    whole(world)
    later.look(signed.pk, LATER)
    text = admin_client.get(page).content.decode()
    assert "93.33 %" in text and "100.00 %" in text and "New version as of now" in text
    assert page in admin_client.get(f"/admin/reports/report/{signed.pk}/change/").content.decode()
    found = admin_client.get(f"/api/v1/reports/{signed.pk}/later/").json()
    assert found["count"] == len(found["rows"]) > 0


def test_strangers_see_nothing_of_it(signed, world, client, django_user_model):
    whole(world)
    later.look(signed.pk, LATER)
    client.force_login(django_user_model.objects.create_user("other", is_staff=True))
    page = reverse("admin:reports_report_later", args=[signed.pk])
    assert client.get(page).status_code == 403
    assert client.get(f"/api/v1/reports/{signed.pk}/later/").status_code == 403
