"""What nobody took: tried again for a day, then told by another road, and kept for reading."""

from __future__ import annotations

import logging
from collections.abc import Collection
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext

from licenses.models import Channel, Notification

from . import channels, mailbox

logger = logging.getLogger(__name__)

GIVE_UP = timedelta(hours=24)

State = Notification.State
Transition = Notification.Transition

NOT_REDIRECTED = frozenset(
    [Transition.FALLBACK, Transition.WATCHING, Transition.TEST, Transition.PERSONAL]
)
"""What came by the last road, or is worth nothing on another day or to somebody else."""


def failed(row: Notification, error: str, at: datetime) -> None:
    """Note that a claimed message was not taken; after a day of tries let it go by another road."""
    over = at - row.recorded_at >= GIVE_UP
    state = State.FAILED if over or row.transition == Transition.TEST else State.WAITING
    logger.warning("Message %s to %s failed: %s", row.key, row.recipient, error)
    with transaction.atomic():
        changed = Notification.objects.filter(pk=row.pk, lease=row.lease).update(
            state=state, lease=None, leased_until=None, last_error=error[:500]
        )
        if changed:
            carried = Notification.objects.carried_by([row.pk])
            carried.update(state=state, last_error=error[:500])
        if changed and over:
            _give_up(
                [row],
                gettext("Not delivered after %(attempts)s tries in 24 hours. %(error)s")
                % {"attempts": row.attempts, "error": error},
                at,
            )


def give_up_switched_off(now: datetime) -> None:
    """Fail what has waited a day for a channel that is switched off: nobody is going to send it."""
    with transaction.atomic():
        old = list(
            Notification.objects.select_for_update(of=("self",))
            .filter(state__in=[State.WAITING, State.HELD], channel__enabled=False, carrier=None)
            .filter(recorded_at__lte=now - GIVE_UP)
            .select_related("channel")[:100]
        )
        if old:
            error = gettext("The channel is switched off.")
            failed_now = {"state": State.FAILED, "last_error": error}
            ids = [row.pk for row in old]
            Notification.objects.carried_by(ids).update(**failed_now)
            Notification.objects.filter(pk__in=ids).update(**failed_now)
            _give_up(old, error, now)


def _give_up(rows: Collection[Notification], why: str, now: datetime) -> None:
    """Put messages that nobody took into the mailbox, and send them to the fallback channels."""
    fallback = list(Channel.objects.filter(fallback=True, enabled=True).order_by("pk"))
    for row in rows:
        _keep(row, why)
        if row.transition in NOT_REDIRECTED:
            continue
        for channel in fallback:
            if channel.pk != row.channel_id:
                for recipient in channels.recipients(channel):
                    _redirect(row, why, channel, recipient, now)


def _keep(row: Notification, why: str) -> None:
    mailbox.keep(
        sender=settings.DEFAULT_FROM_EMAIL,
        recipients=[row.recipient],
        subject=gettext("Not delivered: %(subject)s") % {"subject": row.subject},
        body=f"{row.body}\n\n{why}",
        message_id=f"<undelivered-{row.key}@itam>",
    )


def _redirect(row: Notification, why: str, channel: Channel, recipient: str, now: datetime) -> None:
    """Write a message again for another recipient, with all that it carries, so that the end of
    each alert finds them, too."""

    def copy(of: Notification, carrier: Notification | None, body: str) -> Notification:
        return Notification(
            alert_id=of.alert_id,
            transition=Transition.FALLBACK,
            sequence=of.pk,
            channel=channel,
            recipient=recipient,
            subject=(
                gettext("Not delivered to %(channel)s: %(subject)s")
                % {"channel": row.channel, "subject": of.subject}
            )[:300],
            body=body,
            data=of.data,
            group=of.group,
            carrier=carrier,
            due_at=now,
            recorded_at=now,
        )

    with channels.spoken(channel):
        lead = gettext("This message was for %(recipient)s (%(channel)s). %(why)s") % {
            "recipient": row.recipient,
            "channel": row.channel,
            "why": why,
        }
        head = copy(row, None, f"{lead}\n\n{row.body}")
        head.save()
        carried = Notification.objects.filter(carrier=row.pk).order_by("pk")
        Notification.objects.bulk_create([copy(each, head, each.body) for each in carried])
