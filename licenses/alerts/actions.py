"""What people do about alerts; the admin and the API call these."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext

from licenses.models import Alert, AlertRule, LicensePool, LicenseServer, Silence

from .outbox import recall, send_test

__all__ = ["acknowledge", "end_silence", "send_test", "silence", "unacknowledge"]


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


def unacknowledge(ids: list[int], user: Any, at: datetime) -> int:
    """Take an acknowledgement back: the alerts are repeated and escalated again.

    at:       when it was given, to the microsecond.
    returns:  how many alerts this concerns; those that are over are left as they are. 0 where one
              that still fires was acknowledged anew: then none is changed.
    """
    firing = Alert.objects.for_user(user).filter(pk__in=ids, state=Alert.State.FIRING)
    still = list(firing.values_list("pk", flat=True))
    mine = Alert.objects.filter(pk__in=still, acknowledged_at=at, acknowledged_by=user)
    with transaction.atomic():
        if mine.count() != len(still):
            return 0
        return mine.update(acknowledged_at=None, acknowledged_by=None)


def end_silence(row: Silence, now: datetime) -> Silence:
    """End a silence before its time: what still fires is told. Raises ValidationError where it is
    over already, or has not begun."""
    if row.ends_at <= now:
        raise ValidationError(gettext("This silence is over already."))
    if row.starts_at >= now:
        raise ValidationError(gettext("This silence has not begun: delete it instead."))
    row.ends_at = now
    row.save(update_fields=["ends_at"])
    return row


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
