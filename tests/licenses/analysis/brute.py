"""A made-up pool, and its figures counted second by second: slow, plain, and apart."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from licenses.models import (
    Checkout,
    Coverage,
    Denial,
    Entitlement,
    Feature,
    FeatureNow,
    Host,
    IssuedCount,
    LicensePool,
    Person,
    PoolFeature,
    Sighting,
)
from tests.factories import (
    FeatureFactory,
    HostFactory,
    PersonFactory,
    PoolFactory,
    ServerFactory,
    covered,
    polled,
)

NEVER, ALWAYS = 10**11, -(10**11)


@dataclass
class Held:
    """A holding as the counting rules see it: known and possible span, seats of the feature.

    alone: a log tells of its return alone, so that it begins nothing.
    """

    feature: int
    server: int
    person: int
    host: int
    seats: int
    taken_at: int
    taken_by: int
    returned_after: int
    returned_at: int
    alone: bool = False


@dataclass(frozen=True)
class Refused:
    """A refusal: of which feature and server, when, to whom, and for how many of its seats."""

    feature: int
    server: int
    at: int
    person: int
    host: int
    seats: int
    capacity: bool


@dataclass
class World:
    """What was written to the database, as plain values."""

    pool: LicensePool
    start: int
    end: int
    mappings: list[tuple[int, int, int, int]] = field(default_factory=list)  # feature, weight, span
    coverage: dict[int, list[tuple[int, int]]] = field(default_factory=dict)  # by feature
    logs: dict[int, list[tuple[int, int]]] = field(default_factory=dict)  # by feature
    newest: dict[int, int] = field(default_factory=dict)  # last heard of each feature
    rights: list[tuple[str, str | None, int]] = field(default_factory=list)  # days, seats
    files: list[tuple[int, int, int, int | None]] = field(default_factory=list)
    totals: list[tuple[int, int, int | None]] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    people: Sequence[Person] = ()


@dataclass
class Rows:
    """Rows that are written together when all are made."""

    sightings: list[Sighting] = field(default_factory=list)
    holdings: list[Checkout] = field(default_factory=list)
    refusals: list[Denial] = field(default_factory=list)
    same: Counter[tuple[Any, ...]] = field(default_factory=Counter)

    def ordinal(self, *key: Any) -> int:
        """Return how many rows of a key were made before."""
        self.same[key] += 1
        return self.same[key] - 1

    def write(self, features: Sequence[Feature]) -> None:
        Sighting.objects.bulk_create(self.sightings)
        Checkout.objects.bulk_create(self.holdings)
        Denial.objects.bulk_create(self.refusals)
        Feature.objects.bulk_update(features, ["max_duration"])


def crowd() -> tuple[list[Person], list[Host]]:
    """Write those who hold seats, and where."""
    return [PersonFactory() for _ in range(6)], [HostFactory(), HostFactory()]


def make(
    seed: int,
    zone: str,
    start: int,
    hours: float,
    *,
    holdings: int = 70,
    refusals: int = 60,
    who: tuple[Sequence[Person], Sequence[Host]] | None = None,
) -> World:
    """Write a random pool of three features on two servers, with all that can vary.

    who:  people and hosts, where those of another pool are to use this one too.
    """
    dice = random.Random(seed)
    end = start + round(hours * 3600)
    pool = PoolFactory(zone=zone, episode_gap_minutes=dice.choice([5, 15]))
    people, hosts = who or crowd()
    world = World(pool, start, end, people=people)
    servers = [ServerFactory(), ServerFactory()]
    features = [FeatureFactory(server=servers[n // 2], daemon="vendord") for n in range(3)]
    _map(world, features, dice)
    horizons = _cover(world, features, dice)
    _limit(world, features, dice)
    rows = Rows()
    for _ in range(holdings):
        _hold(world, rows, dice.choice(features), hosts, horizons, dice)
    for _ in range(refusals):
        _refuse(world, rows, dice.choice(features), hosts, dice)
    rows.write(features)
    return world


def _refuse(
    world: World, rows: Rows, feature: Feature, hosts: Sequence[Host], dice: random.Random
) -> None:
    person, host = dice.choice(world.people[:3]), dice.choice(hosts)
    moment = dice.randrange(world.start - 1200, world.end + 600)
    if dice.random() < 0.4:  # near a seat, so that it may have been served after all
        held = dice.choice(world.held)
        moment = held.taken_at + dice.randrange(-7, 8)
        person = next(each for each in world.people if each.pk == held.person)
        host = host if dice.random() < 0.2 else next(h for h in hosts if h.pk == held.host)
    seats, capacity = dice.choice([1, 1, 2]), dice.random() < 0.8
    rows.refusals.append(
        Denial(
            feature=feature,
            at=moment,
            person=person,
            host=host,
            seats=seats,
            code=-4 if capacity else -5,
            reason_class="no_seat" if capacity else "not_licensed",
            capacity=capacity,
            ordinal=rows.ordinal(feature.pk, moment, person.pk),
        )
    )
    world.refused.append(
        Refused(feature.pk, feature.server_id, moment, person.pk, host.pk, seats, capacity)
    )


def _map(world: World, features: list[Feature], dice: random.Random) -> None:
    middle = dice.randrange(world.start, world.end - 1200)
    other = PoolFactory()
    first, second, third = features
    rows = [
        (world.pool, first, 1, None, None),
        (world.pool, second, 3, None, middle),
        (world.pool, second, 2, middle, None),
        (other, third, 1, None, middle + 60),
        (world.pool, third, 1, middle + 60, world.end - 600),
    ]
    for pool, feature, weight, since, until in rows:
        PoolFeature.objects.create(
            pool=pool, feature=feature, weight=weight, mapped_from=since, mapped_until=until
        )
        if pool == world.pool:
            since = ALWAYS if since is None else since
            until = NEVER if until is None else until
            world.mappings.append((feature.pk, weight, since, until))


def _cover(
    world: World, features: list[Feature], dice: random.Random
) -> dict[int, tuple[int, int]]:
    """Write coverage; return by feature up to when the log and the polls go."""
    logs: dict[int, list[tuple[int, int]]] = {}
    polls: dict[int, int] = {}
    for server in {feature.server for feature in features}:
        spans = []
        moment = world.start - 7200
        while moment < world.end:
            first = moment + dice.randrange(1, 4000)
            moment = first + dice.randrange(1, 9000)
            daemon = dice.choice(["", "vendord"])
            covered(server, first, moment, daemon=daemon)
            spans.append((first, moment))
            covered(server, first, moment, daemon="otherd")
        first = dice.randrange(world.start, world.end)
        covered(server, first, first + 2000, source=Coverage.Source.POLLS)
        logs[server.pk] = spans
        polls[server.pk] = dice.randrange(world.start, world.end)
        polled(server, polls[server.pk])
        for feature in features:
            if feature.server_id == server.pk:
                world.coverage[feature.pk] = [*spans, (first, first + 2000)]
                world.logs[feature.pk] = spans
                world.newest[feature.pk] = max(spans[-1][1], polls[server.pk])
    return {
        feature.pk: (
            max(last for _, last in logs[feature.server_id]),
            polls[feature.server_id] + 1,
        )
        for feature in features
    }


def _limit(world: World, features: list[Feature], dice: random.Random) -> None:
    zone = ZoneInfo(world.pool.zone)
    days = [
        datetime.fromtimestamp(moment, zone).date()
        for moment in (world.start - 86400, world.start, world.end)
    ]
    for first, last in ((days[1], days[1]), (days[2], None), (days[2], days[2])):
        if dice.random() < 0.5:
            quantity, overdraft = dice.randrange(0, 8), dice.randrange(0, 3)
            Entitlement.objects.create(
                pool=world.pool,
                valid_from=first,
                valid_to=last,
                quantity=quantity,
                overdraft=overdraft,
            )
            world.rights.append((str(first), last and str(last), quantity + overdraft))
    for feature in features:
        # Seats that wait for somebody, and people who wait for seats, use nothing.
        FeatureNow.objects.create(
            feature=feature, at=world.end, reserved_idle=dice.randrange(9), queued=dice.randrange(9)
        )
        for _ in range(2):
            first = dice.choice([None, dice.randrange(world.start - 900, world.end)])
            last = dice.choice([None, dice.randrange(world.end - 900, world.end)])
            if first is not None and last is not None:
                last = max(first + 1, last)
            count = dice.choice([2, 5, 9, None] if dice.random() < 0.3 else [2, 5, 9])
            _issue(feature, "file", count, first, last)
            world.files.append(
                (feature.pk, ALWAYS if first is None else first, last or NEVER, count)
            )
        if dice.random() < 0.7:
            first = dice.randrange(world.start, world.end)
            count = dice.choice([4, 6])
            _issue(feature, "status", count, first, None)
            world.totals.append((feature.pk, first, count))


def _issue(
    feature: Feature, source: str, count: int | None, first: int | None, last: int | None
) -> None:
    IssuedCount.objects.create(feature=feature, source=source, count=count, starts=first, ends=last)


def _hold(
    world: World,
    rows: Rows,
    feature: Feature,
    hosts: Sequence[Host],
    horizons: dict[int, tuple[int, int]],
    dice: random.Random,
) -> None:
    person, seats = dice.choice(world.people), dice.choice([1, 1, 1, 2, 4])
    taken = dice.randrange(world.start - 7200, world.end)
    length = dice.choice([0, 1, 60, dice.randrange(1, 3600), dice.randrange(1, 20000)])
    host = dice.choice(hosts)
    # Borrowed and lingering seats are in use like any other.
    state = dice.choice(Sighting.State.values)
    log, poll = horizons[feature.pk]
    kind = dice.choice(["log", "log", "polls", "log open", "polls open", "return"])
    by, after, at = taken, taken + length, taken + length
    method, sighting = Checkout.Method.EVENT, None
    if kind.startswith("polls"):
        by, method = taken + dice.randrange(60), Checkout.Method.SAMPLED
    if kind == "return":
        length = max(length, 1)
        by = after = at = taken + length
        method = Checkout.Method.RETURNED
    if kind == "polls":
        after = at - dice.randrange(300)
    if kind == "polls open":
        sighting = Sighting(
            feature=feature,
            person=person,
            host=host,
            row_key=str(dice.random())[:32],
            seats=seats,
            started_at=taken,
            first_seen=taken,
            last_seen=taken,
        )
        rows.sightings.append(sighting)
    is_open = kind.endswith("open")
    if is_open:
        at = max(by + 1, log if kind == "log open" else poll)
        # An answer that may be of any second of a minute vouches for none of its own.
        after = at if kind == "log open" else max(by, taken + 1, poll)
    else:
        feature.max_duration = max(feature.max_duration, length)
    rows.holdings.append(
        Checkout(
            feature=feature,
            person=person,
            host=host,
            seats=seats,
            ordinal=rows.ordinal(feature.pk, taken, person.pk, host.pk, seats),
            taken_at=taken,
            taken_within=by - taken,
            returned_after=None if is_open else after,
            returned_at=None if is_open else at,
            method=method,
            state=state,
            end_reason="" if is_open else Checkout.EndReason.RETURNED,
            sighting=sighting,
        )
    )
    world.held.append(
        Held(
            *(feature.pk, feature.server_id, person.pk, host.pk, seats, taken, by, after, at),
            alone=kind == "return",
        )
    )


class Seconds:
    """The pool at every second of the window."""

    def __init__(self, world: World, people: set[int] | None = None) -> None:
        self.world = world
        self.size = world.end - world.start
        self.known, self.possible = [0] * self.size, [0] * self.size
        self.holders: list[set[int]] = [set() for _ in range(self.size)]
        self.people = people
        self._days: dict[int, str] = {}
        self._figures: dict[tuple[int, int], dict[str, Any]] = {}
        self._weights = {
            feature: [self.weight(feature, world.start + t) for t in range(self.size)]
            for feature in {mapping[0] for mapping in world.mappings}
        }
        for row in world.held:
            if people is None or row.person in people:
                self._add(row)
        self.limit = [self._limit(world.start + t) for t in range(self.size)]
        self.seen = [self._told(world.start + t, world.coverage) for t in range(self.size)]
        self.logged = [self._told(world.start + t, world.logs) for t in range(self.size)]

    def weight(self, feature: int, moment: int) -> int:
        for mapped, weight, since, until in self.world.mappings:
            if mapped == feature and since <= moment < until:
                return weight
        return 0

    def _add(self, row: Held) -> None:
        base, weights = self.world.start, self._weights[row.feature]
        for t in range(max(0, row.taken_at - base), min(self.size, row.returned_at - base)):
            self.possible[t] += row.seats * weights[t]
        for t in range(max(0, row.taken_by - base), min(self.size, row.returned_after - base)):
            self.known[t] += row.seats * weights[t]
            if weights[t]:
                self.holders[t].add(row.person)

    def _day(self, moment: int) -> str:
        """Return the date there. Clocks change at full minutes, so each minute is asked once."""
        minute = moment // 60
        if minute not in self._days:
            zone = ZoneInfo(self.world.pool.zone)
            self._days[minute] = str(datetime.fromtimestamp(minute * 60, zone).date())
        return self._days[minute]

    def _limit(self, moment: int) -> int | None:
        day = self._day(moment)
        rights = self.world.rights
        if any(first <= day for first, _, _ in rights):
            return sum(n for first, last, n in rights if first <= day and (not last or day <= last))
        total, fed = 0, False
        for feature, weight, since, until in self.world.mappings:
            if since <= moment < until:
                fed = True
                issued = self._issued(feature, moment)
                if issued is None:
                    return None
                total += issued * weight
        return total if fed else None

    def _issued(self, feature: int, moment: int) -> int | None:
        lines = [r for r in self.world.files if r[0] == feature and r[1] <= moment < r[2]]
        totals = [r for r in self.world.totals if r[0] == feature and r[1] <= moment]
        newest = max((r[1] for r in lines), default=None)
        if totals and (newest is None or totals[-1][1] >= newest):
            return totals[-1][2]
        if not lines or any(r[3] is None for r in lines):
            return None
        return sum(r[3] or 0 for r in lines)

    def _told(self, moment: int, spans: dict[int, list[tuple[int, int]]]) -> bool:
        fed = [f for f, _, since, until in self.world.mappings if since <= moment < until]
        return bool(fed) and all(any(a <= moment < b for a, b in spans[feature]) for feature in fed)

    def figures(self, start: int, end: int) -> dict[str, Any]:
        """Return the figures of [start, end) as PeriodFigures has them. Counts each span once."""
        if (start, end) not in self._figures:
            self._figures[start, end] = self._count(start, end)
        return self._figures[start, end]

    def _count(self, start: int, end: int) -> dict[str, Any]:
        base = self.world.start
        cells = range(start - base, end - base)
        peak = max(self.known[t] for t in cells)
        observed = sum(self.seen[t] for t in cells)
        blind = not observed and not peak
        bounded = [t for t in cells if self.limit[t] is not None]
        high = max(peak, max(self.possible[t] for t in cells))
        first = next(t for t in cells if self.known[t] == peak)
        starts = self._episodes()
        logged = sum(self.logged[t] for t in cells)
        refused = sum(start <= row.at < end for row in self.refused(capacity=True))
        chains = sum(start <= moment < end for moment in starts)
        return {
            "start": start,
            "end": end,
            "limit": self.limit[cells[-1]],
            "peak": None if blind else peak,
            "peak_low": None if blind else peak,
            "peak_high": None if blind else high,
            "peak_at": None if blind else base + first,
            "seat_seconds": sum(self.known[t] for t in cells),
            "full_seconds": sum(0 < self.known[t] >= self.limit[t] for t in bounded)
            if bounded
            else None,
            "over_seconds": sum(self.known[t] > self.limit[t] for t in bounded)
            if bounded
            else None,
            "observed_seconds": observed,
            "checkouts": sum(start <= row.taken_at < end for row in self._grants()),
            "denials": refused if refused or logged else None,
            "denial_episodes": chains if chains or logged else None,
            "people": len(set().union(*(self.holders[t] for t in cells))),
            "logged_seconds": logged,
        }

    def over_use(self, start: int, end: int) -> dict[str, int]:
        """Return the use of [start, end) above what the rights allow, as MonthVerdict has it; where
        no right has begun, nothing is known to be too much."""
        excess = []
        for moment in range(start, end):
            day = self._day(moment)
            begun = any(first <= day for first, _, _ in self.world.rights)
            at = moment - self.world.start
            limit = self.limit[at]
            excess.append(max(0, self.known[at] - limit) if begun and limit is not None else 0)
        runs = [len(list(run)) for over, run in groupby(excess, bool) if over]
        return {
            "over_seconds": sum(runs),
            "over_seat_seconds": sum(excess),
            "over_episodes": len(runs),
            "longest_over_seconds": max(runs, default=0),
            "largest_excess": max(excess),
        }

    def _grants(self) -> list[Held]:
        return [
            row
            for row in self.world.held
            if self.weight(row.feature, row.taken_at)
            and not row.alone
            and (self.people is None or row.person in self.people)
        ]

    def refused(self, *, capacity: bool) -> list[Refused]:
        """Return the refusals of the pool, in time order."""
        rows = [
            row
            for row in self.world.refused
            if row.capacity == capacity
            and self.weight(row.feature, row.at)
            and (self.people is None or row.person in self.people)
        ]
        return sorted(rows, key=lambda row: row.at)

    def served(self, refused: Refused) -> int | None:
        """Walk from the second of a refusal on, then back from it, until a seat is found."""
        grants = [
            row
            for row in self._grants()
            if (row.person, row.host) == (refused.person, refused.host)
            and row.taken_at == row.taken_by
        ]
        for second in range(refused.at, refused.at + 6):
            if any(row.taken_at == second for row in grants):
                return second
        for second in range(refused.at - 1, refused.at - 6, -1):
            if any(row.taken_at == second and row.server != refused.server for row in grants):
                return second
        return None

    def _episodes(self) -> list[int]:
        return [each["starts"] for each in self.episodes(capacity=True)]

    def episodes(self, *, capacity: bool) -> list[dict[str, Any]]:
        """Walk through the seconds with each person who was refused, and return their episodes."""
        gap = self.world.pool.episode_gap_minutes * 60
        found: list[dict[str, Any]] = []
        blocked = [row for row in self.refused(capacity=capacity) if self.served(row) is None]
        for person in {row.person for row in blocked}:
            mine: dict[int, list[Refused]] = {}
            for row in blocked:
                if row.person == person:
                    mine.setdefault(row.at, []).append(row)
            seats = {row.taken_by for row in self._grants() if row.person == person}
            going: list[Refused] = []
            for second in range(min(mine), max(mine) + gap + 2):
                if going and second - going[-1].at > gap:
                    found.append(self._episode(going, None, gap))
                    going = []
                going += mine.get(second, [])
                if going and second in seats:
                    found.append(self._episode(going, second, gap))
                    going = []
        return sorted(found, key=lambda each: (each["starts"], each["person"]))

    def _episode(self, rows: list[Refused], granted: int | None, gap: int) -> dict[str, Any]:
        first, last = rows[0].at, rows[-1].at
        deadline = last + gap
        mute = [
            feature
            for feature, _, since, until in self.world.mappings
            if since <= deadline
            and until > first
            and self.world.newest[feature] <= min(deadline, until - 1)
        ]
        outcome = "waited" if granted is not None else "open" if mute else "gave up"
        at = first - self.world.start
        inside = 0 <= at < self.size
        return {
            "person": rows[0].person,
            "starts": first,
            "last": last,
            "refusals": len(rows),
            "outcome": outcome,
            "granted_at": granted,
            "lost_seconds": (last if granted is None else granted) - first,
            "unexplained": all(self._free(row) for row in rows) if rows[0].capacity else None,
            "in_use": self.known[at] if inside and self.seen[at] else None,
            "limit": self.limit[at] if inside else None,
        }

    def _free(self, row: Refused) -> bool | None:
        """Tell whether seats were free in both seconds; None outside the window."""
        at = row.at - self.world.start
        if not 1 <= at < self.size:
            return None
        limit, wanted = self.limit[at], row.seats * self.weight(row.feature, row.at)
        used = max(self.known[at], self.known[at - 1], self.possible[at], self.possible[at - 1])
        return self.seen[at] and limit is not None and used + wanted <= limit


def utc(text: str) -> int:
    """Return the epoch seconds of a moment in UTC."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())
