"""A made-up company in the database: pools by Zipf's law, teams, and a year of holdings."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime

import numpy as np

YEAR = 365 * 86400
END = int(time.time()) // 3600 * 3600
START = END - YEAR
PEOPLE, TEAMS, HOSTS, RULES = 5_000, 40, 8_000, 20


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
                "INSERT INTO licenses_checkout (feature_id, person_id, host_id, seats, "
                "taken_at, taken_within, returned_after, returned_at, ordinal, method, state, "
                "end_reason) VALUES (%s, %s, %s, 1, %s, 0, %s, %s, 0, 1, 0, 1) "
                "ON CONFLICT DO NOTHING",
                ((f, p, h, a, b, b) for f, p, h, a, b in rows),
            )
