"""kill -9 of worker, broker, web and beat, at random, while a log is imported and answers come in.

`manage.py up` runs as people run it; what it restarts goes on from the database. At the end the
tables are those of an undisturbed import, and so are the alerts that the log would have given, each
of which there is once.
"""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from django.conf import settings

from itam import broker
from tests.databases import migrated_sqlite
from tests.itam.test_up import Installation, prepared
from tests.thorough import trials

from .conftest import Year
from .told import events_told

KILLS = trials("E2")
LINES = 60_000
PIECES = 12
DEFAULT_RULES = "from licenses.alerts import defaults; defaults.ensure_default_rules()"
"""As `up` makes them."""
CHILD = "a process of the worker"
PARTS = ("gunicorn", "worker", CHILD, " beat", "valkey")
FACTS = (
    "SELECT f.name, p.pseudonym, h.pseudonym, {} FROM {} AS r "
    "JOIN licenses_feature f ON f.id = r.feature_id JOIN licenses_person p ON p.id = r.person_id "
    "JOIN licenses_host h ON h.id = r.host_id ORDER BY 1, 2, 3, 4, 5, 6, 7"
)

pytestmark = [
    pytest.mark.waits,
    pytest.mark.timeout(2400),
    pytest.mark.skipif(broker.find_program() is None, reason="no valkey-server here"),
    pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc"),
]


def environment(data: Path) -> dict[str, str]:
    return {
        "ITAM_DATA_DIR": str(data),
        "ITAM_PSEUDONYM_KEY": "kept",
        "ITAM_LEASE_SECONDS": "5",
        "ITAM_TICK_SECONDS": "1",
        "ITAM_RESTART_SECONDS": "1",
        "ITAM_CHUNK_KB": "16",
        "PYTHONPATH": str(settings.BASE_DIR),
        "ITAM_BOOTSTRAP": "0",
    }


def manage(data: Path, *words: str) -> None:
    subprocess.run(
        [sys.executable, "manage.py", *words],
        cwd=settings.BASE_DIR,
        env={"PATH": "/usr/bin:/bin", "ITAM_DEBUG": "1", **environment(data)},
        check=True,
        capture_output=True,
    )


def hand_in(data: Path, text: Path) -> None:
    """Hand in a log or a licence file as the admin's form does."""
    code = (
        "from django.core.files.uploadedfile import SimpleUploadedFile as F;"
        "from licenses.importing import jobs; from licenses.models import LicenseServer as S;"
        "s, _ = S.objects.get_or_create(name='berlin', zone='Europe/Berlin');"
        f"jobs.hand_in(s, F({text.name!r}, open({str(text)!r}, 'rb').read()), create_pools=True)"
    )
    manage(data, "shell", "-c", code)


def tables(data: Path) -> dict[str, list[tuple[object, ...]]]:
    with sqlite3.connect(data / "itam.sqlite3", timeout=60) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        held = FACTS.format("r.seats, r.taken_at, r.returned_at, r.ordinal", "licenses_checkout")
        hours = (
            "SELECT p.name, h.hour, h.peak, h.seat_seconds, h.observed_seconds, h.checkouts, "
            "h.denials FROM licenses_poolhour h JOIN licenses_licensepool p ON p.id = h.pool_id "
            "ORDER BY 1, 2"
        )
        # Those of the moment come with the clock, and are no matter of the log.
        alerts = (
            "SELECT r.name, p.name, a.started_at, a.resolved_at, a.worst_value, a.[limit], "
            "a.denials FROM licenses_alert a JOIN licenses_alertrule r ON r.id = a.rule_id "
            "JOIN licenses_licensepool p ON p.id = a.pool_id WHERE a.past ORDER BY 1, 2, 3"
        )
        entries = "SELECT stream_id, SUM(last - first + 1) FROM licenses_evidenceblock b GROUP BY 1"
        streams = "SELECT id, next_number - 1 FROM licenses_evidencestream WHERE kind = 'server'"
        numbered = dict(database.execute(entries).fetchall())
        for stream, last in database.execute(streams):
            assert numbered[stream] == last, "no entry skipped, none given twice"
        return {
            "events": list(events_told(cursor=database.cursor())),
            "holdings": database.execute(held).fetchall(),
            "hours": database.execute(hours).fetchall(),
            "alerts": database.execute(alerts).fetchall(),
        }


def unfinished(data: Path) -> int:
    """Count the jobs that still run; a failed one fails the test."""
    with sqlite3.connect(data / "itam.sqlite3", timeout=60) as database:
        jobs = database.execute("SELECT state, error FROM licenses_importjob").fetchall()
    assert not [job for job in jobs if job[0] == "failed"], jobs
    return sum(state != "done" for state, _error in jobs)


def quiet(data: Path) -> bool:
    """Tell whether all hours are counted, and all that came late is looked through for alerts."""
    with sqlite3.connect(data / "itam.sqlite3", timeout=60) as database:
        return not any(
            database.execute(f"SELECT COUNT(*) FROM licenses_{name}").fetchone()[0]
            for name in ("dirtyspan", "latespan")
        )


def cut(log: Path, folder: Path) -> list[Path]:
    lines = log.read_bytes().splitlines(keepends=True)[:LINES]
    size = len(lines) // PIECES
    paths = []
    for number in range(PIECES):
        path = folder / f"{number}.log"
        # From a date line on: a piece without one would have to be told its date.
        first, last = (
            next((i for i in range(n * size, len(lines)) if b"TIMESTAMP" in lines[i]), len(lines))
            if 0 < n < PIECES
            else n * len(lines) // PIECES
            for n in (number, number + 1)
        )
        path.write_bytes(b"".join(lines[first:last]))
        paths.append(path)
    return paths


def entries_of_events(data: Path) -> int:
    out = subprocess.run(
        [
            sys.executable,
            "-c",
            "import django; django.setup()\n"
            "from licenses.evidence import entries; from licenses.models import EvidenceStream "
            "as E\n"
            "kinds = ('checkout', 'checkin')\n"
            "print(sum(e['kind'] in kinds for s in E.objects.all() for e in "
            "entries.entries(s.name)))",
        ],
        cwd=settings.BASE_DIR,
        env={
            "PATH": "/usr/bin:/bin",
            "DJANGO_SETTINGS_MODULE": "itam.settings",
            "ITAM_DEBUG": "1",
            **environment(data),
        },
        check=True,
        capture_output=True,
        text=True,
    )
    return int(out.stdout)


def test_kills_of_every_part_lose_nothing_and_double_nothing(
    year: Year, tmp_path_factory: pytest.TempPathFactory
) -> None:
    pieces = [year.license_file, *cut(year.log, tmp_path_factory.mktemp("pieces"))]
    calm = tmp_path_factory.mktemp("calm")
    migrated_sqlite(calm / "itam.sqlite3")
    manage(calm, "shell", "-c", DEFAULT_RULES)
    names = [str(path) for path in pieces]
    manage(calm, "import_usage", "berlin", *names, "--zone", "Europe/Berlin", "--create-pools")
    expected = tables(calm)

    data = tmp_path_factory.mktemp("killed")
    running = Installation(data, **prepared(data) | environment(data))
    chance, killed = random.Random(5), Counter[str]()
    try:
        running.wait_until_ready()
        while (left := [part for part in PARTS if killed[part] < KILLS]) or (
            pieces or unfinished(data)
        ):
            if pieces and not unfinished(data):
                hand_in(data, pieces.pop(0))
            # Long enough for what was killed to come back to work now and then.
            time.sleep(chance.uniform(0.5, 4))
            part = chance.choice(left or PARTS)
            pid = running.grandchild("worker") if part == CHILD else running.child(part)
            if pid is not None and left:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
                killed[part] += 1
        # Who looked through what came late when it was killed, holds it for five minutes.
        deadline = time.monotonic() + 600
        while not quiet(data) and time.monotonic() < deadline:
            time.sleep(0.5)
    finally:
        running.end()
    assert killed == Counter(dict.fromkeys(PARTS, KILLS))
    found = tables(data)
    assert found["events"] == expected["events"]
    assert found["holdings"] == expected["holdings"]
    assert found["hours"] == expected["hours"]
    assert len(expected["alerts"]) > KILLS
    assert found["alerts"] == expected["alerts"]
    assert entries_of_events(data) == len(found["events"])
