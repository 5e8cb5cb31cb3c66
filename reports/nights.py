"""Figures that are counted again each night from the entries of the evidence log alone, in turn.

The night's check computes entries again, of which no figure is made: figures are made of rows that
an import derived. So each night the pools of one vendor, in one month, are counted as
`recompute.py` of a pack counts them.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.utils import timezone

from itam.one_moment import one_moment
from licenses.evidence import entries
from licenses.models import LicensePool
from reports.compared import SHOWN, of_vendor

DAYS: Final = 31
SPANS: Final = 13
"""So many spans of DAYS before the night take turns: a year and a little."""
MOST_POOLS: Final = 50
"""Of one vendor in one night; the others take their turn."""


def compare(now: datetime) -> dict[str, Any]:
    """Count figures again; return of what, and under `differ`, in words, those that are others.
    `differ` is None where there are too many entries for a task, and the answer is empty where
    there is no pool."""
    night = now.astimezone(UTC).date()
    pools = LicensePool.objects.select_related("product__vendor").order_by("pk")
    vendors = sorted(set(pools.order_by().values_list("product__vendor", flat=True)))
    if not vendors:
        return {}
    turn, place = divmod(night.toordinal(), len(vendors))
    own = pools.filter(product__vendor=vendors[place])
    turn, part = divmod(turn, -(-own.count() // MOST_POOLS))
    last = night - timedelta(days=DAYS * (turn % SPANS))
    first = last - timedelta(days=DAYS)
    entries.wait_for_writers()
    with one_moment():
        chosen = list(own[part * MOST_POOLS :][:MOST_POOLS])
        vendor = chosen[0].product.vendor
        as_of = max(now, timezone.now())  # read by now: nothing of it was recorded later
        differ = of_vendor(vendor, chosen, _at(first), _at(last), as_of, ZoneInfo("UTC"))
    return {
        "vendor": vendor.pk,
        "pools": [pool.pk for pool in chosen],
        "first": first.isoformat(),
        "end": last.isoformat(),
        "differ": differ and differ[:SHOWN],
    }


def _at(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
