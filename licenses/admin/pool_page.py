"""The page of one pool: what is in use now and by whom, how it went, what was bought, who was
refused.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from licenses.analysis import denials as pool_denials
from licenses.analysis import now as pools_now
from licenses.analysis.coverage import coverage_share, gaps, percent_down
from licenses.analysis.rights import entitlement_steps, unused
from licenses.analysis.verdict import months
from licenses.analysis.verdict import verdicts as judge
from licenses.concurrency.periods import local_midnight
from licenses.evidence.reads import note_names
from licenses.models import Checkout, Denial, LicensePool, PoolFeature, SharingRule
from licenses.sources.flexnet.denials import WORDING, DenialClass
from licenses.tasks import nudge

from . import deeds, words
from .base import NAMES, person_words, rule_words, with_names
from .pool_teams import teams

DAY = 86_400
SEEN_SECONDS = 900
"""An open page asks for its holders every few seconds: that is one look, not hundreds."""
REQUEST_REPORT = "reports.delivery.request_report"


@dataclass(frozen=True)
class Card:
    """One figure at the top of the page."""

    label: str
    value: str
    note: str = ""
    key: str = ""
    live: str = ""


def find(model_admin: Any, request: HttpRequest, pk: int) -> Any:
    """Return the pool if this user may see it.

    A foreign pool and one that is not there give the same answer.
    """
    if not model_admin.has_view_permission(request):
        raise PermissionDenied
    pool = model_admin.get_queryset(request).filter(pk=pk).first()
    if pool is None:
        raise Http404("There is no such pool, or it is not yours to see.")
    return pool


def overview(model_admin: Any, request: HttpRequest, pk: int) -> HttpResponse:
    pool = find(model_admin, request, pk)
    now = int(time.time())
    may = request.user.has_perm
    blocked = episodes(pool, now) if may("licenses.view_denial") else None
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "original": pool,
        "title": pool.name,
        "pool": pool,
        "cards": cards(pool, now, may("licenses.view_entitlement")),
        "todo": todo(pool, request),
        "holders": holders(pool, request) if may("licenses.view_checkout") else None,
        "teams": teams(pool, request, now) if may("licenses.view_teamhour") else None,
        "steps": steps(pool) if may("licenses.view_entitlement") else None,
        "denials": denials(pool, request, now) if may("licenses.view_denial") else None,
        "blocked": blocked,
        "blocked_for": words.lasting(blocked.lost_seconds) if blocked else "",
        "gaps": pool_gaps(pool, now),
        "coverage": coverage(pool, now),
        "verdicts": verdicts(pool, now) if may("licenses.view_entitlement") else None,
        "rules": sharing_rules(pool, request.user) if may("licenses.view_sharingrule") else None,
        "alerts": list(pool.alerts.select_related("rule").order_by("-fired_at")[:8])
        if may("licenses.view_alert")
        else None,
        "mappings": mappings(pool),
        "may_edit": model_admin.has_change_permission(request, pool),
        "may_report": may("reports.add_report") and deeds.optional(REQUEST_REPORT) is not None,
        "chart_url": reverse("admin:live-pool-chart", args=[pool.pk]),
        "holders_url": reverse("admin:live-pool-holders", args=[pool.pk]),
        "report_from": timezone.localdate() - timedelta(days=365),
        "report_to": timezone.localdate(),
    }
    note_people(pool, request, context)
    with timezone.override(pool.tzinfo):
        return HttpResponse(render_to_string("admin/licenses/pool.html", context, request))


def note_people(pool: Any, request: HttpRequest, shown: dict[str, Any]) -> None:
    """Write who saw how many lines that name people; the page's own refreshes are a part of it."""
    lines = [
        (shown["holders"] or {}).get("rows"),
        (shown["teams"] or {}).get("holders"),
        shown["denials"],
        shown["rules"],
    ]
    note_names(request, "page of a pool", sum(len(rows or ()) for rows in lines))
    cache.set(_seen_key(pool, request), 1, SEEN_SECONDS)


def note_refresh(pool: Any, request: HttpRequest, count: int) -> None:
    """Write who saw the holders, once in a while for a page that refreshes itself."""
    if cache.add(_seen_key(pool, request), 1, SEEN_SECONDS):
        note_names(request, "holders of a pool", count)


def _seen_key(pool: Any, request: HttpRequest) -> str:
    return f"holders-seen:{request.user.pk}:{pool.pk}"


def cards(pool: Any, moment: int, may_see_cost: bool) -> list[Card]:
    now = getattr(pool, "now", None)
    in_use, limit = (now.in_use, now.limit) if now else (None, None)
    state = words.level(in_use, limit, now.allowed if now else None)
    fresh = words.freshness(now.at if now else None, pool.interval, timezone.now())
    found = [
        Card("In use", _figure(in_use), state.text, state.key, "in_use"),
        Card("Limit", _figure(limit), _limit_note(now), "", "limit"),
        Card("Free", _figure(now.free if now else None), _states_note(now), "", "free"),
        Card(
            "As of",
            words.ago(fresh.age_seconds) if fresh.key != "none" else "no data yet",
            _age_note(now, fresh),
            f"age-{fresh.key}",
            "ago",
        ),
        Card(
            "12-month peak",
            _figure(now.peak_12_months if now else None),
            "most seats at one moment",
        ),
    ]
    if may_see_cost:
        spare = unused(pool, moment)
        if spare is None:
            found.append(Card("Unused", words.UNKNOWN, "needs an entitlement and data"))
        else:
            cost = words.money(spare.cost, spare.currency or "")
            note = f"{cost} a year" if spare.cost is not None else "no price on record"
            found.append(Card("Unused", str(spare.seats), f"seats above the peak: {note}"))
    return found


def _figure(value: int | None) -> str:
    return words.UNKNOWN if value is None else f"{value:,}"


def _limit_note(now: Any) -> str:
    if now is None or now.limit is None:
        return "no entitlement, and the server did not say"
    parts = []
    if now.allowed is not None:
        parts.append(f"{now.allowed} allowed")
    if now.issued is not None:
        parts.append(f"{now.issued} served")
    drift = now.allowed is not None and now.issued is not None and now.issued != now.allowed
    return ", ".join(parts) + (": they differ" if drift else "")


def _states_note(now: Any) -> str:
    if now is None:
        return ""
    parts = [
        f"{count} {label}"
        for count, label in (
            (now.borrowed, "borrowed"),
            (now.reserved_idle, "reserved and idle"),
            (now.queued, "queued"),
        )
        if count
    ]
    return ", ".join(parts)


def _age_note(now: Any, fresh: words.Freshness) -> str:
    where = {"log": "from a log", "polls": "from polls"}.get(now.source if now else "", "")
    judged = {"late": "later than expected", "stale": "stale: do not rely on it"}.get(fresh.key, "")
    return ", ".join(part for part in (where, judged) if part)


def todo(pool: Any, request: HttpRequest) -> list[tuple[str, str, str]]:
    """Return what to do next, as (sentence, words of the link, address)."""
    found = []
    if not pool.mapped_total:
        found.append(
            (
                "No feature feeds this pool, so nothing can be counted.",
                "Map a feature",
                reverse("admin:licenses_feature_changelist") + "?mapped=no",
            )
        )
    if pool.any_right is None and request.user.has_perm("licenses.add_entitlement"):
        found.append(
            (
                "No entitlement is on record: what is allowed is not known, and no verdict can be "
                "given.",
                "Add an entitlement",
                reverse("admin:licenses_entitlement_add") + f"?pool={pool.pk}",
            )
        )
    servers = {row.feature.server for row in mappings(pool) if row.mapped_until is None}
    for server in sorted(servers, key=lambda row: row.name):
        if not server.zone:
            found.append(
                (
                    f"{server.name} has no time zone: its times cannot be trusted.",
                    "Set its zone",
                    reverse("admin:licenses_licenseserver_change", args=[server.pk]),
                )
            )
    return found


def mappings(pool: Any) -> list[PoolFeature]:
    """Return the mappings of the pool, read once for the page."""
    if not hasattr(pool, "_mappings"):
        pool._mappings = list(pool.mappings.select_related("feature__server").order_by("feature"))
    return pool._mappings


def holders(pool: Any, request: HttpRequest) -> dict[str, Any]:
    """Return who holds seats now; names only for who may see names."""
    found = pools_now.holders(pool, names=request.user.has_perm(NAMES))
    clock = int(time.time())
    rows = [
        {
            "person": person_words(row.label, row.name or ""),
            "host": row.host,
            "feature": row.feature,
            "seats": row.seats,
            "since": datetime.fromtimestamp(row.since, UTC),
            "held": words.lasting(max(0, clock - row.since)),
            "long": clock - row.since > DAY,
            "state": row.state,
            "method": Checkout.Method(row.method).label,
        }
        for row in found.rows
    ]
    at = None if found.at is None else datetime.fromtimestamp(found.at, UTC)
    return {"rows": rows, "at": at, "age": words.ago(found.age_seconds)}


def steps(pool: Any) -> list[dict[str, Any]]:
    """Return the rights over time, newest first."""
    now = int(time.time())
    return [
        {
            "start": datetime.fromtimestamp(step.start, UTC),
            "end": None if step.end is None else datetime.fromtimestamp(step.end - 1, UTC),
            "quantity": step.quantity,
            "overdraft": step.overdraft,
            "allowed": step.allowed,
            "lines": step.entitlement_ids,
            "current": step.start <= now and (step.end is None or now < step.end),
        }
        for step in reversed(entitlement_steps(pool))
    ]


def denials(pool: Any, request: HttpRequest, now: int) -> list[dict[str, Any]]:
    """Return the newest refusals, with the reason in words.

    The server's own reason stands beside it.
    """
    wanted = Q(pk__in=[])
    for row in mappings(pool):
        span = Q(feature=row.feature_id)
        if row.mapped_from:
            span &= Q(at__gte=row.mapped_from)
        if row.mapped_until:
            span &= Q(at__lt=row.mapped_until)
        wanted |= span
    rows = Denial.objects.filter(wanted, at__gte=now - 90 * DAY).select_related("feature", "person")
    rows = with_names(rows, request.user).order_by("-at")[:15]
    return [
        {
            "at": row.at,
            "person": person_words(row.person.label, row.person_name),
            "feature": row.feature.name,
            "seats": row.seats,
            "class": refusal_words(row.reason_class),
            "capacity": row.capacity and row.served_at is None,
            "served": row.served_at is not None,
            "reason": row.reason,
        }
        for row in rows
    ]


def refusal_words(reason_class: str) -> str:
    """Return a class of refusal as a sentence for a person."""
    try:
        return WORDING[DenialClass(reason_class)]
    except ValueError:
        return reason_class.replace("_", " ")


def episodes(pool: Any, now: int) -> pool_denials.Blocked:
    """Return what the refusals of 90 days cost people: chains of them, not lines of a log."""
    return pool_denials.blocked(pool_denials.episodes(pool, start=now - 90 * DAY, end=now))


def pool_gaps(pool: Any, now: int) -> list[dict[str, Any]]:
    """Return the newest gaps of 30 days: time for which nothing is known, with its cause."""
    rows = sorted(gaps(pool, now - 30 * DAY, now, now=now), key=lambda gap: -gap.start)
    return [
        {
            "start": datetime.fromtimestamp(gap.start, UTC),
            "length": words.lasting(gap.end - gap.start),
            "cause": gap.cause_label,
            "detail": gap.detail,
        }
        for gap in rows[:8]
    ]


def coverage(pool: Any, now: int) -> str:
    share = coverage_share(pool, now - 365 * DAY, now, now=now)
    return "" if share is None else str(percent_down(share))


def verdicts(pool: Any, now: int) -> list[dict[str, Any]]:
    """Return a verdict for each of the last 12 months of the pool's zone, this one included,
    newest last.
    """
    zone = pool.tzinfo
    today = datetime.fromtimestamp(now, zone).date()
    year, month = divmod(today.year * 12 + today.month - 1 - 11, 12)
    spans = months(local_midnight(date(year, month + 1, 1), zone), now, zone)
    return [
        {
            "month": datetime.fromtimestamp(row.start, zone),
            "verdict": str(row.verdict).replace("_", " "),
            "key": str(row.verdict).replace("_", "-"),
            "reason": row.reason,
        }
        for row in judge(pool, spans, now=now, proven_from=settings.ITAM_PROVEN_FROM_STRENGTH)
    ]


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


def compliance_report(model_admin: Any, request: HttpRequest, pk: int) -> HttpResponse:
    """Ask for the compliance report of one pool and go where it will be."""
    pool: LicensePool = find(model_admin, request, pk)
    ask = deeds.optional(REQUEST_REPORT)
    if request.method != "POST" or ask is None or not request.user.has_perm("reports.add_report"):
        raise PermissionDenied
    back = redirect("admin:licenses_licensepool_overview", pk)
    try:
        first = datetime.fromisoformat(request.POST.get("from", "")).date()
        last = datetime.fromisoformat(request.POST.get("to", "")).date()
    except ValueError:
        messages.error(request, "The report needs two dates, such as 2025-11-01 and 2026-11-01.")
        return back
    if not first < last:
        messages.error(
            request, f"{last} is not after {first}: the second day is the first one left out."
        )
        return back
    zone = pool.tzinfo
    try:
        report = ask(
            "compliance",
            [pool],
            local_midnight(first, zone),
            local_midnight(last, zone),
            zone,
            request.user,
        )
    except ValueError as error:
        messages.error(request, f"The report was refused: {error}.")
        return back
    nudge("reports.tasks.build_report", report.pk)
    messages.success(request, "The report is being made. It appears here when it is ready.")
    meta = report._meta
    return redirect(f"admin:{meta.app_label}_{meta.model_name}_change", report.pk)
