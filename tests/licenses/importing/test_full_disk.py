"""E24: a disk that fills up while a log is imported: nothing corrupt, no cursor ahead of its rows,
and the import goes on when there is room again."""

from __future__ import annotations

import json
import os
import random
import shutil
import sqlite3
import subprocess
from collections import namedtuple
from collections.abc import Iterator
from datetime import timedelta
from itertools import islice
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from licenses.alerts.evaluation import evaluate
from licenses.importing import captures, jobs, polling, tail
from licenses.models import (
    Alert,
    AlertRule,
    Capture,
    Channel,
    ImportJob,
    LicenseServer,
    LogCursor,
    Notification,
)
from tests.thorough import trials

from .conftest import Year
from .harness import Facts, Site
from .told import events_told

TRIALS = trials("E24")
LINES_A_TRIAL = 250
NO_RESERVE = {"ITAM_DISK_FREE_MB": "0", "ITAM_DISK_FREE_PERCENT": "0"}
MIB = 2**20


@pytest.fixture(scope="module")
def log(year: Year, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("piece") / "debug.log"
    with year.log.open("rb") as whole:
        path.write_bytes(b"".join(islice(whole, LINES_A_TRIAL * TRIALS)))
    return path


@pytest.fixture(scope="module")
def expected(log: Path, tmp_path_factory: pytest.TempPathFactory) -> Facts:
    site = Site(tmp_path_factory.mktemp("undisturbed"), **NO_RESERVE)
    with site.importer() as importer:
        importer.start(log)
        assert importer.wait() == 0, importer.errors()
    return site.facts()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, as large as the import needs."""
    folder = tmp_path / "disk"
    folder.mkdir()
    size = 16 + TRIALS // 4
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}m", "tmpfs", folder], capture_output=True
    )
    if done.returncode != 0:
        pytest.skip(f"no right to mount a tmpfs: {done.stderr.decode().strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def assert_sound(site: Site, log: Path) -> None:
    """The database is whole, and its events are those of the text before the cursor."""
    with sqlite3.connect(site.folder / "itam.sqlite3") as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        events = len(events_told(cursor=database.cursor()))
        place = database.execute('SELECT "offset", parser_state FROM licenses_logcursor').fetchone()
    before = log.read_bytes()[: place[0]] if place else b""
    assert events == before.count(b") OUT: ") + before.count(b") IN: ")
    if place and place[0]:
        assert json.loads(place[1])["parser"]["offset"] == place[0]


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_a_full_disk_loses_nothing(small_disk: Path, log: Path, expected: Facts) -> None:
    site = Site(small_disk, **NO_RESERVE)
    ballast, chance, full = small_disk / "ballast", random.Random(1), 0
    with site.importer() as importer:
        code = 1
        while code != 0:
            if full < TRIALS:
                room = shutil.disk_usage(small_disk).free - chance.randrange(120_000)
                with ballast.open("wb") as file:
                    os.posix_fallocate(file.fileno(), 0, max(room, 1))
            importer.start(log)
            code = importer.wait()
            ballast.unlink(missing_ok=True)
            if code != 0:
                told = importer.errors()
                assert "disk is full" in told or "No space left" in told or "disk I/O" in told, told
                full += 1
                assert_sound(site, log)
    assert full == TRIALS
    assert site.facts() == expected


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_a_file_that_may_not_grow_loses_nothing(tmp_path: Path, log: Path, expected: Facts) -> None:
    """The same without the right to mount: each file's size is limited, by turns."""
    site = Site(tmp_path, **NO_RESERVE)
    chance, full = random.Random(2), 0
    with site.importer() as importer:
        code = 1
        while code != 0:
            size = (site.folder / "itam.sqlite3").stat().st_size
            limit = chance.randrange(4096, size + 200_000) if full < TRIALS else 0
            importer.start(log, file_bytes=limit)
            code = importer.wait()
            if code != 0:
                told = importer.errors()
                assert "disk is full" in told or "disk I/O" in told or "too large" in told, told
                full += 1
                assert_sound(site, log)
    assert full == TRIALS
    assert site.facts() == expected


Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch, settings) -> dict[str, int]:
    """What the disk says of itself."""
    said = {"total": 1000 * MIB, "free": 1000 * MIB}
    settings.ITAM_DISK_FREE_BYTES, settings.ITAM_DISK_FREE_SHARE = 500 * 10**6, 0.05
    monkeypatch.setattr(
        captures.shutil,
        "disk_usage",
        lambda _path: Usage(said["total"], said["total"] - said["free"], said["free"]),
    )
    return said


@pytest.mark.usefixtures("data_dir")
@pytest.mark.parametrize(
    ("total", "free", "fits"),
    [
        pytest.param(100_000 * MIB, 5_001 * MIB, True, id="enough"),
        pytest.param(100_000 * MIB, 4_999 * MIB, False, id="less than 5 %"),
        pytest.param(2_000 * MIB, 400 * MIB, False, id="less than 500 MB"),
        pytest.param(2_000 * MIB, 600 * MIB, True, id="a small disk with enough"),
    ],
)
def test_imports_stop_below_either_limit(room, total: int, free: int, fits: bool) -> None:
    room.update(total=total, free=free)
    if fits:
        captures.check_room()
    else:
        with pytest.raises(captures.DiskFull, match="imports wait until there are"):
            captures.check_room()


LOG = b'10:00:00 (acmed) OUT: "F1" ann@pc1  \n10:05:00 (acmed) IN: "F1" ann@pc1  \n'
DATED = b"10:00:00 (lmgrd) TIMESTAMP 1/5/2026\n" + LOG


@pytest.mark.django_db
def test_without_room_nothing_is_read_and_all_goes_on_when_there_is(
    room, data_dir: Path, tmp_path: Path
) -> None:
    path, status = tmp_path / "debug.log", tmp_path / "status.txt"
    path.write_bytes(DATED)
    status.write_text("lmutil\n")
    server = LicenseServer.objects.create(
        name="berlin", zone="UTC", log_path=str(path), polling="file", status_path=str(status)
    )
    job = jobs.hand_in(server, SimpleUploadedFile("debug.log", DATED))
    room["free"] = MIB
    jobs.run(job.pk)
    assert tail.read_log(server.pk) == 0
    assert polling.poll([server.pk], force=True) == {}
    assert not events_told() and not Capture.objects.exists()
    job.refresh_from_db()
    assert (job.state, job.offset) == ("running", 0)
    assert "MB left" in job.error
    cursor = LogCursor.objects.get()
    assert (cursor.offset, "MB left" in cursor.detail) == (0, True)

    room["free"] = 900 * MIB
    ImportJob.objects.update(leased_until=timezone.now())
    jobs.run(job.pk)
    job.refresh_from_db()
    assert (job.state, job.error) == ("done", "")
    assert tail.read_log(server.pk) == 1
    assert set(polling.poll([server.pk], force=True)) == {server.pk}
    assert len(events_told()) == 2


@pytest.mark.django_db
@pytest.mark.usefixtures("data_dir")
def test_the_alert_of_a_server_that_nobody_asks_for_want_of_room_says_so(
    room, tmp_path: Path
) -> None:
    AlertRule.objects.all().delete()
    rule = AlertRule.objects.create(name="silent", kind=AlertRule.Kind.SERVER)
    rule.channels.add(Channel.objects.create(name="us", kind="mail", target="us@example.test"))
    server = LicenseServer.objects.create(
        name="berlin", zone="UTC", polling="file", status_path=str(tmp_path / "status.txt")
    )
    LicenseServer.objects.update(recorded_at=timezone.now() - timedelta(days=1))
    room["free"] = MIB
    assert polling.poll([server.pk], force=True) == {}
    evaluate(timezone.now())
    evaluate(timezone.now() + timedelta(minutes=10))
    assert Alert.objects.get().server == server
    assert "has 1 MB left: imports wait until there are 500 MB" in Notification.objects.get().body
