"""An installation of its own in a folder, whose imports are killed or run out of disk."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

from licenses.models.guards import REFERRED
from tests.conftest import BASE_DIR
from tests.databases import migrated_sqlite

from .told import events_told


class Facts(NamedTuple):
    """entries: of events, in the evidence log."""

    events: int
    entries: int
    holdings: int


def run_python(environ: dict[str, str], code: str, *words: str) -> str:
    """Run code in a process with Django and these variables alone; return what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", f"import django; django.setup()\n{code}", *words],
        env=environ,
        capture_output=True,
        text=True,
        cwd=BASE_DIR,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


class Site:
    """An installation with a SQLite database in a folder of its own."""

    def __init__(self, folder: Path, **environ: str) -> None:
        self.folder = folder
        self.environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "ITAM_DATA_DIR": str(folder),
            "ITAM_DEBUG": "1",
            "ITAM_SECRET_KEY": "x" * 50,
            "ITAM_PSEUDONYM_KEY": "kept",
            "PYTHONPATH": str(BASE_DIR),
            "DJANGO_SETTINGS_MODULE": "itam.settings",
            **environ,
        }
        migrated_sqlite(folder / "itam.sqlite3")
        self.python(
            "from licenses.models import LicenseServer as S; "
            "S.objects.create(name='berlin', zone='Europe/Berlin')"
        )

    def python(self, code: str) -> str:
        return run_python(self.environ, code)

    @contextmanager
    def importer(self) -> Iterator[Importer]:
        """Give an importer for the length of the block."""
        importer = Importer(self)
        try:
            yield importer
        finally:
            importer.end()

    def cursor(self) -> int:
        """Return how far the import has come, in bytes; -1 before the first piece."""
        with sqlite3.connect(self.folder / "itam.sqlite3", timeout=30) as database:
            row = database.execute('SELECT "offset" FROM licenses_logcursor').fetchone()
        return row[0] if row else -1

    def facts(self) -> Facts:
        """Return what is stored, after checking the database."""
        with sqlite3.connect(self.folder / "itam.sqlite3") as database:
            assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            assert database.execute("PRAGMA foreign_key_check").fetchall() == []
            for sql in orphans():
                assert database.execute(sql).fetchall() == []
            events = len(events_told(cursor=database.cursor()))
            holdings = database.execute("SELECT COUNT(*) FROM licenses_checkout").fetchone()[0]
        told = self.python(
            "from licenses.evidence import entries; from licenses.models import EvidenceStream "
            "as E\n"
            "print(sum(e['kind'] in ('checkout','checkin') for s in E.objects.all() for e in "
            "entries.entries(s.name)))"
        )
        return Facts(events, int(told), holdings)


def orphans() -> Iterator[str]:
    """Yield queries for facts that refer to what is not there, which no constraint refuses."""
    for table, (column, facts) in REFERRED.items():
        for fact in facts:
            yield (
                f"SELECT {column} FROM licenses_{fact} WHERE {column} IS NOT NULL "
                f"AND {column} NOT IN (SELECT id FROM {table})"
            )


class Importer:
    """A process that forks imports; see killed_import.py."""

    def __init__(self, site: Site | SimpleNamespace) -> None:
        # Not in the folder of the site, whose disk may be full.
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed in `end`
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("killed_import.py"))],
            env=site.environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            cwd=BASE_DIR,
        )

    def start(
        self,
        log: Path,
        order: str = "right",
        *,
        file_bytes: int = 0,
        calls: int = 0,
        victim: int | str = 0,
    ) -> int:
        """Start an import where the last one ended; return its pid."""
        wish = {"order": order, "server": "berlin", "file": str(log)}
        wish |= {"file_bytes": file_bytes, "calls": calls, "victim": victim}
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps(wish) + "\n")
        self._process.stdin.flush()
        self._errors.seek(0)
        self._errors.truncate()
        return int(self._process.stdout.readline())

    def wait(self) -> int:
        """Return the exit code of the import, or minus the signal that ended it."""
        assert self._process.stdout
        return int(self._process.stdout.readline())

    def errors(self) -> str:
        """Return what the last import said of its failure."""
        self._errors.seek(0)
        return self._errors.read()

    def end(self) -> None:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        self._process.wait(timeout=60)
        self._process.stdout.close()
        self._errors.close()


CALLS = 400_000
"""Calls of functions within which a kill comes: some pieces of a log."""


def import_with_kills(site: Site, log: Path, order: str, kills: int, seed: int) -> int:
    """Import a log under kill -9 at random moments; return how many kills hit it at work.

    One in three comes at a random time, also in the middle of a write; the others at a random call.
    """
    chance, hits = random.Random(seed), 0
    with site.importer() as importer:
        while True:
            by_clock = hits < kills and hits % 3 == 0
            calls = chance.randrange(1, CALLS) if hits < kills and not by_clock else 0
            pid = importer.start(log, order, calls=calls)
            if by_clock:
                time.sleep(chance.uniform(0, 0.08))
                # A child that is over is not reaped yet, so the pid is still its own.
                os.kill(pid, signal.SIGKILL)
            code = importer.wait()
            if code == 0:
                return hits
            assert code == -signal.SIGKILL, importer.errors()[-2000:]
            hits += 1
