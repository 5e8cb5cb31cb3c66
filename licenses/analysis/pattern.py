"""When a pool is used, and how much of the time how many seats are: by hour and weekday, and as a
load-duration curve."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo
from fractions import Fraction
from typing import Any, NamedTuple

from licenses.analysis.rollup import hours
from licenses.analysis.usage import load_facts
from licenses.concurrency.measures import level_not_exceeded, load_duration
from licenses.concurrency.periods import HOUR_SECONDS, iso
from licenses.concurrency.timeline import usage as in_use
from licenses.models import LicensePool

MARKS = (Fraction(95, 100), Fraction(99, 100))


class Cell(NamedTuple):
    """One hour of one weekday over the window; None is *not known*, never zero.

    peak, peak_at:  the most seats in use in any of these hours, and when first.
    mean:           seats in use on average, over those of the hours that were observed in full.
    denials:        capacity refusals in all of them; None where none of them is known.
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
    """Return how a pool was used by hour and weekday, from the stored hours. One query."""
    zone = zone or pool.tzinfo
    start, end = start // HOUR_SECONDS * HOUR_SECONDS, -(-end // HOUR_SECONDS) * HOUR_SECONDS
    table: list[list[_Sum]] = [[_Sum() for _ in range(24)] for _ in range(7)]
    for row in hours(pool, start, end):
        local = datetime.fromtimestamp(row.hour, zone)
        table[local.weekday()][local.hour].add(row)
    return Heatmap(start, end, [[cell.cell() for cell in line] for line in table])


class _Sum:
    """The hours of one cell while they are summed."""

    __slots__ = ("denials", "known", "peak", "peak_at", "seat_seconds", "whole")

    def __init__(self) -> None:
        self.peak: int | None = None
        self.peak_at: int | None = None
        self.seat_seconds = self.whole = self.denials = self.known = 0

    def add(self, row: Any) -> None:
        self.known += 1
        self.denials += row.denials
        if row.peak is not None and (self.peak is None or row.peak > self.peak):
            self.peak, self.peak_at = row.peak, row.peak_at
        if row.observed_seconds == HOUR_SECONDS:
            self.whole += 1
            self.seat_seconds += row.seat_seconds

    def cell(self) -> Cell:
        mean = self.seat_seconds / (self.whole * HOUR_SECONDS) if self.whole else None
        denials = self.denials if self.known else None
        return Cell(self.peak, self.peak_at, mean, denials, self.known)


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
