"""How old a number is, in words, and whether that is to be expected."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from licenses.analysis.availability import freshness as judged


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
