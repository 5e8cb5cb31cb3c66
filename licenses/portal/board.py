"""What a pool says of itself to people who want a seat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext, ngettext

from itam.figures import number
from licenses.admin import words
from licenses.analysis.availability import LATE, NONE, STALE, Availability, load_availability
from licenses.analysis.busy import Busy
from licenses.analysis.busy_kept import usual_hours
from licenses.models import LicensePool

FEW_SHARE = 0.1


@dataclass(frozen=True)
class Card:
    """One pool.

    state:  free, few, full or unknown.
    age:    how old the figure is, without where it comes from and how that is judged.
    hours:  when it is usually busy.
    """

    pool: LicensePool
    seats: Availability
    state: str
    headline: str
    detail: str
    age: str
    origin: str
    hours: Busy


def cards(pools: Sequence[LicensePool], now: int) -> list[Card]:
    """Return the cards of some pools. Two queries, and one for all of those whose usual hours are
    not remembered."""
    seats = load_availability(pools, now)
    hours = usual_hours(pools, seats, now)
    return [card(pool, seats[pool.pk], hours[pool.pk]) for pool in pools]


def card(pool: LicensePool, seats: Availability, hours: Busy) -> Card:
    state, headline, detail = _words(seats)
    return Card(
        pool,
        seats,
        state,
        headline,
        detail,
        words.ago(seats.age_seconds) if seats.at else "",
        origin(seats),
        hours,
    )


def _words(seats: Availability) -> tuple[str, str, str]:
    """Return a state, the figure in large and the words beside it."""
    free, total = seats.free, seats.seats
    if free is None or total is None:
        return "unknown", "?", _unknown(seats)
    if not total:
        return "full", "0", gettext("seats: none is allowed or served now")
    of = ngettext("of %(total)s seat free", "of %(total)s seats free", total) % {
        "total": number(total)
    }
    kept = gettext("%(count)s kept for others") % {"count": number(seats.reserved_idle)}
    parts = [of, kept] if seats.reserved_idle else [of]
    if not free:
        queue = gettext("%(count)s waiting in the server's queue") % {"count": number(seats.queued)}
        return "full", "0", ", ".join([*parts, queue] if seats.queued else parts)
    few = free <= max(1, total * FEW_SHARE)
    return ("few" if few else "free"), number(free), ", ".join(parts)


def _unknown(seats: Availability) -> str:
    if seats.freshness == NONE:
        return gettext("not known: its licence server was never heard of")
    if seats.freshness == STALE and seats.free_then is not None:
        return gettext("not known now; %(free_then)s of %(seats)s were free when last heard") % {
            "free_then": number(seats.free_then),
            "seats": words.figure(seats.seats),
        }
    if seats.in_use is not None and seats.seats is None:
        return gettext("not known: %(in_use)s in use, nobody says of how many") % {
            "in_use": number(seats.in_use)
        }
    return gettext("not known")


def origin(seats: Availability) -> str:
    """Return where a figure comes from, and whether it is young enough."""
    if seats.at is None:
        return gettext("no data yet")
    source = {"polls": gettext("asked of the server"), "log": gettext("from the server's log")}.get(
        seats.source, ""
    )
    judged = {LATE: gettext("later than expected"), STALE: gettext("too old to rely on")}.get(
        seats.freshness, ""
    )
    return ", ".join(part for part in (source, judged) if part)
