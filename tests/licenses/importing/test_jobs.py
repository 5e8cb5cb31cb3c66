"""Files handed in: checked at once, imported piece by piece, gone on with after a kill."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from licenses.analysis import headlines
from licenses.importing import jobs
from licenses.models import ImportJob, LicensePool, LicenseServer

from .conftest import Year
from .told import events_told

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir")]

LOG = b'10:00:00 (acmed) OUT: "F1" ann@pc1  \n10:05:00 (acmed) IN: "F1" ann@pc1  \n'


@pytest.fixture
def server() -> LicenseServer:
    return LicenseServer.objects.create(name="berlin", zone="Europe/Berlin")


def test_a_log_is_imported_and_its_pools_are_made(server: LicenseServer) -> None:
    upload = SimpleUploadedFile("../../etc/a.log", LOG)
    job = jobs.hand_in(server, upload, date=date(2026, 1, 5), create_pools=True)
    assert (job.file_name, job.state) == ("a.log", "waiting")
    jobs.run(job.pk)
    job.refresh_from_db()
    assert (job.state, job.progress, job.error) == ("done", 100, "")
    assert (job.result["out"], job.result["new"]) == (1, 2)
    assert LicensePool.objects.get().name == "F1"


def test_figures_of_30_days_are_due_after_a_file(server: LicenseServer) -> None:
    upload = SimpleUploadedFile("a.log", LOG)
    jobs.run(jobs.hand_in(server, upload, date=date(2026, 1, 5), create_pools=True).pk)
    pool, now = LicensePool.objects.get(), int(timezone.now().timestamp())
    headlines.refresh([pool.pk], now)
    assert headlines.due(now) == []
    later = SimpleUploadedFile("b.log", LOG)
    jobs.run(jobs.hand_in(server, later, date=date(2026, 1, 6)).pk)
    assert headlines.due(now) == [pool.pk]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        pytest.param(b"", "empty", id="empty"),
        pytest.param(b"%PDF-1.7\n", "PDF", id="pdf"),
        pytest.param(b"Dear all,\n", "expected", id="prose"),
    ],
)
def test_what_is_no_usage_is_refused_at_once(
    server: LicenseServer, content: bytes, told: str
) -> None:
    with pytest.raises(ValidationError, match=told):
        jobs.hand_in(server, SimpleUploadedFile("a", content))
    assert not ImportJob.objects.exists()


def test_a_log_without_a_date_fails_with_a_reason_and_stores_nothing(server: LicenseServer) -> None:
    job = jobs.hand_in(server, SimpleUploadedFile("a.log", LOG))
    jobs.run(job.pk)
    job.refresh_from_db()
    assert job.state == "failed"
    assert "date" in job.error
    assert not events_told()


def test_a_job_gives_way_after_its_time_and_goes_on_where_it_was(
    server: LicenseServer, year: Year, settings
) -> None:
    settings.ITAM_CHUNK_BYTES = 64 * 1024
    piece = b"".join(year.log.read_bytes().splitlines(keepends=True)[:6000])
    job = jobs.hand_in(server, SimpleUploadedFile("debug.log", piece))
    runs = 0
    while job.state != "done":
        jobs.run(job.pk, seconds=0)
        job.refresh_from_db()
        runs += 1
        assert runs < 100
    assert runs > 3
    logged = piece.count(b") OUT: ") + piece.count(b") IN: ")
    assert len(events_told()) == logged == job.result["out"] + job.result["in"]


def test_a_job_whose_worker_died_is_taken_up_when_its_lease_is_over(server: LicenseServer) -> None:
    job = jobs.hand_in(server, SimpleUploadedFile("a.log", LOG), date=date(2026, 1, 5))
    now = timezone.now()
    ImportJob.objects.update(state="running", leased_until=now + timedelta(seconds=60))
    assert jobs.due(now) == []
    jobs.run(job.pk)
    assert not events_told(), "another holds the lease"
    ImportJob.objects.update(leased_until=now - timedelta(seconds=1))
    assert jobs.due(now) == [job.pk]
    jobs.run(job.pk)
    assert len(events_told()) == 2


def test_a_job_that_kills_its_worker_each_time_fails_in_the_end(server: LicenseServer) -> None:
    job = jobs.hand_in(server, SimpleUploadedFile("a.log", LOG), date=date(2026, 1, 5))
    ImportJob.objects.update(attempts=jobs.TRIES)
    jobs.run(job.pk)
    job.refresh_from_db()
    assert job.state == "failed"
    assert "attempts" in job.error
