"""Small answers in JSON for pages that stay open: numbers now, a chart's points, raw
lines, how far an import is. All in scope.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from django.core.cache import cache
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from itam.asked import asked_id
from licenses.analysis.pattern import heatmap, load_curve
from licenses.analysis.series import fitting_step, series
from licenses.models import ImportJob, LicensePool, LicenseServer

from . import bars, dashboard, instant_page, pool_page, pool_tabs, server_page, words
from .pools import with_news

DAY_SECONDS = 86_400
MOST_POOLS = 200
MOST_POINTS = 1_500
"""Buckets of a chart: some more than it is wide."""
PATTERN_SECONDS = 900


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
        path("live/pools/<int:pk>/use/", view(pool, use), name="live-pool-use"),
        path("live/pools/<int:pk>/pattern/", view(pool, use_pattern), name="live-pool-pattern"),
        path(
            "live/pools/<int:pk>/holders/",
            view("licenses.view_checkout", holders),
            name="live-pool-holders",
        ),
        path(
            "live/pools/<int:pk>/lines/",
            view("licenses.view_checkout", lines),
            name="live-pool-lines",
        ),
        path("live/dashboard/<slug:name>/", view(pool, dashboard_part), name="live-dashboard"),
        path("live/counting/", view(pool, counted_again), name="live-counting"),
        path("live/installation/", site.admin_view(stopped), name="live-installation"),
        path(
            "live/servers/<int:pk>/check/",
            view("licenses.change_licenseserver", connection_check),
            name="live-check",
        ),
        path("live/imports/<int:pk>/", view("licenses.view_importjob", job), name="live-import"),
    ]


def pools(request: HttpRequest) -> JsonResponse:
    """Answer the newest numbers of the pools asked for, by id. A pool out of scope is left out."""
    parts = request.GET.get("ids", "").split(",")
    ids = [number for part in parts if (number := asked_id(part)) is not None][:MOST_POOLS]
    rows = with_news(LicensePool.objects.for_user(request.user).filter(pk__in=ids))
    return JsonResponse(
        {
            "at": int(time.time()),
            "pools": {str(pool.pk): numbers(pool) for pool in rows},
        }
    )


def numbers(pool: Any) -> dict[str, Any]:
    now, fresh = words.news_of(pool)
    state = words.level_of(now, fresh)
    source = f"{now.source_words}, " if now and now.source else ""
    return {
        "in_use": now.in_use if now else None,
        "limit": now.limit if now else None,
        "free": words.free_of(now, fresh),
        "level": state.key,
        "words": state.text,
        "bar": bars.bar_of(now, fresh),
        "age": source + fresh.text,
        "ago": words.ago(fresh.age_seconds) if fresh.key != "none" else gettext("no data yet"),
        "age_key": fresh.key,
    }


def _pool(request: HttpRequest, pk: int) -> Any:
    return get_object_or_404(with_news(LicensePool.objects.for_user(request.user)), pk=pk)


def use(request: HttpRequest, pk: int) -> JsonResponse:
    """Answer the curve of a pool over `from` to `to`, epoch seconds, column by column for a chart.

    Null is *not known*. A moment out of any calendar, or an empty span, is a 400.
    """
    pool: LicensePool = _pool(request, pk)
    now = int(time.time())
    try:
        start, end = (int(request.GET[name]) for name in ("from", "to"))
        if not 0 <= start < end <= now + DAY_SECONDS:
            raise ValueError
        found = series(pool, start, end, step=fitting_step(start, end, MOST_POINTS), now=now)
    except (KeyError, ValueError):
        return JsonResponse({"error": "expected a span that ended"}, status=400)
    buckets = found.buckets
    columns = ("end", "peak", "limit", "denials", "peak_at")
    return JsonResponse(
        {
            "zone": timezone.get_current_timezone_name(),
            "step": found.step,
            "time": [row.start for row in buckets],
            **{name: [getattr(row, name) for row in buckets] for name in columns},
            "gaps": [
                {"start": gap.start, "end": gap.end, "cause": gap.cause_label} for gap in found.gaps
            ],
            "more_gaps": found.more_gaps,
        }
    )


def use_pattern(request: HttpRequest, pk: int) -> JsonResponse:
    """Answer when a pool was used in 12 months, and how many seats were enough for how long.

    Kept for a while, as it reads a year of facts: `age_seconds` says how old it is.
    """
    pool = _pool(request, pk)
    now = int(time.time())
    key = f"use-pattern:{pool.pk}:{pool.zone}"
    kept = cache.get(key)
    if kept is None:
        start = now - 365 * DAY_SECONDS
        zone = pool.tzinfo
        kept = {
            "at": now,
            "heatmap": heatmap(pool, start, now).as_dict(zone),
            "load_duration": load_curve(pool, start, now).as_dict(zone),
        }
        cache.set(key, kept, PATTERN_SECONDS)
    newest = getattr(pool, "now", None)
    limit = newest.limit if newest else None
    return JsonResponse({**kept, "age_seconds": max(0, now - kept["at"]), "limit": limit})


def holders(request: HttpRequest, pk: int) -> HttpResponse:
    """Answer the table of holders, drawn as in the page."""
    pool = _pool(request, pk)
    context = {"holders": pool_tabs.holders(pool, request), "pool": pool}
    pool_page.note_refresh(pool, request, len(context["holders"]["rows"]))
    return HttpResponse(render_to_string("admin/licenses/holders.html", context, request))


def lines(request: HttpRequest, pk: int) -> HttpResponse:
    """Answer the raw lines on which the holders of a moment rest, drawn for its page."""
    pool = _pool(request, pk)
    moment = instant_page.asked_moment(request)
    if moment is None:
        return JsonResponse({"error": "expected a moment"}, status=400)
    context = instant_page.lines(pool, moment, request)
    return HttpResponse(render_to_string("admin/licenses/instant_lines.html", context, request))


PARTS = ("cards", "pools", "tasks")


def dashboard_part(request: HttpRequest, name: str) -> HttpResponse:
    """Answer a part of the dashboard, drawn as in the page."""
    if name not in PARTS:
        return JsonResponse({"error": f"expected one of {', '.join(PARTS)}"}, status=404)
    context = dashboard.part(request, name)
    return HttpResponse(render_to_string(f"admin/dashboard/{name}.html", context, request))


def counted_again(request: HttpRequest) -> HttpResponse:
    """Answer what is being counted again of a pool (`pool`, its id), or of all, drawn as in a
    page."""
    asked = asked_id(request.GET.get("pool", ""))
    context = {"pool": None if asked is None else _pool(request, asked)}
    return HttpResponse(render_to_string("admin/counting.html", context, request))


def stopped(request: HttpRequest) -> HttpResponse:
    """Answer which parts of the installation stand still, drawn as on every page."""
    return HttpResponse(render_to_string("admin/stopped.html", {}, request))


def connection_check(request: HttpRequest, pk: int) -> HttpResponse:
    """Answer how far the newest connection check of a server is, drawn as on its page."""
    server = get_object_or_404(LicenseServer.objects.for_user(request.user), pk=pk)
    context = {"check": server_page.newest_check(server)}
    return HttpResponse(render_to_string("admin/licenses/check.html", context, request))


def job(request: HttpRequest, pk: int) -> JsonResponse:
    row = get_object_or_404(ImportJob.objects.for_user(request.user), pk=pk)
    return JsonResponse(
        {
            "state": str(row.get_state_display()),
            "progress": row.progress,
            "done": row.state in ("done", "failed"),
        }
    )
