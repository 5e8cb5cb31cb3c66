"""From any peak to its moment: who held seats then, and the raw lines it rests on."""

from __future__ import annotations

import time
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext

from licenses.analysis.crowds import too_few
from licenses.analysis.peaks import peak_at, team_peak_at, year_peak_at
from licenses.analysis.rights import YEAR_SECONDS
from licenses.concurrency.periods import HOUR_SECONDS
from licenses.models import visible_teams

from .moments import chart_address, moment_address
from .pool_page import find


def peak_page(model_admin: Any, request: HttpRequest, pk: int) -> HttpResponse:
    """Lead to the moment of a peak; who may not see holders, to the chart around it."""
    pool = find(model_admin, request, pk)
    at = _moment(pool, request)
    if at is None:
        messages.info(request, gettext("No use is known in that time."))
        return redirect("admin:licenses_licensepool_overview", pool.pk)
    sees_holders = request.user.has_perm("licenses.view_checkout")
    return redirect(moment_address(pool, at) if sees_holders else chart_address(pool, at))


def _moment(pool: Any, request: HttpRequest) -> int | None:
    now = int(time.time())
    team, start, end = (_number(request.GET.get(name, "")) for name in ("team", "from", "to"))
    if team is not None:
        return _team_moment(pool, team, request, now)
    if start is not None and end is not None:
        end = min(end, now)
        try:
            return peak_at(pool, start, end) if start < end else None
        except ValueError:  # a span too long to be looked through
            return None
    newest = getattr(pool, "now", None)
    return year_peak_at(pool, newest.peak_12_months if newest else None, now)


def _team_moment(pool: Any, team: int, request: HttpRequest, now: int) -> int | None:
    """Return the moment of a team's peak, of the hours that the page of the pool tells of."""
    start = (now - YEAR_SECONDS) // HOUR_SECONDS * HOUR_SECONDS
    end = -(-now // HOUR_SECONDS) * HOUR_SECONDS
    seen = visible_teams(request.user)
    may = request.user.has_perm("licenses.view_teamhour") and (seen is None or team in seen)
    return team_peak_at(pool, team, start, end) if may and team not in too_few(start, end) else None


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 11 else None
