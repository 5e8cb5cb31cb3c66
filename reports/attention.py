"""Reports that wait for a signature or a new version, for the list of what needs someone."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext, ngettext

from licenses.overview.attention import Task
from reports import lifecycle
from reports.models import LaterData, Report

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
        Task(
            "info",
            "report",
            gettext("%(words)s waits for a signature") % {"words": row.words},
            row.pk,
        )
        for row in ready[:SHOWN]
    ]
    if len(ready) > SHOWN:
        found.append(
            Task(
                "info",
                "report",
                gettext("%(ready)s more wait for a signature") % {"ready": len(ready) - SHOWN},
                chosen="open",
            )
        )
    return found


def to_renew(user: Any) -> list[Task]:
    """Return the signed reports whose figures later data change, the oldest first. One query."""
    rows = (
        LaterData.objects.for_user(user)
        .exclude(found_at=None)
        .filter(report__superseded_by=None)
        .select_related("report")
        .order_by("report")[: SHOWN + 1]
    )
    found = [
        Task(
            "warn",
            "later",
            gettext("Later data change %(report)s: a new version is due")
            % {"report": row.report.words},
            row.report_id,
            detail=ngettext("%(count)s figure differs", "%(count)s figures differ", row.count)
            % {"count": row.count},
        )
        for row in rows[:SHOWN]
    ]
    if len(rows) > SHOWN:
        found.append(
            Task(
                "warn",
                "later",
                gettext("Later data change more signed reports"),
                chosen="signed",
            )
        )
    return found
