"""The first page: which pools are full, how each stands, and what needs someone.

A constant number of queries, whatever the installation's size. The page stays open on walls: its
parts are asked for again one by one (`live.py`), each the same as in the page.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db.models import BigIntegerField, ExpressionWrapper, F, Max
from django.db.models.functions import Cast
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from licenses.access.accounts import who_to_ask
from licenses.analysis.headlines import WINDOW_SECONDS, Unused, unused
from licenses.analysis.prepared import Asked, Prepared
from licenses.models import (
    LicensePool,
    PoolHour,
    has_scope,
    sees_everything,
    taken_share,
)
from licenses.overview import installation, setup
from licenses.overview.totals import Totals, spare_of, totals, unused_total

from . import bars, headline_words, tasks_shown, words
from .moments import peak_address
from .pools import with_news

DAY = 86_400


SHOWN = 12


SPARK_DAYS = 30


@dataclass
class Row:
    """A pool on the dashboard."""

    pool: Any
    in_use: str
    limit: str
    level: words.Level
    fresh: words.Freshness
    told: headline_words.Told
    bar: SafeString
    spark: list[list[str]] = field(default_factory=list)
    spark_limit: float | None = None
    peak_link: str = ""


def fill(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add what the dashboard shows to the index page's context."""
    user = request.user
    context["title"] = gettext("Dashboard")
    if not user.has_perm("licenses.view_licensepool"):
        return context
    found = totals(user)
    spare = spare_of(user)
    context |= {
        "dashboard": True,
        "unattended": installation.unattended() if sees_everything(user) else [],
        "setup": set_up() if user.has_perm("licenses.add_licenseserver") else None,
        "live_url": reverse("admin:live-pools"),
        "now": timezone.now(),
        **part(request, "cards", found, spare),
        **part(request, "pools", found, spare),
        **part(request, "tasks", found),
    }
    return context


def part(
    request: HttpRequest,
    name: str,
    found: Totals | None = None,
    spare: dict[int, Unused] | None = None,
) -> dict[str, Any]:
    """Return the context of a part of the page: cards, pools or tasks.

    found: the totals, where they are known already.
    spare: what is unused of each pool, likewise.
    """
    user: Any = request.user
    if name == "tasks":
        return {"tasks": tasks_shown.shown(user)}
    found = found or totals(user)
    if name == "cards" and not found.pools:
        return {"totals": found, "cards": []}  # figures of no pools would say that all is well
    if name == "cards":
        spare = spare_of(user) if spare is None else spare
        total = None if spare is None else unused_total(spare)
        return {"totals": found, "cards": headline_words.cards(found, total, timezone.now())}
    rows = pool_rows(user, spare)
    none = "" if rows else why_none(user)
    return {"totals": found, "rows": rows, "more": found.pools - len(rows), "none": none}


def why_none(user: Any) -> str:
    """Return why no pool is shown, as somebody can act on it."""
    if not (sees_everything(user) or has_scope(user)):
        text = gettext(
            "Your account has no scope that is in force: no pool is shown to you. Ask an"
            " administrator to say which vendors or teams you may see."
        )
        if names := who_to_ask():
            text += " " + gettext("Administrators: %(names)s.") % {"names": ", ".join(names)}
        return text
    if not sees_everything(user):
        return gettext("There are no pools in your scope yet.")
    return gettext(
        "There are no pools yet. A pool holds the rights that are counted together under one"
        " limit, and the features that use them."
    )


def pool_rows(user: Any, spare: dict[int, Unused] | None = None) -> list[Row]:
    """Return the fullest pools, each with what its row shows. Four queries.

    spare: what is unused of them; None: asked for here, if the user may be told.

    Of pools as full as each other, the one that kept people waiting longest stands first.
    """
    # Chosen first by what is stored of each: what the rows show besides would be joined for all.
    if sees_everything(user):
        ids = [pk for (pk,) in _FULLEST.rows()]
    else:
        ids = list(_fullest(LicensePool.objects.for_user(user)).values_list("pk", flat=True))
    chosen = with_news(LicensePool.objects.filter(pk__in=ids)).select_related("headline").in_bulk()
    pools = [chosen[pk] for pk in ids if pk in chosen]
    end = int(time.time()) // DAY * DAY + DAY
    peaks = daily_peaks(ids, end - SPARK_DAYS * DAY, end)
    if spare is None:
        told = user.has_perm("licenses.view_entitlement")
        spare = unused(_known_peaks(pools), before=_peaks_before(pools)) if told else {}
    span = (end - SPARK_DAYS * DAY, end)
    return [_row(pool, peaks[pool.pk], spare.get(pool.pk), span) for pool in pools]


def _fullest(pools: Any) -> Any:
    order = F("share").desc(nulls_last=True), F("headline__blocked_seconds").desc(nulls_last=True)
    return pools.active().annotate(share=taken_share()).order_by(*order, "name")[:SHOWN]


_FULLEST = Prepared(lambda: (_fullest(LicensePool.objects.all()), ["pk"]))


def _known_peaks(pools: Iterable[Any]) -> dict[int, int | None]:
    newest = ((pool.pk, getattr(pool, "now", None)) for pool in pools)
    return {pk: now.peak_12_months if now else None for pk, now in newest}


def _peaks_before(pools: Iterable[Any]) -> dict[int, int | None]:
    counted = ((pool.pk, getattr(pool, "headline", None)) for pool in pools)
    return {pk: row.year_peak_before if row else None for pk, row in counted}


def _row(pool: Any, peaks: list[int | None], spare: Unused | None, span: tuple[int, int]) -> Row:
    now, fresh = words.news_of(pool)
    moment = timezone.now()
    spark, spark_limit = sparkline(peaks, now.limit if now else None)
    headline = getattr(pool, "headline", None)
    if headline is not None:  # its peak is of the 30 days before it was counted
        counted = int(headline.at.timestamp())
        span = counted - WINDOW_SECONDS, counted
    return Row(
        pool,
        words.figure(now.in_use if now else None),
        words.figure(now.limit if now else None, "?"),
        words.level_of(now, fresh),
        fresh,
        headline_words.of_pool(headline, spare, fresh, moment),
        bars.drawn(now, fresh),
        spark,
        spark_limit,
        peak_address(pool, span=span) if any(peaks) else "",
    )


@Prepared
def _DAYS(pool_ids: Collection[int], start: int, end: int) -> Asked:
    day = ExpressionWrapper(
        (Cast(F("hour"), BigIntegerField()) - start) / DAY, output_field=BigIntegerField()
    )
    rows = PoolHour.objects.filter(pool__among=pool_ids, hour__gte=start, hour__lt=end)
    days = rows.order_by().annotate(day=day).values("pool_id", "day").annotate(top=Max("peak"))
    return days, ("pool_id", "day", "top")


def daily_peaks(pool_ids: list[int], start: int, end: int) -> dict[int, list[int | None]]:
    """Return each pool's peak of each UTC day of [start, end), None where nothing is known.

    One query.
    """
    count = (end - start) // DAY
    rows = _DAYS.rows(pool_ids, start, end)
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


def set_up() -> dict[str, Any] | None:
    """Return the steps of the set-up and how many are left; None once all are done."""
    found = setup.steps()
    left = [step for step in found if not step.done]
    return {"steps": found, "left": left, "done": len(found) - len(left)} if left else None
