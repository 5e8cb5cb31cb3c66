"""The supervisor with small shell scripts as its children."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.conf import settings

from itam import pulse, runner
from itam.runner import CappedLog, Child, RunnerError, Supervisor, Watchdog


class Spoken(list):
    def __call__(self, text):
        self.append(text)

    @property
    def text(self):
        return "\n".join(self)


@pytest.fixture
def spoken():
    return Spoken()


@pytest.fixture
def supervisor(tmp_path, spoken):
    made = Supervisor(cwd=tmp_path, say=spoken)
    yield made
    made.stop(last="")
    made.close()


def child(tmp_path, script, name="part", **options):
    environ = {"PATH": "/usr/bin:/bin"}
    return Child(
        name, ["sh", "-c", script], environ, CappedLog(tmp_path / f"{name}.log"), **options
    )


def turn_until(supervisor, condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        supervisor.turn(0.05)


def test_output_goes_to_the_log(tmp_path, supervisor):
    part = child(tmp_path, "echo said; echo wrong >&2; exec sleep 60")
    supervisor.start(part)
    turn_until(supervisor, lambda: part.log.path.read_text() == "said\nwrong\n")


def test_a_killed_child_is_started_again_at_once(tmp_path, supervisor, spoken):
    part = child(tmp_path, "exec sleep 60")
    supervisor.start(part)
    first = part.process.pid
    os.kill(first, signal.SIGKILL)
    turn_until(supervisor, lambda: part.process is not None and part.process.pid != first)
    assert "part was killed by SIGKILL; starting it again" in spoken.text


def test_a_child_that_keeps_failing_is_tried_less_and_less_often(tmp_path, supervisor, spoken):
    part = child(tmp_path, "echo out of order; exit 3")
    waits = []
    for _ in range(4):
        supervisor.start(part)
        turn_until(supervisor, lambda: part.process is None)
        waits.append(part.start_at - time.monotonic())
    assert waits[0] <= 0
    assert [round(wait) for wait in waits[1:]] == [2, 4, 8]
    assert spoken.text.count("out of order") == 1
    assert "part keeps failing. Its last lines" in spoken.text


def test_the_wait_has_a_limit(tmp_path, supervisor):
    part = child(tmp_path, "exit 1", **{})
    part.failures = 50
    supervisor.start(part)
    turn_until(supervisor, lambda: part.process is None)
    assert part.start_at - time.monotonic() <= runner.LONGEST_WAIT


def test_a_child_that_ignores_term_is_killed_in_time(tmp_path, supervisor):
    part = child(tmp_path, "trap '' TERM; echo ready; while :; do sleep 1; done")
    last = child(tmp_path, "exec sleep 60", name="broker")
    for each in (last, part):
        supervisor.start(each)
    turn_until(supervisor, lambda: part.last_lines)
    began = time.monotonic()
    supervisor.stop(last="broker")
    assert time.monotonic() - began < 5
    assert part.process is None
    assert last.process is None


def test_what_a_child_had_started_ends_with_it(tmp_path, supervisor):
    part = child(tmp_path, "sleep 600 & echo $!; exec sleep 600")
    supervisor.start(part)
    turn_until(supervisor, lambda: part.last_lines)
    grandchild = int(part.last_lines[0])
    os.kill(part.process.pid, signal.SIGKILL)
    turn_until(supervisor, lambda: not alive(grandchild))


def test_children_die_when_the_supervisor_is_killed(tmp_path):
    code = (
        "import pathlib, sys, time\n"
        "from itam.runner import CappedLog, Child, Supervisor\n"
        "at = pathlib.Path(sys.argv[1])\n"
        "s = Supervisor(cwd=at, say=print)\n"
        "c = Child('c', ['sleep', '600'], {'PATH': '/usr/bin:/bin'}, CappedLog(at / 'log'))\n"
        "s.start(c)\n"
        "print(c.process.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        cwd=settings.BASE_DIR,
        stdout=subprocess.PIPE,
        text=True,
    )
    orphan = int(parent.stdout.readline())
    assert alive(orphan)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    wait_for(lambda: not alive(orphan))


def test_a_full_log_starts_again_and_keeps_some_old_ones(tmp_path, monkeypatch):
    monkeypatch.setattr(runner, "LOG_BYTES", 100)
    log = CappedLog(tmp_path / "part.log")
    for number in range(10):
        log.write(b"%02d" % number + b"x" * 58)
    log.close()
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["part.log", "part.log.1", "part.log.2"]
    assert (tmp_path / "part.log").read_bytes()[:2] == b"09"
    assert (tmp_path / "part.log.1").read_bytes()[:2] == b"08"


def test_a_second_supervisor_of_the_same_data_is_refused(tmp_path):
    folder = tmp_path / "run"
    with runner.only_one(folder, {"address": "http://127.0.0.1:8000/"}):
        refusal = rf"process {os.getpid()}, http://127.0.0.1:8000/"
        with pytest.raises(RunnerError, match=refusal), runner.only_one(folder, {}):
            pass
    with runner.only_one(folder, {}):
        pass


def test_a_port_in_use_is_named_with_the_way_out():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(
            RunnerError, match=rf"127.0.0.1:{port} cannot be used.*--bind HOST:PORT"
        ):
            runner.bind("127.0.0.1", port)


class TestWatchdog:
    """A part that runs and does nothing; the times of its signs of life are set by hand."""

    NOW = 1_000_000.0

    @pytest.fixture
    def signs(self, tmp_path):
        def put(name, age):
            (tmp_path / name).touch()
            at = time.time() - age
            os.utime(tmp_path / name, (at, at))

        return put

    def problem(self, tmp_path, name, *, ran=3600.0, processes=2, broker=True):
        part = Child(name, [], {}, log=None)
        part.process = object()
        part.started = self.NOW - ran
        watchdog = Watchdog(tmp_path, worker_processes=processes, broker_answers=lambda: broker)
        return watchdog.problem(part, self.NOW)

    def test_a_worker_that_hears_nothing_is_deaf(self, tmp_path, signs):
        signs("beat", 5)
        signs("worker", 100)
        assert self.problem(tmp_path, "worker") == "did nothing for 100 s"

    def test_it_is_noticed_within_two_minutes(self):
        assert runner.DEAF_SECONDS + 10 <= 120

    @pytest.mark.parametrize(
        ("beat", "worker", "options"),
        [
            pytest.param(5, 20, {}, id="worked-lately"),
            pytest.param(5, 100, {"ran": 30}, id="has-just-started"),
            pytest.param(60, 100, {}, id="nothing-is-sent"),
            pytest.param(None, 100, {}, id="nothing-was-ever-sent"),
            pytest.param(5, 100, {"broker": False}, id="the-broker-is-away"),
        ],
    )
    def test_silence_with_a_reason_is_no_deafness(self, tmp_path, signs, beat, worker, options):
        if beat is not None:
            signs("beat", beat)
        signs("worker", worker)
        assert self.problem(tmp_path, "worker", **options) == ""

    def test_a_worker_whose_every_process_has_a_task_is_busy(self, tmp_path, signs):
        signs("beat", 5)
        signs("worker", 250)
        pulse.beat(tmp_path, f"busy-{os.getpid()}")
        assert self.problem(tmp_path, "worker", processes=1) == ""
        assert self.problem(tmp_path, "worker", processes=2) != ""

    def test_a_process_that_died_with_a_task_is_not_busy(self, tmp_path, signs):
        signs("beat", 5)
        signs("worker", 250)
        gone = subprocess.Popen(["true"])
        gone.wait()
        pulse.beat(tmp_path, f"busy-{gone.pid}")
        assert self.problem(tmp_path, "worker", processes=1) != ""
        assert not (tmp_path / f"busy-{gone.pid}").exists()

    def test_a_scheduler_that_sends_nothing_is_stuck(self, tmp_path, signs):
        signs("beat", 95)
        assert self.problem(tmp_path, "beat") == "did nothing for 95 s"

    def test_the_web_is_not_judged_by_signs(self, tmp_path):
        assert self.problem(tmp_path, "web") == ""


def alive(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def wait_for(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)
