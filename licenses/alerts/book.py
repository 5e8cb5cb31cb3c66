"""What an evaluation found, and how it is written down: states, alerts, messages."""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from itam.told import Told
from licenses.analysis.coverage import load_logged
from licenses.analysis.mappings import load_mappings
from licenses.analysis.refusals import refusals_known
from licenses.models import Alert, AlertState, Channel, Notification, Silence

from . import messages, outbox, telling
from .holders import holders
from .observing import Observation, Subject
from .world import CAPACITY, World, denials_by_pool

Key = tuple[int, str]
"""A rule's id and a subject's key."""


@dataclass(slots=True)
class Book:
    """What is on record, and what is to be written.

    open: alerts that go on, by rule and subject; told and banded: warnings of dates ever given and
        those not yet closed, by rule, subject and band; dated: warnings that hold today.
    """

    world: World
    states: dict[Key, AlertState]
    open: dict[Key, Alert]
    told: set[tuple[int, str, int]]
    banded: dict[tuple[int, str, int], Alert]
    dated: list[Alert] = field(default_factory=list)
    subjects: dict[Key, Subject] = field(default_factory=dict)
    seen: dict[Key, Observation] = field(default_factory=dict)
    blind: set[Key] = field(default_factory=set)
    new_states: list[AlertState] = field(default_factory=list)
    old_states: list[AlertState] = field(default_factory=list)
    created: list[Alert] = field(default_factory=list)
    resolved: list[tuple[Alert, int, Told | None]] = field(default_factory=list)
    dirty: dict[int, Alert] = field(default_factory=dict)


def write(book: Book) -> int:
    """Write states, alerts and messages; return how many messages."""
    gone = [row.pk for key, row in book.states.items() if key not in book.seen]
    if gone:
        AlertState.objects.filter(pk__in=gone).delete()
    fields = ["state", "before_blind", "since", "samples", "clear_since", "value", "evaluated_at"]
    AlertState.objects.bulk_create(book.new_states)
    AlertState.objects.bulk_update(book.old_states, fields)
    _count_denials(book)
    _word(book)
    Alert.objects.bulk_create(book.created)
    drafts = _drafts(book)
    sent = outbox.enqueue(drafts, book.world.now)
    changed = [
        "state",
        "title",
        "facts",
        "resolved_at",
        "last_value",
        "worst_value",
        "limit",
        "denials",
    ]
    changed += ["last_notified_at", "escalated_to", "escalated_at"]
    Alert.objects.bulk_update(list(book.dirty.values()), changed)
    return sent


def _word(book: Book) -> None:
    """Write the texts of new alerts. Who holds most takes two queries for all of them."""
    capacity = [a for a in book.created if a.pool_id is not None and a.rule.kind in CAPACITY]
    found = holders(book.world, {alert.pool_id for alert in capacity if alert.pool_id})
    for alert in book.created:
        if alert.band is None:
            seen = book.seen[alert.rule_id, alert.subject]
            since = int(alert.started_at.timestamp())
            text = messages.fired(seen, since, book.world, found.get(alert.pool_id or 0))
            alert.message = text
            alert.facts = {**(alert.facts or {}), "message": text.facts}


def _count_denials(book: Book) -> None:
    """Count what was refused during the alerts that end now, as far as logs tell of it."""
    ended = [(alert, end) for alert, end, _why in book.resolved if alert.pool_id is not None]
    if not ended:
        return
    pools = {alert.pool_id or 0 for alert, _end in ended}
    features = {pk: found for pk, found in book.world.pool_features.items() if pk in pools}
    since = min(int(alert.started_at.timestamp()) for alert, _end in ended)
    times = denials_by_pool(features, since - 1)
    until = max(end for _alert, end in ended) + 1
    told = load_logged(load_mappings(pools), since, until)
    for alert, end in ended:
        begin = int(alert.started_at.timestamp())
        count = sum(1 for at in times.get(alert.pool_id or 0, ()) if begin <= at <= end)
        alert.denials = refusals_known(count, told[alert.pool_id or 0].clip(begin, end + 1).seconds)


def _drafts(book: Book) -> list[outbox.Draft]:
    """Return the messages that follow from what changed, and from what goes on."""
    silences = book.world.silences
    drafts: list[outbox.Draft] = []
    for alert in [*book.open.values(), *book.dated]:
        key = (alert.rule_id, alert.subject)
        subject = book.subjects.get(key)
        if subject is None or alert.past or alert.acknowledged_at is not None:
            continue
        if key in book.blind or _silenced(alert, subject, silences):
            continue
        drafts += _tell(book, alert, subject)
    return drafts + _endings(book)


def _tell(book: Book, alert: Alert, subject: Subject) -> list[outbox.Draft]:
    """Return what is to be told now of an alert that goes on, and note that it was."""
    now = book.world.now
    rows: list[outbox.Draft] = []
    told = telling.due(alert, now)
    if told is not None:
        rows = telling.drafts(alert, subject, *told)
        if rows:
            alert.last_notified_at = now
            book.dirty[alert.pk] = alert
    step = telling.next_step(alert, now)
    if step is not None:
        rows += telling.escalation(alert, subject, step, now)
        alert.escalated_to = step.step
    if step is not None or alert.escalated_at is None:
        # Counted from when somebody could have been told, also where the rule has no channel.
        alert.escalated_at = now
        book.dirty[alert.pk] = alert
    return rows


def _endings(book: Book) -> list[outbox.Draft]:
    """Return a message for everyone who was told of what ended now, and for nobody else.

    Three queries.
    """
    if not book.resolved:
        return []
    alerts = [alert for alert, _end, _why in book.resolved]
    withdrawn = outbox.withdraw(alerts, book.world.now)
    rows = (
        Notification.objects.filter(alert__in=[alert.pk for alert in alerts])
        .exclude(state=Notification.State.FAILED)
        .exclude(transition=Notification.Transition.RESOLVED)
        .order_by("pk")
        .values_list("alert_id", "channel_id", "channel__language", "recipient", "group")
    )
    told: dict[int, dict[tuple[int, str], telling.Heard]] = {}
    for alert_id, channel, language, recipient, group in rows:
        heard = telling.Heard(Channel(pk=channel, language=language), group)
        told.setdefault(alert_id, {})[channel, recipient] = heard
    drafts: list[outbox.Draft] = []
    for alert, end, why in book.resolved:
        if alert.pk in withdrawn and alert.pk not in told:
            continue
        subject = book.subjects.get((alert.rule_id, alert.subject))
        zone = subject.zone if subject else _zone_of(alert, book.world)
        drafts += telling.endings(
            alert,
            partial(messages.resolved, alert, zone, end, why),
            told.get(alert.pk, {}),
            _silent_until(alert, subject, book.world.silences),
        )
    return drafts


def _zone_of(alert: Alert, world: World) -> zoneinfo.ZoneInfo:
    return alert.pool.tzinfo if alert.pool is not None else world.zone


def _silenced(alert: Alert, subject: Subject, silences: Iterable[Silence]) -> bool:
    return any(telling.matches(silence, alert, subject.servers) for silence in silences)


def _silent_until(
    alert: Alert, subject: Subject | None, silences: Iterable[Silence]
) -> datetime | None:
    """Return when the last silence over an alert ends; None where there is none."""
    servers = subject.servers if subject else ()
    ends = [row.ends_at for row in silences if telling.matches(row, alert, servers)]
    return max(ends, default=None)
