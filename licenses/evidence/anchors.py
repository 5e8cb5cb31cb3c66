"""Anchors: heads that left our hands, so that what they tell of cannot be changed unseen.

Without one outside, a database that is set back, or made anew by whoever holds the key, cannot be
told from the true one.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from django.conf import settings

from licenses.models import EvidenceAnchor, EvidenceDay

from . import heads

NONE = "no outside anchor: a roll-back cannot be excluded"


def to_file(now: datetime) -> EvidenceAnchor | None:
    """Write the newest head into ITAM_EVIDENCE_ANCHOR_DIR, once, as a file of its own.

    The folder should lie on another machine. Returns None where there is nothing to write. Raises
    OSError where the folder cannot be written.
    """
    folder = settings.ITAM_EVIDENCE_ANCHOR_DIR
    last = EvidenceDay.objects.order_by("number").last()
    if folder is None or last is None:
        return None
    place = str(Path(folder) / f"checkpoint-{last.number:06}.txt")
    if EvidenceAnchor.objects.filter(kind="file", place=place, size=last.number).exists():
        return None
    heads.append(Path(place), last.checkpoint)
    return record(EvidenceAnchor.Kind.FILE, place, last.number, last.checkpoint, now)


def record(
    kind: str, place: str, size: int, checkpoint: str, now: datetime, token: bytes | None = None
) -> EvidenceAnchor | None:
    """Note that a head of so many days was given out; None where that was noted before.

    token: what a time-stamping authority answered.
    """
    found, created = EvidenceAnchor.objects.get_or_create(
        kind=kind,
        place=place,
        size=size,
        defaults={"checkpoint": checkpoint, "recorded_at": now, "token": token},
    )
    return found if created else None


def sentence(as_of: datetime | None = None) -> str:
    """Return what the anchor of the most days is, or that there is none. as_of: as was known then;
    None: now."""
    known = EvidenceAnchor.objects.order_by("-size", "recorded_at", "pk")
    found = (known if as_of is None else known.filter(recorded_at__lte=as_of)).first()
    if found is None:
        return NONE
    day = f"{found.recorded_at:%Y-%m-%d}"
    return f"last outside anchor: {day}, {found.get_kind_display()} {found.place}"
