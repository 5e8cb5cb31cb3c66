"""The outbox: messages written with the change that they tell of, and sent afterwards, at least
once.

A row is claimed by a lease, sent with a key that stays the same for every try, and only then marked
as sent. Whoever dies between sending and marking causes one repetition with the same key, never a
loss. What goes out together is decided at the first claim and never again, so that a second try
sends the same words.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, Min, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext

from licenses.models import Alert, Channel, Notification

from . import channels, compose, failing
from .channels import Message, SendError

logger = logging.getLogger(__name__)

GROUP_WAIT = timedelta(seconds=30)
GROUP_INTERVAL = timedelta(minutes=5)
LEASE = timedelta(seconds=120)
FIRST_RETRY_SECONDS = 10
LAST_RETRY_SECONDS = 3600
PER_HOUR = 20
HOUR = timedelta(hours=1)
RUN_SECONDS = 60.0
"""A run stops here and leaves the rest to the next, so that no task takes long."""

State = Notification.State
Transition = Notification.Transition


@dataclass(frozen=True, slots=True)
class Draft:
    """A message to be written for one alert and one recipient.

    not_before: a silence that it waits out.
    """

    alert: Alert
    transition: str
    channel: Channel
    recipient: str
    subject: str
    body: str
    data: dict[str, Any]
    group: str
    sequence: int = 0
    not_before: datetime | None = None


def enqueue(drafts: Collection[Draft], now: datetime) -> int:
    """Write messages and return how many. To be called in the transaction that wrote the change.
    Two queries.

    The first of a group waits 30 seconds for others; after a message the group is silent for 5
    minutes.
    """
    if not drafts:
        return 0
    due = _group_times({draft.group for draft in drafts}, now)
    rows = []
    for draft in drafts:
        key = (draft.group, draft.channel.pk, draft.recipient)
        at = max(now + GROUP_WAIT, due.get(key, now))
        rows.append(
            Notification(
                alert=draft.alert,
                transition=draft.transition,
                sequence=draft.sequence,
                channel=draft.channel,
                recipient=draft.recipient,
                subject=draft.subject[:300],
                body=draft.body,
                data=draft.data,
                group=draft.group,
                due_at=max(at, draft.not_before or at),
                recorded_at=now,
            )
        )
    Notification.objects.bulk_create(rows, ignore_conflicts=True)
    return len(rows)


def _group_times(groups: set[str], now: datetime) -> dict[tuple[str, int, str], datetime]:
    """Return from when on each (group, channel, recipient) may be told again."""
    recent = Notification.objects.filter(sent_at__gt=now - GROUP_INTERVAL, group__in=groups)
    found: dict[tuple[str, int, str], datetime] = {}
    for group, channel, recipient, sent in recent.order_by("sent_at").values_list(
        "group", "channel_id", "recipient", "sent_at"
    ):
        found[group, channel, recipient] = sent + GROUP_INTERVAL
    return found


def withdraw(alerts: Iterable[Alert], now: datetime) -> set[int]:
    """Delete what nobody was told yet of alerts that ended within the group's wait.

    Returns their ids. Two queries.
    """
    fresh = Notification.objects.filter(
        alert__in=[alert.pk for alert in alerts],
        transition=Transition.FIRING,
        state=State.WAITING,
        attempts=0,
        lease=None,
        carrier=None,
        recorded_at__gt=now - GROUP_WAIT,
    )
    found = set(fresh.values_list("alert_id", flat=True))
    if found:
        # The conditions again: of this and a sender that claims the row now, one wins.
        fresh.filter(alert__in=found).delete()
    return found


def recall(alert: Alert) -> int:
    """Delete the repetitions and escalations of an alert that nobody has begun to send; return how
    many."""
    unsent = Notification.objects.filter(
        alert=alert,
        transition__in=[Transition.REPEAT, Transition.ESCALATED],
        state__in=[State.WAITING, State.HELD],
        attempts=0,
        lease=None,
        carrier=None,
    )
    return unsent.delete()[0]


def hurry(alerts: Any, now: datetime) -> int:
    """Let what waits of these alerts (a queryset) be due now; return how many."""
    return Notification.objects.filter(
        alert__in=alerts.order_by().values("pk"),
        state=State.WAITING,
        attempts=0,
        due_at__gt=now,
    ).update(due_at=now)


def deliver(now: datetime | None = None, limit: int = 100) -> int:
    """Send what is due and return how many messages went out. Any number of these may run at once.

    A channel that fails is left alone for the rest of the run, so that a dead mail server does not
    hold up the webhooks.
    """
    began, start = now or timezone.now(), time.monotonic()
    sent, broken = 0, set[int]()
    failing.give_up_switched_off(began)
    for _ in range(limit):
        passed = time.monotonic() - start
        if passed > RUN_SECONDS:
            break
        row = _claim(began + timedelta(seconds=passed), broken)
        if row is None:
            break
        if send(row, began + timedelta(seconds=time.monotonic() - start)):
            sent += 1
        else:
            broken.add(row.channel_id)
    return sent


def send_test(channel: Channel, user: Any = None) -> list[Notification]:
    """Send a test message to each recipient of a channel now; return the rows with the outcome."""
    now = timezone.now()
    told = {"channel": channel, "user": user}
    with channels.spoken(channel):
        subject = gettext("Test message from licence management")
        if user is None:
            text = gettext("Alerts of the channel %(channel)s reach you. Asked for as a test.")
        else:
            text = gettext("Alerts of the channel %(channel)s reach you. Asked for by %(user)s.")
    rows = []
    for recipient in channels.recipients(channel):
        row = Notification.objects.create(
            transition=Transition.TEST,
            channel=channel,
            recipient=recipient,
            subject=subject,
            body=compose.plain(text % told, 400),
            data={"alerts": []},
            attempts=1,
            lease=uuid.uuid4(),
            leased_until=now + LEASE,
            due_at=now + timedelta(seconds=FIRST_RETRY_SECONDS),
            recorded_at=now,
        )
        send(row, now)
        row.refresh_from_db()
        rows.append(row)
    return rows


def send(row: Notification, at: datetime) -> bool:
    """Send a claimed message and mark it; False where it was not taken and is to be tried again."""
    message = Message(
        key=row.key,
        recipient=row.recipient,
        subject=row.subject,
        body=row.body,
        data=row.data,
        transition=row.transition,
        at=at,
        thread=f"alert-{row.alert_id}" if row.alert_id else "",
    )
    try:
        channels.send(row.channel, message)
    except SendError as error:
        failing.failed(row, str(error), at)
        return False
    except Exception as error:
        # A fault of ours in one message must not keep the others from going out.
        logger.exception("Message %s could not be sent", row.key)
        failing.failed(
            row, gettext("Internal error: %(name)s") % {"name": type(error).__name__}, at
        )
        return False
    _sent(row, at)
    return True


def _sent(row: Notification, at: datetime) -> None:
    with transaction.atomic():
        changed = Notification.objects.filter(pk=row.pk, lease=row.lease).update(
            state=State.SENT, sent_at=at, lease=None, leased_until=None, last_error=""
        )
        if changed:
            Notification.objects.carried_by([row.pk]).update(state=State.SENT, sent_at=at)


# --- Claiming -----------------------------------------------------------------------------------


def _claim(now: datetime, failing: set[int]) -> Notification | None:
    """Lease the next message that is due, with all that goes out with it; None: nothing is due."""
    while True:
        with transaction.atomic():
            head = _due(now, failing).select_related("channel").first()
            if head is None:
                return None
            if head.attempts == 0:
                frees_at = _quota_frees_at(head, now)
                if frees_at is not None:
                    _hold(head, now, frees_at)
                    continue
                _freeze(head, now)
            delay = min(FIRST_RETRY_SECONDS * 2 ** min(head.attempts, 20), LAST_RETRY_SECONDS)
            head.attempts += 1
            head.lease = uuid.uuid4()
            head.leased_until = now + LEASE
            head.due_at = now + timedelta(seconds=delay)
            head.save(
                update_fields=[
                    "attempts",
                    "lease",
                    "leased_until",
                    "due_at",
                    "subject",
                    "body",
                    "data",
                ]
            )
            return head


def _free(now: datetime) -> Q:
    return Q(leased_until=None) | Q(leased_until__lte=now)


def _due(now: datetime, failing: set[int]) -> Any:
    """Return the rows that may go out, the longest due first; locked, so that two senders take two
    rows.

    What ends an alert waits until its beginning was told: the two may not arrive the wrong way
    round.
    """
    earlier = Notification.objects.filter(
        # Not by channel too: SQLite would take that index, and read all that it ever sent.
        alert=OuterRef("alert"),
        recipient=OuterRef("recipient"),
        state__in=[State.WAITING, State.HELD],
        pk__lt=OuterRef("pk"),
    )
    return (
        Notification.objects.select_for_update(skip_locked=True, of=("self",))
        .filter(_free(now), due_at__lte=now, carrier=None, channel__enabled=True)
        .filter(Q(state=State.HELD) | Q(state=State.WAITING) & ~Exists(earlier))
        .exclude(channel__in=failing)
        .order_by("due_at", "pk")
    )


def _quota_frees_at(head: Notification, now: datetime) -> datetime | None:
    """Return when this recipient may get another message; None: now."""
    sent = Notification.objects.filter(
        channel=head.channel,
        recipient=head.recipient,
        carrier=None,
        sent_at__gt=now - HOUR,
    ).exclude(transition=Transition.TEST)
    if sent.count() < PER_HOUR:
        return None
    oldest = sent.aggregate(oldest=Min("sent_at"))["oldest"]
    return oldest + HOUR + timedelta(seconds=1) if oldest else None


def _hold(head: Notification, now: datetime, until: datetime) -> None:
    """Hold back all that is due to this recipient.

    It goes out as one digest as soon as there is room.
    """
    Notification.objects.filter(
        _free(now),
        channel=head.channel,
        recipient=head.recipient,
        carrier=None,
        attempts=0,
        due_at__lte=now,
        state__in=[State.WAITING, State.HELD],
    ).update(state=State.HELD, due_at=until)


def _freeze(head: Notification, now: datetime) -> None:
    """Decide what this message tells of, once and for all."""
    others = Notification.objects.filter(
        _free(now),
        channel=head.channel,
        recipient=head.recipient,
        carrier=None,
        attempts=0,
    ).exclude(pk=head.pk)
    if head.state == State.HELD:
        others = others.filter(state=State.HELD)
    elif head.group:
        same = {"group": head.group, "channel": head.channel, "recipient": head.recipient}
        ready = _due(now, set()).filter(**same).values_list("pk", flat=True)
        others = others.filter(pk__in=list(ready))
    else:
        others = others.none()
    members = list(others.select_for_update(skip_locked=True, of=("self",)).order_by("pk"))
    digest = head.state == State.HELD
    with channels.spoken(head.channel):
        head.subject, head.body, head.data = compose.together([head, *members], digest=digest)
    if members:
        Notification.objects.filter(pk__in=[row.pk for row in members], carrier=None).update(
            carrier=head
        )
