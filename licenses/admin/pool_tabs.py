"""The tabs of a pool's page: what each asks of the database, and puts into words."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.db.models import Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext, gettext_lazy

from itam import figures
from licenses.alerts.filling import sentence
from licenses.analysis import now as pools_now
from licenses.analysis.bounds import bounded_gaps
from licenses.analysis.coverage import PoolGap, coverage_share, percent_down
from licenses.analysis.suspects import RESTS_ON, WORDS
from licenses.analysis.time_to_full import forecasts
from licenses.models import (
    Checkout,
    PoolFeature,
    SharingRule,
    Sighting,
    sees_names,
)

from . import queues, words
from .base import person_words, rule_words
from .pool_refusals import denials_tab
from .pool_rights import rights_tab
from .pool_teams import teams

DAY = 86_400
MOST_HOLDERS = 200

Shown = dict[str, Any]


@dataclass(frozen=True)
class Tab:
    """One tab.

    permission:  what one needs to see it at all; None: nothing beyond the pool.
    fill:        (pool, request, now) to what its template shows.
    naming:      how many lines of that name people; None where no tab's line ever does.
    """

    key: str
    label: str | Promise
    permission: str | None
    fill: Callable[[Any, HttpRequest, int], Shown]
    naming: Callable[[Shown], int] | None = None


def _rows(shown: Shown | None) -> int:
    return len((shown or {}).get("rows", ()))


def now_tab(pool: Any, request: HttpRequest, now: int) -> Shown:
    may = request.user.has_perm
    alerts = pool.alerts.select_related("rule").order_by("-started_at")[:8]
    return {
        "holders": holders(pool, request) if may("licenses.view_checkout") else None,
        "queue": queues.waiting(pool, request),
        "holders_url": reverse("admin:live-pool-holders", args=[pool.pk]),
        "alerts": list(alerts) if may("licenses.view_alert") else None,
        "filling": filling_words(pool),
    }


def filling_words(pool: Any) -> str:
    """Return when a pool that is half full or more is expected to be full; "" where it is not."""
    now = getattr(pool, "now", None)
    if now is None or not now.limit or not now.limit / 2 <= (now.in_use or 0) < now.limit:
        return ""
    found = forecasts([now]).get(pool.pk)
    if found is None or not found.seconds:
        return ""
    left = gettext("Expected to be full in about %(left)s.") % {
        "left": words.lasting(found.seconds)
    }
    return f"{left} {sentence(found)}"


def use_tab(pool: Any, request: HttpRequest, now: int) -> Shown:
    may = request.user.has_perm("licenses.view_checkout")
    gaps = pool_gaps(pool, now)
    expected = bool(gaps) or coverage_share(pool, now - 30 * DAY, now, now=now) is not None
    return {
        "now": now,
        "use_url": reverse("admin:live-pool-use", args=[pool.pk]),
        "pattern_url": reverse("admin:live-pool-pattern", args=[pool.pk]),
        "at_url": reverse("admin:licenses_licensepool_at", args=[pool.pk]) if may else "",
        "gaps": gaps,
        # Where nothing was expected there is no gap, and nothing is known all the same.
        "expected": expected,
        "coverage": coverage(pool, now),
    }


def teams_tab(pool: Any, request: HttpRequest, now: int) -> Shown:
    return {"teams": teams(pool, request, now)}


def settings_tab(pool: Any, request: HttpRequest, now: int) -> Shown:
    may = request.user.has_perm("licenses.view_sharingrule")
    owners = pool.owner_teams.order_by("name").values_list("name", flat=True)
    return {
        "owners": list(owners) if request.user.has_perm("licenses.view_team") else None,
        "mappings": mappings(pool),
        "rules": sharing_rules(pool, request.user) if may else None,
    }


TABS = (
    Tab(
        "now", gettext_lazy("Now"), None, now_tab,
        lambda shown: _rows(shown["holders"]) + _rows(shown["queue"]),
    ),
    Tab("use", gettext_lazy("Use"), None, use_tab),
    Tab(
        "denials", gettext_lazy("Refusals"), "licenses.view_denial", denials_tab,
        lambda shown: len(shown["episodes"] or ()) + _rows(shown["queue"]),
    ),
    Tab(
        "teams", gettext_lazy("Teams"), "licenses.view_teamhour", teams_tab,
        lambda shown: len(shown["teams"]["holders"] or ()),
    ),
    Tab("rights", gettext_lazy("Rights"), "licenses.view_entitlement", rights_tab),
    Tab(
        "settings", gettext_lazy("Settings"), None, settings_tab,
        lambda shown: len(shown["rules"] or ()),
    ),
)  # fmt: skip


def mappings(pool: Any) -> list[PoolFeature]:
    """Return the mappings of the pool, read once for the page."""
    if not hasattr(pool, "_mappings"):
        pool._mappings = list(pool.mappings.select_related("feature__server").order_by("feature"))
    return pool._mappings


def holders(pool: Any, request: HttpRequest) -> dict[str, Any]:
    """Return who holds seats now, the longest first, and how many more rows there are than a page
    can show; names only for who may see names."""
    named = sees_names(request.user, pool=pool.pk)
    found = pools_now.holders(pool, names=named, most=MOST_HOLDERS)
    clock = int(time.time())
    rows = [
        {
            "person": person_words(row.label, row.name or ""),
            "host": row.host,
            "feature": row.feature,
            "seats": row.seats,
            "since": datetime.fromtimestamp(row.since, UTC),
            "held": words.lasting(max(0, clock - row.since)),
            "marks": [(WORDS[mark], RESTS_ON[mark]) for mark in row.marks],
            "state": Sighting.State(row.state).label,
            "key": row.state,
            "method": Checkout.Method(row.method).label,
        }
        for row in found.rows
    ]
    at = None if found.at is None else datetime.fromtimestamp(found.at, UTC)
    shown: Shown = {"rows": rows, "at": at, "age": words.ago(found.age_seconds), "named": named}
    legend = {WORDS[mark]: RESTS_ON[mark] for row in found.rows for mark in row.marks}
    return shown | {"more": found.more, "legend": legend}


def pool_gaps(pool: Any, now: int) -> list[dict[str, Any]]:
    """Return the newest gaps of 30 days: time for which nothing is known, with its cause."""
    found = bounded_gaps(
        pool, now - 30 * DAY, now, now=now, proven_from=settings.ITAM_PROVEN_FROM_STRENGTH
    )
    rows = sorted(found, key=lambda gap: -gap.start)
    return [
        {
            "start": datetime.fromtimestamp(gap.start, UTC),
            "length": words.lasting(gap.end - gap.start),
            "cause": gap.cause_label,
            "detail": gap.detail,
            "bound": bound_words(gap),
        }
        for gap in rows[:8]
    ]


def coverage(pool: Any, now: int) -> str:
    share = coverage_share(pool, now - 365 * DAY, now, now=now)
    return "" if share is None else str(percent_down(share))


def bound_words(gap: PoolGap) -> str:
    """Return what is known of a gap though nobody looked; "" where nothing is."""
    if gap.bound is None or not gap.bounded_seconds:
        return ""
    seats = figures.seats(gap.bound)
    if gap.bounded_seconds == gap.end - gap.start:
        told = gettext("No over-use was possible: at most %(seats)s could be issued.")
        return told % {"seats": seats}
    told = gettext(
        "No over-use was possible for %(length)s of it: at most %(seats)s could be issued."
    )
    return told % {"length": words.lasting(gap.bounded_seconds), "seats": seats}


def sharing_rules(pool: Any, user: Any) -> list[dict[str, Any]]:
    """Return the lines of the servers' options files that bear on the pool's features."""
    current = [row.feature for row in mappings(pool) if row.mapped_until is None]
    wanted = Q(pk__in=[])
    for feature in current:
        wanted |= Q(server=feature.server_id, feature_name__in=["", feature.name])
    rows = SharingRule.objects.filter(wanted).select_related("server")[:100]
    return [
        {"words": rule_words(row, user), "server": row.server, "line": row.line} for row in rows
    ]
