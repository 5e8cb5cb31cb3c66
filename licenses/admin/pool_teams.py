"""How teams shared a pool: a part of its page."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext, ngettext

from itam import figures
from itam.figures import number
from licenses.analysis.pool_teams import pool_teams
from licenses.analysis.rights import YEAR_SECONDS
from licenses.analysis.team_use import Sharing
from licenses.models import sees_names, sees_people, visible_teams

from . import words
from .base import person_words
from .moments import chart_address, moment_address, peak_address

MOST_HOLDERS = 100


def _saves(found: Sharing) -> str:
    """Say what teams save by sharing seats."""
    total = gettext("The peaks of the teams one by one add up to %(sum)s")
    total %= {"sum": number(found.sum_of_peaks)}
    if not found.pooled_high:
        return f"{total}."
    told = ngettext(
        "%(total)s, and sharing saves %(pooled)s seat.",
        "%(total)s, and sharing saves %(pooled)s seats.",
        found.pooled_high,
    )
    pooled = number(found.pooled_high)
    if found.pooled != found.pooled_high:
        bounds = {"least": number(found.pooled), "most": pooled}
        pooled = gettext("%(least)s to %(most)s") % bounds
    return told % {"total": total, "pooled": pooled}


def _several(found: Sharing) -> str:
    """Say what stands in the rows of several teams, nothing where none does."""
    if not found.several:
        return ""
    told = gettext(
        "Who is in several of these teams counts in each, so rows add up to more than the whole."
    )
    if found.several_share is None or found.several_at_peak is None:
        return told
    how_much = gettext("It is %(share)s of the use, and %(seats)s at the pool's peak.")
    share = f"{number(100 * found.several_share, 1)} %"
    return f"{told} {how_much % {'share': share, 'seats': figures.seats(found.several_at_peak)}}"


def teams(pool: Any, request: HttpRequest, moment: int) -> dict[str, Any]:
    """Return how teams shared the pool in 12 months, those that this user may see."""
    named = sees_names(request.user, pool=pool.pk)
    found = pool_teams(
        pool,
        moment - YEAR_SECONDS,
        moment,
        people=sees_people(request.user),
        names=named,
        visible=visible_teams(request.user),
        most=MOST_HOLDERS,
    )
    rows = [
        {
            "team": row.team,
            "depth": min(row.depth, 8),
            "share": words.UNKNOWN if row.share is None else f"{number(100 * row.share, 1)} %",
            "peak": words.figure(row.peak),
            "peak_link": peak_address(pool, team=row.team_id) if row.peak else "",
            "at_pool_peak": words.figure(row.at_pool_peak),
            "denials": words.figure(row.denials),
        }
        for row in found.rows
    ]
    at = None if found.peak_at is None else datetime.fromtimestamp(found.peak_at, UTC)
    leads_to = moment_address if request.user.has_perm("licenses.view_checkout") else chart_address
    at_link = "" if not found.peak else leads_to(pool, found.peak_at or 0)
    holders = [
        {
            "person": person_words(row.person, row.name or ""),
            "seats": figures.seats(row.seats),
            "teams": ", ".join(row.teams),
        }
        for row in found.holders or ()
    ]
    return {
        "rows": rows,
        "found": found,
        "peak": words.figure(found.peak),
        "saves": _saves(found.sharing)
        if found.known
        else gettext("Nobody observed this pool, so what sharing saves is not known."),
        "several": _several(found.sharing),
        "at": at,
        "at_link": at_link,
        "holders": holders,
        "named": named,
    }
