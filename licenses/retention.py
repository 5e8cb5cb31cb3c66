"""What is thrown away, and when. What is not named here is kept for ever.

Evidence, events, holdings, rights and documents are never touched, and of refusals only the
server's own words.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

from axes.models import AccessAttempt, AccessBase, AccessFailureLog, AccessLog
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from knox.models import AuthToken

from licenses.concurrency.denials import RULES as RULES_OF_DENIALS
from licenses.evidence import entries
from licenses.importing.batches import batches
from licenses.importing.captures import drop_raw
from licenses.models import (
    Capture,
    Checkout,
    Denial,
    Feature,
    Host,
    IdempotencyRecord,
    Identity,
    ImportJob,
    MailboxMessage,
    Notification,
    QueueEvent,
    UndoStep,
    WaitlistEntry,
    Work,
    held_vendors,
)

UNDO_DAY = timedelta(days=1)
"""Rows of one transaction: other writers get their turn in between."""


class Rule(NamedTuple):
    """Rows that go once they are old enough.

    setting:  names the setting that holds the days; "" where the row itself says when it is over.
    old:      takes the moment before which rows are old, and returns those that go.
    drop:     throws a batch of them away, within a transaction.
    """

    name: str
    setting: str
    old: Callable[[datetime], Any]
    drop: Callable[[list[Any]], None]


def _delete(rows: list[Any]) -> None:
    model = type(rows[0])
    model._default_manager.filter(pk__in=[row.pk for row in rows]).delete()


def _forget_words(denials: list[Any]) -> None:
    Denial.objects.filter(pk__in=[row.pk for row in denials]).update(reason="")


def _held() -> Any:
    """Return the features of vendors under a legal hold: what is about them stays."""
    held = Feature.objects.filter(mappings__pool__product__vendor__in=held_vendors())
    return held.order_by().values("pk")


def _captures(before: datetime) -> Any:
    old = Capture.objects.filter(recorded_at__lt=before).exclude(stored="")
    return old.exclude(server__in=Feature.objects.filter(pk__in=_held()).values("server"))


def _denials(before: datetime) -> Any:
    """Return refusals with words; those that today's rules have not read yet may still be needed
    for a class."""
    old = Denial.objects.filter(at__lt=before, rules=RULES_OF_DENIALS)
    return old.exclude(reason="").exclude(feature__in=_held())


def _unused(rows: Any, of: str, lookup: str, before: datetime) -> Any:
    """Keep the rows whose person or machine (*of*) was last seen before then, and in no use that
    is held.

    lookup:  from the row to the person or machine.
    """
    late = Q(returned_at=None) | Q(returned_at__gte=before) | Q(feature__in=_held())
    used = Checkout.objects.filter(late).order_by().values(of)
    rows = rows.exclude(**{f"{lookup}__in": used})
    for asked in (Denial, QueueEvent):
        told = asked.objects.filter(Q(at__gte=before) | Q(feature__in=_held()))
        rows = rows.exclude(**{f"{lookup}__in": told.order_by().values(of)})
    return rows


def _forget_people(identities: list[Any]) -> None:
    _delete(identities)
    _note_names(len(identities), "names of people")


def _forget_machines(hosts: list[Any]) -> None:
    Host.objects.filter(pk__in=[row.pk for row in hosts]).update(name="")
    _note_names(len(hosts), "names of machines")


def _note_names(count: int, what: str) -> None:
    now = int(timezone.now().timestamp())
    entry = entries.draft("erasure", now, {"count": count, "what": what})
    entries.append(entries.INSTALLATION, [entry], source="retention")


def _delete_jobs(jobs: list[Any]) -> None:
    _delete(jobs)
    for job in jobs:
        transaction.on_commit(partial(job.file.storage.delete, job.file.name))


def _tries(model: type[AccessBase]) -> Callable[[datetime], Any]:
    return lambda before: model._default_manager.filter(attempt_time__lt=before)


def _messages(before: datetime) -> Any:
    """Return messages that are done with; those of alerts that still hold guard their repeats."""
    done = Q(state__in=[Notification.State.SENT, Notification.State.FAILED])
    over = Q(alert=None) | Q(alert__resolved_at__lt=before)
    return Notification.objects.filter(done, over, recorded_at__lt=before, carried=None)


RULES = (
    Rule(
        "raw captures",
        "ITAM_KEEP_CAPTURES_DAYS",
        _captures,
        drop_raw,
    ),
    Rule(
        "names behind pseudonyms",
        "ITAM_KEEP_IDENTITIES_DAYS",
        lambda before: _unused(
            Identity.objects.filter(recorded_at__lt=before), "person", "person", before
        ),
        _forget_people,
    ),
    Rule(
        "names of machines",
        "ITAM_KEEP_IDENTITIES_DAYS",
        lambda before: _unused(Host.objects.exclude(name=""), "host", "pk", before),
        _forget_machines,
    ),
    Rule(
        "files handed in",
        "ITAM_KEEP_JOB_RUNS_DAYS",
        lambda before: ImportJob.objects.filter(
            state__in=[Work.DONE, Work.FAILED], finished_at__lt=before
        ),
        _delete_jobs,
    ),
    Rule(
        "answers kept for a repeated request",
        "ITAM_KEEP_IDEMPOTENCY_DAYS",
        lambda before: IdempotencyRecord.objects.filter(recorded_at__lt=before),
        _delete,
    ),
    Rule(
        "words of refusals",
        "ITAM_KEEP_DENIAL_WORDS_DAYS",
        _denials,
        _forget_words,
    ),
    Rule("messages of past alerts", "ITAM_KEEP_MESSAGES_DAYS", _messages, _delete),
    Rule(
        "mails in the mailbox",
        "ITAM_KEEP_MESSAGES_DAYS",
        lambda before: MailboxMessage.objects.filter(recorded_at__lt=before),
        _delete,
    ),
    Rule(
        "places on waitlists that are over",
        "ITAM_KEEP_WAITLIST_DAYS",
        lambda before: WaitlistEntry.objects.filter(closed_at__lt=before),
        _delete,
    ),
    *(
        Rule("logins and failed logins", "ITAM_KEEP_LOGINS_DAYS", old, _delete)
        for old in map(_tries, (AccessAttempt, AccessFailureLog, AccessLog))
    ),
    Rule(
        "what could be undone",
        "",
        lambda now: UndoStep.objects.filter(recorded_at__lt=now - UNDO_DAY),
        _delete,
    ),
    Rule("sessions", "", lambda now: Session.objects.filter(expire_date__lt=now), _delete),
    Rule("API tokens", "", lambda now: AuthToken.objects.filter(expiry__lt=now), _delete),
)


def purge(now: datetime, *, seconds: float = 60) -> bool:
    """Throw away what is older than its setting allows; return whether all of it is gone.

    Stops after about *seconds*; another call goes on. Safe to run twice, also at the same time.
    """
    deadline = time.monotonic() + seconds
    for rule in RULES:
        before = now - timedelta(days=getattr(settings, rule.setting) if rule.setting else 0)
        for rows in batches(rule.old(before)):
            with transaction.atomic():
                rule.drop(rows)
            if time.monotonic() > deadline:
                return False
    return True
