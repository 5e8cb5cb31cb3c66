"""`manage.py test`: the whole suite on SQLite, then what touches the database on PostgreSQL."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from itam.processes import dying_with_parent

NO_TESTS_COLLECTED = 5
TEMPLATES = "ITAM_TEST_TEMPLATES"
"""Names the folder in which all runs share databases that are migrated already."""


def run(base: Path, arguments: list[str]) -> int:
    """Run the tests and return pytest's exit code, the first that is not 0.

    --no-postgresql SQLite only
    Everything else goes to pytest as it is, --thorough too: more kills, outages and random
    histories (docs/testing.md).
    """
    with tempfile.TemporaryDirectory(prefix="itam-migrated-") as folder:
        environ = os.environ | {TEMPLATES: folder}
        environ.pop("DATABASE_URL", None)
        # What is compiled, and the asserts that pytest rewrites, serve all processes of all runs;
        # each would spend ten seconds on it. Not in the source tree, where nobody may be let write.
        environ.pop("PYTHONDONTWRITEBYTECODE", None)
        environ["PYTHONPYCACHEPREFIX"] = str(Path(folder) / "bytecode")
        return _run(base, arguments, environ)


def _run(base: Path, arguments: list[str], environ: dict[str, str]) -> int:
    rest = [word for word in arguments if word != "--no-postgresql"]
    heading("Tests on SQLite")
    first = pytest(base, rest, environ)
    if first not in (0, NO_TESTS_COLLECTED) and ("-x" in rest or "--exitfirst" in rest):
        return first
    programs = find_postgresql()
    if "--no-postgresql" in arguments:
        print("\nTests on PostgreSQL: left out as asked.", flush=True)
        return first
    if programs is None:
        print(
            "\nTests on PostgreSQL: left out, no initdb in /usr/lib/postgresql/*/bin or on the"
            " PATH (apt-get install postgresql).",
            flush=True,
        )
        return first
    with postgresql(programs) as url:
        heading(f"Tests on PostgreSQL ({programs})")
        here = environ | {"DATABASE_URL": url, "ITAM_TEST_ONLY_DATABASE": "1"}
        # What runs alone has no database of the tests', as conftest.py sees to.
        second = pytest(base, rest, here, alone=False)
    if second == NO_TESTS_COLLECTED and first == 0:
        second = 0  # the chosen tests do without a database
    return first or second


def heading(text: str) -> None:
    """Print a line that parts the two runs."""
    print(f"\n=== {text} ===", flush=True)


def pytest(base: Path, arguments: list[str], environ: dict[str, str], *, alone: bool = True) -> int:
    """Run pytest and return its exit code, the first that is not 0.

    With several processors: first what may run beside others, in one process more than there are
    processors, as some tests mostly wait; and then what must be alone, as it looks at the clock.
    Whoever chooses tests by marks, or how many processes, has one run as they say.

    alone: run what must be alone too.
    """
    processors = os.cpu_count() or 1
    own_way = ("-m", "-n", "--numprocesses", "--pdb", "--collect-only", "--co")
    if processors == 1 or any(word.startswith(own_way) for word in arguments):
        return run_once(base, arguments, environ)
    # A process that has nothing left takes from another: the last long test keeps none idle.
    processes = str(min(processors, 8) + 1)
    beside = ["-n", processes, "--dist", "worksteal", "-m", "not alone", *arguments]
    first = run_once(base, beside, environ)
    stops = "-x" in arguments or "--exitfirst" in arguments
    if not alone or (stops and first not in (0, NO_TESTS_COLLECTED)):
        return first
    second = run_once(base, ["-m", "alone", *arguments], environ)
    if NO_TESTS_COLLECTED in (first, second):
        return second if first == NO_TESTS_COLLECTED else first
    return first or second


def run_once(base: Path, arguments: list[str], environ: dict[str, str]) -> int:
    """Run pytest in its own process, so that two runs share nothing."""
    process = subprocess.Popen([sys.executable, "-m", "pytest", *arguments], cwd=base, env=environ)
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:  # pytest has it too and prints what it knows
            continue


def find_postgresql() -> Path | None:
    """Return the folder with PostgreSQL's programs, the newest version first."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"),
        key=lambda path: int(path.parts[-3]) if path.parts[-3].isdigit() else 0,
    )
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).parent if on_path else None


@contextlib.contextmanager
def postgresql(programs: Path) -> Iterator[str]:
    """Run a PostgreSQL of our own in a temporary folder, which syncs nothing; give the URL of its
    database.

    Nothing looks at its tables by the clock: what it found in the middle of a test's transaction,
    which is to be rolled back, would be empty tables, and the plans for those.
    """
    cluster = Cluster(programs)
    try:
        fast = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
        cluster.start(*fast, "autovacuum=off")
        yield cluster.url
    finally:
        cluster.end()


class Cluster:
    """A PostgreSQL in a temporary folder of its own, which listens on a unix socket only.

    PostgreSQL refuses to run as root, so root hands it to the user `postgres`.
    """

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        self._folder = Path(tempfile.mkdtemp(prefix="itam-pg-"))
        self._server: subprocess.Popen[bytes] | None = None
        self._options: dict[str, Any] = {
            "cwd": self._folder,
            "env": {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
        }
        if os.geteuid() == 0:
            try:
                user = pwd.getpwnam("postgres")
            except KeyError:
                user = pwd.getpwnam("nobody")
            os.chown(self._folder, user.pw_uid, user.pw_gid)
            self._options |= {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}

    @property
    def url(self) -> str:
        return f"postgresql://itam@{quote(str(self._folder), safe='')}/postgres"

    @property
    def pid(self) -> int:
        """Return the number of the process that all others come from."""
        assert self._server is not None
        return self._server.pid

    def start(self, *settings: str) -> None:
        """Run it with these settings, on the data that are there, and wait until it answers.

        Raises RuntimeError with what it said when it does not come up.
        """
        data, log = self._folder / "data", self._folder / "log"
        if not data.exists():
            subprocess.run(
                [
                    *(str(self._programs / "initdb"), "-D", str(data), "-U", "itam", "-A", "trust"),
                    *("-E", "UTF8", "--locale=C.UTF-8", "--no-sync"),
                ],
                check=True,
                stdout=subprocess.DEVNULL,
                **self._options,
            )
        where = [f"unix_socket_directories={self._folder}", "listen_addresses="]
        words = [
            word for each in (*where, "max_connections=50", *settings) for word in ("-c", each)
        ]
        with log.open("wb") as out:
            self._server = subprocess.Popen(
                [self._programs / "postgres", "-D", data, *words],
                stdout=out,
                stderr=out,
                preexec_fn=dying_with_parent(signal.SIGINT),
                **self._options,
            )
        end = time.monotonic() + 30
        while not self.answers():
            if self._server.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"PostgreSQL did not start:\n{log.read_text()}")
            time.sleep(0.1)

    def answers(self) -> bool:
        """Tell whether it takes connections now."""
        ready = [str(self._programs / "pg_isready"), "-q", "-h", str(self._folder)]
        ready += ["-U", "itam", "-d", "postgres"]
        return subprocess.run(ready, env=self._options["env"]).returncode == 0

    def stop(self) -> None:
        """Have it end at once, in order."""
        if self._server is not None:
            self._server.send_signal(signal.SIGINT)  # its fast shutdown
            try:
                self._server.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self.kill()

    def kill(self) -> None:
        """End it without a word to it, as a machine does that fails; `start` recovers."""
        assert self._server is not None
        self._server.kill()
        self._server.wait()

    def end(self) -> None:
        """Stop it, and leave nothing."""
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)
