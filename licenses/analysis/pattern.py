"""When a pool is used, and how much of the time how many seats are: by hour and weekday, and as a
load-duration curve."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from fractions import Fraction
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from licenses.analysis import hour_rows
from licenses.analysis.coverage import load_logged
from licenses.analysis.mappings import load_mappings
from licenses.analysis.refusals import refusals_known
from licenses.analysis.rows import NONE
from licenses.analysis.usage import load_facts
from licenses.concurrency.intervals import IntervalSet, Ints
from licenses.concurrency.measures import level_not_exceeded, load_duration
from licenses.concurrency.periods import HOUR_SECONDS, iso
from licenses.concurrency.timeline import usage as in_use
from licenses.models import LicensePool

CELLS = 7 * 24
MARKS = (Fraction(95, 100), Fraction(99, 100))


class Cell(NamedTuple):
    """One hour of one weekday over the window; None is *not known*, never zero.

    peak, peak_at:  the most seats in use in any of these hours, and when first.
    mean:           seats in use on average, over those of the hours that were observed in full.
    denials:        capacity refusals in all of them, as logged; None where no log tells of any.
    known:          how many of these hours something is known of.
    """

    peak: int | None
    peak_at: int | None
    mean: float | None
    denials: int | None
    known: int


@dataclass(frozen=True, slots=True)
class Heatmap:
    """cells[weekday][hour], Monday first, in the zone. Window widened to full hours.

    Where the zone's hours begin between full UTC hours, a UTC hour belongs to the local hour in
    which it begins.
    """

    start: int
    end: int
    cells: list[list[Cell]]

    def as_dict(self, zone: tzinfo) -> dict[str, Any]:
        """Return the map for JSON: a table of rows of weekdays for each figure."""
        found: dict[str, Any] = {
            name: [[getattr(cell, name) for cell in row] for row in self.cells]
            for name in ("peak", "mean", "denials", "known")
        }
        found["peak_at"] = [
            [None if cell.peak_at is None else iso(cell.peak_at, zone) for cell in row]
            for row in self.cells
        ]
        return {"from": iso(self.start, zone), "to": iso(self.end, zone), **found}


@dataclass(frozen=True, slots=True)
class LoadDuration:
    """For how much of the observed time a pool had how many seats in use.

    levels:            (seats, seconds in which at least so many were in use), seats rising.
    observed_seconds:  all of the time; the seconds of the first level.
    marks:             (share of the time, seats that sufficed for it): the lowest number that was
                       not exceeded in that share of the observed time.
    """

    start: int
    end: int
    observed_seconds: int
    levels: list[tuple[int, int]]
    marks: list[tuple[Fraction, int]]

    def as_dict(self, zone: tzinfo) -> dict[str, Any]:
        """Return the curve for JSON."""
        return {
            "from": iso(self.start, zone),
            "to": iso(self.end, zone),
            "observed_seconds": self.observed_seconds,
            "levels": [{"seats": seats, "seconds": seconds} for seats, seconds in self.levels],
            "marks": [{"share": float(share), "seats": seats} for share, seats in self.marks],
        }


def heatmap(pool: LicensePool, start: int, end: int, *, zone: tzinfo | None = None) -> Heatmap:
    """Return how a pool was used by hour and weekday, from the stored hours. Three queries."""
    zone = zone or pool.tzinfo
    found = heatmaps({pool.pk: zone}, start, end)[pool.pk]
    hours = np.arange(found.start, found.end + 1, HOUR_SECONDS, dtype=np.int64)
    logs = load_logged(load_mappings([pool.pk]), found.start, found.end)[pool.pk]
    seconds = logs.seconds_within(hours)
    logged = np.bincount(_weekly(zone, found.start, found.end), seconds, CELLS).tolist()
    cells = [
        [
            cell._replace(denials=refusals_known(cell.denials or 0, logged[24 * weekday + hour]))
            for hour, cell in enumerate(row)
        ]
        for weekday, row in enumerate(found.cells)
    ]
    return replace(found, cells=cells)


def heatmaps(zones: Mapping[int, tzinfo], start: int, end: int) -> dict[int, Heatmap]:
    """Return how some pools were used by hour and weekday, each in its zone, by their ids. Refusals
    are 0 also where no log tells. One query."""
    start, end = start // HOUR_SECONDS * HOUR_SECONDS, -(-end // HOUR_SECONDS) * HOUR_SECONDS
    table = hour_rows.read(list(zones), IntervalSet.of([start], [end]))
    found = dict(zip(hour_rows.NAMES, table, strict=True))
    places = {pool: place for place, pool in enumerate(sorted(zones))}
    cells = _cells(found["hour"], found["pool_id"], zones, start, end)
    key = cells + CELLS * np.searchsorted(list(places), found["pool_id"])
    count = CELLS * len(zones)
    whole = found["observed_seconds"] == HOUR_SECONDS
    known = np.bincount(key, minlength=count)
    watched = np.bincount(key[whole], minlength=count)
    # Sums of whole numbers below 2**53 are exact, and so many seat-seconds nobody has.
    used = np.bincount(key[whole], found["seat_seconds"][whole], count)
    denials = np.bincount(key, found["denials"], count)
    top, top_at = _highest(key, found, count)
    told = [
        Cell(
            peak=None if peak == NONE else peak,
            peak_at=None if peak == NONE else at,
            mean=seconds / (hours * HOUR_SECONDS) if hours else None,
            denials=int(refused) if some else None,
            known=some,
        )
        for some, hours, seconds, refused, peak, at in zip(
            *(column.tolist() for column in (known, watched, used, denials, top, top_at)),
            strict=True,
        )
    ]
    weeks = {pool: told[place * CELLS : (place + 1) * CELLS] for pool, place in places.items()}
    return {
        pool: Heatmap(start, end, [week[at : at + 24] for at in range(0, CELLS, 24)])
        for pool, week in weeks.items()
    }


def _cells(hour: Ints, pool: Ints, zones: Mapping[int, tzinfo], start: int, end: int) -> Ints:
    """Return of each hour of a pool which hour of the week it is by the pool's clock."""
    found = np.empty(len(hour), dtype=np.int64)
    for zone in set(zones.values()):
        week = _weekly(zone, start, end)
        mine = np.isin(pool, [pk for pk, of in zones.items() if of == zone])
        found[mine] = week[(hour[mine] - start) // HOUR_SECONDS]
    return found


@lru_cache(maxsize=64)
def _weekly(zone: tzinfo, start: int, end: int) -> Ints:
    """Return which hour of the week each hour of a window is, by the clock of a zone."""
    local = (datetime.fromtimestamp(at, zone) for at in range(start, end, HOUR_SECONDS))
    return np.array([each.weekday() * 24 + each.hour for each in local], dtype=np.int64)


def _highest(key: Ints, found: Mapping[str, Ints], count: int) -> tuple[Ints, Ints]:
    """Return the highest peak of each cell and when it was first; NONE where none is known."""
    rows = np.flatnonzero(found["peak"] != NONE)
    rows = rows[np.lexsort((found["hour"][rows], -found["peak"][rows], key[rows]))]
    cells, first = np.unique(key[rows], return_index=True)
    top, at = (np.full(count, NONE, dtype=np.int64) for _ in range(2))
    top[cells], at[cells] = (found[name][rows[first]] for name in ("peak", "peak_at"))
    return top, at


def load_curve(pool: LicensePool, start: int, end: int) -> LoadDuration:
    """Return for how long a pool had how many seats in use, to the second, from the facts.

    Only observed time counts. A constant number of queries.
    """
    facts = load_facts([pool], start, end)[0]
    rows = facts.holdings
    steps = in_use(rows.taken_by, rows.returned_after, rows.seats, start, end)
    levels, seconds = load_duration(steps, facts.observed)
    marks = [(share, level_not_exceeded(steps, share, facts.observed)) for share in MARKS]
    return LoadDuration(
        start,
        end,
        int(seconds[0]) if len(seconds) else 0,
        list(zip(levels.tolist(), seconds.tolist(), strict=True)),
        [(share, seats) for share, seats in marks if seats is not None],
    )
