"""What people find out about over-use: the one way in for the admin and the API."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext

from licenses.analysis.over_use import over_use
from licenses.evidence import entries, stock
from licenses.models import LicensePool, OverUseNote

KIND = "over_use"
"""Of the entry in the evidence."""


def explain_over_use(
    pool: LicensePool,
    *,
    starts: datetime,
    ends: datetime,
    cause: str,
    owner: str,
    resolution: str = "",
    user: Any,
) -> OverUseNote:
    """Record why a pool was in use above what is allowed in [starts, ends), and return it.

    It counts for each episode that touches that time, in place of any earlier note on it.

    Raises ValidationError without cause or owner, and where no over-use is known of that time.
    """
    note = OverUseNote(
        pool=pool,
        starts=starts,
        ends=ends,
        cause=cause.strip(),
        resolution=resolution.strip(),
        owner=owner.strip(),
        recorded_by=user,
    )
    note.full_clean(exclude=["recorded_by"])
    start, end = int(starts.timestamp()), int(ends.timestamp())
    touched = over_use(pool, start, end)
    if not touched:
        raise ValidationError(gettext("No over-use of this pool is known of that time."))
    before = next((row.note for row in touched if row.note is not None), None)
    with transaction.atomic():
        note.save()
        body = {
            **entries.digests(cause=note.cause, owner=note.owner, resolution=note.resolution),
            "author": user.get_username() if user is not None else "",
            "end": end,
            "episodes": len(touched),
            "note": note.pk,
            "pool": pool.name,
            "replaces": "" if before is None else before.number,
            "start": start,
            "what": "over-use explained",
        }
        entry = entries.draft(KIND, int(note.recorded_at.timestamp()), body)
        entries.append(stock.stream_of(pool.product.vendor_id), [entry], source="rights")
    return note
