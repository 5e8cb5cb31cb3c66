from __future__ import annotations

import random
from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licenses.analysis import rollup
from licenses.analysis.pool_teams import in_order, pool_teams, split
from licenses.analysis.teams import NOBODYS
from licenses.analysis.usage import usage
from licenses.models import Coverage, LicensePool, Membership
from tests.factories import (
    FeatureFactory,
    PersonFactory,
    PoolFactory,
    TeamFactory,
    at,
    covered,
    holding,
    refusal,
)

NINE = at("2026-03-10T09:00")
HOUR = 3600


@pytest.fixture
def pool(db: None) -> LicensePool:
    """Staff has Design and Sales below it; somebody is in both, somebody in Staff alone."""
    pool = PoolFactory()
    feature = FeatureFactory(pool=pool)
    covered(feature.server, NINE, NINE + 8 * HOUR)
    staff = TeamFactory(name="Staff")
    design, sales = (TeamFactory(name=name, parent=staff) for name in ("Design", "Sales"))
    ada, bert, cleo, dora = people = [PersonFactory() for _ in range(4)]
    for person, team in ((ada, design), (bert, sales), (cleo, design), (cleo, sales)):
        Membership.objects.create(person=person, team=team)
    dice = random.Random(7)
    for _ in range(40):
        start = NINE + dice.randrange(7 * HOUR)
        holding(feature, start, start + dice.randrange(HOUR), dice.choice([1, 2]),
                person=dice.choice(people))  # fmt: skip
    refusal(feature, NINE + 70, dora)
    rollup.mark_dirty([pool.pk], NINE, NINE + 8 * HOUR)
    rollup.drain()
    return pool


def test_stored_hours_tell_what_the_facts_tell(pool):
    found = pool_teams(pool, NINE, NINE + 8 * HOUR)
    assert [(row.team, row.depth) for row in found.rows] == [
        ("Staff", 0), ("Design", 1), ("Sales", 1), ("No team", 0),
    ]  # fmt: skip
    whole = usage(pool, start=NINE, end=NINE + 8 * HOUR)
    assert (found.peak, found.peak_at) == (whole.total.peak, whole.total.peak_at)
    teams = [member.team for member in Membership.objects.select_related("team")]
    for row in found.rows[1:3]:
        (team,) = {team for team in teams if team.name == row.team}
        (facts,) = usage(pool, start=NINE, end=NINE + 8 * HOUR, teams=[team]).together.teams
        for name in ("peak", "seat_seconds", "share", "checkouts", "denials"):
            assert getattr(row, name) == getattr(facts, name), name
    unassigned = found.rows[3]
    assert unassigned.denials == 1 and unassigned.seat_seconds > 0
    staff = found.rows[0].seat_seconds
    assert staff + unassigned.seat_seconds == whole.total.seat_seconds
    assert sum(row.seats for row in found.holders) == found.peak
    top = [row for row in found.rows if row.depth == 0]
    assert sum(row.at_pool_peak for row in top) == found.peak


def test_the_lowest_teams_that_cover_all_use_are_compared(pool):
    found = pool_teams(pool, NINE, NINE + 8 * HOUR)
    assert found.compared == ["No team", "Design", "Sales"]
    peaks = {row.team: row.peak for row in found.rows}
    assert found.sharing.sum_of_peaks == peaks["Design"] + peaks["Sales"] + peaks["No team"]


@pytest.fixture
def three(db: None) -> LicensePool:
    """Staff has Design and Sales below it; ann is in Design, ben in both, cid directly in Staff.
    They hold a seat each at the same time, and ann two an hour later, ben one at night."""
    pool = PoolFactory()
    feature = FeatureFactory(pool=pool)
    covered(feature.server, NINE, NINE + 8 * HOUR)
    staff = TeamFactory(name="Staff")
    design, sales = (TeamFactory(name=name, parent=staff) for name in ("Design", "Sales"))
    ann, ben, cid = people = [PersonFactory() for _ in range(3)]
    for person, team in ((ann, design), (ben, design), (ben, sales), (cid, staff)):
        Membership.objects.create(person=person, team=team)
    for person in people:
        holding(feature, NINE, NINE + 60, person=person)
    holding(feature, NINE + HOUR, NINE + HOUR + 60, 2, person=ann)
    holding(feature, NINE + 5 * HOUR, NINE + 5 * HOUR + 180, person=ben)
    rollup.mark_dirty([pool.pk], NINE, NINE + 8 * HOUR)
    rollup.drain()
    return pool


def test_who_is_directly_in_a_team_is_compared_with_those_below_it(three):
    found = pool_teams(three, NINE, NINE + 8 * HOUR)
    assert found.compared == ["Staff (directly)", "Design", "Sales"]
    # 1 directly in Staff, 2 in Design and 1 in Sales, where ben is in both.
    assert (found.peak, found.sharing.sum_of_peaks) == (3, 4)


def test_who_is_in_two_teams_is_not_saved_by_sharing(three):
    found = pool_teams(three, NINE, NINE + 8 * HOUR).sharing
    # Own seats: 1 for cid and 2 for ann, at one of which ben sits at night, or 1 more for ben.
    assert (found.pooled, found.pooled_high, found.several) == (0, 1, True)


def test_how_much_counts_in_several_rows_is_told_where_it_is_of_enough_people(three, settings):
    settings.ITAM_NAMES = "pseudonymous"
    found = pool_teams(three, NINE, NINE + 8 * HOUR).sharing
    assert (found.several_share, found.several_at_peak) == (None, None)
    settings.ITAM_NAMES = "named"
    found = pool_teams(three, NINE, NINE + 8 * HOUR).sharing
    assert (found.several_share, found.several_at_peak) == (240 / 480, 1)


def test_stored_hours_tell_what_teams_save_where_nobody_is_in_two(three):
    Membership.objects.filter(team__name__in=("Staff", "Sales")).delete()
    rollup.mark_dirty([three.pk], NINE, NINE + 8 * HOUR)
    rollup.drain()
    found = pool_teams(three, NINE, NINE + 8 * HOUR)
    assert found.compared == ["No team", "Design"] and not found.sharing.several
    assert (found.sharing.sum_of_peaks, found.sharing.pooled, found.sharing.pooled_high) == (
        3,
        0,
        0,
    )


def test_only_visible_teams_are_told_of(pool):
    design = Membership.objects.filter(team__name="Design").first().team_id
    found = pool_teams(pool, NINE, NINE + 8 * HOUR, visible={design})
    assert [row.team for row in found.rows] == ["Design"]
    assert found.compared == ["Design"]
    assert {team for row in found.holders for team in row.teams} <= {"Design"}


def test_what_teams_share_is_not_known_where_nobody_looked(db):
    unwatched, unused = PoolFactory(), PoolFactory()
    feature = FeatureFactory(pool=unused)
    covered(feature.server, NINE - HOUR, NINE + 2 * HOUR)
    rollup.rollup(unused, NINE, NINE + HOUR)
    names = ("peak", "sum_of_peaks", "pooled", "pooled_high", "several", "several_at_peak")
    told = [
        pool_teams(pool, NINE, NINE + HOUR).as_dict(UTC)["joint"] for pool in (unwatched, unused)
    ]
    assert [{joint[name] for name in names} for joint in told] == [{None}, {0}]


def test_a_team_that_was_only_refused_has_no_known_peak_where_nobody_looked(db):
    pool = PoolFactory()
    feature = FeatureFactory(pool=pool)
    refusal(feature, NINE, PersonFactory())
    rollup.mark_dirty([pool.pk], NINE, NINE + HOUR)
    rollup.drain()
    (row,) = pool_teams(pool, NINE, NINE + HOUR).rows
    assert (row.denials, row.peak, row.at_pool_peak) == (1, None, None)
    member = Membership.objects.create(person=PersonFactory(), team=TeamFactory(name="Design"))
    holding(feature, NINE, NINE + 60, 2, person=member.person)
    rollup.mark_dirty([pool.pk], NINE, NINE + HOUR)
    rollup.drain()
    found = pool_teams(pool, NINE, NINE + HOUR)
    assert [(row.team, row.peak, row.at_pool_peak) for row in found.rows] == [
        ("Design", 2, 2),
        ("No team", None, None),
    ]
    joint = found.as_dict(UTC)["joint"]
    assert (joint["peak"], joint["sum_of_peaks"], joint["pooled"]) == (2, None, None)


def test_a_pool_without_use_has_no_rows(db):
    found = pool_teams(PoolFactory(), NINE, NINE + HOUR)
    assert (found.rows, found.peak, found.holders, found.sharing.sum_of_peaks) == ([], None, [], 0)


def test_the_number_of_queries_does_not_grow(pool, django_assert_max_num_queries):
    with django_assert_max_num_queries(27):
        pool_teams(pool, NINE, NINE + 8 * HOUR, names=True)


def test_where_no_log_tells_no_team_is_known_to_have_been_refused_nothing(pool):
    def denials():
        return [row.denials for row in pool_teams(pool, NINE, NINE + 8 * HOUR).rows]

    assert denials() == [0, 0, 0, 1]
    pool.mappings.get().feature.server.coverage.update(source=Coverage.Source.POLLS)
    assert denials() == [None, None, None, 1]


@given(st.lists(st.none() | st.integers(0, 8), min_size=1, max_size=9), st.data())
def test_compared_teams_cover_all_use_and_none_stands_above_another(parents, data):
    tree = {
        team + 1: None if above is None or above >= team else above + 1
        for team, above in enumerate(parents)
    }

    def chain(team):
        return [team, *(chain(tree[team]) if tree[team] else [])]

    direct = data.draw(st.sets(st.sampled_from(sorted(tree))))
    using = data.draw(st.sets(st.sampled_from(sorted(direct)))) if direct else set()
    used = {above for team in using for above in chain(team)} | {NOBODYS}
    chosen = split(tree, used, direct)
    assert chosen.pop(NOBODYS) == []
    for team in using:  # each use is of one of them: of the first above it that is meant
        mine = set(chain(team))
        meant = [top for top, below in chosen.items() if top in mine and not mine & set(below)]
        assert meant == [team]
    assert all(team in direct or not below for team, below in chosen.items())


def test_the_order_is_that_of_the_tree():
    names = {1: "b", 2: "A", 3: "c", 4: "aa"}
    parents = {1: None, 2: None, 3: 2, 4: 1}
    assert in_order(parents, names) == [(2, 0), (3, 1), (1, 0), (4, 1)]
