"""The pages: all pools with their free seats, and one pool."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from licenses.analysis.availability import load_availability
from licenses.analysis.busy import BUSY, DAYS, FREE, TIGHT, UNKNOWN, Busy
from licenses.analysis.busy_kept import usual_hours
from licenses.models import LicensePool

from . import board, waiting
from .guests import find_pool, open_page, pools

PER_PAGE = 24
LONGEST_SEARCH = 100
LEVELS = {
    FREE: gettext_lazy("a seat was always free"),
    TIGHT: gettext_lazy("was full at times"),
    BUSY: gettext_lazy("usually busy"),
    UNKNOWN: gettext_lazy("not known"),
}
"""What each level of an hour is called, in the order of the key beneath the drawing."""


@require_safe
@open_page
def status(request: HttpRequest) -> HttpResponse:
    """Show how many seats are free in each pool, by name; `q` searches."""
    wanted = request.GET.get("q", "").replace("\0", "").strip()[:LONGEST_SEARCH]
    rows = pools(request).order_by("name", "pk")
    if wanted:
        rows = rows.filter(
            Q(name__icontains=wanted)
            | Q(product__name__icontains=wanted)
            | Q(product__vendor__name__icontains=wanted)
        )
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    now = int(time.time())
    context = {"page": page, "cards": board.cards(list(page), now), "wanted": wanted}
    return render(request, "portal/status.html", context)


@require_safe
@open_page
def pool_page(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one pool: free seats, usual hours, house rules."""
    pool, now = find_pool(request, pk), int(time.time())
    found = load_availability([pool], now)
    seats, hours = found[pool.pk], usual_hours([pool], found, now)[pool.pk]
    context = {
        "pool": pool,
        "card": board.card(pool, seats, hours),
        "week": week(hours),
        "levels": LEVELS,
        "list": waiting.block(request, pool, seats),
        "holders_link": holders_link(request, pool),
        **next_free(pool, hours, now),
    }
    return render(request, "portal/pool.html", context)


def holders_link(request: HttpRequest, pool: LicensePool) -> str:
    """Return the address in the admin that names who holds seats, as far as policy lets whoever
    asks know; "" for who has no place there."""
    user: Any = request.user
    if not user.is_staff or not user.has_perm("licenses.view_checkout"):
        return ""
    return reverse("admin:licenses_licensepool_overview", args=[pool.pk])


def week(hours: Busy) -> list[tuple[str, list[str], str]]:
    """Return each weekday with the levels of its hours, for drawing, and the same in words."""
    return [
        (str(name), levels, day_words(levels))
        for name, levels in zip(DAYS, hours.levels, strict=True)
    ]


def day_words(levels: Sequence[str]) -> str:
    """Return the hours of a day in words: "0–9 a seat was always free; 9–12 was full at times"."""
    told, start = [], 0
    for level, run in groupby(levels):
        end = start + len(list(run))
        told.append(f"{start}–{end} {LEVELS[level]}")
        start = end
    return "; ".join(told)


def next_free(pool: LicensePool, hours: Busy, now: int) -> dict[str, Any]:
    """Return when a seat is usually free next, for a page; None where nothing is known."""
    found = hours.next_free(now, pool.tzinfo)
    at = None if found is None else datetime.fromtimestamp(found.at, UTC)
    return {"next_free": at, "next_free_sure": found is not None and found.sure}
