"""A pool at one second, against a count of every second."""

from __future__ import annotations

import random

import pytest

from licenses.analysis.instant import instant
from licenses.models import Checkout
from tests.factories import FeatureFactory, PersonFactory, PoolFactory, at, covered, holding
from tests.licenses.analysis import brute

pytestmark = pytest.mark.django_db

NINE = at("2026-03-10T09:00")


@pytest.mark.parametrize("seed", range(3))
def test_any_second_equals_the_count_of_it(seed):
    world = brute.make(seed, "Europe/Berlin", brute.utc("2026-03-28T23:00"), 2)
    seconds = brute.Seconds(world)
    dice = random.Random(seed)
    for offset in dice.sample(range(seconds.size), 25):
        found = instant(world.pool, world.start + offset, now=world.end)
        known = seconds.seen[offset] or bool(seconds.holders[offset])
        assert found.in_use == (seconds.known[offset] if known else None)
        assert found.possible == (seconds.possible[offset] if known else None)
        assert found.limit == seconds.limit[offset]
        assert found.observed == seconds.seen[offset]
        sure = [row for row in found.holders if row.sure and row.seats]
        assert sum(row.seats for row in sure) == seconds.known[offset]
        for moment in (found.before, found.after):
            if moment is not None and 0 < moment - world.start < seconds.size:
                assert moment != world.start + offset


def test_the_neighbouring_changes_lead_from_step_to_step():
    feature = FeatureFactory(pool=(pool := PoolFactory()))
    covered(feature.server, NINE - 86_400, NINE + 86_400)
    holding(feature, NINE, NINE + 100)
    holding(feature, NINE + 50, NINE + 200)
    found = instant(pool, NINE + 60)
    assert (found.before, found.after) == (NINE + 50, NINE + 100)
    assert [instant(pool, moment).in_use for moment in (NINE - 1, NINE, NINE + 50, NINE + 200)] == [
        0, 1, 2, 0,
    ]  # fmt: skip


def test_what_may_have_been_held_is_told_apart_from_what_was():
    feature = FeatureFactory(pool=(pool := PoolFactory()))
    covered(feature.server, NINE, NINE + 900)
    sampled = {"method": Checkout.Method.SAMPLED}
    holding(feature, NINE, NINE + 600, returned_after=NINE + 300, seats=2, **sampled)
    holding(feature, NINE, NINE + 900)
    found = instant(pool, NINE + 400)
    assert (found.in_use, found.possible) == (1, 3)
    assert [(row.sure, row.seats, row.method) for row in found.holders] == [
        (True, 1, "log"),
        (False, 2, "polls"),
    ]


def test_a_moment_that_nobody_observed_says_why_and_no_zero():
    feature = FeatureFactory(pool=(pool := PoolFactory()))
    covered(feature.server, NINE, NINE + 900)
    covered(feature.server, NINE + 1800, NINE + 3600)
    found = instant(pool, NINE + 1000, now=NINE + 3600)
    assert (found.in_use, found.observed) == (None, False)
    assert found.gap is not None and found.gap.cause_label == "no log for this time"


def test_names_are_told_only_where_they_are_asked_for():
    feature = FeatureFactory(pool=(pool := PoolFactory()))
    covered(feature.server, NINE, NINE + 900)
    holding(feature, NINE, NINE + 600, person=PersonFactory(login="ann"))
    (hidden,) = instant(pool, NINE + 1).holders
    assert hidden.name is None and "ann" not in str(instant(pool, NINE + 1).as_dict(pool.tzinfo))
    assert hidden.host.startswith("H-")
    (told,) = instant(pool, NINE + 1, names=True).holders
    assert told.name == "ann" and not told.host.startswith("H-")


def test_the_number_of_queries_is_constant(django_assert_max_num_queries):
    feature = FeatureFactory(pool=(pool := PoolFactory()))
    for place in range(20):
        holding(feature, NINE + place, NINE + 900, person=PersonFactory())
    with django_assert_max_num_queries(19):
        assert len(instant(pool, NINE + 100, names=True).holders) == 20
