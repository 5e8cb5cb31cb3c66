"""Who is told what of one alert, and when again."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from django.utils.translation import gettext

from licenses.models import Alert, Channel, EscalationStep, Notification, Silence

from . import channels, messages, words
from .observing import Subject
from .outbox import Draft
from .world import CAPACITY

Transition = Notification.Transition
Words = tuple[str, str]
"""Subject and text of a message."""


class Heard(NamedTuple):
    """Where an alert was told before. channel: its id and language; group: of its messages."""

    channel: Channel
    group: str


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
    waited = (now - alert.fired_at).total_seconds()

    def say() -> Words:
        lead = gettext(
            "Nobody has acknowledged this alert for %(since)s, so it comes to you (step %(step)s)."
        ) % {"since": words.length(waited), "step": step.step}
        head = gettext("Not acknowledged: %(title)s") % {"title": alert}
        return head, f"{lead}\n\n{alert.text}"

    return _drafts(alert, subject, Transition.ESCALATED, step.step, say, [step.channel])


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

    def say() -> Words:
        if transition != Transition.REPEAT:
            return str(alert), alert.text
        head, text = gettext("Still: %(title)s") % {"title": alert}, alert.text
        if alert.pool_id is not None and alert.rule.kind in CAPACITY:
            told = {"now": alert.last_value, "limit": alert.limit, "worst": alert.worst_value}
            goes_on = gettext("It goes on: now %(now)s of %(limit)s, at most %(worst)s.")
            if alert.limit is None:
                goes_on = gettext("It goes on: now %(now)s, at most %(worst)s.")
            text = f"{goes_on % told}\n\n{text}"
        return head, text

    return _drafts(alert, subject, transition, sequence, say, alert.rule.channels.all())


def _drafts(
    alert: Alert,
    subject: Subject,
    transition: str,
    sequence: int,
    say: Callable[[], Words],
    to: Iterable[Channel],
) -> list[Draft]:
    """Return a message for each recipient, said in the language of the channel."""
    drafts = []
    for channel in to:
        if channel.enabled:
            with channels.spoken(channel):
                head, text = say()
                body = f"{text}\n\n{messages.footer(alert, transition)}"
                data = messages.data(alert, transition)
            drafts += [
                Draft(
                    alert=alert,
                    transition=transition,
                    sequence=sequence,
                    channel=channel,
                    recipient=recipient,
                    subject=head,
                    body=body,
                    data=data,
                    group=subject.group,
                )
                for recipient in channels.recipients(channel)
            ]
    return drafts


def endings(
    alert: Alert,
    say: Callable[[], str],
    told: Mapping[tuple[int, str], Heard],
    not_before: datetime | None,
) -> list[Draft]:
    """Return a message for each who was told (channel id and recipient), in the language in which
    the channel is spoken to. say: makes its text."""
    drafts = []
    for (_channel, recipient), heard in told.items():
        with channels.spoken(heard.channel):
            drafts.append(
                Draft(
                    alert=alert,
                    transition=Transition.RESOLVED,
                    channel=heard.channel,
                    recipient=recipient,
                    subject=gettext("Over: %(title)s") % {"title": alert},
                    body=f"{say()}\n\n{messages.footer(alert, Transition.RESOLVED)}",
                    data=messages.data(alert, Transition.RESOLVED),
                    group=heard.group,
                    not_before=not_before,
                )
            )
    return drafts
