"""Build the simulated company from a seed: one call, always the same company for the same
arguments."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from random import Random
from zoneinfo import ZoneInfo

from . import catalog
from .entities import Outage, Person, Pool, Rush, Surge, World
from .names import make_people
from .rights import make_rights


def build_world(seed: int, now: int, *, mishaps: bool = True) -> World:
    """Return the company as it stands at `now` (epoch seconds), with what happened to it in the
    year before.

    mishaps: with False no server ever goes down and no text is lost, so that everything that
             happened is on paper.
    """
    random = Random(seed)
    today = datetime.fromtimestamp(now, UTC).date()
    people = make_people(random, catalog.SITES, catalog.PLACING, today)
    leads = tuple(
        person.login
        for person in people
        if person.site == "BER"
        and person.memberships[0].team == "Mechanical Design"
        and not person.other_login
        and " " not in person.login
    )[:4]
    pools = catalog.make_pools(today, leads)
    contracts, entitlements = make_rights(today)
    surge_day = previous_weekday(today - timedelta(days=74), 0)
    return World(
        seed=seed,
        now=now,
        sites=catalog.SITES,
        servers=catalog.SERVERS,
        vendors=catalog.VENDORS,
        teams=catalog.TEAMS,
        people=people,
        pools=pools,
        contracts=contracts,
        entitlements=entitlements,
        rushes=(*launch_day(random, today), *optimizer_batches(random, now)),
        surges=(Surge("Pinemarten Build", surge_day, surge_day + timedelta(days=11), 3.2, 22),),
        outages=make_outages(today) if mishaps else (),
        users={pool.name: choose_users(random, pool, people) for pool in pools.values()},
        busy_from=now - 6 * 3600,
    )


def choose_users(random: Random, pool: Pool, people: tuple[Person, ...]) -> tuple[int, ...]:
    """Return who knows the product, from the right teams and sites, each site by its share of the
    requests."""
    demand = pool.demand
    total = sum(demand.starts.values())
    chosen: list[int] = []
    for site, starts in demand.starts.items():
        fitting = [
            number
            for number, person in enumerate(people)
            if person.site == site and any(m.team in demand.teams for m in person.memberships)
        ]
        wanted = max(4, round(demand.people * starts / total))
        chosen += random.sample(fitting, min(wanted, len(fitting)))
    return tuple(chosen)


def previous_weekday(day: date, weekday: int) -> date:
    """Return the last such weekday (0: Monday) on or before the day."""
    return day - timedelta(days=(day.weekday() - weekday) % 7)


def instant(day: date, hour: int, minute: int, zone: str) -> int:
    """Return the epoch second of a wall-clock time."""
    return int(datetime.combine(day, time(hour, minute), ZoneInfo(zone)).timestamp())


def launch_day(random: Random, today: date) -> list[Rush]:
    """Put more people at the CAD pool than it has seats, from nine to six of one Tuesday."""
    day = previous_weekday(today - timedelta(days=34), 1)
    opening = instant(day, 9, 0, "Europe/Berlin")
    arrivals = [
        (opening + random.randrange(0, 8 * 3600), random.randrange(5400, 3 * 3600))
        for _ in range(46)
    ]
    return [Rush("Meridian CAD", tuple(sorted(arrivals)))]


def optimizer_batches(random: Random, now: int) -> list[Rush]:
    """Fill the optimizer pool in batches: 7 of 8 seats taken at `now`, the last one minutes later,
    then again every 5 h.

    Before `now` there is one batch a fortnight. Whatever the hour, whoever looks sees a pool run
    full soon.
    """
    rushes = []
    starts = [now - 14 * 86400 * k for k in range(26, 0, -1)] + [
        now + 5 * 3600 * k for k in range(0, 24 * 22 // 5)
    ]
    for start in starts:
        early = [start - 3600 + random.randrange(0, 2400) for _ in range(7)]
        late = [start + 150, start + 240, start + 400]
        held = [random.randrange(7800, 9000) for _ in early] + [
            random.randrange(3600, 5400) for _ in late
        ]
        arrivals = tuple(sorted(zip(early + late, held, strict=True)))
        quiet = (start - (16 if start == now else 1) * 3600, start + 3600)
        rushes.append(Rush("Halvorsen Optimizer", arrivals, quiet))
    return rushes


def make_outages(today: date) -> tuple[Outage, ...]:
    """Return the year's mishaps: a crash, an orderly stop, two short restarts, and four days of
    text lost, after which only the restart of that server tells anew what is out."""
    crash = previous_weekday(today - timedelta(days=100), 2)
    stop = previous_weekday(today - timedelta(days=60), 2)
    lost = previous_weekday(today - timedelta(days=130), 1)
    patch = previous_weekday(today - timedelta(days=200), 6)
    again = previous_weekday(today - timedelta(days=110), 6)
    crashed_at = instant(crash, 10, 40, "Europe/Berlin") + 17
    stopped_at = instant(stop, 12, 30, "America/New_York")
    lost_from = instant(lost, 14, 0, "Asia/Kolkata")
    patched_at = instant(patch, 7, 30, "Europe/Berlin")
    started_again = instant(again, 7, 30, "Asia/Kolkata")
    return (
        Outage("lic-berlin", patched_at, patched_at + 300, "shutdown"),
        Outage("lic-pune", lost_from, lost_from + 4 * 86400, "log-gap"),
        Outage("lic-pune", started_again, started_again + 300, "shutdown"),
        Outage("lic-berlin", crashed_at, crashed_at + 47 * 60, "crash"),
        Outage("lic-boston", stopped_at, stopped_at + 90 * 60, "shutdown"),
    )
