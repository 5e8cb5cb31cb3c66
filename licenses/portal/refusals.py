"""One's own refusals, and the page that says why."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.http import require_safe

from itam.errors import Missing
from licenses.access import why as whys
from licenses.access import why_words
from licenses.admin import queues, words
from licenses.admin.base import person_words
from licenses.analysis.availability import load_availability
from licenses.analysis.busy import BUSY, FREE, TIGHT, Busy
from licenses.analysis.busy_kept import usual_hours
from licenses.analysis.instant import HeldThen
from licenses.evidence.reads import note_names
from licenses.models import DenialEpisode, QueueEntry, tells_apart

from . import board
from .guests import own_page, pools
from .views import next_free

PER_PAGE = 30
MOST_WAITS = 10
_THAT_HOUR = {
    BUSY: gettext_lazy("At this hour of the week it is usually busy."),
    TIGHT: gettext_lazy("At this hour of the week it is sometimes full."),
    FREE: gettext_lazy("At this hour of the week a seat is usually free."),
}


@require_safe
@own_page
def mine(request: HttpRequest) -> HttpResponse:
    """Show when whoever asks was refused, in what, why, and how it ended."""
    page = Paginator(whys.own_episodes(request.user), PER_PAGE).get_page(request.GET.get("page"))
    rows = [(row, why_words.what(row), why_words.outcome(row)) for row in page]
    context = {
        "page": page,
        "rows": rows,
        "waits": [_wait(row) for row in whys.own_waits(request.user)[:MOST_WAITS]],
        "login": request.user.get_username(),
        "nobody_told_apart": not tells_apart(),
    }
    return render(request, "portal/refusals.html", context)


def _wait(row: QueueEntry) -> dict[str, Any]:
    still = row.outcome == QueueEntry.Outcome.WAITING
    return {
        "feature": row.feature.name,
        "since": row.queued_by,
        "since_words": queues.since_words(row),
        "waited": "" if still else queues.waited_words(row, row.queued_by),
        "ended": row.get_outcome_display(),
    }


@require_safe
@own_page
def why(request: HttpRequest, pk: int) -> HttpResponse:
    """Show why an episode came about. One that is not there and one that is not for whoever asks
    give the same answer."""
    episode = whys.find(request.user, pk)
    if episode is None:
        raise Missing(gettext("There is no such refusal, or it is not yours to see."))
    found, now, pool = whys.explain(episode, request.user), int(time.time()), episode.pool
    availability = load_availability([pool], now)
    seats, hours = availability[pool.pk], usual_hours([pool], availability, now)[pool.pk]
    rows = found.holders.rows
    context = {
        "episode": episode,
        "pool": pool,
        "why": found,
        "who": person_words(episode.person.label, found.name or ""),
        "what": why_words.what(episode),
        "what_to_do": why_words.what_to_do(episode),
        "then": why_words.then(found),
        "outcome": why_words.outcome(episode),
        "holders": why_words.holders(found),
        "more": found.holders.more,
        "rows": None if rows is None else [_row(row, found.then.at) for row in rows],
        "rules": [(row, why_words.rule(row, request.user)) for row in found.rules],
        "that_hour": _that_hour(episode, hours),
        "shown": pools(request).filter(pk=pool.pk).exists(),
        "moment": _moment(request, episode),
        "card": board.card(pool, seats, hours),
        **next_free(pool, hours, now),
    }
    naming = whys.naming(found)
    note_names(request, "why somebody was refused", naming, pool=pool.pk, single=True)
    return render(request, "portal/why.html", context)


def _that_hour(episode: DenialEpisode, hours: Busy) -> str:
    return str(_THAT_HOUR.get(hours.level_at(episode.starts, episode.pool.tzinfo), ""))


def _row(row: HeldThen, at: int) -> dict[str, Any]:
    return {
        "person": person_words(row.label, row.name or ""),
        "seats": row.seats,
        "since": datetime.fromtimestamp(row.taken_at, UTC),
        "held": words.lasting(max(0, at - row.taken_at)),
        "sure": row.sure,
    }


def _moment(request: HttpRequest, episode: DenialEpisode) -> str:
    """Return the address of the pool's page at that moment in the admin; "" for who has none."""
    user: Any = request.user
    if not user.is_staff or not user.has_perm("licenses.view_checkout"):
        return ""
    path = reverse("admin:licenses_licensepool_at", args=[episode.pool_id])
    return f"{path}?at={episode.starts:%Y-%m-%dT%H:%M:%S}Z"
