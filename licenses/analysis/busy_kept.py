"""The usual hours of pools, remembered: they rest on weeks, and many people ask for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.cache import cache

from licenses.analysis.availability import Availability, load_availability
from licenses.analysis.busy import Busy, busy_hours
from licenses.analysis.rows import now_epoch
from licenses.models import LicensePool

REMEMBERED_SECONDS = 3600
BATCH_POOLS = 50
"""Pools of one query: eight weeks of as many take some tenth of a second."""


def usual_hours(
    pools: Sequence[LicensePool], seats: dict[int, Availability], now: int
) -> dict[int, Busy]:
    """Return when some pools are usually busy, by their ids. One query for all of those of which
    it is not remembered."""
    keys = {_key(pool.pk, seats[pool.pk].seats): pool for pool in pools}
    known: dict[str, Any] = cache.get_many(keys)
    found = {keys[key].pk: value for key, value in known.items()}
    missing = [pool for key, pool in keys.items() if key not in known]
    return found | _made(missing, seats, now) if missing else found


def make_ahead(now: int | None = None) -> int:
    """Make the usual hours of all pools of the status page, so that nobody waits for them; return
    of how many. Safe to run twice."""
    moment = now_epoch(now)
    shown = list(LicensePool.objects.active().filter(on_status=True).order_by("pk"))
    for start in range(0, len(shown), BATCH_POOLS):
        pools = shown[start : start + BATCH_POOLS]
        _made(pools, load_availability(pools, moment), moment)
    return len(shown)


def _made(
    pools: Sequence[LicensePool], seats: dict[int, Availability], now: int
) -> dict[int, Busy]:
    made = busy_hours(pools, {pool.pk: seats[pool.pk].seats for pool in pools}, now)
    keyed = {_key(pk, seats[pk].seats): busy for pk, busy in made.items()}
    cache.set_many(keyed, REMEMBERED_SECONDS)
    return made


def _key(pool_id: int, seats: int | None) -> str:
    return f"busy-hours:{pool_id}:{seats}"
