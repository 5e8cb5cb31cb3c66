"""The processes of `manage.py up`: broker, web, worker and beat, watched by one loop.

One thread: children are forked from it (what asks the system to end them with us is tied to the
thread), and it reads their output, restarts what dies and what is alive but deaf, and ends them.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import selectors
import signal
import socket
import subprocess
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from itam import pulse
from itam.processes import dying_with_parent

LOG_BYTES = 5_000_000
LOG_FILES = 3
STEADY_SECONDS = 60.0
LONGEST_WAIT = 30.0
STOP_SECONDS = 3.0
DEAF_SECONDS = 90.0


class RunnerError(Exception):
    """Why the installation cannot run, told to a person."""


class CappedLog:
    """A log file of a child that starts again when it is full, keeping some old ones."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab", buffering=0)
        self._size = path.stat().st_size

    def write(self, chunk: bytes) -> None:
        """Append; a full disk loses lines of the log, not the child."""
        with contextlib.suppress(OSError):
            if self._size + len(chunk) > LOG_BYTES:
                self._rotate()
            self._file.write(chunk)
            self._size += len(chunk)

    def _rotate(self) -> None:
        self._file.close()
        for number in range(LOG_FILES - 1, 0, -1):
            older = self.path.with_name(f"{self.path.name}.{number}")
            newer = (
                self.path.with_name(f"{self.path.name}.{number - 1}") if number > 1 else self.path
            )
            if newer.exists():
                newer.replace(older)
        self._file = self.path.open("ab", buffering=0)
        self._size = 0

    def close(self) -> None:
        self._file.close()


@dataclass
class Child:
    """One program that has to run, and how its last attempts went."""

    name: str
    command: list[str]
    environ: Mapping[str, str]
    log: CappedLog
    stop: signal.Signals = signal.SIGTERM
    when_orphaned: signal.Signals = signal.SIGKILL
    pass_fds: tuple[int, ...] = ()
    last_lines: deque[bytes] = field(default_factory=lambda: deque(maxlen=15))
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    failures: int = 0
    start_at: float = 0.0

    @property
    def output(self) -> IO[bytes]:
        assert self.process is not None and self.process.stdout is not None
        return self.process.stdout


class Supervisor:
    """Keep children running until asked to stop."""

    def __init__(
        self, *, cwd: Path, say: Callable[[str], None], longest_wait: float = LONGEST_WAIT
    ) -> None:
        """longest_wait: seconds to which the pause grows before a child that keeps dying."""
        self.cwd = cwd
        self.say = say
        self.longest_wait = longest_wait
        self.children: list[Child] = []
        self.stopping = False
        self._selector = selectors.DefaultSelector()
        self._wake_reader, self._wake_writer = os.pipe()
        for end in (self._wake_reader, self._wake_writer):
            os.set_blocking(end, False)
        self._selector.register(self._wake_reader, selectors.EVENT_READ, None)

    def listen_to_signals(self) -> None:
        """Stop on TERM, INT and HUP; wake up when a child ends."""
        signal.set_wakeup_fd(self._wake_writer, warn_on_full_buffer=False)
        for sign in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(sign, self._ask_to_stop)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def _ask_to_stop(self, *_: object) -> None:
        self.stopping = True

    def start(self, child: Child) -> None:
        """Start a child, in a session of its own: the terminal's Ctrl-C is for us alone."""
        if child not in self.children:
            self.children.append(child)
        child.last_lines.clear()
        child.started = time.monotonic()
        child.process = subprocess.Popen(
            child.command,
            cwd=self.cwd,
            env=dict(child.environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=child.pass_fds,
            preexec_fn=dying_with_parent(child.when_orphaned),
        )
        os.set_blocking(child.output.fileno(), False)
        self._selector.register(child.output, selectors.EVENT_READ, child)

    def turn(self, seconds: float) -> None:
        """Do what there is to do for about *seconds*: read output, collect the dead, restart."""
        self.read(seconds)
        now = time.monotonic()
        for child in self.children:
            if child.process is None:
                if not self.stopping and now >= child.start_at:
                    self.start(child)
            elif child.process.poll() is not None:
                self._bury(child)

    def read(self, seconds: float) -> None:
        """Wait up to *seconds* for output or a signal, and move output to the logs."""
        for key, _ in self._selector.select(seconds):
            if key.data is None:
                with contextlib.suppress(BlockingIOError):
                    os.read(self._wake_reader, 4096)
            else:
                self._drain(key.data)

    def _drain(self, child: Child) -> None:
        try:
            chunk = os.read(child.output.fileno(), 65536)
        except BlockingIOError:
            return
        if chunk:
            child.log.write(chunk)
            child.last_lines.extend(chunk.splitlines())
        else:  # every holder of the pipe is gone
            self._selector.unregister(child.output)

    def _bury(self, child: Child) -> None:
        """Note a child's end and when it is started again: sooner the longer it had lived."""
        process = child.process
        assert process is not None
        with contextlib.suppress(KeyError, ValueError):
            self._drain(child)
            self._selector.unregister(child.output)
        # Whatever it had started ends with it.
        kill_group(process)
        child.output.close()
        child.process = None
        if self.stopping:
            return
        lived = time.monotonic() - child.started
        child.failures = 1 if lived > STEADY_SECONDS else child.failures + 1
        wait = 0.0 if child.failures == 1 else min(self.longest_wait, 0.5 * 2**child.failures)
        child.start_at = time.monotonic() + wait
        code = process.returncode
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"
        self.say(f"{child.name} {how}; starting it again" + (f" in {wait:.0f} s" if wait else ""))
        if child.failures in (3, 10) or child.failures % 100 == 0:
            self.say(f"{child.name} keeps failing. Its last lines, from {child.log.path}:")
            for line in child.last_lines:
                self.say("    " + line.decode(errors="replace")[:500])

    def restart(self, child: Child, reason: str) -> None:
        """End a child that no longer works; the loop starts it again."""
        if child.process is not None:
            self.say(f"{child.name} {reason}; restarting it")
            kill_group(child.process)

    def stop(self, last: str) -> None:
        """End all children within five seconds, the one named *last* after the others."""
        self.stopping = True
        self._end([child for child in self.children if child.name != last], STOP_SECONDS)
        self._end([child for child in self.children if child.name == last], 0.8)
        for child in self.children:
            child.log.close()
        self.children.clear()

    def close(self) -> None:
        """Give back what the loop itself holds."""
        signal.set_wakeup_fd(-1)
        self._selector.close()
        os.close(self._wake_reader)
        os.close(self._wake_writer)

    def _end(self, children: list[Child], seconds: float) -> None:
        for child in children:
            if child.process is not None and child.process.poll() is None:
                # Its main process only: it tells its own children, which may be in a task.
                child.process.send_signal(child.stop)
        end = time.monotonic() + seconds
        while any(c.process is not None for c in children) and time.monotonic() < end:
            self.turn(0.05)
        for child in children:
            if child.process is not None:
                kill_group(child.process)
                child.process.wait()
                self._bury(child)


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kill a child and what is left of its process group."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


@contextlib.contextmanager
def only_one(folder: Path, notes: dict[str, Any]) -> Iterator[None]:
    """Hold the data folder for this process; RunnerError names who has it already."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "up.json").open("a+") as file:
        if not _lock(file):
            file.seek(0)
            other = json.loads(file.read() or "{}")
            raise RunnerError(
                f"The installation in {folder.parent} runs already:"
                f" process {other.get('pid', '?')},"
                f" {other.get('address', 'address unknown')}"
            )
        file.truncate(0)
        file.write(json.dumps({"pid": os.getpid(), **notes}))
        file.flush()
        yield


def _lock(file: IO[str]) -> bool:
    for _ in range(5):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except OSError:
            time.sleep(0.1)  # a health check holds it for an instant
    return False


def bind(host: str, port: int) -> socket.socket:
    """Return a socket that listens on the address; RunnerError says why it cannot.

    Held by the supervisor and handed to each web server it starts, so that callers wait rather
    than meet a closed door while one is replaced.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(512)
    except OSError as error:
        listener.close()
        raise RunnerError(
            f"{host}:{port} cannot be used: {error.strerror}. Choose another with --bind HOST:PORT"
        ) from error
    return listener


class Watchdog:
    """Notice parts that run and do nothing: a scheduler that is stuck, a worker that hears nothing.

    A worker whose every process has a task is busy, not deaf.
    """

    def __init__(
        self, folder: Path, *, worker_processes: int, broker_answers: Callable[[], bool]
    ) -> None:
        self.folder = folder
        self.worker_processes = worker_processes
        self.broker_answers = broker_answers

    def problem(self, child: Child, now: float) -> str:
        """Return what is wrong with a part that runs, or nothing."""
        if child.name not in ("worker", "beat") or child.process is None:
            return ""
        silent = now - child.started
        seen = pulse.age(self.folder, child.name)
        if seen is not None:
            silent = min(silent, seen)
        if silent < DEAF_SECONDS:
            return ""
        if child.name == "worker":
            scheduled = pulse.age(self.folder, "beat")
            if scheduled is None or scheduled > DEAF_SECONDS / 2:
                return ""  # nothing is sent, so silence says nothing
            if pulse.busy(self.folder) >= self.worker_processes:
                return ""
        if not self.broker_answers():
            return ""  # starting it again would not help
        return f"did nothing for {silent:.0f} s"
