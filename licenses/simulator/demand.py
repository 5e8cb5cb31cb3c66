"""Who asks for what, and when: requests drawn day by day, each day from its own seed, so that later
days change nothing earlier."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from .entities import Pool, Site, World

HOURS: dict[str, dict[int, float]] = {
    "office": {7: 2, 8: 8, 9: 14, 10: 12, 11: 9, 12: 4, 13: 11, 14: 11, 15: 9, 16: 6, 17: 3, 18: 1},
    "morning": {7: 6, 8: 17, 9: 17, 10: 12, 11: 6, 12: 2, 13: 2, 14: 1},
    "afternoon": {11: 1, 12: 2, 13: 15, 14: 18, 15: 14, 16: 8, 17: 3},
    "round-the-clock": {
        **dict.fromkeys(range(24), 2.0),
        8: 5,
        9: 9,
        10: 9,
        11: 7,
        12: 3,
        13: 7,
        14: 8,
        15: 7,
        16: 5,
        17: 4,
    },
    "jobs": dict.fromkeys(range(24), 1.0),
}
WEEKEND = {"round-the-clock": 0.35, "jobs": 1.0}
"""What is left of a working day's requests at weekends and holidays; 0.03 elsewhere."""


@dataclass(slots=True)
class Request:
    """Someone wants seats at `at` and, once served, keeps them for `seconds`."""

    at: int
    pool: int
    """Index into the world's pools."""
    person: int
    seats: int
    seconds: int
    ending: str
    """in, or inactive: the server takes the seat back."""
    borrowed: bool
    second_machine: bool
    wrong_version: bool
    delays: tuple[int, ...]
    """Seconds before each new try; who is refused once more after the last gives up."""
    source: int
    """Which source is asked, where the request is for one alone."""
    data: str
    tried: int = 0


def is_working_day(site: Site, day: date) -> bool:
    return day.weekday() < 5 and (day.month, day.day) not in site.holidays


def is_quarter_end(day: date) -> bool:
    """Tell whether the day is among the last five of a quarter or the first seven of the next."""
    later = day + timedelta(days=5)
    return any(
        each.month in (1, 4, 7, 10) and each.day <= last for each, last in ((later, 5), (day, 7))
    )


def factor(world: World, pool: Pool, site: Site, day: date) -> float:
    """Return how busy a day is against an ordinary working day."""
    demand = pool.demand
    value = 1.0 if is_working_day(site, day) else WEEKEND.get(demand.profile, 0.03)
    if demand.season == "quarter-end" and is_quarter_end(day):
        return 8.0 if day.weekday() < 5 else 0.6
    if (day.month, day.day) >= (12, 24) or (day.month, day.day) <= (1, 1):
        value *= 0.15
    if day.month == 8 and demand.profile != "jobs":
        value *= 0.8
    for surge in world.surges:
        if surge.pool == pool.name and surge.first <= day <= surge.last:
            value *= surge.factor
    return value


def next_morning(site: Site, day: date) -> date:
    """Return the first working day after `day`."""
    day += timedelta(days=1)
    while not is_working_day(site, day):
        day += timedelta(days=1)
    return day


def requests(world: World, start: int, end: int) -> list[Request]:
    """Return every request in [start, end), in time order."""
    found: list[Request] = []
    for number, pool in enumerate(world.pools.values()):
        for place, code in enumerate(pool.demand.starts):
            site = world.sites[code]
            users = [
                person for person in world.users[pool.name] if world.people[person].site == code
            ]
            zone = ZoneInfo(site.zone)
            day = datetime.fromtimestamp(start, zone).date()
            while int(datetime.combine(day, time(), zone).timestamp()) < end:
                random = np.random.default_rng([world.seed, number, place, day.toordinal()])
                found += day_of(world, number, pool, site, users, day, random)
                day += timedelta(days=1)
    found += rush_requests(world)
    found = [each for each in found if start <= each.at < end]
    found.sort(key=lambda each: (each.at, each.pool, each.person, each.seconds))
    return found


def day_of(
    world: World,
    number: int,
    pool: Pool,
    site: Site,
    users: list[int],
    day: date,
    random: np.random.Generator,
) -> Iterator[Request]:
    """Yield one pool's requests of one site and one local day, in no order."""
    demand = pool.demand
    midnight = int(datetime.combine(day, time(), ZoneInfo(site.zone)).timestamp())
    season = demand.season == "quarter-end"
    crowd = users[: demand.core] if season and not is_quarter_end(day) else users
    mean = demand.starts[site.code] * factor(world, pool, site, day)
    count = int(random.poisson(mean))
    hours = HOURS[demand.profile]
    weights = np.array(list(hours.values()), dtype=float)
    times = random.choice(
        list(hours), size=count, p=weights / weights.sum()
    ) * 3600 + random.integers(0, 3600, count)
    starts = [midnight + int(second) for second in times]
    if demand.profile == "jobs":
        tomorrow = datetime.combine(day + timedelta(days=1), time(), ZoneInfo(site.zone))
        busy = busy_starts(midnight, int(tomorrow.timestamp()), random)
        starts += [at for at in busy if at >= world.busy_from]
    count = len(starts)
    people = random.integers(0, len(crowd), count)
    sizes, odds = zip(*demand.seats, strict=True)
    seats = random.choice(sizes, size=count, p=odds)
    lengths = demand.minutes * 60 * np.exp(demand.spread * random.standard_normal(count))
    chance = random.random((count, 4))
    patience = random.integers(0, 6, count)
    delays = random.integers(60, 181, (count, 6))
    sources = random.integers(0, len(pool.sources), count)
    jitter = random.integers(0, 7200, count)
    timeout = pool.sources[0].supply.timeout_seconds
    quiet = [rush.quiet for rush in world.rushes if rush.pool == pool.name and rush.quiet]
    for i, at in enumerate(starts):
        if any(low <= at < high for low, high in quiet):
            continue
        seconds, ending, borrowed = max(120, int(lengths[i])), "in", False
        if demand.profile == "jobs":
            seconds = 120 + int(jitter[i]) * 360 // 7200
        elif chance[i, 0] < demand.borrows:
            borrowed, seconds = True, 86400 * (2 + int(jitter[i]) % 5) + int(jitter[i])
        elif chance[i, 0] > 1 - demand.walks_away:
            if timeout:
                seconds, ending = min(seconds, 4 * 3600) + timeout, "inactive"
            else:
                back = datetime.combine(next_morning(site, day), time(8, 15), ZoneInfo(site.zone))
                seconds = int(back.timestamp()) + int(jitter[i]) // 2 - at
        elif demand.profile != "round-the-clock":
            closing = midnight + 17 * 3600 + 1800 + int(jitter[i])
            seconds = max(300, min(seconds, closing - at))
        yield Request(
            at=at,
            pool=number,
            person=crowd[int(people[i])],
            seats=int(seats[i]),
            seconds=seconds,
            ending=ending,
            borrowed=borrowed,
            second_machine=bool(chance[i, 1] < 0.4),
            wrong_version=bool(chance[i, 2] < 0.0015) and demand.profile != "jobs",
            delays=tuple(int(delay) for delay in delays[i, : patience[i]]),
            source=int(sources[i]),
            data=demand.data[int(jitter[i]) % len(demand.data)] if demand.data else "",
        )


def busy_starts(start: int, end: int, random: np.random.Generator) -> list[int]:
    """Return starts from `start` to `end`, so close that any 60 seconds see at least one."""
    starts = np.arange(start, end, 45)
    return [int(at) for at in starts + random.integers(0, 15, len(starts))]


def rush_requests(world: World) -> Iterator[Request]:
    """Yield the requests that come at set times; their people are the pool's users in turn."""
    names = list(world.pools)
    for rush in world.rushes:
        users = world.users[rush.pool]
        for turn, (at, seconds) in enumerate(rush.arrivals):
            day = datetime.fromtimestamp(at, UTC).toordinal()
            random = np.random.default_rng([world.seed, day, turn])
            yield Request(
                at=at,
                pool=names.index(rush.pool),
                person=users[turn % len(users)],
                seats=1,
                seconds=seconds,
                ending="in",
                borrowed=False,
                second_machine=False,
                wrong_version=False,
                delays=tuple(
                    int(delay) for delay in random.integers(60, 181, int(random.integers(0, 5)))
                ),
                source=0,
                data="",
            )
