"""What a pool says of itself to people who want a seat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.core.cache import cache
from django.utils.translation import gettext, ngettext

from licenses.admin import words
from licenses.analysis.availability import LATE, NONE, STALE, Availability, load_availability
from licenses.analysis.busy import Busy, busy_hours
from licenses.models import LicensePool

HOURS_SECONDS = 3600
"""How long the usual hours are remembered: they rest on whole hours of weeks."""
COLD = 6
"""Pools of a list whose usual hours are looked up in one request; the next request finds those, and
looks for others."""
FEW_SHARE = 0.1


@dataclass(frozen=True)
class Card:
    """One pool.

    state:  free, few, full or unknown.
    hours:  when it is usually busy; None where that was not looked up yet.
    """

    pool: LicensePool
    seats: Availability
    state: str
    headline: str
    detail: str
    age: str
    hours: Busy | None


def cards(pools: Sequence[LicensePool], now: int, *, cold: int = COLD) -> list[Card]:
    """Return the cards of some pools. Two queries, and one for each pool whose hours were not asked
    for lately, *cold* at most."""
    seats = load_availability(pools, now)
    hours = _hours(pools, seats, now, cold)
    return [card(pool, seats[pool.pk], hours.get(pool.pk)) for pool in pools]


def card(pool: LicensePool, seats: Availability, hours: Busy | None) -> Card:
    state, headline, detail = _words(seats)
    return Card(pool, seats, state, headline, detail, age_words(seats), hours)


def _words(seats: Availability) -> tuple[str, str, str]:
    """Return a state, the figure in large and the words beside it."""
    free, total = seats.free, seats.seats
    if free is None or total is None:
        return "unknown", "?", _unknown(seats)
    if not total:
        return "full", "0", gettext("seats: none is allowed or served now")
    of = ngettext("of %(total)s seat free", "of %(total)s seats free", total) % {"total": total}
    kept = gettext("%(count)s kept for others") % {"count": seats.reserved_idle}
    parts = [of, kept] if seats.reserved_idle else [of]
    if not free:
        queue = gettext("%(count)s waiting in the server's queue") % {"count": seats.queued}
        return "full", "0", ", ".join([*parts, queue] if seats.queued else parts)
    few = free <= max(1, total * FEW_SHARE)
    return ("few" if few else "free"), str(free), ", ".join(parts)


def _unknown(seats: Availability) -> str:
    if seats.freshness == NONE:
        return gettext("not known: its licence server was never heard of")
    if seats.freshness == STALE and seats.free_then is not None:
        return gettext("not known now; %(free_then)s of %(seats)s were free when last heard") % {
            "free_then": seats.free_then,
            "seats": seats.seats,
        }
    if seats.in_use is not None and seats.seats is None:
        return gettext("not known: %(in_use)s in use, nobody says of how many") % {
            "in_use": seats.in_use
        }
    return gettext("not known")


def age_words(seats: Availability) -> str:
    """Return how old the figure is and where it comes from: "2 minutes ago, from polls"."""
    if seats.at is None:
        return gettext("no data yet")
    source = {"polls": gettext("asked of the server"), "log": gettext("from the server's log")}.get(
        seats.source, ""
    )
    judged = {LATE: gettext("later than expected"), STALE: gettext("too old to rely on")}.get(
        seats.freshness, ""
    )
    parts = (words.ago(seats.age_seconds), source, judged)
    return ", ".join(part for part in parts if part)


def hours_of(pool: LicensePool, seats: int | None, now: int) -> Busy:
    """Return when a pool is usually busy, as remembered for an hour."""
    key = _key(pool.pk, seats)
    found: Busy | None = cache.get(key)
    if found is None:
        found = busy_hours(pool, seats, now)
        cache.set(key, found, HOURS_SECONDS)
    return found


def _hours(
    pools: Sequence[LicensePool], seats: dict[int, Availability], now: int, cold: int
) -> dict[int, Busy]:
    keys = {_key(pool.pk, seats[pool.pk].seats): pool for pool in pools}
    known: dict[str, Any] = cache.get_many(keys)
    found = {keys[key].pk: value for key, value in known.items()}
    for pool in [pool for key, pool in keys.items() if key not in known][:cold]:
        found[pool.pk] = hours_of(pool, seats[pool.pk].seats, now)
    return found


def _key(pool_id: int, seats: int | None) -> str:
    return f"busy-hours:{pool_id}:{seats}"
