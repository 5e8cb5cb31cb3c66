"""Waiting for a seat: joining a pool's list, leaving it, and one's own places."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_POST, require_safe

from itam import errors
from licenses.access import reversible, waitlist
from licenses.access.accounts import has_a_role
from licenses.admin.undoing import tell
from licenses.analysis.availability import Availability
from licenses.api.throttling import WaitlistThrottle
from licenses.models import LicensePool, WaitlistEntry
from licenses.tasks import nudge

from .guests import find_pool, own_page

SHOWN_DAYS = 14


def block(request: HttpRequest, pool: LicensePool, seats: Availability) -> dict[str, Any]:
    """Return what the page of a pool says of its list to whoever looks at it."""
    found: dict[str, Any] = {"stranger": not request.user.is_authenticated}
    if not has_a_role(request.user):
        return found
    entry = WaitlistEntry.objects.for_user(request.user).open().filter(pool=pool).first()
    if entry is not None:
        return found | {"entry": entry, "place": waitlist.place(entry)}
    waiting = waitlist.lengths([pool]).get(pool.pk, 0)
    wanted = not seats.free or waiting > 0
    may_join = wanted and waitlist.can_be_waited_for(seats)
    return found | {"waiting": waiting, "may_join": may_join}


@require_POST
@own_page
def join(request: HttpRequest, pk: int) -> HttpResponse:
    """Put whoever asks on the list of a pool."""
    pool = find_pool(request, pk)
    if not has_a_role(request.user):
        raise Http404
    refused = _too_often(request)
    if refused is not None:
        return refused
    try:
        waitlist.join(request.user, pool, timezone.now())
    except ValidationError as error:
        messages.warning(request, " ".join(error.messages))
    return redirect("portal:pool", pk)


@require_POST
@own_page
def leave(request: HttpRequest, pk: int) -> HttpResponse:
    """Take whoever asks off a list. A foreign place and one that is not there answer alike."""
    entry = WaitlistEntry.objects.for_user(request.user).filter(pk=pk).first()
    if entry is None:
        raise Http404
    refused = _too_often(request)
    if refused is not None:
        return refused
    step = reversible.leave(entry, now=timezone.now())
    if step is not None:
        nudge("licenses.tasks.deliver")
        tell(request, gettext("You are off the list."), step)
    return redirect("portal:waiting")


@require_safe
@own_page
def mine(request: HttpRequest) -> HttpResponse:
    """Show where whoever asks waits, and how it ended lately."""
    rows = WaitlistEntry.objects.for_user(request.user).select_related("pool")
    since = timezone.now() - timedelta(days=SHOWN_DAYS)
    waiting = list(rows.open())
    context = {
        "open": [(entry, waitlist.place(entry)) for entry in waiting],
        "closed": rows.filter(closed_at__gte=since).order_by("-closed_at")[:20],
        "days": SHOWN_DAYS,
    }
    return render(request, "portal/waiting.html", context)


def _too_often(request: HttpRequest) -> HttpResponse | None:
    """Return the answer to somebody who joins and leaves all the time; None: it is all right."""
    throttle = WaitlistThrottle()
    if throttle.allow_request(request, None):
        return None
    wait = math.ceil(throttle.wait() or 60)
    refused = errors.answer(
        request, 429, gettext("You joined and left lists very often. Try again later.")
    )
    refused.headers["Retry-After"] = str(wait)
    return refused
