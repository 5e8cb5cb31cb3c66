"""What is too old goes, and leaves behind what it must; nothing else goes."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.contrib.sessions.models import Session
from django.core.files.base import ContentFile
from knox.models import AuthToken

from licenses import retention, tasks
from licenses.concurrency.denials import RULES
from licenses.evidence import entries
from licenses.importing import batches
from licenses.importing.captures import read_raw, store_raw
from licenses.models import (
    Alert,
    AlertRule,
    Capture,
    Channel,
    Denial,
    Host,
    IdempotencyRecord,
    Identity,
    ImportJob,
    LegalHold,
    MailboxMessage,
    Notification,
    QueueEvent,
    UnreadableLine,
)
from tests.factories import (
    FeatureFactory,
    HostFactory,
    PersonFactory,
    PoolFactory,
    ServerFactory,
    holding,
    refusal,
)

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def place(settings: Any, tmp_path: Any, time_machine: Any) -> Any:
    settings.ITAM_DATA_DIR, settings.ITAM_CAPTURE_DIR = tmp_path, tmp_path / "captures"
    settings.MEDIA_ROOT = tmp_path / "media"
    time_machine.move_to(NOW, tick=False)
    return tmp_path


@pytest.fixture
def purge(django_capture_on_commit_callbacks: Any) -> Any:
    def run(now: datetime = NOW, **values: Any) -> bool:
        with django_capture_on_commit_callbacks(execute=True):
            return retention.purge(now, **values)

    return run


def ago(**span: int) -> datetime:
    return NOW - timedelta(**span)


def capture(data: bytes, recorded_at: datetime, *, aged: bool = True) -> Capture:
    digest, stored = store_raw(data)
    found = Capture.objects.create(
        server=ServerFactory(),
        kind="lmstat",
        source="poll",
        recorded_at=recorded_at,
        result="parsed",
        sha256=digest,
        size=len(data),
        stored=stored,
    )
    if aged:
        past = ago(days=2).timestamp()
        os.utime(retention.settings.ITAM_DATA_DIR / stored, (past, past))
    return found


class TestRawText:
    def test_old_text_goes_and_the_row_keeps_hash_and_size(self, purge, place):
        old = capture(b"old text", ago(days=401))
        UnreadableLine.objects.create(capture=old, line=1, text="mia did", reason="odd")
        young = capture(b"young text", ago(days=399))
        UnreadableLine.objects.create(capture=young, line=1, text="tom did", reason="odd")
        before = (old.sha256, old.size)
        path = place / old.stored
        assert purge()
        old.refresh_from_db()
        young.refresh_from_db()
        assert not path.exists()
        assert ((old.sha256, old.size), old.stored, old.raw_dropped_at) == (before, "", NOW)
        assert read_raw(young) == b"young text"
        assert [line.text for line in UnreadableLine.objects.all()] == ["tom did"]
        with pytest.raises(FileNotFoundError, match="dropped on 2026-11-24"):
            read_raw(old)

    def test_the_log_of_evidence_tells_of_it(self, purge):
        capture(b"a", ago(days=500))
        capture(b"b", ago(days=450))
        purge()
        purge()
        (entry,) = entries.entries("installation")
        assert entry["kind"] == "erasure"
        assert entry["body"] == {
            "captures": 2,
            "from": int(ago(days=500).timestamp()),
            "to": int(ago(days=450).timestamp()),
            "what": "raw text",
        }

    def test_bytes_that_a_younger_capture_shares_stay(self, purge):
        capture(b"the same", ago(days=401))
        young = capture(b"the same", ago(days=1))
        purge()
        assert read_raw(young) == b"the same"

    def test_bytes_that_are_being_stored_again_stay(self, purge, place):
        old = capture(b"the same", ago(days=401))
        store_raw(b"the same")  # its row is not there yet
        purge()
        assert (place / old.stored).exists()

    def test_the_setting_says_how_long(self, purge, settings):
        old = capture(b"x", ago(days=31))
        purge()
        assert read_raw(old) == b"x"
        settings.ITAM_KEEP_CAPTURES_DAYS = 30
        purge()
        old.refresh_from_db()
        assert not old.stored

    def test_many_are_dropped_a_stretch_at_a_time(self, purge, monkeypatch):
        monkeypatch.setattr(batches, "BATCH", 2)
        for number in range(5):
            capture(b"%d" % number, ago(days=401))
        assert not purge(seconds=-1)
        assert Capture.objects.exclude(stored="").count() == 3
        assert purge()
        assert not Capture.objects.exclude(stored="").exists()


def test_files_handed_in_go_with_their_finished_job(purge):
    def job(state: str, finished_at: datetime | None) -> ImportJob:
        file = ContentFile(b"log", name="a.log")
        return ImportJob.objects.create(
            server=ServerFactory(), file=file, file_name="a", state=state, finished_at=finished_at
        )

    old = [job("done", ago(days=31)), job("failed", ago(days=31))]
    kept = [job("done", ago(days=29)), job("running", None)]
    ImportJob.objects.update(requested_at=ago(days=99))
    purge()
    assert list(ImportJob.objects.order_by("pk")) == kept
    assert not any(row.file.storage.exists(row.file.name) for row in old)
    assert all(row.file.storage.exists(row.file.name) for row in kept)


def test_answers_are_kept_for_a_week(purge, admin_user, settings):
    for key, days in (("old", 8), ("young", 6)):
        IdempotencyRecord.objects.create(user=admin_user, key=key, recorded_at=ago(days=days))
    purge()
    assert [row.key for row in IdempotencyRecord.objects.all()] == ["young"]
    settings.ITAM_KEEP_IDEMPOTENCY_DAYS = 5
    purge()
    assert not IdempotencyRecord.objects.exists()


def test_messages_go_when_they_are_sent_and_their_alert_is_over(purge):
    channel = Channel.objects.create(name="desk", kind="mail", target="a@b.example")
    rule = AlertRule.objects.create(name="full", kind="use_percent", threshold=90)

    def alert(number: int, resolved_at: datetime | None) -> Alert:
        return Alert.objects.create(
            rule=rule,
            subject=f"pool:{number}",
            title="x",
            message="x",
            started_at=ago(days=500),
            resolved_at=resolved_at,
            state="resolved" if resolved_at else "firing",
        )

    def message(about: Alert | None, state: str, days: int) -> Notification:
        return Notification.objects.create(
            alert=about,
            transition="firing",
            channel=channel,
            recipient="a@b.example",
            subject="x",
            body="x",
            state=state,
            recorded_at=ago(days=days),
        )

    over, lasting = alert(1, ago(days=450)), alert(2, None)
    carrier = message(over, "sent", 460)
    kept = [
        message(lasting, "sent", 460),
        message(None, "waiting", 460),
        message(alert(3, ago(days=450)), "sent", 399),
    ]
    gone = [carrier, message(None, "failed", 401), message(alert(4, ago(days=450)), "sent", 402)]
    gone[-1].carrier = carrier
    gone[-1].save()
    MailboxMessage.objects.create(
        sender="a", recipients="b", subject="old", body="x", recorded_at=ago(days=401)
    )
    MailboxMessage.objects.create(sender="a", recipients="b", subject="young", body="x")
    purge()
    purge()  # the carrier waits for what it carried
    assert set(Notification.objects.all()) == set(kept)
    assert [mail.subject for mail in MailboxMessage.objects.all()] == ["young"]
    assert Alert.objects.count() == 4


def test_ended_sessions_and_tokens_and_old_logins_go(purge, admin_user):
    for key, ends in (("old", ago(hours=1)), ("young", ago(hours=-1))):
        Session.objects.create(session_key=key, session_data="", expire_date=ends)
    AuthToken.objects.create(admin_user, expiry=timedelta(hours=-1))
    AuthToken.objects.create(admin_user, expiry=timedelta(hours=1))
    lasting, _text = AuthToken.objects.create(admin_user, expiry=None)
    for name, days in (("old", 181), ("young", 179)):
        row = AccessAttempt.objects.create(username=name, failures_since_start=1)
        AccessAttempt.objects.filter(pk=row.pk).update(attempt_time=ago(days=days))
    purge()
    assert [row.session_key for row in Session.objects.all()] == ["young"]
    assert AuthToken.objects.count() == 2
    assert AuthToken.objects.filter(pk=lasting.pk).exists()
    assert [row.username for row in AccessAttempt.objects.all()] == ["young"]


def test_it_is_asked_for_once_a_day(monkeypatch, time_machine):
    sent: list[str] = []
    monkeypatch.setattr(tasks, "nudge", lambda task, *_ids: sent.append(task))
    time_machine.move_to(datetime(2032, 1, 1, tzinfo=UTC))
    tasks._once_a_day()
    tasks._once_a_day()
    assert sent == ["licenses.tasks.purge"]


def test_the_task_asks_for_another_turn_until_all_is_gone(monkeypatch):
    sent: list[str] = []
    monkeypatch.setattr(tasks, "nudge", lambda task, *_ids: sent.append(task))
    tasks.purge()
    assert sent == []
    monkeypatch.setattr(retention, "purge", lambda _now: False)
    tasks.purge()
    assert sent == ["licenses.tasks.purge"]


def test_a_refusal_outlives_its_words(purge: Any) -> None:
    feature, person = FeatureFactory(), PersonFactory()
    for days, rules in ((399, RULES), (401, RULES), (402, 0)):
        row = refusal(feature, int(ago(days=days).timestamp()), person)
        Denial.objects.filter(pk=row.pk).update(reason="as printed", rules=rules)
    assert purge()
    rows = Denial.objects.order_by("-at").values_list("reason", "code", "reason_class")
    assert list(rows) == [
        ("as printed", -4, "no_seat"),
        ("", -4, "no_seat"),
        ("as printed", -4, "no_seat"),  # today's rules have yet to read it
    ]


class TestNames:
    def test_who_waited_in_a_queue_lately_keeps_the_name(self, purge: Any) -> None:
        feature, host = FeatureFactory(), HostFactory(name="kept-pc")
        gone, kept = PersonFactory(login="gone"), PersonFactory(login="kept")
        Identity.objects.update(recorded_at=ago(days=900))
        for person, days in ((gone, 401), (kept, 399)):
            QueueEvent.objects.create(
                feature=feature, at=stamp(days), person=person, host=host, kind=1
            )
        assert purge()
        assert list(Identity.objects.values_list("person", flat=True)) == [kept.pk]

    def test_names_go_that_long_after_the_last_use(self, purge):
        feature, host = FeatureFactory(), HostFactory(name="kept-pc")
        gone, kept, holds, refused = (PersonFactory(login=f"u{n}") for n in range(4))
        Identity.objects.update(recorded_at=ago(days=900))
        old = HostFactory(name="gone-pc")
        holding(feature, stamp(500), stamp(401), person=gone, host=old)
        holding(feature, stamp(500), stamp(399), person=kept, host=host)
        holding(feature, stamp(500), None, person=holds, host=host)
        refusal(feature, stamp(399), refused, host=host)
        assert purge()
        assert set(Identity.objects.values_list("person", flat=True)) == {
            person.pk for person in (kept, holds, refused)
        }
        assert set(Host.objects.values_list("name", flat=True)) == {"kept-pc", ""}
        told = [e["body"] for e in entries.entries("installation") if e["kind"] == "erasure"]
        assert {(body["what"], body["count"]) for body in told} == {
            ("names of people", 1),
            ("names of machines", 1),
        }

    def test_a_name_learned_lately_stays_though_unused(self, purge):
        PersonFactory(login="new")
        assert purge() and Identity.objects.count() == 1

    def test_a_legal_hold_keeps_names_and_raw_text(self, purge, place):
        feature = FeatureFactory(pool=PoolFactory())
        person = PersonFactory(login="held")
        Identity.objects.update(recorded_at=ago(days=900))
        holding(feature, stamp(500), stamp(450), person=person, host=HostFactory(name="pc"))
        raw = capture(b"held text", ago(days=401))
        Capture.objects.update(server=feature.server)
        vendor = feature.mappings.get().pool.product.vendor
        hold = LegalHold.objects.create(vendor=vendor, reason="audit")
        assert purge()
        assert Identity.objects.count() == 1 and Host.objects.get().name == "pc"
        assert read_raw(Capture.objects.get(pk=raw.pk)) == b"held text"
        hold.released_at = NOW
        hold.save()
        assert purge()
        assert not Identity.objects.exists() and Host.objects.get().name == ""
        assert Capture.objects.get().stored == ""


def stamp(days: int) -> int:
    return int(ago(days=days).timestamp())
