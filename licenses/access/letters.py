"""What people on a waitlist read."""

from __future__ import annotations

from django.urls import reverse

from licenses.alerts.messages import link, moment, plain, plural
from licenses.analysis.availability import Availability
from licenses.models import LicensePool, WaitlistEntry


def offer(entry: WaitlistEntry, pool: LicensePool, seats: Availability) -> tuple[str, str]:
    """Return subject and text of the message that a seat is free."""
    name, zone = plain(pool), pool.tzinfo
    assert entry.offer_until is not None and seats.at is not None
    lines = [
        f"{seats.free} of {plural(seats.seats or 0, 'seat')} of {name} were free at"
        f" {moment(seats.at, zone)}.",
        f"You are first in line: until {moment(entry.offer_until, zone)} nobody else on the list is"
        " told of this seat.",
        "It is not reserved at the licence server: somebody who does not wait here may take it"
        " before you. So start the program now.",
        f"You need it no more? Say so, and the next is told at once: {page(pool)}",
    ]
    if pool.house_rules.strip():
        lines.append(f"House rules: {plain(pool.house_rules, 500)}")
    return f"A seat of {name} is free", "\n\n".join([*lines, _why(entry, pool)])


def expired(entry: WaitlistEntry, pool: LicensePool, seats: Availability) -> tuple[str, str]:
    """Return subject and text of the message that nobody waits for a seat any more."""
    name, zone = plain(pool), pool.tzinfo
    heard = "Its licence server was never heard of."
    if seats.at is not None:
        heard = f"Its licence server was last heard at {moment(seats.at, zone)}."
    lines = [
        f"Until {moment(entry.expires_at, zone)} no seat of {name} became free that could be"
        f" offered to you, so your place on the list has ended. {heard}",
        f"Usual hours, and the list again: {page(pool)}",
    ]
    return f"No seat of {name} became free", "\n\n".join([*lines, _why(entry, pool)])


def page(pool: LicensePool) -> str:
    return link(reverse("portal:pool", args=[pool.pk]))


def _why(entry: WaitlistEntry, pool: LicensePool) -> str:
    return f"You asked for this on {moment(entry.joined_at, pool.tzinfo)} on the status page."
