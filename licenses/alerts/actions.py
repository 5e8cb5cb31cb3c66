"""What people do about alerts; the admin and the API call these."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from licenses.models import Alert, AlertRule, LicensePool, LicenseServer, Silence

from .outbox import recall, send_test

__all__ = ["acknowledge", "send_test", "silence"]


def acknowledge(alert: Alert, user: Any, now: datetime | None = None) -> bool:
    """Say that somebody looks into it: it is neither repeated nor escalated; its end is still told.

    Returns False where somebody did so before, or where it is over.
    """
    moment = now or timezone.now()
    with transaction.atomic():
        changed = Alert.objects.filter(
            pk=alert.pk, state=Alert.State.FIRING, acknowledged_at=None
        ).update(acknowledged_at=moment, acknowledged_by=user)
        if changed:
            recall(alert)
    if changed:
        alert.acknowledged_at, alert.acknowledged_by = moment, user
    return bool(changed)


def silence(
    *,
    ends_at: datetime,
    reason: str,
    author: Any,
    starts_at: datetime | None = None,
    rule: AlertRule | None = None,
    pool: LicensePool | None = None,
    server: LicenseServer | None = None,
) -> Silence:
    """Keep matching alerts from being told for a time, 30 days at most; they are recorded all the
    same.

    What still fires at the end is told then. Raises ValidationError where the times or the reason
    do not fit.
    """
    row = Silence(
        rule=rule,
        pool=pool,
        server=server,
        starts_at=starts_at or timezone.now(),
        ends_at=ends_at,
        reason=reason,
        author=author,
    )
    row.full_clean(exclude=["author"])
    row.save()
    return row
