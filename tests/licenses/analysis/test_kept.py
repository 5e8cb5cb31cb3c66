"""What is kept of large pools is what their rows tell, at every moment."""

from __future__ import annotations

from itertools import pairwise

import pytest

from licenses.analysis import kept, rollup
from licenses.analysis.horizons import load_horizons
from licenses.analysis.mappings import load_mappings, servers
from licenses.analysis.over_use import over_use
from licenses.analysis.pool_teams import pool_teams
from licenses.analysis.series import series
from licenses.analysis.usage import usage
from licenses.analysis.verdict import verdicts
from licenses.models import Checkout, KeptPart, PoolFeature
from licenses.models import PackageComponent as Component
from tests.factories import (
    EntitlementFactory,
    FeatureFactory,
    MembershipFactory,
    PersonFactory,
    PoolFactory,
    at,
    covered,
    holding,
)
from tests.licenses.analysis import brute
from tests.unguarded import unguarded

pytestmark = pytest.mark.django_db

START, HOURS = brute.utc("2026-03-10T06:00"), 6
END = START + HOURS * 3600
NOW = END + kept.SETTLED_SECONDS
NINE = at("2026-03-10T09:00")


@pytest.fixture(autouse=True)
def _short_parts(monkeypatch):
    monkeypatch.setattr(kept, "PART_SECONDS", 3600)
    monkeypatch.setattr(kept, "FEWEST", 1)


@pytest.fixture
def pool():
    """A pool of which an hour with two seats in use, by one person each, is kept."""
    pool = PoolFactory()
    feature = FeatureFactory(pool=pool)
    covered(feature.server, NINE, NINE + 4 * 3600)
    for _ in range(2):
        holding(feature, NINE + 60, NINE + 3660)
    rollup.mark_dirty([pool.pk], NINE, NINE + 4 * 3600)
    rollup.drain()
    kept.keep(NINE + 4 * 3600 + kept.SETTLED_SECONDS)
    return pool


def told(pool, start=START, end=END):
    """Return all that pages and programs are told of a pool over a window."""
    thirds = [start, start + 7300, start + 11_000, end]
    return [
        usage(pool, start=start, end=end, by="hour"),
        usage(pool, start=start + 77, end=end - 99),
        over_use(pool, start, end),
        verdicts(pool, list(pairwise(thirds)), now=end),
        series(pool, start, end, step=900, now=end),
    ]


def is_kept(pool):
    rows = KeptPart.objects.filter(pool=pool).order_by("part")
    return [row.part * 3600 - NINE for row in rows if row.holdings]


@pytest.mark.parametrize("seed", range(5))
def test_figures_from_kept_parts_are_those_of_the_rows(seed):
    pool = brute.make(seed, "Europe/Berlin", START, HOURS).pool
    Component.objects.all().delete()
    expected = told(pool)
    kept.keep(NOW)
    mappings = load_mappings([pool.pk])
    pieces = kept.load_held(mappings, load_horizons(servers(mappings)), START, END)[pool.pk]
    assert len(pieces) > len(set(pieces.checkout.tolist())), "nothing was read in pieces"
    assert told(pool) == expected


def test_packages_are_counted_once_though_parts_are_kept():
    pool = brute.make(1, "Europe/Berlin", START, HOURS).pool
    kept.keep(NOW)
    found = told(pool)
    KeptPart.objects.all().delete()
    assert found == told(pool)


def test_a_change_shows_before_its_hours_are_counted_again_and_after(pool):
    span = NINE, NINE + 3 * 3600
    assert usage(pool, start=span[0], end=span[1]).total.peak == 2
    holding(pool.mappings.get().feature, NINE + 70, NINE + 80)
    rollup.mark_dirty([pool.pk], NINE + 70, NINE + 80)
    assert usage(pool, start=span[0], end=span[1]).total.peak == 3
    rollup.drain()
    assert is_kept(pool) == [3600]
    assert usage(pool, start=span[0], end=span[1]).total.peak == 3
    kept.keep(NINE + 4 * 3600 + kept.SETTLED_SECONDS)
    assert is_kept(pool) == [0, 3600]
    assert usage(pool, start=span[0], end=span[1]).total.peak == 3


def test_what_was_taken_away_is_told_no_more(pool):
    row = Checkout.objects.first()
    rollup.mark_dirty([pool.pk], NINE + 60, NINE + 3660)
    row.delete()
    found = usage(pool, start=NINE, end=NINE + 3 * 3600).total
    assert (found.peak, found.people, found.checkouts) == (1, 1, 1)


def test_another_weight_of_a_mapping_counts_at_once(pool):
    with unguarded():
        PoolFeature.objects.update(weight=5)
    assert usage(pool, start=NINE, end=NINE + 3 * 3600).total.peak == 10


def test_another_right_is_judged_at_once(pool):
    assert over_use(pool, NINE, NINE + 3 * 3600) == []
    EntitlementFactory(pool=pool, quantity=1)
    assert [row.excess for row in over_use(pool, NINE, NINE + 3 * 3600)] == [1]


def test_sums_of_teams_are_those_of_their_hours(pool):
    person = Checkout.objects.earliest("pk").person
    with_team = MembershipFactory(person=person).team
    rollup.mark_dirty([pool.pk], NINE, NINE + 4 * 3600)
    rollup.drain()
    window = pool, NINE, NINE + 4 * 3600
    expected = pool_teams(*window)
    assert [(row.team, row.peak, row.checkouts) for row in expected.rows] == [
        (with_team.name, 1, 1), ("No team", 1, 1),
    ]  # fmt: skip
    kept.keep(NINE + 4 * 3600 + kept.SETTLED_SECONDS)
    KeptPart.objects.filter(part=NINE // 3600).update(teams=[[None, 9, 77, 1, 1, 1]])
    assert pool_teams(*window).rows[-1].peak == 77
    rollup.mark_dirty([pool.pk], NINE + 70, NINE + 71)
    assert pool_teams(*window) == expected


def test_what_waits_to_be_counted_again_is_not_kept(pool):
    KeptPart.objects.all().delete()
    rollup.mark_dirty([pool.pk], NINE + 70, NINE + 71)
    kept.keep(NINE + 4 * 3600 + kept.SETTLED_SECONDS)
    assert is_kept(pool) == [3600]


def test_a_part_is_kept_once_it_is_settled_and_dropped_once_it_is_old(pool):
    assert kept.keep(NINE + 4 * 3600 + kept.SETTLED_SECONDS) == 0
    KeptPart.objects.all().delete()
    assert kept.keep(NINE + 3600 + kept.SETTLED_SECONDS - 1) == kept.PARTS
    assert is_kept(pool) == []
    kept.keep(NINE + 3600 + kept.SETTLED_SECONDS)
    assert is_kept(pool) == [0]
    kept.keep(NINE + (kept.PARTS + 1) * 3600 + kept.SETTLED_SECONDS)
    assert is_kept(pool) == [3600]


def test_a_long_window_takes_as_many_queries_however_many_parts_it_has(
    pool, django_assert_max_num_queries
):
    feature = FeatureFactory(pool=pool)
    for hour in range(4):
        holding(feature, NINE + hour * 3600, NINE + hour * 3600 + 1800, person=PersonFactory())
    KeptPart.objects.all().delete()
    kept.keep(NINE + 4 * 3600 + kept.SETTLED_SECONDS)
    KeptPart.objects.filter(part=NINE // 3600 + 2).delete()
    with django_assert_max_num_queries(15):
        usage(pool, start=NINE - 1800, end=NINE + 3 * 3600)
