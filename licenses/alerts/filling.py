"""Pools that are about to be full: looked for every few minutes, and kept for the evaluation."""

from __future__ import annotations

from datetime import UTC, datetime

from django.db import transaction
from django.db.models import F

from itam.told import Told, joined, tell, tell_count
from licenses.analysis.time_to_full import HORIZON, STEP, Forecast, forecasts
from licenses.models import AlertRule, PoolForecast, PoolNow

from .rules import Limits

MOST_POOLS = 100
"""The fullest ones: each is read for eight weeks back."""
HORIZON_MINUTES = HORIZON * STEP // 60


def look(now: datetime, _least: int) -> None:
    """Keep what is expected of the pools that are at half of their limit or more."""
    near = (
        PoolNow.objects.filter(pool__retired_at=None, limit__gt=0, at__isnull=False)
        .filter(in_use__gte=F("limit") / 2)
        .select_related("pool")
        .order_by(F("limit") - F("in_use"), "pool_id")[:MOST_POOLS]
    )
    found = forecasts(list(near))
    rows = [
        PoolForecast(
            pool_id=pool,
            at=datetime.fromtimestamp(row.at, UTC),
            seconds=row.seconds,
            slope=row.slope,
            days=row.days,
            alike=row.alike,
        )
        for pool, row in found.items()
        if row.seconds is not None
    ]
    with transaction.atomic():
        PoolForecast.objects.all().delete()
        PoolForecast.objects.bulk_create(rows)


def value(seconds: int | None) -> int:
    """Return a forecast as what rules look at: the sooner the higher, minutes below zero."""
    return -HORIZON_MINUTES - 1 if seconds is None else -seconds // 60


def minute_limits(rule: AlertRule) -> Limits:
    """Return a rule on the time that is left, in the unit of `value`: it is clear where half as
    much again is left, at least ten minutes."""
    within = min(max(1, rule.threshold), HORIZON_MINUTES)
    clear = min(within + max(10, within // 2), HORIZON_MINUTES + 1)
    return Limits(
        fire_at=-within,
        clear_at=-clear,
        for_seconds=rule.for_seconds,
        for_samples=1,
        keep_firing_seconds=rule.keep_firing_seconds,
    )


def sentence(row: Forecast | PoolForecast) -> Told:
    """Return what a forecast rests on, in words."""
    rise = tell_count(
        "Use rose by %(count)s seat an hour in the last hour.",
        "Use rose by %(count)s seats an hour in the last hour.",
        round(row.slope),
    )
    if not row.days:
        return rise
    before = tell(
        "On %(alike)s of %(days)s earlier weeks, the same weekday added as many seats within four"
        " hours.",
        alike=row.alike,
        days=row.days,
    )
    return joined([rise, before], " ")
