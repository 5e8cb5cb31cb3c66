"""The first page: which pools are full, and what needs someone.

A constant number of queries, whatever the installation's size.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.core.cache import cache
from django.db.models import BigIntegerField, Count, ExpressionWrapper, F, Max, Q
from django.db.models.functions import Cast
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from itam import health
from licenses.alerts import deadman, reach
from licenses.models import (
    Capture,
    Entitlement,
    Heartbeat,
    LicensePool,
    LicenseServer,
    PoolHour,
    sees_everything,
)

from . import words
from .attention import tasks
from .pools import with_now

DAY = 86_400


SHOWN = 12


SPARK_DAYS = 30


PARTS = {"beat": "scheduler"}


QUIET_SECONDS = 300
"""A part that has not been heard of for this long stands still: it reports every minute."""


@dataclass
class Row:
    """A pool on the dashboard."""

    pool: Any
    level: words.Level
    fresh: words.Freshness
    spark: list[list[str]] = field(default_factory=list)
    spark_limit: float | None = None
    spare: str = ""
    spare_cost: str = ""


def fill(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add what the dashboard shows to the index page's context."""
    user = request.user
    may = user.has_perm
    context["title"] = "Dashboard"
    if not may("licenses.view_licensepool"):
        return context
    rows = pool_rows(user, may("licenses.view_entitlement"))
    counts = totals(user)
    context |= {
        "dashboard": True,
        "rows": rows,
        "more": counts["pools"] - len(rows),
        "totals": counts,
        "stopped": stopped() if sees_everything(user) else [],
        "tasks": tasks(request),
        "steps": first_steps(user) if may("licenses.add_licenseserver") else [],
        "live_url": reverse("admin:live-pools"),
        "now": timezone.now(),
    }
    return context


def pool_rows(user: Any, may_see_cost: bool) -> list[Row]:
    """Return the fullest pools, each with what its row shows. Three queries."""
    found = with_now(LicensePool.objects.for_user(user).active())
    found = found.order_by(F("share").desc(nulls_last=True), "name")[:SHOWN]
    pools = list(found)
    ids = [pool.pk for pool in pools]
    end = int(time.time()) // DAY * DAY + DAY
    peaks = daily_peaks(ids, end - SPARK_DAYS * DAY, end)
    prices = entitled_prices(ids) if may_see_cost else {}
    rows = []
    for pool in pools:
        now = getattr(pool, "now", None)
        in_use, limit = (now.in_use, now.limit) if now else (None, None)
        row = Row(
            pool,
            words.level(in_use, limit, now.allowed if now else None),
            words.freshness(now.at if now else None, pool.interval, timezone.now()),
        )
        row.spark, row.spark_limit = sparkline(peaks[pool.pk], limit)
        if now and now.peak_12_months is not None and pool.pk in prices:
            row.spare, row.spare_cost = _spare(prices[pool.pk], now.peak_12_months)
        rows.append(row)
    return rows


def entitled_prices(pool_ids: list[int]) -> dict[int, list[tuple[int, Decimal | None, str]]]:
    """Return the lines in force today of each pool: (quantity, unit price, currency). One query."""
    lines = (
        Entitlement.objects.as_of()
        .valid_on(timezone.localdate())
        .filter(pool__in=pool_ids, metric__in=["concurrent", "token"])
        .order_by()
        .values_list("pool_id", "quantity", "unit_price", "currency")
    )
    found: dict[int, list[tuple[int, Decimal | None, str]]] = {}
    for pool, quantity, price, currency in lines:
        found.setdefault(pool, []).append((quantity, price, currency))
    return found


def _spare(lines: list[tuple[int, Decimal | None, str]], peak: int) -> tuple[str, str]:
    """Return seats above the 12-month peak and their cost a year, from the cheapest line up, as
    words.
    """
    seats = max(0, sum(quantity for quantity, _, _ in lines) - peak)
    if not seats:
        return "0", ""
    currencies = {currency for _, _, currency in lines}
    priced = sorted((price, quantity) for quantity, price, _ in lines if price is not None)
    if len(priced) < len(lines) or len(currencies) > 1:
        return str(seats), ""
    left, cost = seats, Decimal(0)
    for price, quantity in priced:
        cost += price * min(left, quantity)
        left -= min(left, quantity)
    return str(seats), words.money(cost, currencies.pop())


def daily_peaks(pool_ids: list[int], start: int, end: int) -> dict[int, list[int | None]]:
    """Return each pool's peak of each UTC day of [start, end), None where nothing is known.

    One query.
    """
    count = (end - start) // DAY
    day = ExpressionWrapper(
        (Cast(F("hour"), BigIntegerField()) - start) / DAY, output_field=BigIntegerField()
    )
    rows = (
        PoolHour.objects.filter(pool__in=pool_ids, hour__gte=start, hour__lt=end)
        .order_by()
        .annotate(day=day)
        .values_list("pool_id", "day")
        .annotate(top=Max("peak"))
    )
    found: dict[int, list[int | None]] = {pk: [None] * count for pk in pool_ids}
    for pk, place, top in rows:
        if 0 <= place < count:
            found[pk][place] = top
    return found


def sparkline(peaks: list[int | None], limit: int | None) -> tuple[list[list[str]], float | None]:
    """Return lines for a drawing 100 wide and 24 high, and the height of the limit in it.

    One line for each run of known days. Days without data are left open, never joined and never
    drawn as zero.
    """
    top = max([peak for peak in peaks if peak is not None] + [limit or 0, 1])

    def height(value: float) -> float:
        return round(23 - 22 * value / top, 1)

    step = 100 / max(1, len(peaks) - 1)
    runs: list[list[str]] = []
    joined = False
    for place, peak in enumerate(peaks):
        if peak is None:
            joined = False
            continue
        if not joined:
            runs.append([])
        runs[-1].append(f"{place * step:.1f},{height(peak)}")
        joined = True
    return [run if len(run) > 1 else run * 2 for run in runs], (height(limit) if limit else None)


def totals(user: Any) -> dict[str, int]:
    """Return how many pools there are, and how many are full, over or without news. One query."""
    late = timezone.now() - timedelta(hours=1)
    counted = LicensePool.objects.for_user(user).active().order_by()
    return LicensePool.objects.filter(pk__in=counted.values("pk")).aggregate(
        pools=Count("pk"),
        full=Count("pk", filter=Q(now__in_use__gte=F("now__limit"), now__in_use__gt=0)),
        over=Count("pk", filter=Q(now__in_use__gt=F("now__allowed"))),
        silent=Count("pk", filter=Q(now__at=None) | Q(now__at__lt=late)),
    )


def stopped() -> list[str]:
    """Return what of the installation itself does not run, and whom alerts do not reach, in words.

    Answers are kept for ten seconds.
    """
    known = cache.get("admin:stopped")
    if known is not None:
        return list(known)
    found = []
    if problem := health.broker_problem(timeout=0.5):
        why = problem.removeprefix("broker: ")
        found.append(f"The broker does not answer ({why}): nothing is polled, imported or sent.")
    seen = dict(Heartbeat.objects.values_list("name", "at"))
    now = timezone.now()
    for name in sorted(seen):
        age = int((now - seen[name]).total_seconds())
        if age > QUIET_SECONDS:
            part = PARTS.get(name, name)
            found.append(f"The {part} stands still: last heard of {words.ago(age)}.")
    if not seen:
        found.append("No worker was ever heard of: start everything with `python3 manage.py up`.")
    if problem := deadman.ping_problem(now):
        found.append(problem)
    found += reach.unheard()
    cache.set("admin:stopped", found, 10)
    return found


def first_steps(user: Any) -> list[tuple[bool, str, str, str]]:
    """Return the way from nothing to a verdict, as (done, sentence, words of the link, address);
    nothing once it is gone.
    """
    server = LicenseServer.objects.order_by("pk").first()
    captured = server is not None and Capture.objects.exists()
    mapped = captured and LicensePool.objects.filter(mappings__isnull=False).exists()
    entitled = Entitlement.objects.exists()
    page = (
        reverse("admin:licenses_licenseserver_overview", args=[server.pk])
        if server
        else reverse("admin:licenses_licenseserver_add")
    )
    steps = [
        (
            server is not None,
            "Say where a licence server is, and in which time zone it prints.",
            "Add a licence server",
            reverse("admin:licenses_licenseserver_add"),
        ),
        (captured, "Ask it, or hand in a log that it wrote.", "Hand in a file", page + "#hand-in"),
        (mapped, "Say which pool each of its features feeds.", "Map features", page + "#unmapped"),
        (
            entitled,
            "Record what was bought: without it, nothing can be proven.",
            "Add an entitlement",
            reverse("admin:licenses_entitlement_add"),
        ),
    ]
    return [] if all(done for done, *_ in steps) else steps
