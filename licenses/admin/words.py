"""How figures are put for people: ages, spans, money, and what a pool's state is called."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext

from itam.figures import number
from licenses.analysis.ages import Freshness, ago, freshness, lasting, short_ago
from licenses.models import PoolNow, free_seats, servable

__all__ = [
    "NEARLY_FULL",
    "UNKNOWN",
    "Figure",
    "Freshness",
    "Labelled",
    "Level",
    "ago",
    "figure",
    "free_of",
    "freshness",
    "lasting",
    "level",
    "level_of",
    "moment",
    "money",
    "news_of",
    "short_ago",
    "size",
]

UNKNOWN = "–"
NEARLY_FULL = 0.9


def figure(value: int | None, unknown: str = UNKNOWN) -> str:
    """Return a number with groups of three, or what stands where it is not known."""
    return unknown if value is None else number(value)


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


def news_of(pool: Any) -> tuple[PoolNow | None, Freshness]:
    """Return the newest figures of a pool, as of `with_news`, and how old they are."""
    now: PoolNow | None = getattr(pool, "now", None)
    return now, freshness(now.at if now else None, pool.interval, timezone.now())


def free_of(now: PoolNow | None, fresh: Freshness) -> int | None:
    """Return the seats that somebody could take now; None where nobody knows."""
    return now.free if now and fresh.of_now else None


def level_of(now: PoolNow | None, fresh: Freshness) -> Level:
    """Judge the newest figures of a pool. Of such that are too old to rely on nobody knows more
    than what was."""
    if now is None:
        return level(None, None)
    judged = level(
        now.in_use, now.limit, now.allowed, issued=now.issued, reserved_idle=now.reserved_idle
    )
    if fresh.of_now or judged.key == "unknown":
        return judged
    told = gettext("not known now; %(state)s when last heard") % {"state": judged.text}
    return Level("unknown", told)


def level(
    in_use: int | None,
    limit: int | None,
    allowed: int | None = None,
    *,
    issued: int | None = None,
    reserved_idle: int = 0,
) -> Level:
    """Judge seats in use against the limit, against what is allowed where a right says so, and
    against what the server serves and keeps for others."""
    if in_use is None:
        return Level("unknown", gettext("use not known"))
    if allowed is not None and in_use > allowed:
        over = number(in_use - allowed)
        return Level("over", gettext("%(count)s over what is allowed") % {"count": over})
    seats, free = servable(limit, issued), free_seats(in_use, limit, issued, reserved_idle)
    if limit is None or seats is None or free is None:
        return Level("unknown", gettext("limit not known"))
    if in_use > limit:
        over = number(in_use - limit)
        return Level("over", gettext("%(count)s over the limit") % {"count": over})
    if not seats and not in_use:
        return Level("none", gettext("no seats to use"))
    told = ngettext("%(count)s seat free", "%(count)s seats free", free) % {"count": number(free)}
    key = "free"
    if not free:
        key, told = "full", gettext("full")
    elif (in_use + reserved_idle) / seats >= NEARLY_FULL:
        key, told = "high", gettext("nearly full, %(seats)s") % {"seats": told}
    parts = [told]
    if seats < limit:
        parts.append(gettext("%(issued)s served") % {"issued": number(seats)})
    if reserved_idle:
        parts.append(gettext("%(count)s kept for others") % {"count": number(reserved_idle)})
    return Level(key, ", ".join(parts))


class Figure(SafeString):
    """A figure as a list draws it, which is the number or moment itself in the list's file."""

    value: int | datetime | None

    @classmethod
    def drawn(cls, value: int | datetime | None, text: SafeString) -> Figure:
        made = cls(text)
        made.value = value
        return made

    @classmethod
    def linked(cls, value: int, address: str) -> Figure:
        made = cls(format_html('<a class="lm-link" href="{}">{}</a>', address, figure(value)))
        made.value = value
        return made

    @classmethod
    def live(cls, value: int | None, name: str) -> Figure:
        """Return a figure that is kept up to date under this name."""
        made = cls(format_html('<span data-live="{}">{}</span>', name, figure(value)))
        made.value = value
        return made


def moment(value: datetime | int | None) -> datetime | None:
    """Return an aware datetime for epoch seconds."""
    return datetime.fromtimestamp(value, UTC) if isinstance(value, int) else value
