"""The one place that runs an outside program: `lmutil` and its like.

Nobody's text becomes part of a command line here beyond its arguments, and no program can hang,
flood or outlive us:

- no shell; the binary is an absolute path from the settings, and nobody else may write to it;
- its environment is made, not inherited: no LM_LICENSE_FILE and the like, no LD_*, no secrets of
ours;
- an empty directory to work in, limits for processor time, memory, files and output;
- a session of its own, killed as a whole when time or output run out, so that a child that keeps
the pipe dies too.
"""

from __future__ import annotations

import os
import resource
import selectors
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Self

MIB = 1 << 20
STDERR_LIMIT = 64 * 1024
CHUNK = 64 * 1024
GRACE_SECONDS = 0.2
"""How long a pipe may stay open after the program itself has ended: a child may still hold it."""
LIMITS = (
    (resource.RLIMIT_CPU, 30),
    (resource.RLIMIT_AS, 1024 * MIB),
    (resource.RLIMIT_NOFILE, 64),
    (resource.RLIMIT_FSIZE, 64 * MIB),
    (resource.RLIMIT_CORE, 0),
)
ENVIRONMENT = {"LANG": "C", "LC_ALL": "C", "PATH": "/usr/bin:/bin"}
SWEEP_SECONDS = 0.05
"""How often runs are looked at from which nothing is heard."""
SETTLE_SECONDS = 0.002
"""How soon to look again at a program that closed its output and is about to end."""


class Status(StrEnum):
    """What became of a run."""

    OK = "ok"
    """The program ended by itself; see the exit code."""
    TIMEOUT = "timeout"
    OUTPUT_LIMIT = "output_limit"
    MISSING = "missing"
    NOT_EXECUTABLE = "not_executable"
    FAILED = "failed"
    """It could not be started, or a signal ended it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A run that is over."""

    exit_code: int | None
    stdout: bytes
    stderr: bytes
    duration_ms: int
    status: Status
    detail: str = ""
    """Why, in words for a person, unless it is OK."""


@dataclass(frozen=True, slots=True)
class Job:
    """A program to run. *key* comes back with the outcome."""

    key: Hashable
    binary: Path
    args: Sequence[str]
    timeout: float | None = None
    """Seconds; None takes the timeout of `run_many`."""
    output_limit: int = 16 * MIB
    env: Mapping[str, str] = field(default_factory=dict)


def run(
    binary: Path,
    args: Sequence[str],
    *,
    timeout: float,
    output_limit: int = 16 * MIB,
    env: Mapping[str, str] | None = None,
) -> Outcome:
    """Run a program and return what became of it; never raises for what the program does.

    timeout:      seconds until it and its children are killed.
    output_limit: bytes of standard output; one more ends it.
    env:          variables besides the few that every program gets.
    """
    job = Job("", binary, args, timeout, output_limit, env or {})
    return next(iter(run_many([job], timeout=timeout, concurrency=1)))[1]


def run_many(
    jobs: Iterable[Job], *, timeout: float, concurrency: int
) -> Iterator[tuple[Hashable, Outcome]]:
    """Run jobs, at most *concurrency* at a time, and yield (key, outcome) as they end.

    Jobs are taken as places fall free. Where the caller stops early, the running ones are killed.
    """
    waiting = iter(jobs)
    running: dict[int, _Run] = {}
    problems: dict[Path, tuple[Status, str] | None] = {}
    with selectors.DefaultSelector() as selector, _Folders() as folders:
        try:
            exhausted = False
            while running or not exhausted:
                while not exhausted and len(running) < max(concurrency, 1):
                    job = next(waiting, None)
                    if job is None:
                        exhausted = True
                        break
                    if job.binary not in problems:
                        problems[job.binary] = _problem(job.binary)
                    if problem := problems[job.binary]:
                        yield job.key, Outcome(None, b"", b"", 0, *problem)
                        continue
                    started = _start(job, timeout, selector, folders.take())
                    if isinstance(started, Outcome):
                        yield job.key, started
                    else:
                        running[started.process.pid] = started
                for done in _turn(running, selector):
                    del running[done.process.pid]
                    done.end(selector)
                    folders.give_back(done.folder)
                    yield done.job.key, done.outcome()
        finally:
            for each in running.values():
                each.end(selector)


class _Folders:
    """Empty directories to work in. One that a program left empty, as nearly all do, serves the
    next: to make and remove one takes as long as all else of a run."""

    def __init__(self) -> None:
        self._free: list[str] = []

    def __enter__(self) -> Self:
        self._parent = tempfile.mkdtemp(prefix="itam-run-")
        return self

    def __exit__(self, *_error: object) -> None:
        shutil.rmtree(self._parent, ignore_errors=True)

    def take(self) -> str:
        return self._free.pop() if self._free else tempfile.mkdtemp(dir=self._parent)

    def give_back(self, folder: str) -> None:
        """Take a directory back in which nothing runs any more."""
        with suppress(OSError), os.scandir(folder) as entries:
            if next(entries, None) is None:
                self._free.append(folder)


class _Run:
    """A program that runs."""

    def __init__(
        self, job: Job, process: subprocess.Popen[bytes], folder: str, limit: float
    ) -> None:
        self.job = job
        self.process = process
        self.folder = folder
        self.began = time.monotonic()
        self.limit = limit
        self.deadline = self.began + limit
        self.out: list[bytes] = []
        self.err: list[bytes] = []
        self.out_bytes = 0
        self.err_bytes = 0
        self.open = 2
        self.status = Status.OK
        self.ended = 0.0

    def take(self, stream: str, data: bytes) -> None:
        """Keep output; what is over the limit ends the run."""
        if stream == "out":
            room = self.job.output_limit - self.out_bytes
            self.out.append(data[:room])
            self.out_bytes += len(data)
            if self.out_bytes > self.job.output_limit:
                self.status = Status.OUTPUT_LIMIT
        elif self.err_bytes < STDERR_LIMIT:
            self.err.append(data[: STDERR_LIMIT - self.err_bytes])
            self.err_bytes += len(data)

    def is_over(self, now: float) -> bool:
        """Whether the run has ended, by itself or because its time or output ran out."""
        if self.status is not Status.OK:
            return True
        ended = self.has_ended()
        # A child may hold the pipe. What the program wrote itself is there already.
        if ended and (self.open == 0 or now - self.ended >= GRACE_SECONDS):
            return True
        if now >= self.deadline:
            self.status = Status.OK if ended else Status.TIMEOUT
            return True
        return False

    def has_ended(self) -> bool:
        """Whether the program itself has ended. It is not reaped yet, so that its number stays its
        own."""
        if not self.ended and os.waitid(
            os.P_PID, self.process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT
        ):
            self.ended = time.monotonic()
        return self.ended > 0

    def end(self, selector: selectors.BaseSelector) -> None:
        """Kill what is left of the session, and give back what the run used."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None and not stream.closed:
                with suppress(KeyError):
                    selector.unregister(stream)
                stream.close()

    def outcome(self) -> Outcome:
        code = self.process.returncode
        status, detail = self.status, ""
        if status is Status.TIMEOUT:
            detail = f"{self.job.binary} did not end within {self.limit:g} seconds and was killed."
        elif status is Status.OUTPUT_LIMIT:
            detail = (
                f"{self.job.binary} wrote more than {self.job.output_limit} bytes and was killed."
            )
        elif code is not None and code < 0:
            status = Status.FAILED
            detail = f"{self.job.binary} was ended by signal {-code}."
        return Outcome(
            exit_code=code if status in (Status.OK, Status.FAILED) else None,
            stdout=b"".join(self.out),
            stderr=b"".join(self.err),
            duration_ms=round((time.monotonic() - self.began) * 1000),
            status=status,
            detail=detail,
        )


def _start(
    job: Job, timeout: float, selector: selectors.BaseSelector, folder: str
) -> _Run | Outcome:
    """Start a program, or return why it cannot be started."""
    try:
        process = subprocess.Popen(
            [str(job.binary), *job.args],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=folder,
            env={**ENVIRONMENT, "HOME": folder, **job.env},
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        detail = f"{job.binary} could not be started: {error}."
        return Outcome(None, b"", b"", 0, Status.FAILED, detail)
    for limit, value in LIMITS:
        # From here rather than between fork and exec, which is not safe in a process with threads.
        with suppress(ProcessLookupError, PermissionError, ValueError):
            hard = resource.getrlimit(limit)[1]  # ours, which the program has from us
            capped = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.prlimit(process.pid, limit, (capped, capped))
    run = _Run(job, process, folder, timeout if job.timeout is None else job.timeout)
    for stream, name in ((process.stdout, "out"), (process.stderr, "err")):
        assert stream is not None
        os.set_blocking(stream.fileno(), False)
        selector.register(stream, selectors.EVENT_READ, (run, name))
    return run


def _problem(binary: Path) -> tuple[Status, str] | None:
    """Return why this file must not or cannot be run."""
    if not binary.is_absolute():
        return Status.NOT_EXECUTABLE, f"Found {binary}; expected the absolute path of a program."
    try:
        found = binary.stat()
        folder = binary.resolve().parent.stat()
    except OSError as error:
        return Status.MISSING, f"{binary} cannot be found: {error.strerror}."
    if not stat.S_ISREG(found.st_mode) or not os.access(binary, os.X_OK):
        return Status.NOT_EXECUTABLE, f"{binary} is not a program that this user may run."
    open_folder = folder.st_mode & stat.S_IWOTH and not folder.st_mode & stat.S_ISVTX
    if found.st_mode & stat.S_IWOTH or open_folder:
        return Status.NOT_EXECUTABLE, f"{binary} may be replaced by any user; it is not run."
    return None


def _turn(running: dict[int, _Run], selector: selectors.BaseSelector) -> list[_Run]:
    """Wait for output, an end or a deadline; return the runs that are over."""
    if not running:
        return []
    settling = any(each.open == 0 for each in running.values())
    touched: dict[int, _Run] = {}
    heard = selector.select(SETTLE_SECONDS if settling else SWEEP_SECONDS)
    for key, _ in heard:
        run, name = key.data
        touched[run.process.pid] = run
        try:
            data = os.read(key.fd, CHUNK)
        except BlockingIOError:
            continue
        if data:
            run.take(name, data)
        else:
            selector.unregister(key.fileobj)
            run.open -= 1
    now = time.monotonic()
    if not heard:
        touched = running
    return [run for run in list(touched.values()) if run.is_over(now)]
