"""Hours that a zone's clock showed twice, in logs in which it is not seen to fall: all lines of
such an hour are read as of the first time, and may be of the second."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import tzinfo
from typing import NamedTuple

from licenses.models import Boundary
from licenses.sources.clock import repeated_hour

KINDS = (Boundary.Kind.REPEATED, Boundary.Kind.FELL)


class UnseenHour(NamedTuple):
    """The clock showed [first, second) again in [second, end)."""

    first: int
    second: int
    end: int

    def latest(self, moment: int) -> int:
        """Return when a line that is read as of a moment was written at the latest."""
        within = self.first <= moment < self.second
        return moment + self.second - self.first if within else moment


def unseen_hours(
    told: Iterable[tuple[int, str, int, int | None]], zone: tzinfo
) -> dict[str, list[UnseenHour]]:
    """Return the hours in doubt by daemon, in order; "" is the whole server.

    told: kind, daemon, first moment of the hour, and until when, of boundaries in order of time.

    A text that ends before another one has the clock fall is of the first time as a whole.
    """
    fell = {}
    rows = [row for row in told if row[0] in KINDS]
    for kind, daemon, first, until in rows:
        if kind == Boundary.Kind.FELL:
            fell[daemon, first] = until or 0
    found: dict[str, list[UnseenHour]] = {}
    for kind, daemon, first, until in rows:
        if kind == Boundary.Kind.FELL or (until or 0) <= fell.get((daemon, first), 0):
            continue
        hour = repeated_hour(first, zone)
        if hour is not None:
            found.setdefault(daemon, []).append(UnseenHour(first, hour.second, hour.end))
    return found
