"""Reports that wait for a signature, for the list of what needs someone."""

from __future__ import annotations

from typing import Any

from licenses.overview.attention import Task
from reports import lifecycle
from reports.models import Report

SHOWN = 3


def to_sign(user: Any) -> list[Task]:
    """Return the reports that this user may review or sign now, the oldest first. One query."""
    rows = (
        Report.objects.for_user(user)
        .filter(state=Report.State.DONE, decision=Report.Decision.OPEN, superseded_by=None)
        .exclude(requested_by=None)
        .exclude(requested_by=user)
        .order_by("pk")
    )
    ready = [row for row in rows[:100] if lifecycle.stage(row) == lifecycle.Stage.READY]
    found = [
        Task("info", "report", f"{row.words} waits for a signature", row.pk)
        for row in ready[:SHOWN]
    ]
    if len(ready) > SHOWN:
        found.append(
            Task("info", "report", f"{len(ready) - SHOWN} more wait for a signature", chosen="open")
        )
    return found
