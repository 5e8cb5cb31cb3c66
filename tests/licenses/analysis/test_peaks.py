"""The moments of peaks, against the figures that name them."""

from __future__ import annotations

import random

import pytest

from licenses.analysis import rollup
from licenses.analysis.peaks import peak_at, team_peak_at, year_peak_at
from licenses.analysis.pool_teams import pool_teams
from licenses.analysis.teams import NOBODYS
from licenses.analysis.usage import usage
from licenses.models import LicensePool, Membership, PoolHour
from tests.factories import FeatureFactory, PersonFactory, PoolFactory, TeamFactory, at, covered
from tests.factories import holding as held

NINE = at("2026-03-10T09:00")
HOUR = 3600
FIVE = NINE + 8 * HOUR


@pytest.fixture
def pool(db: None) -> LicensePool:
    pool = PoolFactory()
    feature = FeatureFactory(pool=pool)
    covered(feature.server, NINE, FIVE)
    staff = TeamFactory(name="Staff")
    design, sales = (TeamFactory(name=name, parent=staff) for name in ("Design", "Sales"))
    people = [PersonFactory() for _ in range(4)]
    for person, team in zip(people, (design, sales, design), strict=False):
        Membership.objects.create(person=person, team=team)
    dice = random.Random(7)
    for _ in range(60):
        start = NINE + dice.randrange(7 * HOUR)
        held(feature, start, start + dice.randrange(HOUR), dice.choice([1, 2]),
             person=dice.choice(people))  # fmt: skip
    rollup.mark_dirty([pool.pk], NINE, FIVE)
    rollup.drain()
    return pool


def test_the_peak_of_a_span_is_at_the_moment_that_its_use_tells(pool: LicensePool) -> None:
    for start, end in ((NINE, FIVE), (NINE + 70, NINE + 5000), (NINE + 3 * HOUR, FIVE - 17)):
        assert peak_at(pool, start, end) == usage(pool, start=start, end=end).total.peak_at
    assert peak_at(pool, FIVE + HOUR, FIVE + 2 * HOUR) is None


def test_the_peak_of_a_team_is_at_a_moment_at_which_it_holds_that_many(pool: LicensePool) -> None:
    teams = {row.team_id: row.peak for row in pool_teams(pool, NINE, FIVE).rows}
    assert len(teams) == 4 and NOBODYS in teams
    for team, peak in teams.items():
        moment = team_peak_at(pool, team, NINE, FIVE)
        assert moment is not None
        # A team's hour is made of its holdings; that of one second tells what it held in it.
        PoolHour.objects.filter(pool=pool).delete()
        PoolHour.objects.create(pool=pool, hour=NINE, peak=1, peak_at=moment)
        then = {row.team_id: row.at_pool_peak for row in pool_teams(pool, NINE, FIVE).rows}
        assert then[team] == peak
    assert team_peak_at(pool, 10**9, NINE, FIVE) is None


def test_the_peak_of_the_year_is_the_one_on_record_though_it_is_about_to_leave_the_year(
    pool: LicensePool,
) -> None:
    now = NINE + 366 * 86_400
    PoolHour.objects.filter(pool=pool).delete()
    for hour, peak in ((NINE, 9), (NINE + 86_400, 7), (NINE + 30 * 86_400, 5)):
        PoolHour.objects.create(pool=pool, hour=hour, peak=peak, peak_at=hour + 5)
    assert year_peak_at(pool, 9, now) == NINE + 5
    assert year_peak_at(pool, 7, now) == NINE + 86_400 + 5
    assert year_peak_at(pool, None, now + 10 * 86_400) == NINE + 30 * 86_400 + 5
    assert year_peak_at(pool, 4, now) is None
