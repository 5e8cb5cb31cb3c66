"""What people on a waitlist read."""

from __future__ import annotations

from collections.abc import Callable

from django.urls import reverse
from django.utils.translation import gettext

from itam import figures
from licenses.alerts.words import link, moment, plain
from licenses.analysis.availability import Availability
from licenses.models import LicensePool, WaitlistEntry

Letter = Callable[[WaitlistEntry, LicensePool, Availability], tuple[str, str]]


def offer(entry: WaitlistEntry, pool: LicensePool, seats: Availability) -> tuple[str, str]:
    """Return subject and text of the message that a seat is free."""
    name, zone = plain(pool), pool.tzinfo
    assert entry.offer_until is not None and seats.at is not None
    lines = [
        gettext("%(free)s of %(seats)s of %(name)s were free at %(moment)s.")
        % {
            "free": figures.number(seats.free or 0),
            "seats": figures.seats(seats.seats or 0),
            "name": name,
            "moment": moment(seats.at, zone),
        },
        gettext(
            "You are first in line: until %(moment)s nobody else on the list is told of this seat."
        )
        % {"moment": moment(entry.offer_until, zone)},
        gettext(
            "It is not reserved at the licence server: somebody who does not wait here may"
            " take it before you. So start the program now."
        ),
        gettext("You need it no more? Say so, and the next is told at once: %(page)s")
        % {"page": page(pool)},
    ]
    if pool.house_rules.strip():
        lines.append(
            gettext("House rules: %(house_rules)s") % {"house_rules": plain(pool.house_rules, 500)}
        )
    return gettext("A seat of %(name)s is free") % {"name": name}, "\n\n".join(
        [*lines, _why(entry, pool)]
    )


def expired(entry: WaitlistEntry, pool: LicensePool, seats: Availability) -> tuple[str, str]:
    """Return subject and text of the message that nobody waits for a seat any more."""
    name, zone = plain(pool), pool.tzinfo
    heard = gettext("Its licence server was never heard of.")
    if seats.at is not None:
        heard = gettext("Its licence server was last heard at %(moment)s.") % {
            "moment": moment(seats.at, zone)
        }
    lines = [
        gettext(
            "Until %(moment)s no seat of %(name)s became free that could be offered to you,"
            " so your place on the list has ended. %(heard)s"
        )
        % {"moment": moment(entry.expires_at, zone), "name": name, "heard": heard},
        gettext("Usual hours, and the list again: %(page)s") % {"page": page(pool)},
    ]
    return gettext("No seat of %(name)s became free") % {"name": name}, "\n\n".join(
        [*lines, _why(entry, pool)]
    )


def page(pool: LicensePool) -> str:
    return link(reverse("portal:pool", args=[pool.pk]))


def _why(entry: WaitlistEntry, pool: LicensePool) -> str:
    return gettext("You asked for this on %(moment)s on the status page.") % {
        "moment": moment(entry.joined_at, pool.tzinfo)
    }
