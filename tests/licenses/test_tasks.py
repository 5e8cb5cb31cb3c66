"""What starts tasks: a nudge, which may be lost, and a tick, which hands out what is due."""

from __future__ import annotations

import datetime
import time
from pathlib import Path

import pytest
from kombu.exceptions import OperationalError

from licenses import tasks
from licenses.analysis import headlines, rollup
from licenses.models import ImportJob, SharingRule
from tests.factories import PoolFactory, ServerFactory


def test_a_nudge_names_the_task_and_a_broker_that_is_away_does_no_harm(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sent = []
    monkeypatch.setattr(
        tasks.current_app, "send_task", lambda task, ids, **_options: sent.append((task, ids))
    )
    tasks.nudge("licenses.tasks.import_file", 7)
    assert sent == [(tasks.import_file.name, (7,))]

    def away(*_message: object, **_options: object) -> None:
        raise OperationalError("away")

    monkeypatch.setattr(tasks.current_app, "send_task", away)
    tasks.nudge("licenses.tasks.import_file", 7)


def test_a_nudge_does_not_wait_for_a_broker_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[object] = []
    monkeypatch.setattr(tasks.current_app, "send_task", lambda *told, **_options: sent.append(told))
    monkeypatch.setattr(tasks.health, "broker_problem", lambda **_options: "broker: TimeoutError")
    tasks.nudge("licenses.tasks.import_file", 7)
    assert sent == []


@pytest.mark.django_db
def test_a_tick_hands_out_what_is_due_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    polled = ServerFactory(polling="file", status_path="/var/lib/status.txt")
    ServerFactory(polling="off")
    tailed = ServerFactory(log_path="/var/log/debug.log")
    job = ImportJob.objects.create(server=polled, file="a", file_name="a")
    ImportJob.objects.create(server=polled, file="b", file_name="b", state="done")
    handed: list[tuple[str, object]] = []
    for task in (tasks.poll_servers, tasks.read_log, tasks.import_file, tasks.count_again):
        monkeypatch.setattr(task, "delay", lambda *ids, name=task.name: handed.append((name, *ids)))
    tasks.tick()
    assert handed == [
        ("licenses.tasks.poll_servers", [polled.pk]),
        ("licenses.tasks.read_log", tailed.pk),
        ("licenses.tasks.import_file", job.pk),
    ]


@pytest.mark.django_db
def test_what_was_learned_of_old_times_makes_the_figures_of_30_days_due(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    old, new = PoolFactory(), PoolFactory()
    now = int(time.time())
    headlines.refresh([old.pk, new.pk], now)
    rollup.mark_dirty([old.pk], now - 5 * 86_400, now)
    rollup.mark_dirty([new.pk], now - 600, now)
    tasks.count_again()
    assert headlines.due(now) == [old.pk]
    handed: list[str] = []
    monkeypatch.setattr(tasks.count_headlines, "delay", lambda: handed.append("count"))
    tasks.tick()
    tasks.tick()
    assert handed == ["count"]
    tasks.count_headlines()
    assert headlines.due(now) == []


@pytest.mark.django_db
def test_options_files_are_read_once_a_day(tmp_path: Path, settings, time_machine) -> None:
    settings.ITAM_DATA_DIR, settings.ITAM_CAPTURE_DIR = tmp_path, tmp_path / "captures"
    options = tmp_path / "acmed.opt"
    options.write_text("RESERVE 2 CAD USER ann\n")
    ServerFactory(options_path=str(options))
    ServerFactory(options_path=str(tmp_path / "missing.opt"))
    time_machine.move_to(datetime.datetime(2031, 1, 1, tzinfo=datetime.UTC))
    tasks._once_a_day()
    assert [str(rule) for rule in SharingRule.objects.all()] == ["RESERVE 2 CAD USER ann"]
    options.write_text("RESERVE 3 CAD USER ann\n")
    tasks._once_a_day()
    assert SharingRule.objects.get().amount == 2
    time_machine.move_to(datetime.datetime(2031, 1, 2, tzinfo=datetime.UTC))
    tasks._once_a_day()
    assert SharingRule.objects.get().amount == 3
