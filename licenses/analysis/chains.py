"""From refusals to episodes: what the facts say of some time of a pool, before anything is kept."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from licenses.analysis.coverage import load_observed
from licenses.analysis.holdings import Holdings, load_holdings
from licenses.analysis.horizons import Horizons, load_horizons
from licenses.analysis.mappings import Mapping, Mappings, servers
from licenses.analysis.refusals import CLASSES, Refusals, judged, load_refusals
from licenses.analysis.rights import load_limits
from licenses.concurrency.denials import TOLERANCE_SECONDS, islands, outcome
from licenses.concurrency.denials import Episode as Chain
from licenses.concurrency.denials import episodes as chain
from licenses.concurrency.intervals import Flags, IntervalSet, Ints
from licenses.concurrency.timeline import OPEN, UNKNOWN, Steps
from licenses.concurrency.timeline import usage as in_use
from licenses.models import DenialEpisode, LicensePool
from licenses.sources.flexnet.denials import DenialClass

MARGIN_SECONDS = 4 * 3600
"""How far around the asked time to look for refusals that hang together with those in it. Chains
that reach further are followed further."""

REACH_SECONDS = TOLERANCE_SECONDS + 1
"""How far a change bears on refusals before and after it, above the gap of episodes."""

Zones = dict[int, IntervalSet]
Who = tuple[int, bool]
"""A person, and whether they were refused for want of seats: what is chained together."""


class Episode(NamedTuple):
    """One person's chain of refusals as it is stored; DenialEpisode says what each field means."""

    person: int
    capacity: bool
    starts: int
    last: int
    refusals: int
    reason_class: str
    outcome: str
    granted_at: int | None
    lost_seconds: int
    in_use: int | None
    limit: int | None


@dataclass(frozen=True, eq=False, slots=True)
class Found:
    """The refusals of a pool that hang together with the asked time, and their episodes.

    spans:  by who was refused, the spans [first, last] that hold nothing but these refusals.
    """

    refusals: Refusals
    spans: dict[Who, list[tuple[int, int]]]
    episodes: list[Episode]


def gap_of(pool: LicensePool) -> int:
    """Return how many seconds two refusals of an episode may be apart."""
    return pool.episode_gap_minutes * 60


def find(pools: Collection[LicensePool], mappings: Mappings, zones: Zones) -> dict[int, Found]:
    """Return the refusals that hang together with those in the zones, and their episodes, by pool.

    One query where nobody was refused, else nine; one more for each time that a chain reaches
    beyond what was loaded.
    """
    linked = _linked(pools, mappings, zones)
    refused = [pool for pool in pools if len(linked[pool.pk][0])]
    found = {pool.pk: Found(linked[pool.pk][0], {}, []) for pool in pools}
    if not refused:
        return found
    some = {pool.pk: mappings[pool.pk] for pool in refused}
    moments = np.concatenate([linked[pool.pk][0].at for pool in refused])
    start = int(moments.min()) - REACH_SECONDS
    end = int(moments.max()) + max(map(gap_of, refused)) + REACH_SECONDS + 1
    horizons = load_horizons(servers(some))
    held = load_holdings(some, horizons, start, end)
    limits = load_limits(refused, some, start, end)
    seen = load_observed(some, start, end)
    for pool in refused:
        pk = pool.pk
        refusals, spans = linked[pk]
        refusals = judged(refusals, held[pk], some[pk])
        scene = _Scene(pool, some[pk], horizons, held[pk], limits[pk].limit, seen[pk], start, end)
        found[pk] = Found(refusals, spans, scene.episodes(refusals.blocking))
    return found


def heard_until(maps: Iterable[Mapping], horizons: Horizons, start: int, deadline: int) -> int:
    """Return up to when all that fed a pool over [start, deadline] was heard of.

    What ceased to feed it needs to be heard of until then only; OPEN where nothing is missing.
    """
    newest = [
        (horizons.newest(m.server, m.daemon), min(deadline, m.end - 1))
        for m in maps
        if m.start <= deadline and m.end > start
    ]
    return min((heard for heard, needed in newest if heard <= needed), default=OPEN)


def _linked(
    pools: Collection[LicensePool], mappings: Mappings, zones: Zones
) -> dict[int, tuple[Refusals, dict[Who, list[tuple[int, int]]]]]:
    """Return the refusals of whole islands that touch the zones, and the islands' spans."""
    asked = [zone for zone in zones.values() if len(zone)]
    first = min((int(zone.starts[0]) for zone in asked), default=0)
    last = max((int(zone.ends[-1]) for zone in asked), default=0)
    margin = MARGIN_SECONDS
    while True:
        start, end = first - margin, last + margin
        loaded = load_refusals(mappings, start, end)
        found: dict[int, tuple[Refusals, dict[Who, list[tuple[int, int]]]]] = {}
        whole = True
        for pool in pools:
            refusals, gap = loaded[pool.pk], gap_of(pool)
            if not len(refusals):
                found[pool.pk] = refusals, {}
                continue
            group = refusals.person * 2 + refusals.capacity
            number, firsts, lasts = islands(refusals.at, group, gap)
            near = _touching(firsts, lasts, zones[pool.pk])
            cut = near & ((firsts - gap < start) | (lasts + gap >= end))
            whole = whole and not cut.any()
            spans: dict[Who, list[tuple[int, int]]] = {}
            owner = np.zeros_like(firsts)
            owner[number] = group
            for who, one, other in zip(
                *(column[near].tolist() for column in (owner, firsts, lasts)), strict=True
            ):
                spans.setdefault((who // 2, bool(who % 2)), []).append((one, other))
            found[pool.pk] = refusals.where(near[number]), spans
        if whole:
            return found
        margin *= 8


def _touching(firsts: Ints, lasts: Ints, zone: IntervalSet) -> Flags:
    """Tell which spans [first, last] have a second in common with the zone."""
    inside: Flags = zone.seconds_before(lasts + 1) > zone.seconds_before(firsts)
    return inside


class _Scene:
    """A pool around its refusals: who took seats, how many were in use, and what was observed."""

    def __init__(
        self,
        pool: LicensePool,
        maps: list[Mapping],
        horizons: Horizons,
        held: Holdings,
        limit: Steps,
        seen: IntervalSet,
        start: int,
        end: int,
    ) -> None:
        self.gap, self.maps, self.horizons = gap_of(pool), maps, horizons
        self.limit, self.seen = limit, seen
        self.fresh = held.where(held.fresh)
        self.known = in_use(held.taken_by, held.returned_after, held.seats, start, end)
        self.possible = in_use(held.earliest, held.latest, held.seats, start, end)

    def episodes(self, blocked: Refusals) -> list[Episode]:
        """Return the episodes of refusals that blocked people, by kind, start and person."""
        return [
            episode
            for capacity in (True, False)
            for episode in self._of_kind(blocked.where(blocked.capacity == capacity), capacity)
        ]

    def _of_kind(self, blocked: Refusals, capacity: bool) -> Iterator[Episode]:
        if not len(blocked):
            return
        blocked = blocked.where(np.lexsort((blocked.kind, blocked.at, blocked.person)))
        people = np.unique(blocked.person)
        taken = self.fresh.where(np.isin(self.fresh.person, people))
        chains = chain(
            blocked.at,
            blocked.person,
            self.gap,
            grant_times=taken.given,
            grant_persons=taken.person,
        )
        heads = np.searchsorted(blocked.person, people)
        tails = np.append(heads[1:], len(blocked))
        rows = dict(zip(people.tolist(), zip(heads, tails, strict=True), strict=True))
        free = self._seats_were_free(blocked)
        for each in chains:
            head, tail = rows[each.person]
            inside = head + np.searchsorted(blocked.at[head:tail], [each.start, each.last + 1])
            part = slice(*inside.tolist())
            first = str(CLASSES[int(blocked.kind[inside[0]])])
            reason_class = _want(blocked.kind[part], free[part]) if capacity else first
            seats = np.sort(taken.given[taken.person == each.person])
            yield self._episode(each, capacity, reason_class, seats)

    def _episode(self, each: Chain, capacity: bool, reason_class: str, seats: Ints) -> Episode:
        deadline = each.last + self.gap
        heard = heard_until(self.maps, self.horizons, each.start, deadline)
        ended = outcome(each, seats, self.gap, known_until=heard)
        observed = self.seen.contains(each.start)
        limit = int(_levels(self.limit, each.start))
        until = each.last if ended.granted_at is None else ended.granted_at
        return Episode(
            person=each.person,
            capacity=capacity,
            starts=each.start,
            last=each.last,
            refusals=each.count,
            reason_class=reason_class,
            outcome=DenialEpisode.Outcome(ended.kind).value,
            granted_at=ended.granted_at,
            lost_seconds=until - each.start,
            in_use=int(_levels(self.known, each.start)) if observed else None,
            limit=None if limit == UNKNOWN else limit,
        )

    def _seats_were_free(self, refused: Refusals) -> Flags:
        """Tell for which refusals we saw as many free seats as were asked for.

        In the second before and in that of the refusal, since the order within a second is not
        known; and even if all held seats that may have been held.
        """
        at = refused.at
        limit = _levels(self.limit, at)
        seen = self.seen.seconds_before(at + 1) > self.seen.seconds_before(at)
        used = np.zeros_like(at)
        for steps in (self.known, self.possible):
            used = np.maximum(used, np.maximum(_levels(steps, at - 1), _levels(steps, at)))
        free: Flags = seen & (limit != UNKNOWN) & (used + refused.seats <= limit)
        return free


def _levels(steps: Steps, moments: Ints | int) -> Ints:
    """Return the level at each moment; all of them lie in the window."""
    levels: Ints = steps.levels[np.searchsorted(steps.times, moments, side="right") - 1]
    return levels


def _want(kinds: Ints, free: Flags) -> str:
    """Return why seats were wanting in vain over an episode."""
    if free.all():
        return DenialEpisode.UNEXPLAINED
    if (kinds == CLASSES.index(DenialClass.REQUEST_TOO_LARGE)).all():
        return str(DenialClass.REQUEST_TOO_LARGE)
    return str(DenialClass.NO_SEAT)
