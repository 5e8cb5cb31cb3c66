"""Hourly figures of teams: counted together with the hours of their pools, from the same facts.

An hour in which no team used or wanted a pool has no rows: all of it is nobody's, and the pool's
own hour tells of it (`team_sums`). Before there are teams, as many rows again would say nothing
new.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import TypeVar
from zoneinfo import ZoneInfo

import numpy as np

from licenses.analysis.holdings import Holdings
from licenses.analysis.hour_rows import same_spans
from licenses.analysis.prepared import Asked, Prepared
from licenses.analysis.refusals import Refusals
from licenses.analysis.rows import NONE, insert
from licenses.analysis.teams import NOBODYS, Teams, load_teams
from licenses.analysis.usage import PoolFacts
from licenses.concurrency.axis import Axis
from licenses.concurrency.intervals import IntervalSet, Ints
from licenses.concurrency.periods import HOUR_SECONDS
from licenses.concurrency.rollups import hourly
from licenses.concurrency.timeline import distinct
from licenses.models import TeamHour

Columns = TypeVar("Columns", Holdings, Refusals)
COLUMNS = ("pool_id", "hour", "team_id", "peak", "seat_seconds", "checkouts", "denials")
_NO_ROWS: list[Ints] = [np.empty(0, dtype=np.int64)] * len(COLUMNS)


@dataclass(frozen=True, eq=False, slots=True)
class _Keys:
    """A whole number for each (pool, team, hour): pools and teams by place, hours from the start.

    So numbers are in the order in which rows are stored.
    """

    pools: list[int]
    teams: list[int]
    start: int
    hours: int

    def group(self, pools: Ints, teams: Ints) -> Ints:
        return pools * len(self.teams) + np.searchsorted(self.teams, teams)

    def of(self, groups: Ints, moments: Ints) -> Ints:
        return groups * self.hours + (moments - self.start) // HOUR_SECONDS

    def parts(self, keys: Ints) -> tuple[Ints, Ints, Ints]:
        """Return the places of the pools, the places of the teams, and the hours."""
        groups, hours = keys // self.hours, keys % self.hours * HOUR_SECONDS + self.start
        return groups // len(self.teams), groups % len(self.teams), hours

    def slots(self, keys: Ints) -> Ints:
        """Return a number for each (pool, hour)."""
        return keys // self.hours // len(self.teams) * self.hours + keys % self.hours


def replace_hours(dirty: Mapping[int, IntervalSet], table: list[Ints]) -> None:
    """Put a table as of `count_teams` in the place of what is stored of the dirty hours."""
    for spans, pools in same_spans(dirty).items():
        for start, end in spans:
            _STORED.delete(pools, start, end)
    insert(TeamHour, COLUMNS, table)


@Prepared
def _STORED(pool_ids: Collection[int], start: int, end: int) -> Asked:
    return TeamHour.objects.filter(pool__among=pool_ids, hour__gte=start, hour__lt=end), COLUMNS


def count_teams(
    facts: Sequence[PoolFacts], start: int, end: int, dirty: dict[int, IntervalSet]
) -> list[Ints]:
    """Return the rows of the dirty hours of each pool in [start, end), a column for each COLUMNS.

    start, end:  full UTC hours, the window of the facts.
    dirty:       by pool; each has an entry.

    Four queries at most. One sort of two keys for each holding and each of its teams.
    """
    known = _teams(facts)
    if known is None:
        return _NO_ROWS
    keys = _Keys(
        [row.pool.pk for row in facts],
        [NOBODYS, *sorted(known.above)],
        start,
        (end - start) // HOUR_SECONDS,
    )
    spans: list[list[Ints]] = [[], [], [], []]
    begun: list[Ints] = []
    denied: list[Ints] = []
    for zone, places in _by_zone(facts).items():
        held, holder = _together([facts[place].holdings for place in places], places)
        refused, asker = _together([facts[place].refusals for place in places], places)
        use = known.belonging(held.person, held.host, held.began, ZoneInfo(zone))
        wish = known.belonging(refused.person, refused.host, refused.at, ZoneInfo(zone))
        teamed = np.zeros(len(facts), dtype=np.bool_)
        for which, owner in ((use, holder), (wish, asker)):
            teamed[owner[which.place[which.team != NOBODYS]]] = True
        use, wish = use.where(teamed[holder]), wish.where(teamed[asker])
        held, groups = held.where(use.place), keys.group(holder[use.place], use.team)
        columns = (held.taken_by, held.returned_after, held.seats, groups)
        for column, values in zip(spans, columns, strict=True):
            column.append(values)
        fresh = held.fresh & (held.taken_at >= start) & (held.taken_at < end)
        begun.append(keys.of(groups[fresh], held.taken_at[fresh]))
        moments, groups = refused.at[wish.place], keys.group(asker[wish.place], wish.team)
        inside = (moments >= start) & (moments < end)
        denied.append(keys.of(groups[inside], moments[inside]))
    return _rows(keys, spans, begun, denied, dirty)


def _teams(facts: Sequence[PoolFacts]) -> Teams | None:
    """Return the teams of those who used or wanted a pool; None where nobody did, or there are
    none."""
    people = [column for row in facts for column in (row.holdings.person, row.refusals.person)]
    hosts = [column for row in facts for column in (row.holdings.host, row.refusals.host)]
    if not sum(len(column) for column in people):
        return None
    known = load_teams(np.concatenate(people), np.concatenate(hosts))
    return known if known.above else None


def _by_zone(facts: Sequence[PoolFacts]) -> dict[str, list[int]]:
    """Return the places of the pools by zone: whose use it was is asked once for each."""
    found: dict[str, list[int]] = {}
    for place, row in enumerate(facts):
        found.setdefault(row.pool.zone, []).append(place)
    return found


def _together(parts: Sequence[Columns], places: Sequence[int]) -> tuple[Columns, Ints]:
    """Return the rows of several pools as one, and the place of the pool of each row."""
    names = [column.name for column in fields(parts[0])]
    joined = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    lengths = [len(part.person) for part in parts]
    return replace(parts[0], **joined), np.repeat(np.array(places, dtype=np.int64), lengths)


def _rows(
    keys: _Keys,
    spans: list[list[Ints]],
    begun: list[Ints],
    denied: list[Ints],
    dirty: dict[int, IntervalSet],
) -> list[Ints]:
    taken, given, seats, groups = (np.concatenate(column) for column in spans)
    end = keys.start + keys.hours * HOUR_SECONDS
    hours = hourly(taken, given, seats, groups, keys.start, end)
    held = keys.of(hours.groups, hours.hours)
    figures = {
        "used": (held, hours.peak, hours.seat_seconds),
        "begun": np.unique(np.concatenate(begun), return_counts=True),
        "denied": np.unique(np.concatenate(denied), return_counts=True),
    }
    wanted = distinct(np.concatenate([column[0] for column in figures.values()]))
    pools, teams, moments = keys.parts(wanted)
    axis = Axis(len(keys.pools), keys.start, end)
    asked = axis.intervals([dirty[pool] for pool in keys.pools])
    begin = axis.offsets[pools] + moments - keys.start
    kept = asked.seconds_before(begin + HOUR_SECONDS) > asked.seconds_before(begin)
    columns = [
        np.array(keys.pools, dtype=np.int64)[pools],
        moments,
        np.array(keys.teams, dtype=np.int64)[teams],
        *(_spread(wanted, found[0], values) for found in figures.values() for values in found[1:]),
    ]
    used = kept & ((columns[3] > 0) | (columns[5] > 0) | (columns[6] > 0))
    columns = [column[used] for column in columns]
    slots = keys.slots(wanted[used])
    told = np.isin(slots, slots[columns[2] != NOBODYS])
    columns[2] = np.where(columns[2] == NOBODYS, NONE, columns[2])
    return [column[told] for column in columns]


def _spread(wanted: Ints, keys: Ints, values: Ints) -> Ints:
    """Return the values at the places of their keys among the wanted ones, 0 elsewhere."""
    column = np.zeros(len(wanted), dtype=np.int64)
    column[np.searchsorted(wanted, keys)] = values
    return column
