"""Signs that somebody still watches: once a day to people, and a ping to the outside."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.core import mail

from licenses.alerts import deadman
from licenses.models import Alert, Channel, Chore, Heartbeat, Notification

from .conftest import moment

DAY = 86400
NIGHT = -7 * 3600  # 06:33 UTC
MORNING = -6 * 3600  # 07:33 UTC


@pytest.fixture
def daily(company):
    Channel.objects.update(still_watching=True)
    return company


def test_the_days_message_says_what_is_watched(daily):
    company = daily
    server = company.add_server(name="cad-licenses")
    company.fire(company.add_pool("Modeller", server), begin=-20 * 3600)
    Heartbeat.objects.update_or_create(name="alerts", defaults={"at": moment(MORNING - 60)})
    company.answer(server, -20 * 3600, attempt=MORNING)
    mail.outbox.clear()
    Notification.objects.all().delete()
    assert deadman.still_watching(moment(MORNING)) == 1
    company.deliver(MORNING)
    (message,) = mail.outbox
    assert message.subject == "Still watching: 1 pool, 1 silent server, 1 open alert"
    for line in (
        "Pools watched: 1",
        "Licence servers asked: 1; silent: 1 (cad-licenses)",
        "Alerts open: 1; acknowledged: 0",
        "- Modeller: 9 of 10 seats in use",
        "Messages that could not be delivered in two days: 0",
        "Rules last looked at: 2026-09-21 07:32 UTC",
    ):
        assert line in message.body
    data = Notification.objects.get().data
    assert (data["watching"]["servers_silent"], data["alerts"]) == ([server.pk], [])
    json.dumps(data)


def test_it_comes_once_a_day_however_often_somebody_asks(daily):
    told = [
        deadman.still_watching(moment(MORNING + second))
        for second in range(0, 3 * DAY - 3600, 3000)
    ]
    assert sum(told) == 3
    days = Notification.objects.values_list("sequence", flat=True)
    assert len(set(days)) == 3


def test_it_waits_for_the_morning_and_for_a_channel_that_asks(daily, settings):
    assert deadman.still_watching(moment(NIGHT)) == 0
    settings.ITAM_WATCHING_HOUR = 5
    assert deadman.still_watching(moment(NIGHT)) == 1
    Notification.objects.all().delete()
    Channel.objects.update(still_watching=False)
    assert deadman.still_watching(moment(MORNING)) == 0


def test_two_that_write_at_once_write_one(daily, monkeypatch):
    real = deadman._summary

    def another_is_faster(*args):
        monkeypatch.setattr(deadman, "_summary", real)
        assert deadman.still_watching(moment(MORNING)) == 1
        return real(*args)

    monkeypatch.setattr(deadman, "_summary", another_is_faster)
    deadman.still_watching(moment(MORNING))
    assert Notification.objects.count() == 1


def test_a_look_after_it_was_told_costs_two_queries(daily, django_assert_num_queries):
    deadman.still_watching(moment(MORNING))
    with django_assert_num_queries(2):
        deadman.still_watching(moment(MORNING + 30))


@pytest.fixture
def outside(db, receiver, settings):
    settings.ITAM_EGRESS_ALLOW = ["127.0.0.0/8"]
    settings.ITAM_EGRESS_PORTS = [receiver.port]
    settings.ITAM_PING_URL = f"{receiver.url}/canary-path"
    Heartbeat.objects.create(name="alerts", at=moment(0))
    return receiver


def test_the_outside_is_told_once_a_period(outside):
    assert [deadman.ping(moment(second)) for second in (0, 5, 30, 59, 60)] == [
        True,
        None,
        None,
        None,
        True,
    ]
    assert len(outside.requests) == 2
    assert b"/canary-path" in outside.requests[0]
    assert deadman.ping_problem(moment(60)) == ""


def test_without_an_address_nothing_is_asked(db, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert deadman.ping(moment(0)) is None
        assert deadman.ping_problem(moment(0)) == ""


def test_a_ping_that_fails_is_shown_and_stops_nothing(outside, caplog):
    deadman.ping(moment(0))
    outside.status = b"503 Down"
    assert deadman.ping(moment(60)) is False
    assert deadman.ping_problem(moment(90)) == ""  # one that fails is no news yet
    assert deadman.ping(moment(900)) is False
    problem = deadman.ping_problem(moment(900))
    expected = "The outgoing ping has failed for 15 min: The receiver answered with status 503."
    assert problem == expected
    assert "The outgoing ping failed" in caplog.text
    assert "canary" not in problem + caplog.text + Chore.objects.get().error


def test_nothing_is_pinged_inside_our_own_network(outside, settings):
    settings.ITAM_EGRESS_ALLOW = []
    assert deadman.ping(moment(0)) is False
    assert outside.requests == []
    assert "Not sent" in deadman.ping_problem(moment(0))


def test_no_ping_pretends_that_rules_are_looked_at(outside):
    assert deadman.ping(moment(901)) is False
    assert outside.requests == []
    assert "not looked at for 15 min" in Chore.objects.get().error


def test_whoever_dies_while_pinging_leaves_it_to_the_next(outside, monkeypatch):
    class Killed(BaseException):
        pass

    def dies(_url):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(deadman, "_post", dies)
        with pytest.raises(Killed):
            deadman.ping(moment(0))
    assert deadman.ping(moment(30)) is None
    assert deadman.ping(moment(0) + timedelta(seconds=60)) is True
    assert Alert.objects.count() == 0
