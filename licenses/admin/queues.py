"""Who waits, or waited, in a licence server's queue, in words."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext

from licenses.models import QueueEntry, sees_names

from . import words
from .base import person_words, with_names

MOST = 50
KEYS = {"seated": "lm-chip-good", "gave up": "lm-chip-bad", "restart": "lm-chip-warn"}


def queue(pool: Any, request: HttpRequest, start: datetime, end: datetime) -> dict[str, Any] | None:
    """Return who may have waited for a pool in [start, end), the newest first, and how many more;
    None for who may not see it."""
    return _told(QueueEntry.objects.of_pool(pool, start, end), pool, request)


def waiting(pool: Any, request: HttpRequest) -> dict[str, Any] | None:
    """Return who waits now, as far as is known."""
    now = timezone.now()
    entries = QueueEntry.objects.of_pool(pool, now, now + timedelta(seconds=1))
    return _told(entries.filter(outcome=QueueEntry.Outcome.WAITING, ended_at=None), pool, request)


def _told(entries: Any, pool: Any, request: HttpRequest) -> dict[str, Any] | None:
    if not request.user.has_perm("licenses.view_queueentry"):
        return None
    rows = entries.select_related("person", "host", "feature")
    rows = with_names(rows, request.user, host="host", pool=pool.pk)[: MOST + 1]
    newest = getattr(pool, "now", None)
    heard = timezone.now() if newest is None or newest.at is None else newest.at
    found = [_row(row, heard) for row in rows]
    more = entries.count() - MOST if len(found) > MOST else 0
    return {"rows": found[:MOST], "more": more, "named": sees_names(request.user, pool=pool.pk)}


def _row(row: Any, heard: datetime) -> dict[str, Any]:
    return {
        "person": person_words(row.person.label, row.person_name),
        "host": row.host_name or row.host.label,
        "feature": row.feature.name,
        "seats": row.seats,
        "since": row.queued_by,
        "since_words": since_words(row),
        "waited": waited_words(row, heard),
        "ended": row.get_outcome_display(),
        "key": KEYS.get(row.outcome, ""),
        "method": row.get_method_display(),
    }


def since_words(row: QueueEntry) -> str:
    """Return what is known of the beginning of a wait of which no log tells; "" where one does."""
    if row.queued_at is None:
        return gettext("or earlier")
    if row.queued_at == row.queued_by:
        return ""
    lead = words.lasting((row.queued_by - row.queued_at).total_seconds())
    return gettext("or up to %(lead)s earlier") % {"lead": lead}


def waited_words(row: QueueEntry, heard: datetime) -> str:
    """Return how long somebody waited, between bounds where no log tells.

    heard: until when it is known of who still waits.
    """
    least, most = row.waited(heard)
    if least is None:
        return gettext("not known")
    if most is None:
        return gettext("at least %(length)s") % {"length": words.lasting(least)}
    if words.lasting(least) == words.lasting(most):
        return words.lasting(least)
    return gettext("%(least)s to %(most)s") % {
        "least": words.lasting(least),
        "most": words.lasting(most),
    }
