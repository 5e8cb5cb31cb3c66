"""When a pool is usually busy, and when a seat is usually free: what people ask before they come.

From the stored hours of the last weeks, by weekday and hour of the pool's zone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import NamedTuple

from django.utils.dates import WEEKDAYS_ABBR
from django.utils.translation import gettext

from licenses.analysis.pattern import Cell, heatmaps
from licenses.concurrency.periods import HOUR_SECONDS
from licenses.models import LicensePool

WEEKS = 8
LEAST_WEEKS = 2
"""Of an hour that was seen less often nothing is usual."""
BUSY_SHARE = 0.8
FREE, TIGHT, BUSY, UNKNOWN = "free", "tight", "busy", "unknown"
DAYS = tuple(WEEKDAYS_ABBR.values())
WEEK_HOURS = 7 * 24


class NextFree(NamedTuple):
    """at: start of the hour. sure: a seat was free all through that hour in each of the weeks;
    else it is the hour with the fewest seats in use on average."""

    at: int
    sure: bool


@dataclass(frozen=True)
class Busy:
    """levels[weekday][hour], Monday first, in the zone:

        free     a seat was free all through the hour in every week that was seen
        tight    all seats were in use in some week, or somebody was refused
        busy     80 % of the seats or more were in use on average
        unknown  seen in fewer than two of the weeks, or the limit is not known

    shares:  the mean use of the hour as a share of the seats; None where not known.
    """

    levels: list[list[str]]
    shares: list[list[float | None]]

    @property
    def known(self) -> bool:
        return any(level != UNKNOWN for row in self.levels for level in row)

    def sentence(self) -> str:
        """Return the busy hours in words: "Usually busy Mon–Fri 9–12, 14–16."."""
        if not self.known:
            return gettext("Not enough is known yet to say when it is usually busy.")
        if busy := self._spans(BUSY):
            return gettext("Usually busy %(hours)s.") % {"hours": "; ".join(busy)}
        if tight := self._spans(TIGHT):
            return gettext("Was sometimes full %(hours)s.") % {"hours": "; ".join(tight)}
        return gettext("A seat was free at every hour of the last weeks that was seen.")

    def _spans(self, level: str) -> list[str]:
        """Return the hours of a level, days with the same hours together."""
        by_hours: dict[str, list[int]] = {}
        for weekday, row in enumerate(self.levels):
            hours = ", ".join(
                f"{start}–{end}" for start, end in _runs([each == level for each in row])
            )
            if hours:
                by_hours.setdefault(hours, []).append(weekday)
        return [f"{_days(days)} {hours}" for hours, days in by_hours.items()]

    def level_at(self, moment: datetime, zone: tzinfo) -> str:
        """Return the level of the hour of the week in which a moment lies."""
        local = moment.astimezone(zone)
        return self.levels[local.weekday()][local.hour]

    def next_free(self, now: int, zone: tzinfo) -> NextFree | None:
        """Return when a seat is usually free next, from the hour after this one on; None where
        nothing is known."""
        start = (now // HOUR_SECONDS + 1) * HOUR_SECONDS
        lowest: tuple[float, int] | None = None
        for at in range(start, start + WEEK_HOURS * HOUR_SECONDS, HOUR_SECONDS):
            local = datetime.fromtimestamp(at, zone)
            if self.levels[local.weekday()][local.hour] == FREE:
                return NextFree(at, True)
            share = self.shares[local.weekday()][local.hour]
            if share is not None and (lowest is None or share < lowest[0]):
                lowest = share, at
        return None if lowest is None else NextFree(lowest[1], False)


def busy_hours(
    pools: Iterable[LicensePool], seats: Mapping[int, int | None], now: int
) -> dict[int, Busy]:
    """Return when some pools are usually busy, of the last eight weeks before this hour, by their
    ids. One query.

    seats:  that can be in use at once, by pool; None is not known.
    """
    end = now // HOUR_SECONDS * HOUR_SECONDS
    zones = {pool.pk: pool.tzinfo for pool in pools}
    found = heatmaps(zones, end - WEEKS * WEEK_HOURS * HOUR_SECONDS, end)
    return {pool: _busy(week.cells, seats[pool]) for pool, week in found.items()}


def _busy(cells: list[list[Cell]], seats: int | None) -> Busy:
    return Busy(
        [[_level(cell, seats) for cell in row] for row in cells],
        [[_share(cell, seats) for cell in row] for row in cells],
    )


def _share(cell: Cell, seats: int | None) -> float | None:
    known = cell.mean is not None and cell.known >= LEAST_WEEKS and seats
    return cell.mean / seats if known and cell.mean is not None and seats else None


def _level(cell: Cell, seats: int | None) -> str:
    if not seats or cell.known < LEAST_WEEKS or cell.peak is None:
        return UNKNOWN
    share = _share(cell, seats)
    if share is not None and share >= BUSY_SHARE:
        return BUSY
    return TIGHT if cell.peak >= seats or cell.denials else FREE


def _runs(flags: list[bool]) -> list[tuple[int, int]]:
    """Return the half-open runs of hours that are flagged."""
    found: list[tuple[int, int]] = []
    for hour, flag in enumerate(flags):
        if not flag:
            continue
        if found and found[-1][1] == hour:
            found[-1] = found[-1][0], hour + 1
        else:
            found.append((hour, hour + 1))
    return found


def _days(days: list[int]) -> str:
    """Return weekdays in words, three and more in a row as a span: "Mon–Fri", "Mon, Wed"."""
    runs = _runs([day in days for day in range(7)])
    parts: list[str] = []
    for first, after in runs:
        names = [str(name) for name in DAYS[first:after]]
        parts += [f"{names[0]}–{names[-1]}"] if len(names) > 2 else names
    return ", ".join(parts)
