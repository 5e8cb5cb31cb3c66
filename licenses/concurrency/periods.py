"""Calendar periods of a zone as epoch seconds: days of 23, 24 and 25 hours, and other oddities."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from itertools import pairwise
from typing import Literal
from zoneinfo import ZoneInfo

import numpy as np

from licenses.concurrency.intervals import Ints, ints

Period = Literal["hour", "day", "week", "month"]

HOUR_SECONDS = 3600
DAY_SECONDS = 86400


def periods(start: int, end: int, zone: tzinfo, by: Period) -> Ints:
    """Return the edges of the periods of [start, end): period i is [edges[i], edges[i+1]).

    Days, weeks (from Monday) and months start at the local midnight; the first and last period
    are cut at *start* and *end*. Hours start at the full hour that the local clock shows, and
    where the clock changes: no hour is longer than 3600 s, a change of 30 minutes (Lord Howe)
    leaves one of 1800 s, and the hour that is shown twice is two periods.

    returns:  n + 1 rising edges for n periods; one edge and no period where start is end.
    """
    if start > end:
        raise ValueError(f"the window ends at {end}, before it starts at {start}")
    if start == end:
        return ints([start], "edges")
    inner = _hours(start, end, zone) if by == "hour" else _midnights(start, end, zone, by)
    edges = np.unique(np.concatenate(([start], inner, [end])))
    return edges[(edges >= start) & (edges <= end)]


@lru_cache(maxsize=8_192)  # a page of a year asks for the same 365 days each time
def local_midnight(day: date, zone: tzinfo) -> int:
    """Return the first moment of *day* in the zone.

    Where the clock jumps over midnight, that is the moment after the jump; where it shows
    midnight twice, the first; for a day that a zone left out, the start of the next one.
    """
    wall = datetime.combine(day, time.min)
    usual = int(wall.replace(tzinfo=zone, fold=0).timestamp())
    if _wall(usual, zone) == wall:
        return usual
    # In the gap of a clock change: the reading with the offset after it lies before it.
    before = int(wall.replace(tzinfo=zone, fold=1).timestamp())
    moments = range(before, usual + 1)
    return moments[bisect_left(moments, True, key=lambda moment: _wall(moment, zone) >= wall)]


def iso(epoch: int, zone: tzinfo) -> str:
    """Return the moment as ISO 8601 in the zone, with its offset: 2026-03-29T03:00:00+02:00."""
    quarter, seconds = divmod(epoch, QUARTER_SECONDS)
    known = _quarter(quarter, zone)
    if known is None:
        return datetime.fromtimestamp(epoch, zone).isoformat()
    hour, past, offset = known
    return hour + OF_AN_HOUR[past + seconds] + offset


class Moments:
    """Moments as texts: many pools were seen in the same second."""

    def __init__(self) -> None:
        self.known: dict[tuple[int, str], str] = {}

    def iso(self, at: int | None, zone: str) -> str | None:
        if at is None:
            return None
        found = self.known.get((at, zone))
        if found is None:
            found = self.known[at, zone] = iso(at, ZoneInfo(zone))
        return found


QUARTER_SECONDS = 900
"""Of an hour: a time in which the clocks of hardly any zone were ever changed."""
OF_AN_HOUR = tuple(f"{minute:02}:{second:02}" for minute in range(60) for second in range(60))
"""The minutes and seconds of each second of an hour."""


@lru_cache(maxsize=65_536)
def _quarter(number: int, zone: tzinfo) -> tuple[str, int, str] | None:
    """Return what moments of a quarter of an hour have in common: (the text before the minutes,
    the seconds before it in its hour, the offset); None where the clocks change, or do not show
    quarters."""
    first = datetime.fromtimestamp(number * QUARTER_SECONDS, zone)
    last = datetime.fromtimestamp((number + 1) * QUARTER_SECONDS - 1, zone)
    if first.utcoffset() != last.utcoffset() or first.hour != last.hour or first.second:
        return None
    text = first.isoformat()
    return text[:14], first.minute * 60, text[19:]


@lru_cache(maxsize=64)  # of a report, hundreds of pools ask for the same
def _midnights(start: int, end: int, zone: tzinfo, by: Period) -> Ints:
    day = datetime.fromtimestamp(start, zone).date()
    moments: list[int] = []
    for first in _first_days(day, by):
        moment = local_midnight(first, zone)
        if moment >= end:
            break
        moments.append(moment)
    found = ints(moments, "edges")
    found.flags.writeable = False
    return found


def _first_days(day: date, by: Period) -> Iterator[date]:
    """Yield the first days of the periods from that of *day* on, without an end."""
    if by == "month":
        day = day.replace(day=1)
        while True:
            yield day
            day = (day + timedelta(days=31)).replace(day=1)
    if by not in ("day", "week"):
        raise ValueError(f"period {by!r}: expected hour, day, week or month")
    step = timedelta(days=7 if by == "week" else 1)
    day -= timedelta(days=day.weekday() if by == "week" else 0)
    while True:
        yield day
        day += step


def _hours(start: int, end: int, zone: tzinfo) -> Ints:
    changes = [start, *_clock_changes(start, end, zone), end]
    parts: list[Ints] = []
    for since, until in pairwise(changes):
        offset = _offset(since, zone)
        full = -(-(since + offset) // HOUR_SECONDS) * HOUR_SECONDS - offset
        parts.append(np.append(since, np.arange(full, until, HOUR_SECONDS, dtype=np.int64)))
    return np.concatenate(parts)


def _clock_changes(start: int, end: int, zone: tzinfo) -> list[int]:
    """Return the moments in (start, end) at which the zone's offset from UTC changes.

    A zone does not tell its changes, so offsets are compared a day apart: two changes that
    undo each other within one day would be missed. No zone of tzdata has had any.
    """
    changes: list[int] = []
    for since in range(start, end, DAY_SECONDS):
        until = min(since + DAY_SECONDS, end - 1)
        if _offset(since, zone) != _offset(until, zone):
            changes.append(_change_between(since, until, zone))
    return changes


def _change_between(since: int, until: int, zone: tzinfo) -> int:
    known = _offset(since, zone)
    moments = range(since, until + 1)
    return moments[bisect_left(moments, True, key=lambda moment: _offset(moment, zone) != known)]


def _offset(moment: int, zone: tzinfo) -> int:
    """Return the seconds that the zone's clock is ahead of UTC at *moment*."""
    wall = datetime.fromtimestamp(moment, zone).replace(tzinfo=UTC)
    return int(wall.timestamp()) - moment


def _wall(moment: int, zone: tzinfo) -> datetime:
    return datetime.fromtimestamp(moment, zone).replace(tzinfo=None)
