"""How figures are put for people: ages, spans, money, and what a pool's state is called."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from licenses.analysis.availability import freshness as judged

UNKNOWN = "–"
NEARLY_FULL = 0.9


def ago(seconds: int | None) -> str:
    """Return an age in seconds as people say it: "4 minutes ago"."""
    if seconds is None:
        return "never"
    if seconds < 60:
        return "just now"
    return f"{lasting(seconds)} ago"


def short_ago(seconds: int | None) -> str:
    """Return an age as it fits into a table: "4 min ago"."""
    if seconds is None:
        return "never"
    if seconds < 60:
        return "just now"
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds // size} {unit} ago"
    raise AssertionError("unreachable")


def lasting(seconds: float) -> str:
    """Return a length in seconds in its largest whole unit: "3 hours", "1 day"."""
    seconds = int(seconds)
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= size:
            count = seconds // size
            return f"{count} {unit}{'' if count == 1 else 's'}"
    return f"{seconds} second{'' if seconds == 1 else 's'}"


def money(amount: Decimal | float | None, currency: str = "") -> str:
    """Return an amount without cents and with groups of three: "12,400 EUR"."""
    return UNKNOWN if amount is None else f"{amount:,.0f} {currency}".strip()


def size(count: int | None) -> str:
    """Return a number of bytes: "3.1 MB"."""
    if count is None:
        return UNKNOWN
    value = float(count)
    for unit in ("bytes", "kB", "MB", "GB"):
        if value < 1000 or unit == "GB":
            return f"{value:.0f} {unit}" if unit == "bytes" else f"{value:.1f} {unit}"
        value /= 1000
    raise AssertionError("unreachable")


@dataclass(frozen=True)
class Freshness:
    """How old a number is.

    key: fresh, late, stale or none, by the interval at which news is expected.
    """

    key: str
    age_seconds: int | None

    @property
    def text(self) -> str:
        return {
            "fresh": short_ago(self.age_seconds),
            "late": f"late, {short_ago(self.age_seconds)}",
            "stale": f"stale, {short_ago(self.age_seconds)}",
            "none": "no data yet",
        }[self.key]


def freshness(at: datetime | None, interval_seconds: int | None, now: datetime) -> Freshness:
    """Judge the age of a number.

    Up to two intervals (and a minute) is fresh, up to six late, beyond that stale.

    interval_seconds: None where nothing is polled; an hour then counts as fresh, since logs come
    in pieces.
    """
    age = None if at is None else max(0, int((now - at).total_seconds()))
    return Freshness(judged(age, interval_seconds), age)


@dataclass(frozen=True)
class Level:
    """How full a pool is. key: over, full, high, free or unknown."""

    key: str
    text: str


def level(in_use: int | None, limit: int | None, allowed: int | None = None) -> Level:
    """Judge seats in use against the limit, and against what is allowed where a right says so."""
    if in_use is None:
        return Level("unknown", "use not known")
    if allowed is not None and in_use > allowed:
        return Level("over", f"{in_use - allowed} over what is allowed")
    if limit is None:
        return Level("unknown", "limit not known")
    if in_use > limit:
        return Level("over", f"{in_use - limit} over the limit")
    free = limit - in_use
    if free == 0:
        return Level("full", "full")
    seats = f"{free} seat{'' if free == 1 else 's'} free"
    if in_use / limit >= NEARLY_FULL:
        return Level("high", f"nearly full, {seats}")
    return Level("free", seats)


def moment(value: datetime | int | None) -> datetime | None:
    """Return an aware datetime for epoch seconds."""
    return datetime.fromtimestamp(value, UTC) if isinstance(value, int) else value
