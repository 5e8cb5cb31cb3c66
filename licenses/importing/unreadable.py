"""Setting aside lines that could not be read, and taking that back: each with evidence of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext

from licenses.analysis.unreadable import groups
from licenses.evidence import entries
from licenses.models import IgnoredLines, LicenseServer
from licenses.sources.shapes import safe_shape


def ignore(server: LicenseServer, digest: str, *, note: str = "", user: Any) -> IgnoredLines:
    """Set aside the unreadable lines of one shape, with evidence of who did and why.

    digest: of a group of the last week; anything else, or what is ignored already, is a
    ValidationError.
    """
    group = next((each for each in groups(server) if each.digest == digest), None)
    if group is None:
        raise ValidationError(gettext("There are no such unreadable lines of the last week."))
    if group.ignored:
        raise ValidationError(gettext("Lines of this shape are ignored already."))
    row = IgnoredLines(
        server=server,
        digest=digest,
        pattern=group.pattern[:300],
        unreadable_reason=group.reason[:300],
        note=note.strip()[:500],
        recorded_by=user,
    )
    try:
        with transaction.atomic():
            row.save()
            _note(row, "lines_ignored", row.recorded_at)
    except IntegrityError as error:
        raise ValidationError(gettext("Lines of this shape are ignored already.")) from error
    return row


def show_again(row: IgnoredLines, *, user: Any) -> IgnoredLines:
    """Count lines of this shape again. Raises ValidationError where they are counted already."""
    now = timezone.now()
    with transaction.atomic():
        mine = IgnoredLines.objects.filter(pk=row.pk, ended_at=None)
        if mine.update(ended_at=now, ended_by=user) != 1:
            raise ValidationError(gettext("These lines are shown already."))
        row.refresh_from_db()
        _note(row, "lines_shown_again", now)
    return row


def _note(row: IgnoredLines, kind: str, at: datetime) -> None:
    body = {
        # Any daemon may have written them: what the lines look like is not every vendor's to read.
        **entries.digests(note=row.note, pattern=safe_shape(row.pattern)),
        "digest": row.digest,
        "reason": safe_shape(row.unreadable_reason),
        "server": row.server.name,
        "who": row.ended_by_id or row.recorded_by_id or 0,
    }
    entries.append(
        entries.server_stream(row.server),
        [entries.draft(kind, int(at.timestamp()), body)],
        source="unreadable lines",
    )
