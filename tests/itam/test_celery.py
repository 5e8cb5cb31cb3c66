import os
import subprocess
import sys

import pytest
from django.conf import settings
from kombu import Connection

from itam.celery import TASK_SECONDS, app
from tests.databases import migrated_sqlite
from tests.itam.test_runner import wait_for


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


def test_redbeat_finds_its_own_settings():
    assert app.conf.redbeat_redis_url
    assert {"redbeat_redis_url", "redbeat_redis_options"} <= set(app.conf.keys())


def test_the_pulse_runs():
    assert app.tasks["itam.pulse"].run() is None


@pytest.mark.django_db
def test_a_worker_of_another_version_does_not_start(monkeypatch):
    from itam import celery

    monkeypatch.setattr("itam.health.migrations_problem", lambda: "migrations: newer")
    monkeypatch.setattr("django.db.connection.close", lambda: None)
    with pytest.raises(SystemExit, match="The worker does not start: migrations: newer"):
        celery._refuse_other_schema()


def test_tasks_go_through_files_where_there_is_no_broker(tmp_path):
    """Send from one process, receive in another, as `up` does on a machine without Valkey."""
    script = (
        "import django; django.setup()\n"
        "from itam.celery import app\n"
        "import sys\n"
        "queue = app.conf.task_default_queue\n"
        "if sys.argv[1] == 'send':\n"
        "    app.tasks['itam.pulse'].delay()\n"
        "else:\n"
        "    with app.connection_for_read() as link:\n"
        "        print(link.SimpleQueue(queue).get(timeout=10).headers['task'])\n"
    )
    environ = {
        "PATH": os.environ["PATH"],
        "ITAM_DEBUG": "1",
        "ITAM_DATA_DIR": str(tmp_path),
        "CELERY_BROKER_URL": "filesystem://",
        "DJANGO_SETTINGS_MODULE": "itam.settings",
    }
    for role in ("send", "receive"):
        done = subprocess.run(
            [sys.executable, "-c", script, role],
            cwd=settings.BASE_DIR,
            env=environ,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
    assert done.stdout == "itam.pulse\n"


@pytest.mark.slow
def test_a_task_whose_process_is_killed_is_done_by_another(broker, tmp_path):
    """kill -9 in the middle of a task: the message comes back and the task runs to its end."""
    code = (
        "import os, pathlib, signal, sys\n"
        "from itam.celery import app\n"
        "at = pathlib.Path(sys.argv.pop(1))\n"
        "@app.task(name='tests.once_killed')\n"
        "def once_killed():\n"
        "    first = not (at / 'first').exists()\n"
        "    (at / 'first').touch()\n"
        "    if first:\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "    (at / 'done').touch()\n"
        "app.start(['worker', '-c', '1', '--without-gossip', '--without-mingle'])\n"
    )
    environ = {
        "PATH": os.environ["PATH"],
        "ITAM_DEBUG": "1",
        "ITAM_DATA_DIR": str(tmp_path),
        "CELERY_BROKER_URL": broker,
        "DJANGO_SETTINGS_MODULE": "itam.settings",
    }
    migrated_sqlite(tmp_path / "itam.sqlite3")
    with (tmp_path / "log").open("wb") as log:
        worker = subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path)],
            cwd=settings.BASE_DIR,
            env=environ,
            stdout=log,
            stderr=log,
        )
    try:
        with Connection(broker) as link:
            app.send_task("tests.once_killed", queue="default", connection=link)
        wait_for(lambda: (tmp_path / "done").exists(), seconds=60)
    except AssertionError:
        pytest.fail((tmp_path / "log").read_text()[-3000:])
    finally:
        worker.kill()
        worker.wait()
