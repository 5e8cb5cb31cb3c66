"""Files that were handed in: kept, imported in the background piece by piece, and gone on with
after any kill."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files import File
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext

from itam.retold import retell
from licenses.analysis import headlines, rollup
from licenses.analysis import now as pools_now
from licenses.models import Capture, ImportJob, LicensePool, LicenseServer, Work
from licenses.sources import detect
from licenses.sources.base import SourceError

from . import machines, mapping
from .captures import DiskFull
from .files import (
    FORMATS,
    HEAD,
    ImportRefused,
    Wanted,
    import_file,
    look_through,
    note_waiting,
    open_text,
    set_zone,
)
from .logs import LogImport
from .machines import OtherMachine
from .pieces import blocks

log = logging.getLogger(__name__)

TRIES = 5
"""Attempts in a row that end without a word and without progress, until a job has failed."""
UPLOAD_LIMIT = 2 * 2**30
SLICE_SECONDS = 60.0
"""How long one run of a job works before it gives way: well within the lease."""


def hand_in(
    server: LicenseServer,
    uploaded: Any,
    *,
    format: str = "",
    zone: str = "",
    date: date | None = None,
    create_pools: bool = False,
    user: Any = None,
) -> ImportJob:
    """Keep an uploaded file for import. Raises ValidationError for what can be told to be wrong at
    once."""
    if format and format not in FORMATS:
        raise ValidationError(
            {
                "format": gettext("Unknown format %(format)s: expected one of %(formats)s.")
                % {"format": repr(format), "formats": ", ".join(FORMATS)}
            }
        )
    if uploaded.size == 0:
        raise ValidationError({"file": gettext("The file is empty.")})
    if uploaded.size > UPLOAD_LIMIT:
        raise ValidationError(
            {
                "file": gettext("The file is larger than %(most)s GB: import it with the command.")
                % {"most": UPLOAD_LIMIT // 2**30}
            }
        )
    head = uploaded.read(HEAD)
    uploaded.seek(0)
    if not format and not head.startswith(b"\x1f\x8b"):
        try:
            detect(server.kind, head)
        except SourceError as error:
            raise ValidationError({"file": retell(str(error))}) from error
    try:
        set_zone(server, zone)
    except ImportRefused as error:
        raise ValidationError({"zone": retell(str(error))}) from error
    job = ImportJob(
        server=server,
        file_name=Path(str(uploaded.name)).name[:255],
        format=format,
        zone=zone,
        date=date,
        create_pools=create_pools,
        requested_by=user,
    )
    # Stored under a name of ours: what people call a file never becomes a path.
    job.file.save(str(uuid.uuid4()), File(uploaded), save=False)
    job.save()
    return job


def due(now: datetime) -> list[int]:
    """Return the ids of the jobs that wait, or whose worker died."""
    machines.release()
    return list(
        ImportJob.objects.filter(
            Q(state=Work.WAITING) | Q(state=Work.RUNNING),
            Q(leased_until=None) | Q(leased_until__lte=now),
        )
        .order_by("requested_at")
        .values_list("pk", flat=True)
    )


def run(job_id: int, *, seconds: float = SLICE_SECONDS) -> None:
    """Go on with a job for a while. Safe to call any number of times at once: one caller holds the
    lease."""
    now = timezone.now()
    lease = uuid.uuid4()
    claimed = ImportJob.objects.filter(
        Q(state=Work.WAITING) | Q(state=Work.RUNNING),
        Q(leased_until=None) | Q(leased_until__lte=now),
        pk=job_id,
    ).update(
        lease=lease,
        # Short: each piece renews it, and a killed worker's job waits no longer than this.
        leased_until=now + timedelta(seconds=settings.ITAM_LEASE_SECONDS),
        state=Work.RUNNING,
    )
    if claimed != 1:
        return
    job = ImportJob.objects.select_related("server").get(pk=job_id)
    job.attempts += 1
    ImportJob.objects.filter(pk=job_id, lease=lease).update(attempts=job.attempts)
    if job.attempts > TRIES:
        _finish(
            job,
            lease,
            Work.FAILED,
            error=f"Gave up after {TRIES} attempts that ended without a word.",
        )
        return
    try:
        finished = _work(job, lease, time.monotonic() + seconds)
    except DiskFull as error:
        log.error("%s", error)
        ImportJob.objects.filter(pk=job_id, lease=lease).update(
            error=str(error),
            attempts=job.attempts - 1,
            leased_until=timezone.now() + timedelta(minutes=1),
        )
        return
    except OtherMachine as error:
        if job.format == Capture.Kind.LOG:
            note_waiting(job.server, Path(job.file.path), error, job.date)
        after_import(job.server)
        _finish(job, lease, Work.FAILED, error=str(error), machine=error.name)
        return
    except (ImportRefused, SourceError, ValidationError) as error:
        _finish(job, lease, Work.FAILED, error=str(error))
        return
    if finished:
        _finish(job, lease, Work.DONE)
    else:
        # Progress was made, so the attempts begin anew.
        ImportJob.objects.filter(pk=job_id, lease=lease).update(
            lease=None, leased_until=None, attempts=0
        )


def _work(job: ImportJob, lease: uuid.UUID, deadline: float) -> bool:
    """Import until the deadline; return whether the file is done."""
    path = Path(job.file.path)
    file_format = job.format
    if not file_format:
        with open_text(path) as stream:
            file_format = detect(job.server.kind, stream.read(HEAD))
        job.format = file_format
        ImportJob.objects.filter(pk=job.pk, lease=lease).update(format=file_format)
    if file_format != Capture.Kind.LOG:
        results = import_file(
            job.server, path, job.file_name, Wanted(format=file_format, date=job.date)
        )
        job.result = results[0].as_dict(job.server.tzinfo)
        return True
    return _work_log(job, lease, path, deadline)


def _work_log(job: ImportJob, lease: uuid.UUID, path: Path, deadline: float) -> bool:
    with open_text(path) as stream:
        if job.parser_state:
            run_ = LogImport(
                job.server,
                source=job.file_name,
                cursor=job.parser_state,
                save_cursor=_saver(job, lease),
            )
            # The cursor is at a whole line, so the text goes on there.
            stream.seek(job.offset)
        else:
            look = look_through(stream, job.date)
            stream.seek(0)
            run_ = LogImport(
                job.server,
                source=job.file_name,
                save_cursor=_saver(job, lease),
                **look._asdict(),
            )
        before = dict(job.result)
        for block, last in blocks(stream):
            run_.store(block, last=last)
            job.result = _added(before, run_.result.as_dict(job.server.tzinfo))
            ImportJob.objects.filter(pk=job.pk, lease=lease).update(result=job.result)
            if last:
                return True
            if time.monotonic() > deadline:
                return False
    return True


def _saver(job: ImportJob, lease: uuid.UUID) -> Callable[[dict[str, Any]], None]:
    """Return what stores the cursor in the chunk's own transaction, and stops a job whose lease
    another took."""
    size = max(1, job.file.size)

    def save(cursor: dict[str, Any]) -> None:
        offset = cursor["parser"]["offset"]
        changed = ImportJob.objects.filter(pk=job.pk, lease=lease).update(
            offset=offset,
            parser_state=cursor,
            progress=min(99, offset * 100 // size),
            leased_until=timezone.now() + timedelta(seconds=settings.ITAM_LEASE_SECONDS),
            attempts=1,
        )
        if changed != 1:
            raise ImportRefused("Another worker took this import over.")

    return save


def _added(before: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    """Add up the counts of the slices of one file."""
    if not before:
        return now
    summed = dict(now)
    for name in ("lines", "out", "in", "denied", "new", "known", "unreadable_count"):
        summed[name] = before.get(name, 0) + now[name]
    summed["unreadable"] = (before.get("unreadable", []) + now["unreadable"])[:20]
    summed["from"] = before.get("from") or now["from"]
    return summed


def _finish(
    job: ImportJob, lease: uuid.UUID, state: str, *, error: str = "", machine: str = ""
) -> None:
    if state == Work.DONE:
        if job.create_pools:
            mapping.create_pools(job.server, user=job.requested_by)
        after_import(job.server)
    ImportJob.objects.filter(pk=job.pk, lease=lease).update(
        state=state,
        error=error,
        machine=machine,
        lease=None,
        leased_until=None,
        finished_at=timezone.now(),
        result=job.result,
        progress=100 if state == Work.DONE else job.progress,
    )


def after_import(server: LicenseServer) -> None:
    """Count what an import touched, and bring the newest figures of its pools up to date.

    The marks are gone when the next turn of counting looks for what was learned of old times, so
    the figures of 30 days are made due here.
    """
    rollup.drain()
    found = LicensePool.objects.filter(mappings__feature__server=server).distinct()
    pools = set(found.values_list("pk", flat=True))
    headlines.mark_due(pools)
    pools_now.refresh(pools, year=True)
