"""How old a number is, in words, and whether that is to be expected."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext

from itam import figures
from licenses.analysis.availability import freshness as judged
from licenses.analysis.availability import is_of_now


def ago(seconds: int | None) -> str:
    """Return an age in seconds as people say it: "4 minutes ago"."""
    if seconds is None:
        return gettext("never")
    if seconds < 60:
        return gettext("just now")
    return gettext("%(length)s ago") % {"length": lasting(seconds)}


def short_ago(seconds: int | None) -> str:
    """Return an age as it fits into a table: "4 min ago"."""
    if seconds is None:
        return gettext("never")
    if seconds < 60:
        return gettext("just now")
    if seconds >= 86400:
        return gettext("%(count)s d ago") % {"count": seconds // 86400}
    if seconds >= 3600:
        return gettext("%(count)s h ago") % {"count": seconds // 3600}
    return gettext("%(count)s min ago") % {"count": seconds // 60}


def lasting(seconds: float) -> str:
    """Return a length in seconds in its largest whole unit: "3 hours", "1 day"."""
    seconds = int(seconds)
    for words, size in ((figures.days, 86400), (figures.hours, 3600), (figures.minutes, 60)):
        if seconds >= size:
            return words(seconds // size)
    return figures.seconds(seconds)


@dataclass(frozen=True)
class Freshness:
    """How old a number is.

    key: fresh, late, stale or none, by the interval at which news is expected.
    """

    key: str
    age_seconds: int | None

    @property
    def of_now(self) -> bool:
        """Tell whether the number says something of now."""
        return is_of_now(self.key)

    @property
    def text(self) -> str:
        return {
            "fresh": short_ago(self.age_seconds),
            "late": gettext("late, %(age)s") % {"age": short_ago(self.age_seconds)},
            "stale": gettext("stale, %(age)s") % {"age": short_ago(self.age_seconds)},
            "none": gettext("no data yet"),
        }[self.key]


def freshness(at: datetime | None, interval_seconds: int | None, now: datetime) -> Freshness:
    """Judge the age of a number.

    Up to two intervals (and a minute) is fresh, up to six late, beyond that stale.

    interval_seconds: None where nothing is polled; an hour then counts as fresh, since logs come
    in pieces.
    """
    age = None if at is None else max(0, int((now - at).total_seconds()))
    return Freshness(judged(age, interval_seconds), age)
