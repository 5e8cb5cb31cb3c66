"""Mail and webhooks: what reaches the other side, and what is told when nothing does."""

from __future__ import annotations

import hashlib
import hmac
import json
import smtplib
import uuid
from datetime import UTC, datetime

import pytest
from django.core import mail
from django.core.mail import EmailMessage, get_connection

from licenses.alerts import channels, outbox
from licenses.alerts.channels import Message, SendError, webhook
from licenses.alerts.channels import mail as by_mail
from licenses.models import Channel, MailboxMessage, Notification

AT = datetime(2026, 9, 21, 12, tzinfo=UTC)


def message(**values) -> Message:
    fields = {
        "key": uuid.UUID(int=7),
        "recipient": "a@example.test",
        "subject": "Subject",
        "body": "Body",
        "data": {"alerts": [{"title": "Pool \u202e <b>"}]},
        "transition": "firing",
        "at": AT,
        "thread": "alert-5",
    }
    return Message(**(fields | values))


@pytest.fixture
def hook(receiver, settings) -> Channel:
    settings.ITAM_EGRESS_ALLOW = ["127.0.0.0/8"]
    settings.ITAM_EGRESS_PORTS = [receiver.port]
    return Channel(name="Hook", kind="webhook", target=receiver.url, secret="s3cret")


def test_a_webhook_is_signed_over_time_and_body(receiver, hook):
    channels.send(hook, message())
    head, _, body = receiver.requests[0].partition(b"\r\n\r\n")
    lines = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
    signed = lines["X-Itam-Timestamp"].encode() + b"." + body
    expected = hmac.new(b"s3cret", signed, hashlib.sha256).hexdigest()
    assert int(lines["X-Itam-Timestamp"]) == int(AT.timestamp())
    assert lines["X-Itam-Signature"] == f"v1={expected}"
    assert lines["Idempotency-Key"] == str(uuid.UUID(int=7))
    values = json.loads(body)
    assert values["text"] == "Subject\n\nBody"
    assert values["transition"] == "firing"
    assert values["alerts"] == [{"title": "Pool \u202e <b>"}]
    assert body.isascii()


def test_a_webhook_without_a_secret_is_not_signed(receiver, hook):
    hook.secret = ""
    channels.send(hook, message())
    assert b"X-Itam-Signature" not in receiver.requests[0]


@pytest.mark.parametrize(
    ("status", "taken"),
    [(b"204 No Content", True), (b"302 Found", False), (b"404 X", False), (b"500 X", False)],
)
def test_only_2xx_counts_as_taken_and_the_answer_is_never_shown(receiver, hook, status, taken):
    receiver.status = status
    if taken:
        channels.send(hook, message())
    else:
        with pytest.raises(SendError, match=f"status {status[:3].decode()}; expected 2xx") as error:
            channels.send(hook, message())
        assert "hidden" not in str(error.value)


def test_a_webhook_into_our_own_network_is_not_sent_and_says_why(receiver, hook, settings):
    settings.ITAM_EGRESS_ALLOW = []
    with pytest.raises(SendError, match=r"Not sent: .* not on the public network"):
        channels.send(hook, message())
    assert receiver.requests == []


def test_a_webhook_goes_through_the_outbox_and_hides_its_path(db, receiver, hook):
    hook.save()
    assert channels.recipients(hook) == [f"http://127.0.0.1:{receiver.port}"]
    [row] = outbox.send_test(hook)
    assert (row.state, row.recipient) == ("sent", f"http://127.0.0.1:{receiver.port}")
    receiver.status = b"503 Busy"
    [row] = outbox.send_test(hook)
    assert row.last_error == "The receiver answered with status 503; expected 2xx."
    assert "token" not in "".join(
        str(value) for values in Notification.objects.values() for value in values.values()
    )


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("https://hooks.example/x", None),
        ("ftp://hooks.example/x", "expected https"),
        ("https://me:pw@hooks.example/", "user name"),
        ("https://hooks.example:22/", "Port 22"),
        ("nonsense", "expected https"),
    ],
)
def test_a_webhook_address_is_checked_when_it_is_typed(target, reason):
    if reason is None:
        webhook.check(target)
    else:
        with pytest.raises(ValueError, match=reason):
            webhook.check(target)


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("a@example.test", None),
        ("a@example.test, b@example.test;c@example.test", None),
        ("", "at least one"),
        (" , ", "at least one"),
        ("a@example.test, nonsense", "'nonsense' is no mail address"),
        ("a@example.test\nBcc: b@example.test", "is no mail address"),
    ],
)
def test_mail_addresses_are_checked_when_they_are_typed(target, reason):
    if reason is None:
        by_mail.check(target)
    else:
        with pytest.raises(ValueError, match=reason):
            by_mail.check(target)


def test_each_mail_address_is_a_recipient_once():
    channel = Channel(kind="mail", target="a@example.test, b@example.test; a@example.test,")
    assert channels.recipients(channel) == ["a@example.test", "b@example.test"]


def test_a_mail_carries_its_key_and_its_thread(settings):
    settings.DEFAULT_FROM_EMAIL = "Licences <itam@corp.example>"
    mail.outbox.clear()
    channels.send(Channel(kind="mail"), message())
    text = mail.outbox[0].message()
    assert text["Message-ID"] == f"<{uuid.UUID(int=7)}@corp.example>"
    assert text["References"] == "<alert-5@corp.example>"
    assert text["Auto-Submitted"] == "auto-generated"
    assert text["To"] == "a@example.test"


@pytest.mark.parametrize(
    ("failure", "told"),
    [
        (smtplib.SMTPRecipientsRefused({"a": (550, b"no <such> user")}), "code 550"),
        (smtplib.SMTPDataError(552, b"secret text"), "code 552"),
        (smtplib.SMTPServerDisconnected("x"), "SMTPServerDisconnected"),
        (TimeoutError("x"), "TimeoutError"),
        (ConnectionRefusedError(111, "x"), "ConnectionRefusedError"),
    ],
)
def test_a_mail_server_that_fails_is_told_without_its_words(monkeypatch, failure, told):
    def fails(*_args, **_more):
        raise failure

    monkeypatch.setattr(EmailMessage, "send", fails)
    with pytest.raises(SendError, match=told) as error:
        channels.send(Channel(kind="mail"), message())
    assert "secret text" not in str(error.value)
    assert "such" not in str(error.value)


def test_the_mailbox_keeps_mails_once_each(db, settings):
    settings.EMAIL_BACKEND = "licenses.alerts.mailbox.MailboxBackend"
    channel = Channel(kind="mail")
    channels.send(channel, message())
    channels.send(channel, message())  # again, as after a kill
    channels.send(channel, message(key=uuid.UUID(int=8), subject="Other"))
    rows = MailboxMessage.objects.order_by("pk").values_list("subject", "recipients", "body")
    assert list(rows) == [
        ("Subject", "a@example.test", "Body"),
        ("Other", "a@example.test", "Body"),
    ]


def test_the_mailbox_takes_any_django_mail(db):
    connection = get_connection("licenses.alerts.mailbox.MailboxBackend")
    plain = EmailMessage(
        "Two\nlines", "Body", "from@example.test", ["to@example.test"], ["b@c.test"]
    )
    assert connection.send_messages([plain, plain]) == 2
    row = MailboxMessage.objects.first()
    assert (row.subject, row.recipients) == ("Two lines", "to@example.test, b@c.test")


def test_every_kind_of_channel_has_a_way_out():
    assert set(channels.KINDS) == set(Channel.Kind.values)
