import datetime as dt

import pytest
from django.core.management import call_command
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from itam import health
from licenses.models import Heartbeat

pytestmark = pytest.mark.django_db


def test_the_schema_of_this_program_is_no_problem():
    assert health.migrations_problem() == ""


def test_a_database_newer_than_the_program_is_named():
    MigrationRecorder.Migration.objects.create(app="licenses", name="9999_from_the_future")
    assert "licenses.9999_from_the_future" in health.migrations_problem()


def test_the_broker_answers(broker):
    assert health.broker_problem(broker) == ""


def test_a_broker_that_is_away_is_named():
    assert health.broker_problem("redis+socket:///nonexistent.sock") == "broker: ConnectionError"


class TestHealthcheck:
    def run(self, capsys):
        code = 0
        try:
            call_command("healthcheck")
        except SystemExit as end:
            code = end.code
        return code, capsys.readouterr().out

    def test_fresh_signs_are_well(self, capsys):
        Heartbeat.objects.create(name="worker", at=timezone.now())
        assert self.run(capsys) == (0, "ok\n")

    def test_a_worker_never_heard_of_is_a_problem(self, capsys):
        assert self.run(capsys) == (1, "worker: never heard of\n")

    def test_a_silent_part_is_named(self, capsys):
        now = timezone.now()
        Heartbeat.objects.create(name="worker", at=now)
        Heartbeat.objects.create(name="beat", at=now - dt.timedelta(seconds=200))
        code, out = self.run(capsys)
        assert code == 1
        assert out.startswith("beat: silent for 20")
        assert "worker" not in out

    def test_a_broker_that_is_away_is_a_problem(self, capsys, settings):
        Heartbeat.objects.create(name="worker", at=timezone.now())
        settings.CELERY_BROKER_URL = "redis+socket:///nonexistent.sock"
        assert self.run(capsys) == (1, "broker: ConnectionError\n")

    def test_a_late_poll_is_named(self, capsys):
        from licenses.models import LicenseServer, PollState

        Heartbeat.objects.create(name="worker", at=timezone.now())
        server = LicenseServer.objects.create(name="lic1", kind="flexnet")
        PollState.objects.update_or_create(
            server=server, defaults={"due_at": timezone.now() - dt.timedelta(hours=1)}
        )
        code, out = self.run(capsys)
        assert code == 1
        assert out.startswith("polls: 1 late, lic1 since ")
