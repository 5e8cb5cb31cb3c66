"""Word of reports by the outbox: to each channel that asked for it, with what programs need."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from licenses.models import Channel, Notification

from . import channels


def announce(say: Callable[[], tuple[str, str]], report: Mapping[str, Any], now: datetime) -> int:
    """Write a message to each recipient of the channels marked *reports*; return how many.

    To be called in the transaction of what it tells of. They are sent as alerts are: at least
    once, tried again for a day, then by the fallback channels.

    say:     makes subject and text, in the language of each channel.
    report:  the same for programs, one of the `reports` of a webhook's body.
    """
    rows = []
    for channel in Channel.objects.filter(enabled=True, reports=True).order_by("pk"):
        with channels.spoken(channel):
            subject, body = say()
        rows += [
            Notification(
                transition=Notification.Transition.REPORT,
                channel=channel,
                recipient=recipient,
                subject=subject[:300],
                body=body,
                data={"alerts": [], "reports": [dict(report)]},
                due_at=now,
                recorded_at=now,
            )
            for recipient in channels.recipients(channel)
        ]
    Notification.objects.bulk_create(rows)
    return len(rows)
