"""How figures are put for people: ages, spans, money, and what a pool's state is called."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext

from itam.figures import number
from licenses.analysis.ages import Freshness, ago, freshness, lasting, short_ago

__all__ = [
    "NEARLY_FULL",
    "UNKNOWN",
    "Freshness",
    "Labelled",
    "Level",
    "Linked",
    "ago",
    "freshness",
    "lasting",
    "level",
    "moment",
    "money",
    "short_ago",
    "size",
]

UNKNOWN = "–"
NEARLY_FULL = 0.9


def money(amount: Decimal | float | None, currency: str = "") -> str:
    """Return an amount without cents and with groups of three: "12,400 EUR"."""
    return UNKNOWN if amount is None else f"{number(amount)} {currency}".strip()


def size(count: int | None) -> str:
    """Return a number of bytes: "3.1 MB"."""
    if count is None:
        return UNKNOWN
    value = float(count)
    for unit in ("bytes", "kB", "MB", "GB"):
        if value < 1000 or unit == "GB":
            if unit == "bytes":
                return gettext("%(count)s bytes") % {"count": number(count)}
            return f"{number(value, 1)} {unit}"
        value /= 1000
    raise AssertionError("unreachable")


class Labelled(NamedTuple):
    """A label of a list: its kind, which decides the colour, and its words, which a form shows."""

    key: str
    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Level:
    """How full a pool is. key: over, full, high, free, none (no seats, and none in use) or
    unknown."""

    key: str
    text: str


def level(in_use: int | None, limit: int | None, allowed: int | None = None) -> Level:
    """Judge seats in use against the limit, and against what is allowed where a right says so."""
    if in_use is None:
        return Level("unknown", gettext("use not known"))
    if allowed is not None and in_use > allowed:
        return Level(
            "over", gettext("%(count)s over what is allowed") % {"count": in_use - allowed}
        )
    if limit is None:
        return Level("unknown", gettext("limit not known"))
    if in_use > limit:
        return Level("over", gettext("%(count)s over the limit") % {"count": in_use - limit})
    if limit == 0:
        return Level("none", gettext("no seats to use"))
    free = limit - in_use
    if free == 0:
        return Level("full", gettext("full"))
    seats = ngettext("%(count)s seat free", "%(count)s seats free", free) % {"count": free}
    if in_use / limit >= NEARLY_FULL:
        return Level("high", gettext("nearly full, %(seats)s") % {"seats": seats})
    return Level("free", seats)


class Linked(SafeString):
    """A figure that leads somewhere: a link in a list, and the figure itself in the list's file."""

    value: int

    @classmethod
    def of(cls, value: int, address: str) -> Linked:
        made = cls(format_html('<a class="lm-link" href="{}">{}</a>', address, value))
        made.value = value
        return made


def moment(value: datetime | int | None) -> datetime | None:
    """Return an aware datetime for epoch seconds."""
    return datetime.fromtimestamp(value, UTC) if isinstance(value, int) else value
