"""Small answers in JSON for pages that stay open: numbers now, a chart's points, how far an
import is. All in scope.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from django.urls import URLPattern, path
from django.utils import timezone
from django.views.decorators.http import require_safe

from licenses.analysis.rollup import Day, Hour, days, hours
from licenses.models import ImportJob, LicensePool

from . import pool_page, pool_tabs, words
from .pools import with_now

DAY_SECONDS = 86_400
HOUR = 3_600
MOST_POOLS = 200


def urls(site: Any) -> list[URLPattern]:
    def view(permission: str, answer: Callable[..., HttpResponse]) -> Any:
        @require_safe
        def inner(request: HttpRequest, **kwargs: Any) -> HttpResponse:
            if not request.user.has_perm(permission):
                return JsonResponse({"error": "not allowed"}, status=403)
            return answer(request, **kwargs)

        return site.admin_view(inner)

    pool = "licenses.view_licensepool"
    return [
        path("live/pools/", view(pool, pools), name="live-pools"),
        path("live/pools/<int:pk>/chart/", view(pool, chart), name="live-pool-chart"),
        path(
            "live/pools/<int:pk>/holders/",
            view("licenses.view_checkout", holders),
            name="live-pool-holders",
        ),
        path("live/imports/<int:pk>/", view("licenses.view_importjob", job), name="live-import"),
    ]


def pools(request: HttpRequest) -> JsonResponse:
    """Answer the newest numbers of the pools asked for, by id. A pool out of scope is left out."""
    ids = [int(part) for part in request.GET.get("ids", "").split(",") if part.isdecimal()]
    rows = with_now(LicensePool.objects.for_user(request.user).filter(pk__in=ids[:MOST_POOLS]))
    return JsonResponse(
        {
            "at": int(time.time()),
            "pools": {str(pool.pk): numbers(pool) for pool in rows},
        }
    )


def numbers(pool: Any) -> dict[str, Any]:
    now = getattr(pool, "now", None)
    in_use, limit = (now.in_use, now.limit) if now else (None, None)
    state = words.level(in_use, limit, now.allowed if now else None)
    fresh = words.freshness(now.at if now else None, pool.interval, timezone.now())
    source = f"{now.source}, " if now and now.source else ""
    return {
        "in_use": in_use,
        "limit": limit,
        "free": now.free if now else None,
        "level": state.key,
        "words": state.text,
        "age": source + fresh.text,
        "ago": words.ago(fresh.age_seconds) if fresh.key != "none" else "no data yet",
        "age_key": fresh.key,
    }


def _pool(request: HttpRequest, pk: int) -> Any:
    return get_object_or_404(with_now(LicensePool.objects.for_user(request.user)), pk=pk)


def chart(request: HttpRequest, pk: int) -> JsonResponse:
    """Answer peaks and limits: `span=month` for 30 days of hours, else 12 months of days.

    Null is *not known*. `observed` is the share of the time that was observed, for shading what
    was not.
    """
    pool: LicensePool = _pool(request, pk)
    now = int(time.time())
    if request.GET.get("span") == "month":
        start = (now - 30 * DAY_SECONDS) // HOUR * HOUR
        known = {row.hour: row for row in hours(pool, start, now)}
        moments = range(start, now, HOUR)
        rows: list[tuple[int, Hour | Day | None, int]] = [
            (moment, known.get(moment), min(HOUR, now - moment)) for moment in moments
        ]
    else:
        found = days(pool, now - 365 * DAY_SECONDS, now)
        rows = [(row.start, row, min(row.end, now) - row.start) for row in found]
    return JsonResponse(
        {
            "zone": pool.zone,
            "time": [moment for moment, _, _ in rows],
            "peak": [row.peak if row else None for _, row, _ in rows],
            "limit": [row.limit if row else None for _, row, _ in rows],
            "denials": [row.denials if row else 0 for _, row, _ in rows],
            "observed": [
                round(min(1, row.observed_seconds / max(1, length)), 3) if row else 0
                for _, row, length in rows
            ],
        }
    )


def holders(request: HttpRequest, pk: int) -> HttpResponse:
    """Answer the table of holders, drawn as in the page."""
    pool = _pool(request, pk)
    with timezone.override(pool.tzinfo):
        context = {"holders": pool_tabs.holders(pool, request), "pool": pool}
        pool_page.note_refresh(pool, request, len(context["holders"]["rows"]))
        return HttpResponse(render_to_string("admin/licenses/holders.html", context, request))


def job(request: HttpRequest, pk: int) -> JsonResponse:
    row = get_object_or_404(ImportJob.objects.for_user(request.user), pk=pk)
    return JsonResponse(
        {
            "state": row.state,
            "progress": row.progress,
            "done": row.state in ("done", "failed"),
        }
    )
