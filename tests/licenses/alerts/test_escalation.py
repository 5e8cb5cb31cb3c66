"""What nobody acknowledges goes to the next contact: three at most, each once."""

from __future__ import annotations

import pytest
from django.core import mail
from django.db import IntegrityError, transaction

from licenses.alerts import actions, book
from licenses.models import Alert, AlertRule, Channel, EscalationStep, Notification

from .conftest import Company

HOUR = 3600


def step(company: Company, number: int, minutes: int, **values) -> Channel:
    channel = Channel.objects.create(
        name=f"Contact {number}", kind="mail", target=f"contact{number}@example.test", **values
    )
    EscalationStep.objects.create(
        rule=company.rule, step=number, wait_minutes=minutes, channel=channel
    )
    return channel


def watch(company: Company, pool, begin: int, end: int, in_use: int = 9) -> None:
    """Let the server answer every five minutes, and weigh it."""
    for second in range(begin, end, 300):
        company.sample(pool, second, in_use)
        company.evaluate(second + 5)
        company.deliver(second + 150)


def told() -> list[tuple[str, str]]:
    return [(message.to[0].split("@")[0], message.subject) for message in mail.outbox]


@pytest.fixture
def pool(company):
    return company.add_pool("Modeller")


TITLE = "Modeller: 9 of 10 seats in use"


def test_each_step_waits_for_itself_and_is_told_once(company, pool):
    for number, minutes in ((1, 15), (2, 30), (3, 60)):
        step(company, number, minutes)
    watch(company, pool, 0, 4 * HOUR)
    assert told() == [
        ("asset.manager", TITLE),
        ("contact1", f"Not acknowledged: {TITLE}"),
        ("contact2", f"Not acknowledged: {TITLE}"),
        ("contact3", f"Not acknowledged: {TITLE}"),
    ]
    rows = Notification.objects.order_by("pk").values_list("recorded_at", flat=True)
    waits = [round((row - rows[0]).total_seconds() / 60) for row in rows]
    assert waits == [0, 15, 45, 105]
    assert "Nobody has acknowledged this alert for 15 min" in mail.outbox[1].body
    assert "told to others until somebody acknowledges it" in mail.outbox[0].body


@pytest.mark.parametrize(("moment", "reached"), [(10, 0), (25, 1), (45, 2)])
def test_acknowledging_stops_it_and_everybody_who_was_told_hears_of_the_end(
    company, pool, moment, reached, django_user_model
):
    company.rule.repeat_seconds = 600
    company.rule.save()
    for number in (1, 2, 3):
        step(company, number, 15)
    watch(company, pool, 0, moment * 60)
    user = django_user_model.objects.create_user("manager")
    assert actions.acknowledge(Alert.objects.get(), user)
    count = len(mail.outbox)
    watch(company, pool, moment * 60, 3 * HOUR)
    assert len(mail.outbox) == count
    watch(company, pool, 3 * HOUR, 4 * HOUR, in_use=1)
    ends = [who for who, subject in told()[count:] if subject.startswith("Over: ")]
    contacts = [f"contact{number}" for number in range(1, reached + 1)]
    assert ends == ["asset.manager", *contacts]


def test_what_waits_to_go_out_is_recalled_by_an_acknowledgement(company, pool, django_user_model):
    company.rule.repeat_seconds = 60
    company.rule.save()
    step(company, 1, 1)
    alert = company.fire(pool)
    company.deliver(600)
    company.sample(pool, 700, 9)
    company.evaluate(705)
    assert [row.transition for row in company.waiting()] == ["repeat", "escalated"]
    actions.acknowledge(alert, django_user_model.objects.create_user("manager"))
    assert company.waiting() == []


def test_a_silence_and_blindness_hold_it_back(company, pool):
    step(company, 1, 15)
    company.fire(pool)
    for second in range(300, 2 * HOUR, 600):  # the server answers no more
        company.evaluate(second)
    assert not Notification.objects.filter(transition="escalated").exists()
    watch(company, pool, 2 * HOUR, 2 * HOUR + 300)
    assert Notification.objects.filter(transition="escalated").count() == 1


def test_a_step_whose_channel_is_off_is_passed_over(company, pool):
    step(company, 1, 15, enabled=False)
    step(company, 2, 30)
    watch(company, pool, 0, 2 * HOUR)
    assert [who for who, _ in told()] == ["asset.manager", "contact2"]


def test_a_rule_whose_first_contact_is_missing_still_escalates(company, pool):
    company.rule.channels.clear()
    step(company, 1, 15)
    watch(company, pool, 0, HOUR)
    assert [who for who, _ in told()] == ["contact1"]


def test_steps_are_taken_one_by_one_after_nobody_counted_for_long(company, pool):
    for number in (1, 2):
        step(company, number, 15)
    company.fire(pool)
    company.sample(pool, 10 * HOUR, 9)
    company.evaluate(10 * HOUR + 5)
    assert Alert.objects.get().escalated_to == 1


def test_a_kill_anywhere_neither_loses_nor_doubles_a_step(company, pool, monkeypatch):
    step(company, 1, 15)
    step(company, 2, 15)
    company.fire(pool)

    class Killed(BaseException):
        pass

    real = book.outbox.enqueue
    for number, second in enumerate(range(360, 2 * HOUR, 300)):
        company.sample(pool, second, 9)
        if number % 2 == 0:  # written, and dead before the end of the transaction

            def dies(drafts, now):
                real(drafts, now)
                raise Killed

            monkeypatch.setattr(book.outbox, "enqueue", dies)
            with pytest.raises(Killed), transaction.atomic():
                company.evaluate(second + 5)
            monkeypatch.setattr(book.outbox, "enqueue", real)
        else:
            company.evaluate(second + 5)
    rows = Notification.objects.filter(transition="escalated")
    assert sorted(rows.values_list("sequence", "recipient")) == [
        (1, "contact1@example.test"),
        (2, "contact2@example.test"),
    ]


@pytest.mark.parametrize("values", [{"step": 4}, {"step": 0}, {"wait_minutes": 0}, {"step": 1}])
def test_the_database_holds_three_steps_each_once(company, values):
    step(company, 1, 15)
    fields = {"rule": company.rule, "step": 2, "wait_minutes": 5, "channel": company.channel}
    with pytest.raises(IntegrityError), transaction.atomic():
        EscalationStep.objects.create(**fields | values)
    assert AlertRule.objects.get().escalation.count() == 1
