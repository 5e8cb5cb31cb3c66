"""Weigh stored hours of teams against counting them on demand, over a made-up year in SQLite.

    python benchmarks/teams.py [--holdings 2000000] [--pools 500]

Prints what it costs to count the hours of all pools with and without their teams, how large the
rows are, and what a year of one team, a poll and a changed membership cost. Times are of one run:
trust the ratios.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

YEAR = 365 * 86400
END = int(time.time()) // 3600 * 3600
START = END - YEAR
PEOPLE, TEAMS, HOSTS, RULES = 5_000, 40, 8_000, 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--holdings", type=int, default=2_000_000)
    parser.add_argument("--pools", type=int, default=500)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="itam-teams-") as folder:
        os.environ |= {
            "DJANGO_SETTINGS_MODULE": "itam.settings",
            "ITAM_DEBUG": "1",
            "ITAM_DATA_DIR": folder,
        }
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        fill(arguments.holdings, arguments.pools)
        measure()


def fill(count: int, pools: int) -> None:
    """Write pools by Zipf's law, people in teams of a tree of two levels, and their holdings."""
    from django.db import connection, transaction

    from licenses import models as m
    from licenses.importing.teams import match_again

    dice = np.random.default_rng(7)
    with transaction.atomic():
        vendor = m.Vendor.objects.create(name="Vendor")
        product = m.Product.objects.create(vendor=vendor, name="Product")
        server = m.LicenseServer.objects.create(name="server", zone="UTC")
        m.Coverage.objects.create(server=server, source="log", starts=START, ends=END)
        m.LicensePool.objects.bulk_create(
            m.LicensePool(product=product, name=f"pool{n}") for n in range(pools)
        )
        m.Feature.objects.bulk_create(
            m.Feature(server=server, daemon="d", name=f"f{n}", max_duration=40_000)
            for n in range(pools)
        )
        m.PoolFeature.objects.bulk_create(
            m.PoolFeature(pool_id=pool, feature_id=feature)
            for pool, feature in zip(
                m.LicensePool.objects.order_by("pk").values_list("pk", flat=True),
                m.Feature.objects.order_by("pk").values_list("pk", flat=True),
                strict=True,
            )
        )
        parents = [m.Team.objects.create(name=f"division{n}") for n in range(TEAMS // 8)]
        teams = [
            m.Team.objects.create(name=f"team{n}", parent=parents[n % len(parents)])
            for n in range(TEAMS - len(parents))
        ]
        people = m.Person.objects.bulk_create(
            m.Person(pseudonym=m.pseudonym("person", f"u{n}")) for n in range(PEOPLE)
        )
        m.Identity.objects.bulk_create(
            m.Identity(person=person, login=f"u{n}") for n, person in enumerate(people)
        )
        m.Host.objects.bulk_create(
            m.Host(pseudonym=m.pseudonym("host", f"h{n}"), name=f"h{n}") for n in range(HOSTS)
        )
        halfway = datetime.fromtimestamp(START + YEAR // 2, UTC).date()
        m.Membership.objects.bulk_create(
            m.Membership(person=person, team=teams[(n + late) % len(teams)], **days)
            for n, person in enumerate(people[: PEOPLE * 9 // 10])
            for late, days in (
                ((0, {"valid_to": date.fromordinal(halfway.toordinal() - 1)}),
                 (1, {"valid_from": halfway}))
                if n % 3 == 0 else ((0, {}),)
            )
        )  # fmt: skip
        m.TeamRule.objects.bulk_create(
            m.TeamRule(team=teams[n % len(teams)], order=n, host_pattern=f"h{n}*")
            for n in range(RULES)
        )
        match_again()
        weights = 1 / np.arange(1, pools + 1) ** 0.8
        feature = np.sort(dice.choice(pools, count, p=weights / weights.sum()) + 1)
        day = dice.integers(0, YEAR // 86400, count)
        second = np.clip(dice.normal(12 * 3600, 3 * 3600, count), 0, 86_399).astype(np.int64)
        taken = START + day * 86400 + second
        given = np.minimum(taken + dice.integers(60, 4 * 3600, count), END)
        # People keep to few pools and their own machine, as they do.
        person = (feature * 97 + (dice.random(count) ** 2 * 400).astype(np.int64)) % PEOPLE + 1
        host = (person * 3 + dice.integers(0, 2, count)) % HOSTS + 1
        order = np.lexsort((taken, feature))
        rows = zip(*(c[order].tolist() for c in (feature, person, host, taken, given)), strict=True)
        with connection.cursor() as cursor:
            cursor.executemany(
                "INSERT OR IGNORE INTO licenses_checkout (feature_id, person_id, host_id, seats, "
                "taken_at, taken_by, returned_after, returned_at, ordinal, method, state, "
                "end_reason) VALUES (%s, %s, %s, 1, %s, %s, %s, %s, 0, 1, 'held', 'returned')",
                ((f, p, h, a, a, b, b) for f, p, h, a, b in rows),
            )


def measure() -> None:
    from django.db import connection
    from django.db.models import Sum

    from licenses.analysis import rollup
    from licenses.analysis.pool_teams import pool_teams
    from licenses.analysis.usage import usage
    from licenses.importing.teams import changing
    from licenses.models import LicensePool, Membership, PoolHour, Team, TeamHour

    pools = list(LicensePool.objects.order_by("pk"))
    ids = [pool.pk for pool in pools]

    def count_all() -> None:
        rollup.mark_dirty(ids, START, END)
        rollup.drain()

    counting = rollup.count_teams
    rollup.count_teams = lambda *_: []  # type: ignore[assignment]
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

    def bare(*_: Any) -> list[Any]:
        return []

    cycles: dict[Any, list[float]] = {counting: [], bare: []}
    for _ in range(5):
        for way, times in cycles.items():
            rollup.count_teams = way
            times.append(timed(poll))
    rollup.count_teams = counting
    cycle = median(cycles[counting])
    tell("one poll, 177 pools, with teams", 1e3 * cycle, "ms")
    tell("one poll, pools alone", 1e3 * median(cycles[bare]), "ms")
    tell("all hours / one poll", both / cycle)

    def join() -> None:
        with changing():
            Membership.objects.create(person_id=17, team=Team.objects.get(name="team3"))

    tell("mark a membership of all the year", 1e3 * timed(join), "ms")
    began = time.perf_counter()
    tell("hours that this counts again", rollup.drain())
    tell("counting them", 1e3 * (time.perf_counter() - began), "ms")


def timed(deed: Callable[[], Any]) -> float:
    began = time.perf_counter()
    deed()
    return time.perf_counter() - began


def tell(what: str, value: float, unit: str = "") -> None:
    shown = f"{value:>14,}" if isinstance(value, int) else f"{value:>14,.2f}"
    print(f"{what:<40}{shown} {unit}".rstrip(), flush=True)


if __name__ == "__main__":
    main()
