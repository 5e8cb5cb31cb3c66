"""Ask for a pack, and make it in the background: at most once at a time, whole or not at all."""

from __future__ import annotations

import logging
import uuid
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import F, Max, Q
from django.http import FileResponse
from django.utils import timezone
from django.utils.translation import gettext

from itam.retold import retell
from licenses.evidence.pack import OthersToo, PackRefused
from licenses.evidence.reads import note_read
from licenses.evidence.stored import open_recorded
from licenses.models import Person
from reports import leases
from reports.leases import LEASE, MOST_ATTEMPTS, PAUSE, free
from reports.models import EvidencePack
from reports.packs import writing

logger = logging.getLogger(__name__)


PERMISSION = "reports.approve_pack_names"

State = EvidencePack.State


def check(pack: EvidencePack) -> None:
    """Raise ValidationError where a pack cannot be made as things stand."""
    try:
        writing.check(_wish(pack))
    except PackRefused as error:
        said = retell(str(error))
        raise ValidationError({"shared": said} if isinstance(error, OthersToo) else said) from error


def order(pack: EvidencePack, user: object) -> EvidencePack:
    """Put a validated pack on record. The caller then nudges the task or waits for the tick.

    Raises ValidationError where it cannot be made as things stand.
    """
    check(pack)
    pack.requested_by = user  # type: ignore[assignment]
    pack.state = State.ASKED if pack.names_basis else State.WAITING
    pack.save(force_insert=True)
    return pack


def approve(pack: EvidencePack, user: object) -> None:
    """Let a pack with names be made. Raises ValidationError for one's own, and for any other."""
    if pack.requested_by == user:
        raise ValidationError(gettext("Somebody else must approve the names in a pack."))
    changed = EvidencePack.objects.filter(pk=pack.pk, state=State.ASKED).update(
        state=State.WAITING, approved_by=user, approved_at=timezone.now()
    )
    if not changed:
        raise ValidationError(gettext("This pack does not wait for approval."))
    pack.refresh_from_db()


def due(now: datetime) -> list[int]:
    """Return the packs that wait, or whose maker's lease ran out, oldest first; those that were
    tried often enough are given up."""
    return leases.due(EvidencePack.objects.all(), now)


def build(pack_id: int, now: datetime | None = None) -> bool:
    """Make a pack if nobody else does, and tell whether this call did. An error is kept in it."""
    moment, lease = now or timezone.now(), uuid.uuid4()
    claimed = EvidencePack.objects.filter(
        free(moment), pk=pack_id, attempts__lt=MOST_ATTEMPTS
    ).update(
        state=State.RUNNING,
        progress=5,
        lease=lease,
        lease_until=moment + LEASE,
        attempts=F("attempts") + 1,
    )
    if not claimed:
        return False
    pack = EvidencePack.objects.select_related("vendor", "requested_by").get(pk=pack_id)
    held = EvidencePack.objects.filter(pk=pack_id, lease=lease)

    def progress(percent: int) -> None:
        held.update(progress=percent, lease_until=timezone.now() + LEASE)

    try:
        _make(pack, progress)
    except PackRefused as error:  # trying again would not help
        held.update(state=State.FAILED, lease=None, finished_at=timezone.now(), error=str(error))
        return False
    except Exception as error:
        logger.exception("pack %s: attempt %s did not succeed", pack_id, pack.attempts)
        over = pack.attempts >= MOST_ATTEMPTS
        held.update(
            state=State.FAILED if over else State.WAITING,
            progress=0,
            lease=None,
            lease_until=None if over else timezone.now() + PAUSE * pack.attempts,
            finished_at=timezone.now() if over else None,
            error=f"{type(error).__name__}: {error}"[:2000],
        )
        return False
    held.update(
        state=State.DONE,
        progress=100,
        sha256=pack.sha256,
        size=pack.path.stat().st_size,
        error="",
        lease=None,
        lease_until=None,
        finished_at=timezone.now(),
    )
    return True


def _make(pack: EvidencePack, progress: writing.Progress) -> None:
    pack.path.parent.mkdir(parents=True, exist_ok=True)
    who = pack.requested_by.get_username() if pack.requested_by else "scheduler"
    pack.sha256 = writing.write(_wish(pack), pack.path, who=who, progress=progress)


def _wish(pack: EvidencePack) -> writing.Wish:
    names = None
    if pack.names_basis:
        approver = pack.approved_by.get_username() if pack.approved_by else ""
        names = writing.Names(pack.names_basis, approver)
    return writing.Wish(
        pack.vendor, pack.first, pack.end, ZoneInfo(pack.zone), shared=pack.shared, names=names
    )


def file_response(pack: EvidencePack, user: object) -> FileResponse | None:
    """Return the pack for download, None where it is not there, or is another file than the one
    that was made. Writes who takes it."""
    if pack.state != State.DONE:
        return None
    try:
        stream = open_recorded(pack.path, pack.sha256)
    except FileNotFoundError:
        return None
    about: dict[str, str | int] = {"pack": pack.pk, "sha256": pack.sha256}
    note_read(user, "export", "evidence pack", 1, **about)
    name = f"pack-{pack.pk}-{pack.first}-{pack.end}.zip"
    return FileResponse(stream, as_attachment=True, filename=name, content_type="application/zip")


def drop_files(now: datetime) -> None:
    """Throw the files of old packs away, and those with names once somebody's name was erased.
    They can be made again."""
    before = now - timedelta(days=settings.ITAM_KEEP_REPORT_FILES_DAYS)
    unwanted = Q(finished_at__lt=before)
    erased = Person.objects.aggregate(last=Max("erased_at"))["last"]
    if erased is not None:
        unwanted |= ~Q(names_basis="") & Q(finished_at__lte=erased)
    for pack in EvidencePack.objects.filter(unwanted, state=State.DONE):
        pack.path.unlink(missing_ok=True)
