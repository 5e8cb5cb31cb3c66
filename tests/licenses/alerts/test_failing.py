"""What a channel cannot deliver for a day goes by another, with all that it tells of."""

from __future__ import annotations

import pytest
from django.core import mail

from licenses.alerts import channels, outbox
from licenses.alerts.channels import SendError
from licenses.models import Channel, MailboxMessage, Notification

from .conftest import moment

DAY = 86400


@pytest.fixture
def spare(company) -> Channel:
    return Channel.objects.create(
        name="Spare", kind="mail", target="spare@example.test", fallback=True
    )


@pytest.fixture
def down(company, monkeypatch):
    """Let the managers' channel refuse everything."""
    real = channels.send

    def send(channel, message):
        if channel.pk == company.channel.pk:
            raise SendError("refused")
        real(channel, message)

    monkeypatch.setattr(channels, "send", send)


def run(company, begin: int, end: int, every: int = 600) -> None:
    for second in range(begin, end, every):
        company.deliver(second)


def test_after_a_day_it_goes_by_the_fallback_channel_once(company, spare, down):
    alert = company.fire(company.add_pool("Modeller"))
    run(company, 400, DAY)
    assert mail.outbox == []
    run(company, DAY, DAY + 9000)
    (message,) = mail.outbox
    assert message.to == ["spare@example.test"]
    assert message.subject == ("Not delivered to Managers: Modeller: 9 of 10 seats in use")
    assert "This message was for asset.manager@example.test (Managers)." in message.body
    assert "tries in 24 hours. refused" in message.body
    assert MailboxMessage.objects.count() == 1
    row = Notification.objects.get(transition="fallback")
    assert [each["alert"] for each in row.data["alerts"]] == [alert.pk]


def test_the_end_finds_whoever_was_told_instead_also_of_what_was_told_along(company, spare, down):
    server = company.add_server(name="cad")
    pools = [company.add_pool(f"Pool {letter}", server) for letter in "ABC"]
    for second in (0, 300):
        for pool in pools:
            company.sample(pool, second, 9)
        company.evaluate(second + 5)
    run(company, 400, DAY + 9000)
    assert [message.to for message in mail.outbox] == [["spare@example.test"]]
    told = Notification.objects.filter(transition="fallback")
    assert [row.state for row in told] == ["sent"] * 3
    begin = DAY + 9000
    for second in (begin, begin + 300, begin + 900, begin + 1200):
        for pool in pools:
            company.sample(pool, second, 1)
        company.evaluate(second + 5)
    run(company, begin + 1300, begin + 9000)
    assert len(mail.outbox) == 2
    for pool in pools:
        assert f"Over: {pool}" in mail.outbox[1].body


def test_many_at_once_come_as_a_digest_of_which_none_is_dropped(company, spare):
    for number in range(30):
        company.fire(company.add_pool(f"Pool {number}"))
    Channel.objects.filter(pk=company.channel.pk).update(enabled=False)
    run(company, DAY + 400, DAY + 9000)
    assert len(mail.outbox) == outbox.PER_HOUR + 1
    assert "Digest of" in mail.outbox[-1].subject
    assert not Notification.objects.filter(transition="fallback").exclude(state="sent").exists()
    text = "".join(message.subject + message.body for message in mail.outbox)
    assert all(f"Pool {number}: 9 of 10" in text for number in range(30))


def test_a_fallback_that_fails_too_ends_in_the_mailbox(company, spare, down, monkeypatch):
    def refuse(_channel, _message):
        raise SendError("refused")

    monkeypatch.setattr(channels, "send", refuse)
    company.fire(company.add_pool("Modeller"))
    run(company, 400, 3 * DAY, every=3700)
    rows = Notification.objects.order_by("pk").values_list("transition", "state")
    assert list(rows) == [("firing", "failed"), ("fallback", "failed")]
    assert MailboxMessage.objects.count() == 2


def test_a_fallback_channel_is_none_for_itself_or_where_it_is_off(company, spare, down):
    Channel.objects.filter(pk=spare.pk).update(enabled=False)
    Channel.objects.filter(pk=company.channel.pk).update(fallback=True)
    company.fire(company.add_pool("Modeller"))
    run(company, 400, DAY + 9000)
    assert not Notification.objects.filter(transition="fallback").exists()


def test_what_waits_for_a_channel_that_is_switched_off_goes_by_the_fallback(company, spare):
    company.fire(company.add_pool("Modeller"))
    Channel.objects.filter(pk=company.channel.pk).update(enabled=False)
    run(company, 400, DAY)
    assert mail.outbox == []
    run(company, DAY + 400, DAY + 1000)
    assert "The channel is switched off." in mail.outbox[0].body


def test_a_kill_while_it_is_given_up_leaves_all_or_nothing(company, spare, down, monkeypatch):
    company.fire(company.add_pool("Modeller"))
    company.deliver(400)

    class Killed(BaseException):
        pass

    real = Notification.save

    def dies(self, *args, **values):
        real(self, *args, **values)
        if self.transition == "fallback":
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Notification, "save", dies)
        with pytest.raises(Killed):
            company.deliver(DAY + 400)
    assert not Notification.objects.filter(transition="fallback").exists()
    run(company, DAY + 600, DAY + 9000)
    assert len(mail.outbox) == 1
    assert Notification.objects.get(transition="firing").state == "failed"
    assert mail.outbox[0].extra_headers["Message-ID"]
    assert moment(0) < Notification.objects.get(transition="fallback").sent_at
