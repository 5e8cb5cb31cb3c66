"""What comes late is looked through, by whatever road it comes, and after any kill."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.utils import timezone

from licenses import tasks
from licenses.alerts import late_data
from licenses.importing import jobs
from licenses.models import Alert, AlertRule, LateSpan, LicensePool, LicenseServer
from tests.factories import EntitlementFactory, FeatureFactory, PoolFactory

from .conftest import T0, moment

DAY = 86400
LOG = (
    "10:00:00 (lmgrd) TIMESTAMP 1/5/2026\n"
    '10:01:00 (acmed) OUT: "F1" ann@pc1  \n'
    '10:31:00 (acmed) IN: "F1" ann@pc1  \n'
    "12:00:00 (lmgrd) TIMESTAMP 1/5/2026\n"
)


@pytest.fixture
def server(db, tmp_path: Path, settings) -> LicenseServer:
    """A server with a pool of one seat, and a rule that tells of full pools."""
    settings.ITAM_DATA_DIR = tmp_path
    settings.ITAM_CAPTURE_DIR = tmp_path / "captures"
    settings.MEDIA_ROOT = tmp_path / "media"
    server = LicenseServer.objects.create(name="plant", zone="UTC")
    pool = PoolFactory(name="Modeller")
    FeatureFactory(server=server, daemon="acmed", name="F1", pool=pool)
    EntitlementFactory(pool=pool, quantity=1, valid_from=date(2025, 1, 1))
    AlertRule.objects.create(name="full", kind="use_percent", threshold=100)
    return server


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "debug.log"
    path.write_text(LOG)
    return path


def by_command(server: LicenseServer, log: Path) -> None:
    call_command("import_usage", server.name, str(log))


def by_hand(server: LicenseServer, log: Path) -> None:
    job = jobs.hand_in(server, SimpleUploadedFile("debug.log", log.read_bytes()))
    tasks.import_file(job.pk)


def by_tail(server: LicenseServer, log: Path) -> None:
    LicenseServer.objects.filter(pk=server.pk).update(log_path=str(log))
    tasks.tail.read_log(server.pk)
    tasks.look_back()


@pytest.mark.parametrize("road", [by_command, by_hand, by_tail])
def test_every_road_tells_of_the_past_once(server, log, road, capsys):
    road(server, log)
    alert = Alert.objects.get()
    assert (alert.past, alert.title) == (True, "Modeller: 1 of 1 seats were in use")
    assert (alert.resolved_at - alert.started_at).total_seconds() == 1800
    road(server, log)
    by_command(server, log)
    assert Alert.objects.count() == 1
    assert not LateSpan.objects.exists()


def test_a_file_that_brings_nothing_new_is_not_looked_through_again(server, log):
    jobs.run(jobs.hand_in(server, SimpleUploadedFile("a", log.read_bytes())).pk)
    assert LateSpan.objects.count() == 1
    LateSpan.objects.all().delete()
    jobs.run(jobs.hand_in(server, SimpleUploadedFile("b", log.read_bytes())).pk)
    assert not LateSpan.objects.exists()


def test_a_tick_hands_out_late_data_that_nobody_has(server, log, monkeypatch):
    handed = []
    monkeypatch.setattr(tasks.look_back, "delay", lambda: handed.append("look_back"))
    for task in (tasks.poll_servers, tasks.read_log, tasks.import_file, tasks.count_again):
        monkeypatch.setattr(task, "delay", lambda *_ids: None)
    tasks.tick()
    assert handed == []
    span = late(server)
    tasks.tick()
    assert handed == ["look_back"]
    LateSpan.objects.filter(pk=span.pk).update(leased_until=timezone.now() + late_data.LEASE)
    tasks.tick()
    assert handed == ["look_back"]


def test_fresh_data_is_left_to_the_alerts_of_the_present(server, tmp_path):
    now = timezone.now()
    log = tmp_path / "fresh.log"
    log.write_text(
        f"{now - timedelta(minutes=5):%H:%M:%S} (lmgrd) TIMESTAMP {now:%-m/%-d/%Y}\n"
        f'{now - timedelta(minutes=4):%H:%M:%S} (acmed) OUT: "F1" ann@pc1  \n'
    )
    jobs.run(jobs.hand_in(server, SimpleUploadedFile("a", log.read_bytes())).pk)
    assert not LateSpan.objects.exists()


def late(server: LicenseServer, start: int = 0, end: int = DAY) -> LateSpan:
    return LateSpan.objects.create(server=server, starts=moment(start), ends=moment(end))


def test_pieces_of_one_file_are_looked_through_at_one_go(server, monkeypatch):
    seen = []
    monkeypatch.setattr(late_data, "record", lambda *args: seen.append(args[1:3]) or 0)
    for number in range(5):
        late(server, number * 3600, (number + 1) * 3600)
    late(server, 40 * DAY, 41 * DAY)
    late_data.drain(moment(100 * DAY))
    assert seen == [(T0, T0 + 5 * 3600), (T0 + 40 * DAY, T0 + 41 * DAY)]


def test_a_run_that_is_cut_off_or_killed_is_gone_on_with(server, monkeypatch):
    pools = [LicensePool.objects.get()]
    for number in range(2):
        pools.append(PoolFactory())
        FeatureFactory(server=server, daemon="acmed", name=f"G{number}", pool=pools[-1])
    ids = [pool.pk for pool in pools]
    late(server)
    seen = []

    class Killed(BaseException):
        pass

    def dies_in_the_second(pool_ids, *_rest):
        seen.extend(pool_ids)
        if len(seen) == 2:
            raise Killed
        return 0

    monkeypatch.setattr(late_data, "record", dies_in_the_second)
    with pytest.raises(Killed):
        late_data.drain(moment(2 * DAY))
    late_data.drain(moment(2 * DAY))  # the dead one's lease still holds
    assert seen == ids[:2]
    late_data.drain(moment(2 * DAY) + 2 * late_data.LEASE, limit_seconds=0)
    assert seen == [*ids[:2], ids[1]]
    late_data.drain(moment(2 * DAY) + 2 * late_data.LEASE)
    assert seen == [*ids[:2], *ids[1:]]
    assert not LateSpan.objects.exists()


def test_what_comes_while_somebody_looks_is_looked_through_too(server, monkeypatch):
    late(server)
    seen = []

    def another_comes(_pools, start, end, now):
        seen.append((start, end))
        if len(seen) == 1:
            late(server, DAY, 2 * DAY)
            LateSpan.objects.update(leased_until=None)
            late_data._claim(now)  # a second worker joins the two
            LateSpan.objects.update(leased_until=None)
        return 0

    monkeypatch.setattr(late_data, "record", another_comes)
    late_data.drain(moment(9 * DAY))
    assert seen == [(T0, T0 + DAY), (T0, T0 + 2 * DAY)]
