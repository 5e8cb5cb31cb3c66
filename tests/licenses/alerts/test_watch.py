"""Scheduler and workers are watched by a road that needs neither; defaults; what people do."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core import mail
from django.core.exceptions import ValidationError
from django.db import DatabaseError, connection
from django.test.utils import CaptureQueriesContext

from licenses.alerts import actions, defaults, heartbeat
from licenses.models import Alert, AlertRule, Channel, Heartbeat, Notification, Silence

from .conftest import moment


@pytest.fixture
def watched(company):
    company.rule.delete()
    company.add_rule("scheduler", AlertRule.Kind.SCHEDULER, repeat_seconds=3600)
    return company


def test_a_worker_that_stopped_is_told_by_the_watch_itself_and_once(watched, monkeypatch):
    import celery

    monkeypatch.setattr(celery.Task, "apply_async", lambda *_: pytest.fail("used the broker"))
    heartbeat.beat("worker", moment(0))
    assert heartbeat.watch(moment(200)) == []
    problems = heartbeat.watch(moment(400))
    assert problems == ["The worker stands still: no sign of life for 400 seconds."]
    heartbeat.watch(moment(410))
    heartbeat.watch(moment(700))
    assert watched.subjects() == ["The worker stands still"]
    assert "manage.py healthcheck" in mail.outbox[0].body
    heartbeat.watch(moment(4100))
    assert watched.subjects()[1:] == ["Still: The worker stands still"]


def test_its_return_is_told_by_the_evaluation(watched):
    heartbeat.beat("worker", moment(0))
    heartbeat.watch(moment(400))
    heartbeat.beat("worker", moment(500))
    watched.evaluate(510)
    watched.deliver(900)
    assert watched.subjects()[-1] == "Over: The worker stands still"


def test_the_watch_leaves_alerts_of_other_kinds_alone(watched):
    watched.rule = watched.add_rule("nearly full", AlertRule.Kind.USE_PERCENT)
    pool = watched.add_pool("Modeller")
    watched.fire(pool)
    heartbeat.beat("worker", moment(0))
    heartbeat.watch(moment(400))
    assert Alert.objects.get(pool=pool).state == "firing"


def test_a_worker_that_never_came_is_a_problem_but_no_alert(watched):
    assert heartbeat.watch(moment(0)) == ["The worker was never heard of."]
    assert not Alert.objects.exists()


def test_the_watch_does_not_pass_for_an_evaluation(watched):
    heartbeat.beat("worker", moment(0))
    watched.evaluate(10)
    heartbeat.watch(moment(400))
    assert Heartbeat.objects.get(name="alerts").at == moment(10)


def test_a_look_while_all_is_well_is_one_query(watched):
    heartbeat.beat("worker", moment(0))
    with CaptureQueriesContext(connection) as queries:
        heartbeat.watch(moment(10))
    assert len(queries) == 1


def test_without_sending_the_watch_only_raises(watched):
    heartbeat.beat("worker", moment(0))
    heartbeat.watch(moment(400), send=False)
    assert (len(mail.outbox), Notification.objects.count()) == (0, 1)


def test_a_database_that_fails_is_a_problem_and_no_crash(watched, monkeypatch):
    def fails(*_args):
        raise DatabaseError("gone")

    monkeypatch.setattr(Heartbeat.objects, "values_list", fails)
    assert heartbeat.watch(moment(0)) == ["The watch could not ask the database: DatabaseError."]


def test_a_new_installation_gets_rules_and_a_channel_once(db, settings):
    settings.ITAM_ALERT_MAIL = "managers@example.test"
    assert defaults.ensure_default_rules() == len(defaults.RULES)
    assert defaults.ensure_default_rules() == 0
    assert Channel.objects.get().target == "managers@example.test"
    kinds = set(AlertRule.objects.values_list("kind", flat=True))
    assert kinds >= set(AlertRule.Kind.values) - {"seats_left", "denials"}
    for rule in AlertRule.objects.all():
        rule.full_clean()
        assert rule.channels.count() == 1


def test_without_an_address_the_rules_wait_for_one(db, settings, django_user_model):
    settings.ITAM_ALERT_MAIL = ""
    defaults.ensure_default_rules()
    assert not Channel.objects.exists()
    django_user_model.objects.create_superuser("admin", "admin@example.test")
    django_user_model.objects.create_superuser("other", "")
    assert defaults.ensure_default_rules() == 0
    assert Channel.objects.get().target == "admin@example.test"
    assert not AlertRule.objects.filter(channels=None).exists()


def test_rules_that_somebody_deleted_stay_deleted(db):
    defaults.ensure_default_rules("a@example.test")
    AlertRule.objects.exclude(kind="server").delete()
    defaults.ensure_default_rules("a@example.test")
    assert AlertRule.objects.count() == 1


def test_an_address_that_is_none_is_refused(db):
    with pytest.raises(ValueError, match="no mail address"):
        defaults.ensure_default_rules("nonsense")


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        pytest.param({"ends_at": moment(-1)}, "ends before it starts", id="backwards"),
        pytest.param({"ends_at": moment(31 * 86400)}, "30 days", id="too-long"),
        pytest.param({"reason": ""}, "blank", id="no-reason"),
        pytest.param({"rule": None}, "what is to be silent", id="about-nothing"),
    ],
)
def test_a_silence_is_limited_and_has_a_reason(company, values, problem):
    fields = {
        "starts_at": moment(0),
        "ends_at": moment(0) + timedelta(hours=1),
        "reason": "maintenance",
        "author": None,
        "rule": company.rule,
    }
    with pytest.raises(ValidationError, match=problem):
        actions.silence(**(fields | values))
    assert not Silence.objects.exists()


def test_what_is_over_cannot_be_acknowledged(company, django_user_model):
    alert = company.fire(company.add_pool("Modeller"))
    Alert.objects.update(state="resolved")
    assert not actions.acknowledge(alert, django_user_model.objects.create_user("manager"))
