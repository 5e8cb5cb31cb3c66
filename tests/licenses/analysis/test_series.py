"""Series against a count of every second, and what they refuse."""

from __future__ import annotations

from itertools import pairwise

import pytest

from licenses.analysis import rollup
from licenses.analysis.series import MOST_BUCKETS, STEPS, fitting_step, series
from tests.factories import EntitlementFactory, FeatureFactory, PoolFactory, at, covered, holding
from tests.licenses.analysis import brute

pytestmark = pytest.mark.django_db

NINE = at("2026-03-10T09:00")
HOUR = 3600
SAME = ("start", "end", "peak", "peak_high", "peak_at", "limit", "seat_seconds",
        "observed_seconds", "denials")  # fmt: skip


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("step", [10, 900])
def test_short_buckets_equal_a_count_of_every_second(seed, step):
    world = brute.make(seed, "Europe/Berlin", brute.utc("2026-03-29T00:00"), 2)
    seconds = brute.Seconds(world)
    start, end = world.start + 7, world.end - 3
    found = series(world.pool, start, end, step=step, now=world.end)
    rows = [(bucket.start, bucket.end) for bucket in found.buckets]
    assert rows[0][0] == start and rows[-1][1] == end
    assert all(last == first for (_, last), (first, _) in pairwise(rows))
    assert all(first % step == 0 for first, _ in rows[1:])
    for bucket in found.buckets:
        expected = seconds.figures(bucket.start, bucket.end)
        assert {name: getattr(bucket, name) for name in SAME} == {n: expected[n] for n in SAME}


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("step", [HOUR, 6 * HOUR, 24 * HOUR])
def test_long_buckets_come_from_the_stored_hours_and_equal_the_facts(seed, step):
    world = brute.make(seed, "Europe/Berlin", brute.utc("2026-03-28T20:00"), 9)
    seconds = brute.Seconds(world)
    rollup.rollup(world.pool, world.start, world.end)
    found = series(world.pool, world.start + 5, world.end - 5, step=step, now=world.end)
    assert (found.start, found.end) == (world.start, world.end)
    names = [name for name in SAME if name != "peak_at"]
    for bucket in found.buckets:
        expected = seconds.figures(bucket.start, bucket.end)
        assert {n: getattr(bucket, n) for n in names} == {n: expected[n] for n in names}
        if bucket.peak:
            assert bucket.peak_at == expected["peak_at"]


def test_missing_time_is_a_gap_and_never_a_zero():
    pool = PoolFactory()
    feature = FeatureFactory(pool=pool)
    EntitlementFactory(pool=pool, quantity=10)
    covered(feature.server, NINE, NINE + 600)
    covered(feature.server, NINE + 1800, NINE + HOUR)
    holding(feature, NINE + 60, NINE + 120)
    found = series(pool, NINE, NINE + HOUR, step=300, now=NINE + HOUR)
    assert [bucket.peak for bucket in found.buckets] == [1, 0, *[None] * 4, *[0] * 6]
    assert [(gap.start, gap.end) for gap in found.gaps] == [(NINE + 600, NINE + 1800)]
    assert found.limits == [(NINE, 10)]
    told = found.as_dict(pool.tzinfo)
    assert told["gaps"][0]["start"] == "2026-03-10T09:10:00+00:00"
    assert told["buckets"][2]["peak"] is None


def test_the_days_of_a_zone_off_the_full_hour_are_counted_from_the_facts():
    pool = PoolFactory(zone="Asia/Kolkata")
    feature = FeatureFactory(pool=pool)
    covered(feature.server, NINE - 48 * HOUR, NINE + 48 * HOUR)
    holding(feature, NINE, NINE + 60)
    found = series(pool, NINE - 24 * HOUR, NINE + 24 * HOUR, step=24 * HOUR)
    assert [bucket.peak for bucket in found.buckets] == [0, 1, 0]


@pytest.mark.parametrize("days", [0.001, 0.1, 1, 31, 366, 3000])
def test_the_step_that_is_chosen_is_the_shortest_that_fits(days):
    end = NINE + int(days * 86_400)
    step = fitting_step(NINE, end)
    assert step in STEPS and (step == STEPS[-1] or (end - NINE) / step <= MOST_BUCKETS)
    shorter = [each for each in STEPS if each < step]
    assert all((end - NINE) // each >= MOST_BUCKETS for each in shorter)


@pytest.mark.parametrize(
    ("start", "end", "step", "words"),
    [
        (NINE, NINE, 60, "is empty"),
        (NINE, NINE + 60, 7, "expected one of"),
        (NINE, NINE + 90 * 86_400, 60, "more than 2000 buckets"),
    ],
)
def test_what_cannot_be_drawn_is_refused(start, end, step, words):
    with pytest.raises(ValueError, match=words):
        series(PoolFactory(), start, end, step=step)


def test_the_number_of_queries_does_not_grow(django_assert_max_num_queries):
    pool = PoolFactory()
    for _ in range(5):
        FeatureFactory(pool=pool)
    for step in (60, HOUR):
        with django_assert_max_num_queries(22):
            series(pool, NINE, NINE + HOUR, step=step)
