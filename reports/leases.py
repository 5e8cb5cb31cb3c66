"""Work that one process at a time makes: who may take it, and when it is given up."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q

from reports.models import Report

MOST_ATTEMPTS = 3
LEASE = timedelta(minutes=6)
"""Longer than a task may run, so that nobody takes over from one that still works."""
PAUSE = timedelta(seconds=30)
"""Before another attempt, times the attempts made."""

State = Report.State
"""Every kind of such work names these states alike."""


def free(now: datetime) -> Q:
    """Return the condition that a row waits, or that its maker's lease ran out."""
    waiting = Q(state=State.WAITING) & (Q(lease_until=None) | Q(lease_until__lte=now))
    return waiting | Q(state=State.RUNNING, lease_until__lte=now)


def due(rows: Any, now: datetime) -> list[int]:
    """Return those of a queryset that are free, oldest first; those that were tried often enough
    are given up."""
    found = rows.filter(free(now))
    found.filter(attempts__gte=MOST_ATTEMPTS).update(
        state=State.FAILED,
        lease=None,
        finished_at=now,
        error=f"Given up after {MOST_ATTEMPTS} attempts: each was stopped before it was done.",
    )
    return list(found.order_by("pk").values_list("pk", flat=True))
