"""kill -9 of an import at random moments: nothing lost, nothing doubled.

Facts have keys, so a doubled row cannot show; a doubled *evidence entry* would. The two wrong
orders of rows and cursor must fail, or the test proves nothing.
"""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from licenses.evidence import entries
from tests.conftest import BASE_DIR
from tests.thorough import trials

from .conftest import Year

KILLS = trials("E1")
LINES = 60_000


class Installation:
    """An installation of its own in a folder, with a SQLite database."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "ITAM_DATA_DIR": str(folder),
            "ITAM_DEBUG": "1",
            "ITAM_SECRET_KEY": "x" * 50,
            "ITAM_PSEUDONYM_KEY": "kept",
            "PYTHONPATH": str(BASE_DIR),
            "DJANGO_SETTINGS_MODULE": "itam.settings",
        }
        self.run("migrate", "--skip-checks")

    def python(self, code: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", f"import django; django.setup()\n{code}"],
            env=self.environment,
            capture_output=True,
            text=True,
            check=True,
            cwd=BASE_DIR,
        )
        return done.stdout

    def run(self, *arguments: str) -> None:
        subprocess.run(
            [sys.executable, "-m", "django", *arguments],
            env=self.environment,
            check=True,
            capture_output=True,
            cwd=BASE_DIR,
        )

    def add_server(self) -> None:
        self.python(
            "from licenses.models import LicenseServer as S; "
            "S.objects.create(name='berlin', zone='Europe/Berlin')"
        )

    def start_import(self, order: str, log: Path) -> subprocess.Popen[bytes]:
        script = Path(__file__).with_name("killed_import.py")
        return subprocess.Popen(
            [sys.executable, str(script), order, "berlin", str(log)],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=BASE_DIR,
        )

    def facts(self) -> tuple[int, int, int]:
        """Return (events, evidence entries of events, holdings) after checking the database."""
        with sqlite3.connect(self.folder / "itam.sqlite3") as database:
            assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            events = database.execute("SELECT COUNT(*) FROM licenses_event").fetchone()[0]
            holdings = database.execute("SELECT COUNT(*) FROM licenses_checkout").fetchone()[0]
        told = self.python(
            "from licenses.evidence import entries; from licenses.models import EvidenceStream "
            "as E\n"
            "print(sum(e['kind'] in ('checkout','checkin') for s in E.objects.all() for e in "
            "entries.entries(s.name)))"
        )
        return events, int(told), holdings


def import_with_kills(site: Installation, order: str, log: Path, kills: int, seed: int) -> int:
    """Import a log under kill -9 at random moments; return how many kills hit it at work."""
    chance, hits = random.Random(seed), 0
    while True:
        process = site.start_import(order, log)
        if hits < kills:
            # The start-up takes about a second; the kill shall come at work.
            start = _cursor(site.folder)
            until = time.monotonic() + 30
            while (
                _cursor(site.folder) == start
                and process.poll() is None
                and time.monotonic() < until
            ):
                time.sleep(0.01)
            time.sleep(chance.uniform(0, 0.06))
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
                hits += 1
        _out, errors = process.communicate()
        if process.returncode == 0:
            return hits
        assert process.returncode == -signal.SIGKILL, errors.decode()[-2000:]


def _cursor(folder: Path) -> int:
    with sqlite3.connect(folder / "itam.sqlite3", timeout=30) as database:
        row = database.execute('SELECT "offset" FROM licenses_logcursor').fetchone()
    return row[0] if row else -1


@pytest.fixture(scope="module")
def piece(year: Year, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("piece") / "debug.log"
    path.write_bytes(b"".join(year.log.read_bytes().splitlines(keepends=True)[:LINES]))
    return path


@pytest.fixture
def site(tmp_path: Path) -> Installation:
    made = Installation(tmp_path)
    made.add_server()
    return made


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_kills_lose_nothing_and_double_nothing(
    site: Installation, piece: Path, tmp_path_factory
) -> None:
    undisturbed = Installation(tmp_path_factory.mktemp("undisturbed"))
    undisturbed.add_server()
    assert import_with_kills(undisturbed, "right", piece, 0, 0) == 0
    expected = undisturbed.facts()
    hits = import_with_kills(site, "right", piece, KILLS, 1)
    assert hits >= min(KILLS, 40)
    assert site.facts() == expected
    assert expected[0] == expected[1]


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_a_cursor_ahead_of_its_rows_would_be_noticed(site: Installation, piece: Path) -> None:
    import_with_kills(site, "cursor_first", piece, 12, 2)
    assert site.facts()[0] < logged(piece), "rows were lost, and the count shows it"


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_rows_ahead_of_their_cursor_would_be_noticed(site: Installation, piece: Path) -> None:
    import_with_kills(site, "rows_first", piece, 12, 3)
    assert site.facts()[1] > logged(piece), "entries were doubled, and the count shows it"


def logged(piece: Path) -> int:
    text = piece.read_bytes()
    return text.count(b") OUT: ") + text.count(b") IN: ")


def test_evidence_outside_its_transaction_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    outside = SimpleNamespace(in_atomic_block=False)
    monkeypatch.setattr(entries.transaction, "get_connection", lambda: outside)
    with pytest.raises(RuntimeError, match="inside the transaction"):
        entries.append(entries.INSTALLATION, [entries.draft("config", 0, {})], source="test")
