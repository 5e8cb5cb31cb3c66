"""Messages to one account, about what it asked for: by the outbox, but no alerts.

They are worth nothing on another day or to somebody else, so no fallback takes them.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from licenses.models import Channel, Notification
from licenses.models.stock_names import StockName

_UNSENT = (Notification.State.WAITING, Notification.State.HELD)


def write(user: Any, subject: str, body: str, now: datetime) -> Notification:
    """Write a mail to an account's address. To be called in the transaction of what it tells of."""
    channel, _created = Channel.objects.get_or_create(
        name=StockName.STATUS_USERS, defaults={"kind": Channel.Kind.MAIL, "target": ""}
    )
    return Notification.objects.create(
        transition=Notification.Transition.PERSONAL,
        channel=channel,
        recipient=user.email,
        subject=subject[:300],
        body=body,
        data={"alerts": []},
        due_at=now,
        recorded_at=now,
    )


def withdraw(ids: Collection[int]) -> int:
    """Delete those of these messages that nobody has begun to send; return how many."""
    unsent = Notification.objects.filter(
        pk__in=ids,
        transition=Notification.Transition.PERSONAL,
        state__in=_UNSENT,
        attempts=0,
        lease=None,
        carrier=None,
    )
    return unsent.delete()[0]
