"""All pools at a glance, for the page one opens first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Max, Sum

from licenses.analysis.rows import now_epoch, number
from licenses.models import LicensePool, PoolHour

WEEK_SECONDS = 7 * 86400


@dataclass(frozen=True, slots=True)
class Card:
    """One pool of the portfolio; None is not known.

    at, age_seconds:  as of when the first five figures hold, and how long ago that is.
    share:            in use / limit; above 1 where use is above it.
    peak_week, full_seconds_week, over_seconds_week, denials_week, observed_share_week:
                      of the last seven days, to full hours.
    """

    pool_id: int
    name: str
    product: str
    vendor: str
    in_use: int | None
    limit: int | None
    free: int | None
    share: float | None
    reserved_idle: int
    at: int | None
    age_seconds: int | None
    source: str
    peak_12_months: int | None
    peak_week: int | None
    full_seconds_week: int | None
    over_seconds_week: int | None
    denials_week: int
    observed_share_week: float


def portfolio(user: Any, now: int | None = None) -> list[Card]:
    """Return the active pools that a user may see, by name.

    Two queries, and two more where the user does not see everything.
    """
    moment = now_epoch(now)
    rows = list(
        LicensePool.objects.for_user(user)
        .filter(retired_at=None)
        .order_by("name")
        .values_list(
            "pk",
            "name",
            "product__name",
            "product__vendor__name",
            "now__in_use",
            "now__limit",
            "now__reserved_idle",
            number("now__at"),
            "now__source",
            "now__peak_12_months",
        )
    )
    weeks = _weeks([row[0] for row in rows], moment)
    return [_card(row, weeks.get(row[0], (None, None, None, 0, 0)), moment) for row in rows]


def _weeks(pool_ids: list[int], moment: int) -> dict[int, tuple[Any, ...]]:
    # The ids are named, as the index leads with them: a range of hours alone would read all.
    hours = PoolHour.objects.filter(
        pool__in=pool_ids, hour__gte=moment - WEEK_SECONDS, hour__lt=moment
    )
    sums = (
        hours.order_by()
        .values_list("pool_id")
        .annotate(
            Max("peak"),
            Sum("full_seconds"),
            Sum("over_seconds"),
            Sum("denials"),
            Sum("observed_seconds"),
        )
    )
    return {row[0]: row[1:] for row in sums}


def _card(row: tuple[Any, ...], week: tuple[Any, ...], moment: int) -> Card:
    pk, name, product, vendor, in_use, limit, reserved, at, source, peak = row
    peak_week, full, over, denials, observed = week
    known = in_use is not None and limit is not None
    return Card(
        pool_id=pk,
        name=name,
        product=product,
        vendor=vendor,
        in_use=in_use,
        limit=limit,
        free=max(0, limit - in_use) if known else None,
        share=in_use / limit if known and limit else None,
        reserved_idle=reserved or 0,
        at=at,
        age_seconds=None if at is None else max(0, moment - at),
        source=source or "",
        peak_12_months=peak,
        peak_week=peak_week,
        full_seconds_week=full,
        over_seconds_week=over,
        denials_week=denials or 0,
        observed_share_week=min(1.0, (observed or 0) / WEEK_SECONDS),
    )
