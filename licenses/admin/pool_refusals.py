"""Who found no seat in a pool: a part of its page. Episodes of people, not lines of a log."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext, ngettext

from licenses.access.fairness import waits
from licenses.analysis import denials as pool_denials
from licenses.analysis.coverage import load_logged
from licenses.analysis.mappings import load_mappings
from licenses.models import DenialEpisode
from licenses.sources.flexnet.denials import WORDING, DenialClass

from . import queues, words
from .base import person_words, with_names

DAYS = timedelta(days=90)
MOST_EPISODES = 20
_ENDED = {"waited": "lm-chip-good", "gave up": "lm-chip-bad", "open": ""}


def denials_tab(pool: Any, request: HttpRequest, now: int) -> dict[str, Any]:
    """Return what the refusals of 90 days cost people, in sums and the newest one by one."""
    end = datetime.fromtimestamp(now, UTC)
    start = int((end - DAYS).timestamp())
    blocked = pool_denials.blocked(pool_denials.episodes(pool, start=start, end=now))
    shown = {
        "blocked": blocked,
        "blocked_for": words.lasting(blocked.lost_seconds),
        "waits": waits_words(pool, now),
        "logged": load_logged(load_mappings([pool.pk]), start, now)[pool.pk].seconds > 0,
        "episodes": None,
        "queue": queues.queue(pool, request, end - DAYS, end + timedelta(seconds=1)),
    }
    if not request.user.has_perm("licenses.view_denialepisode"):
        return shown
    found = pool.denial_episodes.filter(starts__gte=end - DAYS)
    rows = with_names(found.select_related("person"), request.user, pool=pool.pk)
    rows = [_row(row) for row in rows.order_by("-starts", "-pk")[:MOST_EPISODES]]
    more = found.count() - len(rows) if len(rows) == MOST_EPISODES else 0
    return shown | {"episodes": rows, "more": more}


def _row(row: Any) -> dict[str, Any]:
    odd = row.reason_class == DenialEpisode.UNEXPLAINED
    return {
        "starts": row.starts,
        "last": row.last if row.last != row.starts else None,
        "person": person_words(row.person.label, row.person_name),
        "class": row.get_reason_class_display(),
        "class_key": "lm-chip-warn" if odd else "lm-chip-bad" if row.capacity else "",
        "tries": row.refusals,
        "ended": row.get_outcome_display(),
        "ended_key": _ENDED.get(row.outcome, ""),
        "granted_at": row.granted_at,
        "lost": words.lasting(row.lost_seconds),
        "in_use": words.figure(row.in_use, "?"),
        "limit": words.figure(row.limit, "?"),
        "why": reverse("portal:why", args=[row.pk]),
    }


def refusal_words(reason_class: str) -> str:
    """Return a class of refusal as a sentence for a person."""
    try:
        return gettext(WORDING[DenialClass(reason_class)])
    except ValueError:
        return reason_class.replace("_", " ")


def waits_words(pool: Any, now: int) -> str:
    """Return how the waitlist served people in 90 days, as sentences; "" where nobody waited."""
    end = datetime.fromtimestamp(now + 1, UTC)
    found = waits(pool, end - timedelta(days=90), end)
    if not found.joined:
        return ""
    ends = (
        (found.served, gettext("got a seat")),
        (found.missed, gettext("did not come in time")),
        (found.left, gettext("left the list")),
        (found.expired, gettext("waited in vain")),
        (found.waiting, gettext("still waiting")),
    )
    told = ""
    if found.median_seconds is not None and found.longest_seconds is not None:
        half, last = words.lasting(found.median_seconds), words.lasting(found.longest_seconds)
        told = ngettext(
            "%(count)s was told of a free seat, after %(last)s.",
            "%(count)s were told of a free seat, half of them within %(half)s, the last after"
            " %(last)s.",
            found.told,
        ) % {"count": found.told, "half": half, "last": last}
    parts = ", ".join(f"{count} {what}" for count, what in ends if count)
    joined = gettext("%(joined)s joined the list: %(parts)s.")
    return f"{joined % {'joined': found.joined, 'parts': parts}} {told}".strip()
