"""Weigh stored hours of teams against counting them on demand, over a made-up year.

    python benchmarks/teams.py [--holdings 2000000] [--pools 500] [--database sqlite|postgresql]

Prints what it costs to count the hours of all pools with and without their teams, how large the
rows are, and what a year of one team, a poll and a changed membership cost. Times are of one run:
trust the ratios.
"""

from __future__ import annotations

import argparse
import time
from statistics import median
from typing import Any

import numpy as np
from common import Line, django_on, show, timed
from company import END, START, fill


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--holdings", type=int, default=2_000_000)
    parser.add_argument("--pools", type=int, default=500)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    arguments = parser.parse_args()
    with django_on(arguments.database):
        fill(arguments.holdings, arguments.pools)
        measure()


def measure() -> None:
    from django.db import connection
    from django.db.models import Sum

    from licenses.analysis import rollup
    from licenses.analysis.pool_teams import pool_teams
    from licenses.analysis.team_hours import COLUMNS
    from licenses.analysis.usage import usage
    from licenses.importing.teams import changing
    from licenses.models import LicensePool, Membership, PoolHour, Team, TeamHour

    pools = list(LicensePool.objects.order_by("pk"))
    ids = [pool.pk for pool in pools]

    def count_all() -> None:
        rollup.mark_dirty(ids, START, END)
        rollup.drain()

    def bare(*_: Any) -> list[Any]:
        return [np.empty(0, dtype=np.int64) for _ in COLUMNS]

    counting = rollup.count_teams
    rollup.count_teams = bare
    alone = timed(count_all)
    rollup.count_teams = counting
    both = timed(count_all)
    rows = TeamHour.objects.count()
    tell("hours of pools", PoolHour.objects.count())
    tell("hours of teams", rows)
    tell("count all hours, pools alone", alone, "s")
    tell("count all hours, with teams", both, "s")
    tell("ratio", both / alone)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT SUM(pgsize) FROM dbstat WHERE name IN ('licenses_teamhour', 'team_hour_once')"
            if connection.vendor == "sqlite"
            else "SELECT pg_total_relation_size('licenses_teamhour')"
        )
        size = cursor.fetchone()[0]
    tell("bytes a row, with its index", size / rows)
    tell("size of a year", size / 1e6, "MB")
    team = Team.objects.get(name="team1")
    for name, pool in (("largest", pools[0]), ("middle", pools[len(pools) // 2])):
        held = pool.mappings.get().feature.checkouts.count()
        tell(f"{name} pool, holdings", held)

        def stored(pool: Any = pool) -> Any:
            found = TeamHour.objects.filter(pool=pool, hour__gte=START, team=team)
            return found.aggregate(Sum("seat_seconds"))

        def demanded(pool: Any = pool) -> Any:
            return usage(pool, start=START, end=END, by="hour", teams=[team])

        tell(f"{name} pool, one team's year stored", 1e3 * timed(stored), "ms")
        tell(f"{name} pool, the same on demand", 1e3 * timed(demanded), "ms")
        page = timed(lambda pool=pool: pool_teams(pool, START, END))  # type: ignore[misc]
        tell(f"{name} pool, all teams for its page", 1e3 * page, "ms")

    def poll() -> None:
        rollup.mark_dirty(ids[:177], END - 86400 // 2 - 300, END - 86400 // 2)
        rollup.drain()

    cycles: dict[Any, list[float]] = {counting: [], bare: []}
    for _ in range(5):
        for way, times in cycles.items():
            rollup.count_teams = way
            times.append(timed(poll))
    rollup.count_teams = counting
    cycle = median(cycles[counting])
    tell("one poll, 177 pools, with teams", 1e3 * cycle, "ms")
    tell("one poll, pools alone", 1e3 * median(cycles[bare]), "ms")
    show(
        [
            Line(
                f"hours after one poll's cycle, {len(ids[:177])} pools, teams too",
                f"{1e3 * cycle:.0f} ms",
                both / cycle,
                "at most 1/100 of counting all hours again",
                both >= 100 * cycle,
            )
        ]
    )

    def join() -> None:
        with changing():
            Membership.objects.create(person_id=17, team=Team.objects.get(name="team3"))

    tell("mark a membership of all the year", 1e3 * timed(join), "ms")
    began = time.perf_counter()
    tell("hours that this counts again", rollup.drain())
    tell("counting them", 1e3 * (time.perf_counter() - began), "ms")


def tell(what: str, value: float, unit: str = "") -> None:
    shown = f"{value:>14,}" if isinstance(value, int) else f"{value:>14,.2f}"
    print(f"{what:<40}{shown} {unit}".rstrip(), flush=True)


if __name__ == "__main__":
    main()
