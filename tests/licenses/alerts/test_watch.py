"""Scheduler and workers are watched by a road that needs neither; defaults; what people do."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.core import mail
from django.core.exceptions import ValidationError
from django.db import DatabaseError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from licenses.alerts import actions, defaults, heartbeat, reach
from licenses.models import Alert, AlertRule, Channel, Heartbeat, Notification, Silence
from licenses.overview import installation

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
    assert heartbeat.watch(moment(120)) == []
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
    assert kinds >= set(AlertRule.Kind.values) - {"seats_left", "denials", "time_to_full"}
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
    managers = Group.objects.get_or_create(name="manager")[0]
    for name, active in (("mara", True), ("gone", False)):
        person = django_user_model.objects.create_user(name, f"{name}@example.test")
        person.is_active = active
        person.save()
        person.groups.add(managers)
    django_user_model.objects.create_user("vera", "vera@example.test")
    assert Channel.objects.get().target == "admin@example.test"
    Channel.objects.all().delete()
    defaults.ensure_channel()
    assert Channel.objects.get().target == "admin@example.test, mara@example.test"
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


def old_beat(seconds: int) -> None:
    heartbeat.beat("worker", timezone.now() - timedelta(seconds=seconds))


def test_the_page_asks_once_in_a_while_however_often_it_is_asked(watched):
    raised = threading.Event()
    lookout = heartbeat.Lookout(raised.set)
    old_beat(5)
    with CaptureQueriesContext(connection) as queries:
        assert {lookout.look() for _ in range(100)} == {"ok"}
    assert len(queries) == 1
    assert not raised.is_set()


def test_the_page_raises_the_alarm_in_one_thread_at_a_time(watched, monkeypatch):
    monkeypatch.setattr(heartbeat, "LOOK_SECONDS", 0)
    begun, free = [], threading.Event()

    def alarm():
        begun.append(1)
        free.wait(10)

    lookout = heartbeat.Lookout(alarm)
    old_beat(300)
    words = [lookout.look() for _ in range(20)]
    assert words[0].startswith("worker: silent for 30")
    free.set()
    lookout._thread.join(10)
    assert begun == [1]
    lookout.look()
    lookout._thread.join(10)
    assert begun == [1, 1]


def test_a_page_before_the_first_sign_of_life_raises_nothing(watched):
    lookout = heartbeat.Lookout(lambda: pytest.fail("raised"))
    assert lookout.look() == "worker: never heard of"


@pytest.mark.django_db(transaction=True)
def test_whoever_asks_for_the_health_page_has_people_told(transactional_db, client, monkeypatch):
    from itam import views

    from .conftest import Company

    company = Company()
    company.add_rule("scheduler", AlertRule.Kind.SCHEDULER)
    mail.outbox.clear()
    old_beat(300)
    monkeypatch.setattr(views, "lookout", heartbeat.Lookout())
    answer = client.get("/healthz")
    assert answer.status_code == 200
    assert answer.json()["worker"].startswith("worker: silent for 30")
    views.lookout._thread.join(30)
    assert company.subjects() == ["The worker stands still"]


def test_it_is_said_whom_alerts_do_not_reach(db, settings):
    assert reach.unheard() == ["No alert rule is switched on, so nobody is told of anything."]
    settings.ITAM_ALERT_MAIL = ""
    defaults.ensure_default_rules()
    (sentence,) = reach.unheard()
    assert sentence.startswith("Nobody is told of any alert: no rule has a channel.")
    defaults.ensure_default_rules("managers@example.test")
    assert reach.unheard() == []
    AlertRule.objects.get(kind="server").channels.clear()
    assert reach.unheard() == [
        f"1 of {len(defaults.RULES)} alert rules have no channel, so nobody is told:"
        " Licence servers that do not answer."
    ]
    Channel.objects.update(enabled=False)
    assert reach.unheard()[0].startswith("Nobody is told of any alert")


def test_mails_that_stay_in_the_mailbox_are_said_to_reach_nobody(company, settings, tmp_path):
    settings.ITAM_DATA_DIR = tmp_path
    settings.EMAIL_BACKEND = reach.MAILBOX
    assert "no mail server is set" in reach.unheard()[0]
    tool = tmp_path / "demo" / "lmutil"
    tool.parent.mkdir()
    tool.touch()
    assert reach.unheard() == []
    tool.unlink()
    hook = Channel.objects.create(name="h", kind="webhook", target="https://hooks.example/x")
    company.rule.channels.add(hook)
    assert reach.unheard() == []


def test_whoever_looks_after_the_installation_is_told_that_links_lead_nowhere(db, settings):
    settings.ITAM_PUBLIC_URL = ""
    (sentence,) = reach.hostless()
    assert "ITAM_PUBLIC_URL" in sentence and sentence in installation.unattended()
    settings.ITAM_PUBLIC_URL = "https://itam.example"
    assert reach.hostless() == []
