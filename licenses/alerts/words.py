"""Words that all messages share: text from outside made plain, moments, lengths, addresses."""

from __future__ import annotations

import unicodedata
import zoneinfo
from collections.abc import Sequence
from datetime import UTC, datetime

from django.conf import settings
from django.urls import reverse

from itam.told import Told, figure, tell
from licenses.models import Alert

from .observing import Subject

SHOWN = 10
"""Names of a list that are written out; the rest is counted."""


def plain(text: object, most: int = 120) -> str:
    """Return text from outside as one line without control or direction characters, cut visibly."""
    kept = "".join(
        " " if char.isspace() else char
        for char in unicodedata.normalize("NFC", str(text))
        if char.isspace() or unicodedata.category(char)[0] != "C"
    )
    line = " ".join(kept.split())
    return line if len(line) <= most else line[: most - 1] + "…"


def moment(second: int | datetime, zone: zoneinfo.ZoneInfo) -> str:
    """Return a moment as people of that zone read it: 2026-11-24 10:05 CET."""
    at = second if isinstance(second, datetime) else datetime.fromtimestamp(second, UTC)
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M %Z}"


def length(seconds: float) -> Told:
    """Return a length in its two largest units: 3 h 5 min."""
    return figure("length", round(seconds))


def link(path: str) -> str:
    """Return the address of a page; the bare path where ITAM_PUBLIC_URL is not set."""
    return f"{settings.ITAM_PUBLIC_URL}{path}"


def page(subject: Subject | Alert) -> str:
    """Return the admin page of what an alert is about."""
    for name, place in (
        ("pool", "licensepool_overview"),
        ("server", "licenseserver_overview"),
        ("contract", "contract_change"),
    ):
        row = getattr(subject, name)
        if row is not None:
            return link(reverse(f"admin:licenses_{place}", args=[row.pk]))
    return link("/admin/")


def listed(names: Sequence[str]) -> str:
    shown = ", ".join(plain(name) for name in names[:SHOWN])
    more = len(names) - SHOWN
    return tell("%(shown)s and %(names)s more", shown=shown, names=more) if more > 0 else shown
