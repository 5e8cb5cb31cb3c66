"""Trying a connection in the background: whoever asks gets a row at once, and sees it fill."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone

from licenses.models import ConnectionCheck, LicenseServer, Work

from . import polling

KEPT = timedelta(days=30)
SPARE = timedelta(seconds=30)
"""Beyond the timeout of an answer, until a check whose worker went silent is done again."""


def ask_for(server: LicenseServer, user: Any) -> ConnectionCheck:
    """Return a check of the server that waits for a worker; the one that waits already if any."""
    now = timezone.now()
    waiting = server.connection_checks.filter(state=Work.WAITING).first()
    if waiting is not None:
        return waiting
    server.connection_checks.filter(finished_at__lt=now - KEPT).delete()
    return ConnectionCheck.objects.create(server=server, requested_by=user, requested_at=now)


def due(now: datetime) -> list[int]:
    """Return the ids of the checks that nobody does. One query."""
    rows = ConnectionCheck.objects.free(now, _lease()).order_by("pk")
    return list(rows.values_list("pk", flat=True))


def run(check_id: int) -> None:
    """Do a check, unless somebody else does it. Stores what came of it, and nothing else."""
    now = timezone.now()
    free = ConnectionCheck.objects.free(now, _lease()).filter(pk=check_id)
    if free.update(state=Work.RUNNING, started_at=now) != 1:
        return
    check = ConnectionCheck.objects.select_related("server").get(pk=check_id)
    found = polling.test_connection(check.server)
    ConnectionCheck.objects.filter(pk=check_id).update(
        state=Work.DONE,
        ok=found.ok,
        result=found.result,
        steps=[
            {"step": step.name, "ok": step.ok, "sentence": step.sentence} for step in found.steps
        ],
        finished_at=timezone.now(),
    )


def progress(check: ConnectionCheck, now: datetime) -> int:
    """Return percent: of the time that an answer may take while it is asked."""
    if check.state == Work.DONE:
        return 100
    if check.started_at is None:
        return 0
    passed = (now - check.started_at).total_seconds()
    return min(95, int(100 * passed / settings.ITAM_POLL_TIMEOUT_SECONDS))


def _lease() -> timedelta:
    return timedelta(seconds=settings.ITAM_POLL_TIMEOUT_SECONDS) + SPARE
