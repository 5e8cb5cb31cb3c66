"""How much of each day of a year a server's records vouch for."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

from licenses.concurrency.intervals import IntervalSet
from licenses.concurrency.periods import local_midnight
from licenses.models import Coverage

from .coverage import load_waits

DAY = 86_400
DAYS = 365


class ServerDay(NamedTuple):
    """A day of the server's zone. key: full, part, none, or before the first record; percent: of
    the day, cut."""

    day: date
    key: str
    percent: int


class ServerYear(NamedTuple):
    """days: the oldest first, today last. share: percent of the time since *since*, cut; None:
    nothing is recorded."""

    days: list[ServerDay]
    share: int | None
    since: datetime


def year_of(server: Any, now: int | None = None) -> ServerYear:
    """Return the coverage of the last 365 days. Some queries."""
    now = int(time.time()) if now is None else now
    start = now - DAYS * DAY
    rows = Coverage.objects.filter(server=server, ends__gt=start, starts__lt=now)
    spans = [
        (int(row.starts.timestamp()), int(row.ends.timestamp())) for row in rows.iterator(2000)
    ]
    known = IntervalSet.of_spans(spans).clip(start, now)
    waits = load_waits([server.pk], now)
    if server.pk in waits:
        # The time since the last answer is no gap before the next poll is overdue.
        now -= waits[server.pk].of("").subtract(known).seconds
    first = server.coverage.order_by("starts").values_list("starts", flat=True).first()
    began = None if first is None else first.timestamp()
    today = datetime.fromtimestamp(now, server.tzinfo).date().toordinal()
    days = [date.fromordinal(today - DAYS + 1 + place) for place in range(DAYS + 1)]
    edges = [min(now, local_midnight(day, server.tzinfo)) for day in days]
    seconds = known.seconds_within(edges).tolist()
    found = [
        ServerDay(day, *_state(edges[place], edges[place + 1], seconds[place], began))
        for place, day in enumerate(days[:-1])
    ]
    since = max(start, int(began)) if began is not None else now
    share = 100 * known.seconds // max(1, now - since) if began is not None else None
    return ServerYear(found, share, datetime.fromtimestamp(since, UTC))


def _state(begin: int, end: int, seen: int, first: float | None) -> tuple[str, int]:
    """Return what is known of a day, and the percent of it that was observed."""
    if first is None or end <= first:
        return "before", 0
    if seen >= end - begin - 1:
        return "full", 100
    return ("part" if seen else "none"), 100 * seen // max(1, end - begin)
