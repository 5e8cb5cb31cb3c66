"""What several pages do with functions of other layers, said once."""

from __future__ import annotations

import time
from datetime import date, timedelta
from typing import Any

from django.db.models import Min
from django.utils.module_loading import import_string

from licenses.analysis.rollup import mark_dirty
from licenses.concurrency.periods import local_midnight
from licenses.models import Coverage, Entitlement, LicensePool, PoolFeature


def count_again(pool: LicensePool, first: date | None, last: date | None) -> None:
    """Have a pool's hours from the first to the last of these days (both included) counted again.

    first, last: days in the pool's zone; None: since ever, until now. Only time with data is
    marked.
    """
    begin, now = first_moment(pool), int(time.time())
    if first is not None:
        begin = max(begin, local_midnight(first, pool.tzinfo))
    end = now if last is None else local_midnight(last + timedelta(days=1), pool.tzinfo)
    mark_dirty([pool.pk], begin, min(end, now) + 1)


def rights_changed(*lines: Entitlement) -> None:
    """Have the hours counted again over which these lines hold: their limits are others now."""
    for line in lines:
        count_again(line.pool, line.valid_from, line.valid_to)


def first_moment(pool: LicensePool) -> int:
    """Return when the first thing is known of a pool, in epoch seconds; now where nothing is."""
    mapped = PoolFeature.objects.filter(pool=pool).values("feature__server")
    found = Coverage.objects.filter(server__in=mapped).aggregate(first=Min("starts"))["first"]
    return int(found.timestamp()) if found else int(time.time())


def optional(dotted: str) -> Any:
    """Return a function of a part that need not be there (reports are above us, so never
    imported), else None.
    """
    try:
        return import_string(dotted)
    except ImportError:
        return None
