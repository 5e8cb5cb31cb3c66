"""The page of a pool at one moment: who held seats, how well that is known, on which lines it
rests."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy

from itam.figures import number
from licenses.analysis.holder_pages import Place
from licenses.analysis.instant import Instant, instant
from licenses.evidence.reads import note_names
from licenses.importing.lines import lines_of
from licenses.models import LicensePool, PoolNow, sees_names
from licenses.models.imports import origin

from . import queues, words
from .base import person_words
from .moments import chart_address, moment_address
from .pool_page import find

WHAT = {
    "taken": gettext_lazy("Taken"),
    "returned": gettext_lazy("Returned"),
    "listed": gettext_lazy("Listed by the server"),
}
MOST_HOLDERS = 100
"""Of one page, which also looks for their raw lines."""
LAST = int(datetime(2200, 1, 1, tzinfo=UTC).timestamp())


@dataclass(frozen=True)
class Step:
    """A link to a neighbouring moment."""

    label: str
    address: str


def asked_moment(request: HttpRequest) -> int | None:
    """Return the moment asked for, `at` in ISO 8601, in the reader's zone where it has no offset;
    None where there is none that could be."""
    text = request.GET.get("at", "")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.get_current_timezone())
    try:
        found = int(moment.timestamp())
    except (OverflowError, ValueError):
        return None
    return found if 0 <= found <= LAST else None


def asked_place(request: HttpRequest) -> Place | None:
    """Return behind which holder the page begins; None for the first page."""
    try:
        return Place.of(request.GET.get("behind", ""))
    except ValueError:
        return None


def _behind(address: str, place: Place | None) -> str:
    return address if place is None else f"{address}&behind={place}"


def instant_page(model_admin: Any, request: HttpRequest, pk: int) -> HttpResponse:
    """Show a pool as it was at the moment asked for; at the newest that is known where none was."""
    pool = find(model_admin, request, pk)
    if not request.user.has_perm("licenses.view_checkout"):
        raise PermissionDenied
    moment = asked_moment(request)
    at = _newest(pool) if moment is None else moment
    named = sees_names(request.user, pool=pool.pk)
    behind = asked_place(request)
    found = instant(pool, at, names=named, behind=behind, most=MOST_HOLDERS)
    then = datetime.fromtimestamp(at, UTC)
    queue = queues.queue(pool, request, then, then + timedelta(seconds=1))
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "original": pool,
        "title": gettext("%(pool)s at a moment") % {"pool": pool.name},
        "pool": pool,
        "at": then,
        "wrong": "at" in request.GET and moment is None,
        "found": found,
        "state": _state(found),
        "figures": {
            "in_use": _in_use(found),
            **{name: words.figure(getattr(found, name)) for name in ("limit", "allowed", "total")},
        },
        "known": known_words(found),
        "earlier": _step(pool, gettext("Earlier change"), found.before),
        "later": _step(pool, gettext("Later change"), found.after),
        "rows": [_row(row, at) for row in found.holders],
        "named": named,
        "queue": queue,
        "back": chart_address(pool, at),
        "lines_url": _behind(moment_address(pool, at, "admin:live-pool-lines"), behind),
        "first_url": moment_address(pool, at) if behind else "",
        "next_url": _behind(moment_address(pool, at), found.last) if found.last else "",
    }
    named_rows = len(found.holders) + len(queue["rows"] if queue else ())
    note_names(request, "a pool at a moment", named_rows, pool=pool.pk)
    return HttpResponse(render_to_string("admin/licenses/instant.html", context, request))


def _newest(pool: LicensePool) -> int:
    """Return the last second that the newest news of a pool vouch for; now where there are none."""
    heard = PoolNow.objects.filter(pool=pool).values_list("at", flat=True).first()
    now = int(time.time())
    return now if heard is None else min(int(heard.timestamp()) - 1, now)


def _in_use(found: Instant) -> str:
    """Return the seats in use, between bounds where they are not known to be equal."""
    least = words.figure(found.in_use)
    if found.possible == found.in_use:
        return least
    return gettext("%(least)s to %(most)s") % {
        "least": least,
        "most": words.figure(found.possible),
    }


def _state(found: Instant) -> words.Level:
    """Judge the moment by what is known of it: where more may have been in use, nobody knows of
    seats that were free."""
    least, most = (
        words.level(seats, found.limit, found.allowed, issued=found.issued)
        for seats in (found.in_use, found.possible)
    )
    if least.key in ("over", "unknown"):
        return least
    if not found.observed:
        told = gettext("at least: %(least)s") % {"least": least.text}
        return words.Level("unknown", told)
    if least == most:
        return least
    told = gettext("at least: %(least)s; at most: %(most)s")
    key = least.key if least.key == most.key else "unknown"
    return words.Level(key, told % {"least": least.text, "most": most.text})


def known_words(found: Instant) -> str:
    """Return how well the figures of a moment are known, as a sentence."""
    if found.in_use is None:
        return gettext("Nobody can vouch for this moment, and nobody is known to have held a seat.")
    if not found.observed:
        return gettext(
            "Nobody can vouch for this moment. What is listed was held through it; there"
            " may have been more."
        )
    if found.possible != found.in_use:
        return gettext(
            "At least %(in_use)s and at most %(possible)s of the seats that were seen were in"
            " use: it is not known to the second when each was taken or given back."
        ) % {"in_use": number(found.in_use), "possible": words.figure(found.possible)}
    return gettext("The moment was observed; the figure is exact as far as the sources tell.")


def lines(pool: Any, at: int, request: HttpRequest) -> dict[str, Any]:
    """Return the raw lines of a moment as its page shows them, and note who saw names in them."""
    named = sees_names(request.user, pool=pool.pk)
    found = instant(pool, at, names=named, behind=asked_place(request), most=MOST_HOLDERS)
    told = lines_of([row.checkout for row in found.holders], at)
    holders = {row.checkout: row for row in found.holders}
    shown = [
        {
            "person": person_words(holders[line.checkout].label, holders[line.checkout].name or ""),
            "feature": holders[line.checkout].feature,
            "what": WHAT[line.what],
            "at": datetime.fromtimestamp(line.at, UTC),
            "line": line if named else line.without_names(),
            "origin": origin(line.source),
        }
        for line in told
    ]
    note_names(request, "raw lines of a moment", len(shown), pool=pool.pk)
    return {
        "lines": shown,
        "named": named,
        "may_open": request.user.has_perm("licenses.view_capture"),
    }


def _step(pool: Any, label: str, at: int | None) -> Step | None:
    if at is None:
        return None
    return Step(label, moment_address(pool, at))


def _row(row: Any, at: int) -> dict[str, Any]:
    until, lasted = row.returned_at, max(0, at - row.taken_at)
    return {
        "person": person_words(row.label, row.name or ""),
        "host": row.host,
        "feature": row.feature,
        "server": row.server,
        "seats": number(row.seats),
        "sure": row.sure,
        "since": datetime.fromtimestamp(row.taken_at, UTC),
        "held": gettext("held for %(lasting)s") % {"lasting": words.lasting(lasted)}
        if lasted
        else gettext("just then"),
        "until": None if until is None else datetime.fromtimestamp(until, UTC),
        "method": row.method,
    }
