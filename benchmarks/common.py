"""What the benchmarks share: a line of the table, and a database of their own."""

from __future__ import annotations

import base64
import contextlib
import json
import logging
import os
import secrets
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

BASE = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(BASE))
COLLECTED = "ITAM_BENCHMARK_LINES"
"""The environment's name of a file of Lines, each as JSON."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table: what was done, what it is held against, and how it went.

    measured:  the figure of this run, with its unit.
    ratio:     against the yardstick of the same run; None where the aim is no ratio.
    aim:       what `met` was decided by, in words.
    """

    work: str
    measured: str
    ratio: float | None
    aim: str
    met: bool

    def text(self) -> str:
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}x"
        verdict = "met" if self.met else "MISSED"
        return f"{self.work:<58} {self.measured:>22} {ratio:>9}  {verdict:<7} {self.aim}"


def show(lines: Sequence[Line]) -> None:
    """Print lines for people, and add them to the file of the run that collects a table."""
    for line in lines:
        print(line.text(), flush=True)
    if COLLECTED in os.environ:
        with Path(os.environ[COLLECTED]).open("a") as file:
            file.writelines(json.dumps(asdict(line)) + "\n" for line in lines)


@contextlib.contextmanager
def django_on(database: str, keep: Path | None = None) -> Iterator[None]:
    """Set Django up as in production, on a migrated database that is empty unless it was kept.

    database:  `sqlite`, in a temporary folder, or `postgresql`, started for it and stopped after.
    keep:      a folder for the data of SQLite and its keys, which stay there for the next run.
    """
    with contextlib.ExitStack() as stack:
        if keep is None:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="itam-benchmark-"))
        else:
            keep.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder = str(keep.resolve())
        os.environ |= {"DJANGO_SETTINGS_MODULE": "itam.settings", "ITAM_DATA_DIR": folder}
        os.environ |= _keys(Path(folder) / "keys.json")
        os.environ.pop("ITAM_DEBUG", None)
        os.environ.pop("DATABASE_URL", None)
        if database == "postgresql":
            from itam.testing import find_postgresql, postgresql

            programs = find_postgresql()
            if programs is None:
                raise SystemExit("No PostgreSQL here: apt-get install postgresql")
            os.environ["DATABASE_URL"] = stack.enter_context(postgresql(programs))
        import django
        from django.core.management import call_command

        django.setup()
        # With DEBUG on, every query would be kept.
        logging.disable(logging.ERROR)
        call_command("migrate", verbosity=0)
        try:
            yield
        finally:
            from django.db import connections

            connections.close_all()


def _keys(file: Path) -> dict[str, str]:
    """Return made-up secrets, those of the last run if it left them there."""
    if not file.exists():
        made = {
            "ITAM_SECRET_KEY": secrets.token_urlsafe(50),
            "ITAM_PSEUDONYM_KEY": secrets.token_urlsafe(32),
            "ITAM_FIELD_KEYS": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        }
        file.touch(mode=0o600)
        file.write_text(json.dumps(made))
    found: dict[str, str] = json.loads(file.read_text())
    return found


def leave_out_evidence() -> None:
    """Have imports neither write evidence nor put any into text."""
    from licenses.evidence import entries
    from licenses.importing import facts

    facts._entries = lambda *_what: {}
    entries.begin = lambda *_what, **_how: None


def timed(deed: Callable[[], Any]) -> float:
    """Return how many seconds *deed* takes on the clock."""
    began = time.perf_counter()
    deed()
    return time.perf_counter() - began


def typical(deed: Callable[[], Any], rounds: int = 5) -> float:
    """Return the median of some rounds, in seconds."""
    return median(timed(deed) for _ in range(rounds))
