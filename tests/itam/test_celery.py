import pytest

from itam.celery import TASK_SECONDS, app


def test_a_message_is_not_handed_out_again_while_its_task_may_still_run():
    timeout = app.conf.broker_transport_options["visibility_timeout"]
    assert timeout > 2 * app.conf.task_time_limit
    assert app.conf.task_soft_time_limit < app.conf.task_time_limit == TASK_SECONDS


def test_a_killed_process_gives_its_task_back():
    assert app.conf.task_acks_late
    assert app.conf.task_reject_on_worker_lost
    assert app.conf.worker_prefetch_multiplier == 1


def test_the_schedule_runs_in_utc_and_drops_what_is_late():
    assert app.conf.timezone == "UTC"
    for name, entry in app.conf.beat_schedule.items():
        assert entry["options"]["queue"] == "ticks", name
        assert entry["options"]["expires"] <= entry["schedule"], name


@pytest.mark.parametrize(("lock", "loop"), [(15, 5)])
def test_another_scheduler_takes_over_soon(lock, loop):
    assert app.conf.redbeat_lock_timeout == lock
    assert app.conf.beat_max_loop_interval == loop


def test_the_pulse_runs(settings):
    assert app.tasks["itam.pulse"].run() is None


@pytest.mark.django_db
def test_a_worker_of_another_version_does_not_start(monkeypatch):
    from itam import celery

    monkeypatch.setattr("itam.health.migrations_problem", lambda: "migrations: newer")
    monkeypatch.setattr("django.db.connection.close", lambda: None)
    with pytest.raises(SystemExit, match="The worker does not start: migrations: newer"):
        celery._refuse_other_schema()
