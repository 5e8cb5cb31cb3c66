"""E2: kill -9 of PostgreSQL, of one of its processes and of all, while a log is imported and alerts
are told: nothing lost, nothing doubled, and every alert told.

PostgreSQL syncs to the disk here, and recovers from its log of changes after each kill.
"""

from __future__ import annotations

import json
import os
import random
import time
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest

from itam.testing import Cluster, find_postgresql
from tests.conftest import BASE_DIR
from tests.thorough import trials

from .conftest import Year
from .harness import CALLS, Importer, run_python

PROGRAMS = find_postgresql()
KILLS = trials("E2")
LINES_A_KILL = 150
"""Enough for all kills to hit an import at work."""
STEPS = 20 * KILLS
"""Of the server that is watched: what the two imports do not get to is done at the end."""
PART = {"backend": "the process that serves the import", "all": "the one that all come from"}

pytestmark = [
    pytest.mark.waits,
    pytest.mark.timeout(1500),
    pytest.mark.skipif(PROGRAMS is None, reason="no PostgreSQL on this machine"),
]

PREPARE = """
from django.core.management import call_command
call_command("migrate", verbosity=0)
from licenses.models import LicenseServer
from tests.licenses.importing import watch
from tests.licenses.importing.told import events_told
LicenseServer.objects.create(name="berlin", zone="Europe/Berlin")
watch.prepare()
"""
TOLD = """
import json, sys
from pathlib import Path
from licenses.evidence import entries
from licenses.models import Checkout, EvidenceStream
from tests.licenses.importing import watch
from tests.licenses.importing.told import events_told
watch.finish(Path(sys.argv[1]), int(sys.argv[2]))
WHO = ("feature__name", "person__pseudonym", "host__pseudonym", "seats")
rows = lambda model, *names: sorted(
    list(map(str, row))
    for row in model.objects.filter(feature__server__name="berlin").values_list(*WHO, *names)
)
numbers = [[e["n"] for e in entries.entries(s.name)] for s in EvidenceStream.objects.all()]
print(json.dumps({
    "events": [list(map(str, row)) for row in events_told("berlin")],
    "holdings": rows(Checkout, "taken_at", "returned_at", "end_reason"),
    "entries": sum(
        entry["kind"] in ("checkout", "checkin")
        for stream in EvidenceStream.objects.all()
        for entry in entries.entries(stream.name)
    ),
    "numbered": all(each == list(range(1, len(each) + 1)) for each in numbers),
    **watch.outcome(),
}))
"""


class Installation:
    """One with a database of its own in a PostgreSQL."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.told = folder, folder / "told"
        self.environ = {
            **{"PATH": os.environ["PATH"], "HOME": str(folder), "ITAM_DATA_DIR": str(folder)},
            **{"ITAM_DEBUG": "1", "ITAM_SECRET_KEY": "x" * 50, "ITAM_PSEUDONYM_KEY": "kept"},
            **{"PYTHONPATH": str(BASE_DIR), "DJANGO_SETTINGS_MODULE": "itam.settings"},
            **{"DATABASE_URL": url, "PYTHONWARNINGS": "ignore"},
        }

    def python(self, code: str, *words: str) -> str:
        return run_python(self.environ, code, *words)

    def outcome(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.python(TOLD, str(self.told), str(STEPS)))
        return found

    def log(self, year: Year) -> Path:
        """Return the beginning of a log, long enough for all kills."""
        path = self.folder / "debug.log"
        with year.log.open("rb") as log:
            path.write_bytes(b"".join(islice(log, LINES_A_KILL * len(PART) * KILLS)))
        return path


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    assert PROGRAMS is not None
    cluster = Cluster(PROGRAMS)
    try:
        yield cluster
    finally:
        cluster.end()


@pytest.fixture
def installations(
    cluster: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Installation, Installation]:
    """Two that are alike: one to be left alone, and one to be hit by the kills."""
    cluster.start("fsync=off")
    killed = Installation(tmp_path_factory.mktemp("killed"), cluster.url)
    killed.python(PREPARE)
    server, _, name = cluster.url.rpartition("/")
    with psycopg.connect(f"{server}/template1", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE calm TEMPLATE {name}")
    cluster.stop()
    cluster.start("fsync=on")
    return Installation(tmp_path_factory.mktemp("calm"), f"{server}/calm"), killed


def come_back(cluster: Cluster, part: str) -> None:
    """Wait until the database has recovered; start it where nothing is left of it."""
    if part == "all":
        cluster.kill()  # it is dead already, and is reaped
        cluster.start("fsync=on")
    while not cluster.answers():
        time.sleep(0.05)


def test_kills_of_the_database_lose_nothing_and_every_alert_is_told(
    year: Year, cluster: Cluster, installations: tuple[Installation, Installation]
) -> None:
    calm, killed = installations
    importers = [Importer(SimpleNamespace(environ=each.environ)) for each in installations]
    chance, hits = random.Random(11), Counter[str]()
    try:
        importers[0].start(calm.log(year), "watched")
        assert importers[0].wait() == 0, importers[0].errors()
        log, code = killed.log(year), 1
        while code != 0:
            part = next((part for part in PART if hits[part] < KILLS), "")
            victim = {"backend": "backend", "all": cluster.pid, "": 0}[part]
            calls = chance.randrange(1, CALLS) if part else 0
            importers[1].start(log, "watched", calls=calls, victim=victim)
            code = importers[1].wait()
            if code != 0:
                told = importers[1].errors()
                assert "OperationalError" in told or "InterfaceError" in told, told[-3000:]
                hits[part] += 1
                come_back(cluster, part)
    finally:
        for importer in importers:
            importer.end()
    assert hits == Counter(dict.fromkeys(PART, KILLS))
    expected, found = calm.outcome(), killed.outcome()
    assert found["numbered"]
    assert found["events"] == expected["events"]
    assert found["holdings"] == expected["holdings"]
    assert found["entries"] == len(found["events"])
    # Each alert once, of the same time, and each of its messages left once or more.
    assert len(expected["alerts"]) > KILLS
    assert found["alerts"] == expected["alerts"]
    assert sorted(found["messages"]) == sorted(expected["messages"])
    assert {key for (key,) in found["keys"]} == set(killed.told.read_text().split())
