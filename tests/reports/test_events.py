"""Channels that asked for it are told what happens to reports: signed, tried again, and logged."""

from __future__ import annotations

import re
import threading
from datetime import timedelta
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from licenses.alerts import outbox
from licenses.models import Channel, Notification
from reports import delivery, later, scheduling
from reports.lifecycle import Step
from reports.models import Report, ReportDelivery
from tests import factories as f
from tests.reports.test_lifecycle import DAY, NOW, author, boss, make, media, sign, whole

__all__ = ["author", "boss", "make", "media"]

DOCS = Path(__file__).parents[2] / "docs" / "api.md"


def example(name):
    """Return what the docs' example defines, so that what is printed there is what works."""
    (code,) = re.findall(rf"```python {name}\n(.*?)```", DOCS.read_text(), re.DOTALL)
    found = {}
    exec(compile(code, str(DOCS), "exec"), found)
    return found


@pytest.fixture
def receiver():
    """The receiver of the docs as a server; `got` is what it handled, `broken` lets it fail."""

    class Receiver(example("receiver")["Receiver"]):
        secret, seen, got, broken = b"s3cret", set(), [], False

        def do_POST(self):
            if self.broken:
                self.send_error(503)
                return
            super().do_POST()

        def handle_message(self, message):
            self.got.append(message)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    Receiver.port = server.server_port
    yield Receiver
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def hook(db, receiver, settings):
    settings.ITAM_EGRESS_ALLOW = ["127.0.0.0/8"]
    settings.ITAM_EGRESS_PORTS = [receiver.port]
    target = f"http://127.0.0.1:{receiver.port}/in"
    return Channel.objects.create(
        name="Archive", kind="webhook", target=target, secret="s3cret", reports=True
    )


def events():
    rows = Notification.objects.filter(transition="report").order_by("pk")
    return [row.data["reports"][0]["event"] for row in rows]


def test_a_receiver_as_in_the_docs_takes_word_of_a_report_once(make, hook, receiver):
    report = make()
    assert outbox.deliver() == 1
    (message,) = receiver.got
    assert message["transition"] == "report" and message["alerts"] == []
    (told,) = message["reports"]
    assert (told["event"], told["report"], told["verdict"]) == ("ready", report.pk, "over_use")
    assert (told["sha256"], told["data_sha256"]) == (report.sha256, report.data_sha256)
    assert told["api"].endswith(f"/api/v1/reports/{report.pk}/")
    assert "Report ready: Licence compliance, Solver" in message["text"]
    Notification.objects.update(state="waiting", due_at=NOW)  # the sender died before it marked it
    assert outbox.deliver() == 1
    assert len(receiver.got) == 1


def test_a_wrong_secret_is_refused_by_the_receiver_and_logged(make, hook, receiver):
    make()
    receiver.secret = b"another"
    assert outbox.deliver() == 0
    row = Notification.objects.get()
    assert (row.state, row.attempts) == ("waiting", 1) and "status 403" in row.last_error
    assert receiver.got == []


def test_what_is_not_taken_is_tried_again(make, hook, receiver):
    make()
    receiver.broken = True
    assert outbox.deliver() == 0
    receiver.broken = False
    row = Notification.objects.get()
    assert outbox.deliver(row.due_at) == 1
    assert len(receiver.got) == 1


def test_signing_and_rejecting_are_told(make, hook, boss, author):
    sign(make(), boss)
    report = make(start=f.at("2024-11-01"), end=f.at("2025-11-01"))
    sign(report, author, "Wrong period.", Step.REJECTED)
    assert events() == ["ready", "signed", "ready", "rejected"]


def test_a_review_is_not(make, hook, boss):
    sign(make(), boss, step=Step.REVIEWED)
    assert events() == ["ready"]


def test_later_data_are_told_once(make, hook, boss, world):
    signed = sign(make(), boss)
    whole(world)
    for day in (2, 3):
        later.look(signed.pk, NOW + day * DAY)
    assert events() == ["ready", "signed", "later_data"]


def test_a_report_that_is_given_up_is_told(make, hook, monkeypatch):
    report = make()
    Report.objects.update(state="waiting", attempts=2)

    def fail(_report):
        raise RuntimeError("no ink")

    monkeypatch.setattr(delivery, "make", fail)
    delivery.build(report.pk, NOW)
    assert events() == ["ready", "failed"]


def test_a_report_whose_builders_all_died_is_told_once(make, hook):
    make()
    Report.objects.update(state="running", attempts=3, lease_until=NOW)
    assert delivery.due(NOW) == delivery.due(NOW) == []
    assert events() == ["ready", "failed"]


def test_a_delivery_that_failed_for_a_day_is_told(make, hook, monkeypatch):
    report = make()
    ReportDelivery.objects.create(
        report=report, recipient="a@example.com", attach="pdf", due_at=NOW
    )

    def refuse(*_):
        raise scheduling.SendError("The mail server refused the address.")

    monkeypatch.setattr(scheduling.mail, "send", refuse)
    scheduling.deliver(report.finished_at + timedelta(hours=1))
    assert events() == ["ready"]
    ReportDelivery.objects.update(due_at=NOW)
    scheduling.deliver(report.finished_at + timedelta(hours=25))
    assert events() == ["ready", "delivery_failed"]


def test_channels_that_did_not_ask_are_not_told(make, hook):
    Channel.objects.update(reports=False)
    make()
    assert events() == []
