"""Who is told what of one alert, and when again."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta

from django.utils.translation import gettext

from licenses.models import Alert, Channel, EscalationStep, Notification, Silence

from . import channels, messages, words
from .observing import Subject
from .outbox import Draft
from .world import CAPACITY

Transition = Notification.Transition


def due(alert: Alert, now: datetime) -> tuple[str, int] | None:
    """Return whether to tell of an alert that goes on, and which repetition it is; None: not now.

    Nobody was told yet where it is new, or where a silence lay over its beginning.
    """
    if alert.last_notified_at is None:
        return Transition.FIRING, 0
    every = timedelta(seconds=alert.rule.repeat_seconds)
    if alert.band is not None or not every or now - alert.last_notified_at < every:
        return None
    # Never twice the same: the last time was at least one period ago.
    return Transition.REPEAT, max(1, (now - alert.fired_at) // every)


def next_step(alert: Alert, now: datetime) -> EscalationStep | None:
    """Return whom to tell now of an alert that nobody acknowledged; None: nobody, or not yet.

    One step at a time, each after its own wait, also where nobody could count for a while. A step
    whose channel is switched off is passed over.
    """
    if alert.escalated_at is None:
        return None
    steps = [step for step in alert.rule.escalation.all() if step.channel.enabled]
    left = [step for step in steps if step.step > alert.escalated_to]
    step = min(left, key=lambda step: step.step, default=None)
    if step is None or now - alert.escalated_at < timedelta(minutes=step.wait_minutes):
        return None
    return step


def escalation(alert: Alert, subject: Subject, step: EscalationStep, now: datetime) -> list[Draft]:
    """Return a message for each recipient of a step of the escalation."""
    since = words.length((now - alert.fired_at).total_seconds())
    lead = gettext(
        "Nobody has acknowledged this alert for %(since)s, so it comes to you (step %(step)s)."
    ) % {"since": since, "step": step.step}
    return _drafts(
        alert,
        subject,
        Transition.ESCALATED,
        step.step,
        gettext("Not acknowledged: %(title)s") % {"title": alert.title},
        f"{lead}\n\n{alert.message}",
        [step.channel],
    )


def matches(silence: Silence, alert: Alert, servers: Collection[int]) -> bool:
    """Tell whether a silence lies over an alert: all that it names must fit."""
    if silence.rule_id not in (None, alert.rule_id):
        return False
    if silence.pool_id not in (None, alert.pool_id):
        return False
    about = {*servers, alert.server_id}
    return silence.server_id is None or silence.server_id in about


def drafts(alert: Alert, subject: Subject, transition: str, sequence: int) -> list[Draft]:
    """Return a message for each recipient of the rule's channels."""
    text = alert.message
    head = alert.title
    if transition == Transition.REPEAT:
        head = gettext("Still: %(title)s") % {"title": alert.title}
        if alert.pool_id is not None and alert.rule.kind in CAPACITY:
            told = {"now": alert.last_value, "limit": alert.limit, "worst": alert.worst_value}
            goes_on = gettext("It goes on: now %(now)s of %(limit)s, at most %(worst)s.")
            if alert.limit is None:
                goes_on = gettext("It goes on: now %(now)s, at most %(worst)s.")
            text = f"{goes_on % told}\n\n{text}"
    return _drafts(alert, subject, transition, sequence, head, text, alert.rule.channels.all())


def _drafts(
    alert: Alert,
    subject: Subject,
    transition: str,
    sequence: int,
    head: str,
    text: str,
    to: Iterable[Channel],
) -> list[Draft]:
    return [
        Draft(
            alert=alert,
            transition=transition,
            sequence=sequence,
            channel=channel,
            recipient=recipient,
            subject=head,
            body=f"{text}\n\n{messages.footer(alert, transition)}",
            data=messages.data(alert, transition),
            group=subject.group,
        )
        for channel in to
        if channel.enabled
        for recipient in channels.recipients(channel)
    ]


def endings(
    alert: Alert,
    text: str,
    told: Mapping[tuple[int, str], str],
    not_before: datetime | None,
) -> list[Draft]:
    """Return a message for each who was told (channel id and recipient -> group)."""
    return [
        Draft(
            alert=alert,
            transition=Transition.RESOLVED,
            channel=Channel(pk=channel),
            recipient=recipient,
            subject=gettext("Over: %(title)s") % {"title": alert.title},
            body=f"{text}\n\n{messages.footer(alert, Transition.RESOLVED)}",
            data=messages.data(alert, Transition.RESOLVED),
            group=group,
            not_before=not_before,
        )
        for (channel, recipient), group in told.items()
    ]
