"""Work that one process at a time makes: who may take it, and when it is given up."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
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


def due(rows: Any, now: datetime, tell: Callable[[Any], None] | None = None) -> list[int]:
    """Return those of a queryset that are free, oldest first; those that were tried often enough
    are given up.

    tell:  called with each row that is given up, in the transaction that does it.
    """
    found = rows.filter(free(now))
    worn = found.filter(attempts__gte=MOST_ATTEMPTS)
    for pk in list(worn.values_list("pk", flat=True)):
        with transaction.atomic():
            given_up = worn.filter(pk=pk).update(
                state=State.FAILED,
                lease=None,
                finished_at=now,
                error=f"Given up after {MOST_ATTEMPTS} attempts: each was stopped before it was "
                "done.",
            )
            if given_up and tell is not None:
                tell(rows.get(pk=pk))
    return list(found.order_by("pk").values_list("pk", flat=True))
