"""Scheduled reports are made once a period, also after a downtime, and mailed until taken."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime, timedelta

import pytest
from django.contrib.auth.models import Group
from django.core import mail as outgoing
from rest_framework.test import APIClient

from licenses.alerts.channels import SendError
from licenses.evidence import entries
from reports import delivery, scheduling, tasks
from reports.models import Report, ReportDelivery, ReportSchedule
from tests import factories as f

NOW = datetime(2026, 8, 20, 12, tzinfo=UTC)
DUE = datetime(2026, 9, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"


@pytest.fixture
def owner(django_user_model):
    user = django_user_model.objects.create_user("owner", is_staff=True)
    user.groups.add(Group.objects.get(name="manager"))
    return user


@pytest.fixture
def schedule(world, owner):
    row = ReportSchedule(
        name="Monthly", months=1, recipients="a@company.example, b@company.example", owner=owner
    )
    row.plan(NOW)
    row.save()
    return row


def windows():
    return [
        tuple(datetime.fromtimestamp(row.params[end], UTC).date() for end in ("start", "end"))
        for row in Report.objects.order_by("pk")
    ]


def made(schedule):
    (pk,) = scheduling.run_due(DUE)
    assert delivery.build(pk, DUE)
    Report.objects.update(finished_at=DUE)
    return Report.objects.get(pk=pk)


@pytest.mark.parametrize(
    ("rhythm", "day", "expected"),
    [
        ("month", "2026-08-31", "2026-09-01"),
        ("month", "2026-12-01", "2027-01-01"),
        ("quarter", "2026-07-01", "2026-10-01"),
        ("quarter", "2026-09-30", "2026-10-01"),
        ("quarter", "2026-12-31", "2027-01-01"),
    ],
)
def test_a_period_ends_with_its_month_or_quarter(rhythm, day, expected):
    row = ReportSchedule(rhythm=rhythm)
    assert row.end_after(date.fromisoformat(day)) == date.fromisoformat(expected)


def test_nothing_is_made_before_it_is_due(schedule):
    assert schedule.due_at == DUE
    assert scheduling.run_due(DUE - timedelta(seconds=1)) == []
    assert not Report.objects.exists()


def test_a_due_report_is_made_once_however_often_it_runs(schedule, owner):
    assert len(scheduling.run_due(DUE)) == 1
    assert scheduling.run_due(DUE) == []
    assert windows() == [(date(2026, 8, 1), date(2026, 9, 1))]
    assert Report.objects.get().requested_by == owner
    assert ReportDelivery.objects.count() == 2


def test_after_a_downtime_each_missed_period_is_made_once(schedule):
    assert len(scheduling.run_due(DUE + timedelta(days=70))) == 3
    assert scheduling.run_due(DUE + timedelta(days=70)) == []
    assert [end for _start, end in windows()] == [
        date(2026, 9, 1),
        date(2026, 10, 1),
        date(2026, 11, 1),
    ]


def test_a_run_that_dies_leaves_the_period_to_the_next(schedule, monkeypatch):
    def die(*_args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(ReportSchedule, "end_after", die)
        with pytest.raises(KeyboardInterrupt):
            scheduling.run_due(DUE)
    assert not Report.objects.exists() and not ReportDelivery.objects.exists()
    assert len(scheduling.run_due(DUE)) == 1


def test_one_that_is_switched_off_makes_nothing(schedule):
    ReportSchedule.objects.update(enabled=False)
    assert scheduling.run_due(DUE) == []


def test_an_owner_without_scope_makes_nothing_and_the_schedule_says_so(schedule, owner):
    owner.groups.clear()
    assert scheduling.run_due(DUE) == []
    schedule.refresh_from_db()
    assert "sees no pool" in schedule.last_error
    assert schedule.next_end == date(2026, 10, 1)


def test_a_vendor_or_pools_narrow_it(schedule, world):
    other = f.PoolFactory(name="Other")
    assert scheduling.pools_of(schedule)[1] == "All pools"
    schedule.pools.set([other])
    assert scheduling.pools_of(schedule) == ([other], "Other")
    schedule.vendor = world.pool.product.vendor
    assert [pool.pk for pool in scheduling.pools_of(schedule)[0]] == [world.pool.pk]


@pytest.mark.parametrize(("attach", "files"), [("pdf", 1), ("both", 2), ("link", 0)])
def test_each_recipient_gets_a_mail_of_their_own_and_the_log_says_so(schedule, attach, files):
    ReportSchedule.objects.update(attach=attach)
    report = made(schedule)
    assert scheduling.deliver(DUE) == 2
    assert scheduling.deliver(DUE) == 0
    assert [sent.to for sent in outgoing.outbox] == [["a@company.example"], ["b@company.example"]]
    sent = outgoing.outbox[0]
    assert len(sent.attachments) == files
    assert report.sha256 in sent.body and f"/admin/reports/report/{report.pk}/" in sent.body
    if files:
        assert hashlib.sha256(sent.attachments[0][1]).hexdigest() == report.sha256
    rows = ReportDelivery.objects.values_list("state", "attempts", "sha256", "sent_at")
    assert set(rows) == {("sent", 1, report.sha256, DUE)}
    exports = [row["body"] for row in entries.entries("installation")]
    assert [row["sha256"] for row in exports] == [report.sha256] * 2
    addresses = ("a@company.example", "b@company.example")
    assert [row["recipient_digest"] for row in exports] == [
        entries.digests(recipient=each)["recipient_digest"] for each in addresses
    ]
    assert "@" not in str(exports)


def test_nothing_is_mailed_before_the_report_is_made(schedule):
    scheduling.run_due(DUE)
    assert scheduling.deliver(DUE) == 0
    Report.objects.update(state="failed")
    scheduling.deliver(DUE)
    row = ReportDelivery.objects.first()
    assert (row.state, row.last_error) == ("failed", "The report could not be made.")


def test_a_mail_that_is_not_taken_is_tried_again_for_a_day(schedule, monkeypatch):
    ReportSchedule.objects.update(recipients="a@company.example")
    made(schedule)

    def refuse(_channel, _message):
        raise SendError("The mail was not taken.")

    with monkeypatch.context() as patch:
        patch.setattr(scheduling.mail, "send", refuse)
        assert scheduling.deliver(DUE) == 0
        row = ReportDelivery.objects.get()
        assert (row.state, row.attempts) == ("waiting", 1)
        assert row.due_at > DUE and row.last_error == "The mail was not taken."
        scheduling.deliver(DUE + timedelta(hours=24))
    row.refresh_from_db()
    assert (row.state, row.attempts) == ("failed", 2)


@pytest.mark.parametrize("lost", ["the account", "the role"])
def test_a_mail_that_waits_is_not_sent_once_its_owner_sees_no_report(schedule, owner, lost):
    ReportSchedule.objects.update(recipients="a@company.example")
    made(schedule)
    if lost == "the role":
        owner.groups.clear()
    else:
        owner.is_active = False
        owner.save()
    assert scheduling.deliver(DUE) == 0 and outgoing.outbox == []
    row = ReportDelivery.objects.get()
    assert (row.state, row.sha256) == ("failed", "")
    assert row.last_error == "owner may no longer see this report: nothing was sent."


@pytest.mark.parametrize("attach", ["pdf", "both", "link"])
@pytest.mark.parametrize("which", ["path", "data_path"])
def test_a_file_that_was_exchanged_is_not_mailed_and_the_log_says_why(schedule, attach, which):
    ReportSchedule.objects.update(attach=attach, recipients="a@company.example")
    place = getattr(made(schedule), which)
    kept = place.read_bytes()
    place.write_bytes(b"%PDF-1.4 forged")
    wanted = which == "path" or attach == "both"
    assert scheduling.deliver(DUE) == int(not wanted)
    if not wanted:
        return
    assert outgoing.outbox == []
    row = ReportDelivery.objects.get()
    said = "A file of the report is not the one that was recorded: nothing was sent."
    assert (row.state, row.last_error, row.sha256) == ("waiting", said, "")
    assert [row["kind"] for row in entries.entries("installation")].count("export") == 0
    place.write_bytes(kept)
    assert scheduling.deliver(DUE + HOUR) == 1


def test_a_mail_whose_sender_died_is_sent_again_with_the_same_id(schedule):
    ReportSchedule.objects.update(recipients="a@company.example")
    made(schedule)
    row = ReportDelivery.objects.get()
    assert scheduling._claim(row.pk, DUE) is not None
    assert scheduling.deliver(DUE) == 0
    assert scheduling.deliver(DUE + HOUR) == 1
    assert str(row.key) in outgoing.outbox[0].extra_headers["Message-ID"]


def test_the_tick_does_it_all(schedule, monkeypatch):
    monkeypatch.setattr(tasks.timezone, "now", lambda: DUE)
    monkeypatch.setattr(tasks.build_report, "delay", lambda pk: delivery.build(pk, DUE))
    tasks.tick()
    assert len(outgoing.outbox) == 2


def test_a_manager_makes_a_schedule_in_the_admin(client, owner, world):
    client.force_login(owner)
    values = {
        "name": "Quarterly",
        "enabled": "on",
        "rhythm": "quarter",
        "months": "3",
        "days_after": "7",
        "zone": "Europe/Berlin",
        "recipients": "nobody",
        "attach": "pdf",
    }
    answer = client.post("/admin/reports/reportschedule/add/", values)
    errors = answer.context["adminform"].form.errors
    assert "no mail address" in errors["recipients"][0]
    values["recipients"] = "a@company.example"
    assert client.post("/admin/reports/reportschedule/add/", values).status_code == 302
    row = ReportSchedule.objects.get()
    assert row.owner == owner and row.next_end.month in (1, 4, 7, 10)
    assert client.get("/admin/reports/reportschedule/").status_code == 200
    assert client.get("/admin/reports/reportdelivery/").status_code == 200


def test_a_manager_makes_a_schedule_over_http_and_an_auditor_sees_none(
    owner, world, django_user_model
):
    client = APIClient()
    client.force_authenticate(owner)
    place, body = "/api/v1/report-schedules/", {"name": "X", "recipients": "nobody"}
    assert client.post(place, body, format="json").json()["errors"][0]["attr"] == "recipients"
    both = {"pools": [world.pool.pk], "vendor": world.pool.product.vendor.pk}
    body["recipients"] = "a@company.example"
    refused = client.post(place, {**body, **both}, format="json")
    assert refused.json()["errors"][0]["attr"] == "vendor"
    answer = client.post(place, body, format="json")
    assert answer.status_code == 201, answer.json()
    assert answer.json()["owner"] == owner.pk
    one = f"{place}{answer.json()['id']}/"
    assert client.patch(one, {"rhythm": "quarter"}, format="json").status_code == 200
    assert ReportSchedule.objects.get().next_end.month in (1, 4, 7, 10)
    assert client.get("/api/v1/report-deliveries/").status_code == 200
    auditor = django_user_model.objects.create_user("auditor")
    auditor.groups.add(Group.objects.get(name="auditor"))
    client.force_authenticate(auditor)
    assert client.get(place).status_code == 403
    assert client.post(place, body, format="json").status_code == 403
