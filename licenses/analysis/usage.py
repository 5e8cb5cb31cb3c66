"""The use of a pool in figures, for each hour, day, week or month and as a whole."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from typing import Any

import numpy as np

from licenses.analysis.coverage import load_told
from licenses.analysis.holdings import Holdings
from licenses.analysis.horizons import load_horizons
from licenses.analysis.kept import load_held
from licenses.analysis.mappings import Mappings, load_mappings, servers
from licenses.analysis.refusals import Refusals, judged, load_refusals
from licenses.analysis.rights import Limits, load_limits
from licenses.analysis.rows import NONE, optional
from licenses.analysis.team_use import TeamsTogether, named, together
from licenses.analysis.teams import load_teams
from licenses.concurrency.axis import Axis
from licenses.concurrency.denials import TOLERANCE_SECONDS, episodes
from licenses.concurrency.intervals import Flags, IntervalSet, Ints
from licenses.concurrency.measures import measure
from licenses.concurrency.periods import Period, iso, periods
from licenses.concurrency.timeline import UNKNOWN
from licenses.concurrency.timeline import usage as in_use
from licenses.models import LicensePool, Strength, Team


@dataclass(frozen=True, slots=True)
class PeriodFigures:
    """The figures of one period; None is *not known*, never zero.

    `docs/counting.md` says what each of them means.
    """

    start: int
    end: int
    limit: int | None
    peak: int | None
    peak_low: int | None
    peak_high: int | None
    peak_at: int | None
    seat_seconds: int
    full_seconds: int | None
    over_seconds: int | None
    observed_seconds: int
    checkouts: int
    denials: int | None
    denial_episodes: int | None
    people: int
    logged_seconds: int

    def as_dict(self, zone: tzinfo) -> dict[str, Any]:
        """Return the figures for JSON, moments as ISO 8601 in the zone."""
        row: dict[str, Any] = {name: getattr(self, name) for name in self.__slots__}
        for name in ("start", "end", "peak_at"):
            row[name] = None if row[name] is None else iso(row[name], zone)
        return row


@dataclass(frozen=True, slots=True)
class Usage:
    """The use of a pool over [start, end), in periods and in total.

    together:  the teams that were asked for, one by one and jointly; None for the whole pool.
    """

    pool_id: int
    pool: str
    zone: tzinfo
    start: int
    end: int
    periods: list[PeriodFigures]
    total: PeriodFigures
    together: TeamsTogether | None = None

    @property
    def limit(self) -> int | None:
        """Return the limit in the last second."""
        return self.total.limit

    def as_dict(self) -> dict[str, Any]:
        """Return what `manage.py usage --format json` prints and the API answers."""
        found = {
            "pool": self.pool,
            "zone": str(self.zone),
            "from": iso(self.start, self.zone),
            "to": iso(self.end, self.zone),
            "limit": self.limit,
            "periods": [row.as_dict(self.zone) for row in self.periods],
            "total": self.total.as_dict(self.zone),
        }
        return found if self.together is None else found | self.together.as_dict(self.zone)


@dataclass(frozen=True, eq=False, slots=True)
class PoolFacts:
    """All that the figures of a pool over [start, end) are made of.

    holdings, refusals:  those within an episode's gap before the start are there too, to tell
                         whether the first refusals begin an episode; holdings from a little later
                         tell whether the last refusals were served after all.
    """

    pool: LicensePool
    start: int
    end: int
    holdings: Holdings
    limits: Limits
    observed: IntervalSet
    logged: IntervalSet
    refusals: Refusals


@dataclass(frozen=True, eq=False, slots=True)
class Figures:
    """One entry for each period; UNKNOWN where a figure is not known, NONE for a moment.

    denials, denial_episodes:  as logged, 0 also where no log tells.
    """

    start: Ints
    end: Ints
    limit: Ints
    peak: Ints
    peak_high: Ints
    peak_at: Ints
    seat_seconds: Ints
    full_seconds: Ints
    over_seconds: Ints
    observed_seconds: Ints
    checkouts: Ints
    denials: Ints
    denial_episodes: Ints
    people: Ints
    logged_seconds: Ints

    def column(self, name: str) -> list[int | None]:
        """Return a figure of PeriodFigures as plain numbers, None where it is not known."""
        figure = "peak" if name == "peak_low" else name
        values = self.stored(figure, slice(None))
        if name in ("denials", "denial_episodes"):
            values = np.where((values == 0) & (self.logged_seconds == 0), NONE, values)
        return optional(values)

    def stored(self, name: str, wanted: Flags | slice) -> Ints:
        """Return the wanted entries of a figure, NONE where it is not known."""
        values: Ints = getattr(self, name)[wanted]
        if name not in _NULLABLE:
            return values
        return values if name == "peak_at" else np.where(values == UNKNOWN, NONE, values)

    def rows(self) -> list[PeriodFigures]:
        """Return the figures period by period."""
        table = [self.column(name) for name in PeriodFigures.__slots__]
        return [PeriodFigures(*row) for row in zip(*table, strict=True)]


_NULLABLE = {"limit", "peak", "peak_high", "peak_at", "full_seconds", "over_seconds"}


def usage(
    pool: LicensePool,
    *,
    start: int,
    end: int,
    zone: tzinfo | None = None,
    by: Period | None = None,
    teams: Sequence[Team] = (),
    people: bool = True,
    names: bool = False,
    as_of: datetime | None = None,
) -> Usage:
    """Return the use of a pool over [start, end). A constant number of queries.

    zone:   for the periods; the pool's own if None.
    by:     length of the periods; one period if None.
    teams:  count only the joint use of these teams and those below them: what was taken, or
            asked for, while one of them was in force for the person and the host.
    people: tell who held seats at the joint peak of the teams. Not for readers who may see sums
            only.
    names:  tell who held seats at the joint peak of the teams by name.
    as_of:  judge by the entitlements on record at that moment.

    Raises ValueError unless start < end.
    """
    if start >= end:
        raise ValueError(f"the window [{start}, {end}) is empty: expected its end after its start")
    zone = zone or pool.tzinfo
    facts = load_facts([pool], start, end, as_of=as_of)[0]
    shares = None
    if teams:
        facts, shares = _of_teams(facts, teams, people, names)
    edges = periods(start, end, zone, by) if by else np.array([start, end], dtype=np.int64)
    total = count(facts, edges[[0, -1]]).rows()[0]
    rows = [total] if len(edges) == 2 else count(facts, edges).rows()
    return Usage(pool.pk, pool.name, zone, start, end, rows, total, shares)


def load_facts(
    pools: Collection[LicensePool],
    start: int,
    end: int,
    *,
    as_of: datetime | None = None,
    proven_from: int = Strength.PROVEN,
    mappings: Mappings | None = None,
) -> list[PoolFacts]:
    """Return what the figures of each pool over [start, end) are made of. Ten queries, or for a
    long time of one pool, whose holdings may come in pieces (`kept`), fifteen at most.

    mappings:  of the pools, where the caller has them.
    """
    mappings = load_mappings([pool.pk for pool in pools]) if mappings is None else mappings
    earlier = start - 60 * max((pool.episode_gap_minutes for pool in pools), default=0)
    window = earlier - TOLERANCE_SECONDS, end + TOLERANCE_SECONDS + 1
    held = load_held(mappings, load_horizons(servers(mappings)), *window)
    bounds = load_limits(pools, mappings, start, end, as_of=as_of, proven_from=proven_from)
    told = load_told(mappings, start, end)
    refused = load_refusals(mappings, earlier, end, capacity_only=True)
    return [
        PoolFacts(
            pool,
            start,
            end,
            held[pk],
            bounds[pk],
            *told[pk],
            judged(refused[pk], held[pk], mappings[pk]),
        )
        for pool in pools
        for pk in [pool.pk]
    ]


def count(facts: PoolFacts, edges: Ints) -> Figures:
    """Return the figures of each period [edges[i], edges[i+1]) within the window of the facts."""
    return replace(
        count_seats([facts], edges),
        denial_episodes=_per_period(_episode_starts(facts), edges),
        people=_people(facts.holdings, edges),
        logged_seconds=facts.logged.seconds_within(edges),
    )


def count_seats(facts: Sequence[PoolFacts], edges: Ints) -> Figures:
    """Return what `count` does for the periods of each pool, one pool after the other, without
    `denial_episodes`, `people` and `logged_seconds`: these are empty. One pass for all of the
    pools."""
    axis = Axis(len(facts), int(edges[0]), int(edges[-1]))
    periods = axis.edges(edges)
    rows = [each.holdings for each in facts]
    limit = axis.steps([each.limits.limit for each in facts])
    seats = np.concatenate([each.seats for each in rows])
    sure = axis.spans([each.taken_by for each in rows], [each.returned_after for each in rows])
    figures = measure(in_use(*sure, seats, *axis.whole), periods, limit=limit, allowed=limit)
    high = figures.peak
    if not all(each.certain.all() for each in rows):
        maybe = axis.spans([each.earliest for each in rows], [each.latest for each in rows])
        high = np.maximum(high, measure(in_use(*maybe, seats, *axis.whole), periods).peak)
    observed = axis.intervals([each.observed for each in facts]).seconds_within(periods)
    # Nobody looked and nobody is known to have held a seat: that is no peak of 0.
    blind = (observed == 0) & (figures.peak == 0)
    unlimited = figures.limit_known_seconds == 0
    offsets = np.repeat(axis.offsets - axis.start, len(edges) - 1)
    begun = axis.moments([each.taken_at[each.fresh] for each in rows])
    return Figures(
        start=figures.starts - offsets,
        end=np.tile(edges[1:], len(facts)),
        limit=figures.limit,
        peak=np.where(blind, UNKNOWN, figures.peak),
        peak_high=np.where(blind, UNKNOWN, high),
        peak_at=np.where(blind, NONE, figures.peak_at - offsets),
        seat_seconds=figures.seat_seconds,
        full_seconds=np.where(unlimited, UNKNOWN, figures.full_seconds),
        over_seconds=np.where(unlimited, UNKNOWN, figures.over_seconds),
        observed_seconds=observed,
        checkouts=_per_period(begun, periods),
        denials=_per_period(axis.moments([each.refusals.at for each in facts]), periods),
        denial_episodes=_NOTHING,
        people=_NOTHING,
        logged_seconds=_NOTHING,
    )


_NOTHING: Ints = np.empty(0, dtype=np.int64)


def _of_teams(
    facts: PoolFacts, teams: Sequence[Team], people: bool, names: bool
) -> tuple[PoolFacts, TeamsTogether]:
    """Return what is the teams' of the facts, and their figures."""
    held, refused = facts.holdings, facts.refusals
    known = load_teams(np.append(held.person, refused.person), np.append(held.host, refused.host))
    zone = facts.pool.tzinfo
    use = known.belonging(held.person, held.host, held.began, zone)
    refusals = known.belonging(refused.person, refused.host, refused.at, zone)
    window = facts.start, facts.end
    shares = together(
        held,
        refused,
        use,
        refusals,
        named(teams),
        window,
        observed_seconds=facts.observed.seconds,
        logged_seconds=facts.logged.seconds,
        people=people,
        names=names,
    )
    mine = [np.logical_or.reduce([b.of(team.pk) for team in teams]) for b in (use, refusals)]
    return replace(facts, holdings=held.where(mine[0]), refusals=refused.where(mine[1])), shares


def _per_period(moments: Ints, edges: Ints) -> Ints:
    """Return how many of the moments lie in each period."""
    return np.diff(np.searchsorted(np.sort(moments), edges)).astype(np.int64)


def _episode_starts(facts: PoolFacts) -> Ints:
    gap = facts.pool.episode_gap_minutes * 60
    blocked = facts.refusals.blocking
    if not len(blocked):
        return blocked.at
    fresh = facts.holdings.where(facts.holdings.fresh)
    chains = episodes(
        blocked.at,
        blocked.person,
        gap,
        grant_times=fresh.given,
        grant_persons=fresh.person,
    )
    return np.array([chain.start for chain in chains], dtype=np.int64)


def _people(rows: Holdings, edges: Ints) -> Ints:
    """Return how many people are known to hold a seat at some moment of each period.

    The periods of each person are laid on an axis of their own, so that merging the ranges of
    their holdings counts each period once.
    """
    number = len(edges) - 1
    starts = np.maximum(rows.taken_by, edges[0])
    ends = np.minimum(rows.returned_after, edges[-1])
    real = starts < ends
    first = np.searchsorted(edges, starts[real], side="right") - 1
    last = np.searchsorted(edges, ends[real], side="left")
    _names, ranks = np.unique(rows.person[real], return_inverse=True)
    base = ranks * (number + 1)
    ranges = IntervalSet.of(base + first, base + last)
    changes = np.zeros(number + 1, dtype=np.int64)
    np.add.at(changes, ranges.starts % (number + 1), 1)
    np.add.at(changes, ranges.ends % (number + 1), -1)
    return np.cumsum(changes)[:number]
