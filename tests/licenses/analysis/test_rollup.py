from __future__ import annotations

import pytest

from licenses.analysis import hour_rows, rollup
from licenses.models import DirtySpan, PoolHour
from tests.factories import (
    EntitlementFactory,
    FeatureFactory,
    PersonFactory,
    PoolFactory,
    at,
    covered,
    holding,
    refusal,
)

pytestmark = pytest.mark.django_db

NINE = at("2026-03-10T09:00")
HOUR = 3600


@pytest.fixture
def pool():
    return PoolFactory()


@pytest.fixture
def feature(pool):
    feature = FeatureFactory(pool=pool)
    covered(feature.server, NINE, NINE + 5 * HOUR)
    return feature


def marks():
    return [
        (row.pool_id, int(row.starts.timestamp()) - NINE, int(row.ends.timestamp()) - NINE)
        for row in DirtySpan.objects.order_by("pool_id", "starts")
    ]


def stored(pool):
    return [
        (row.hour - NINE) // HOUR for row in rollup.hours(pool, NINE - 9 * HOUR, NINE + 99 * HOUR)
    ]


class TestMarking:
    def test_features_stand_for_the_pools_that_they_feed_then(self, pool, feature):
        other = PoolFactory()
        FeatureFactory(pool=other, mapped_until=NINE)
        third = FeatureFactory(pool=other, mapped_from=NINE + 60)
        rollup.mark_dirty(start=NINE, end=NINE + 60, feature_ids=[feature.pk, third.pk])
        assert marks() == [(pool.pk, 0, 60)]

    def test_without_a_start_refusals_before_anything_else_are_marked_too(self, pool, feature):
        refusal(feature, NINE - HOUR, PersonFactory())
        rollup.mark_dirty([pool.pk], None, NINE + 60)
        assert marks() == [(pool.pk, -HOUR, 60)]

    def test_an_empty_span_marks_nothing(self, pool):
        rollup.mark_dirty([pool.pk], NINE, NINE)
        assert marks() == []

    def test_without_a_start_all_that_is_known_is_marked(self, pool, feature):
        unheard = PoolFactory()
        rollup.mark_dirty([pool.pk, unheard.pk], None, NINE + 60)
        assert marks() == [(pool.pk, 0, 60)]


class TestDraining:
    def test_exactly_the_hours_touched_are_counted_again(self, pool, feature):
        rollup.rollup(pool, NINE, NINE + 5 * HOUR)
        PoolHour.objects.update(peak=99)
        rollup.mark_dirty([pool.pk], NINE + HOUR + 1, NINE + 2 * HOUR + 1)
        assert rollup.drain() == 2
        assert [row.peak for row in rollup.hours(pool, NINE, NINE + 5 * HOUR)] == [99, 0, 0, 99, 99]
        assert marks() == []

    def test_each_pool_of_a_batch_has_only_its_own_hours_made_again(self, pool, feature):
        other = PoolFactory()
        covered(FeatureFactory(pool=other).server, NINE, NINE + 5 * HOUR)
        for each in (pool, other):
            rollup.rollup(each, NINE, NINE + 5 * HOUR)
        PoolHour.objects.update(peak=99)
        rollup.mark_dirty([pool.pk], NINE, NINE + 60)
        rollup.mark_dirty([pool.pk, other.pk], NINE + 3 * HOUR, NINE + 4 * HOUR)
        rollup.drain()
        window = NINE, NINE + 5 * HOUR
        assert [row.peak for row in rollup.hours(pool, *window)] == [0, 99, 99, 0, 99]
        assert [row.peak for row in rollup.hours(other, *window)] == [99, 99, 99, 0, 99]

    def test_it_does_nothing_the_second_time(self, pool, feature, django_assert_num_queries):
        rollup.mark_dirty([pool.pk], NINE, NINE + HOUR)
        assert rollup.drain() == 1
        with django_assert_num_queries(1):
            assert rollup.drain() == 0

    def test_an_hour_of_which_nothing_is_known_has_no_row(self, pool, feature):
        PoolHour.objects.create(pool=pool, hour=NINE - HOUR, peak=7)
        rollup.mark_dirty([pool.pk], NINE - 2 * HOUR, NINE + HOUR)
        rollup.drain()
        assert stored(pool) == [0]

    def test_work_beyond_one_batch_is_left_marked_and_done_next(self, pool, feature, monkeypatch):
        monkeypatch.setattr(rollup, "BATCH_HOURS", 2)
        monkeypatch.setattr(rollup, "NEAR_HOURS", 0)
        rollup.mark_dirty([pool.pk], NINE, NINE + 5 * HOUR)
        assert rollup._drain_once() == 2
        assert marks() == [(pool.pk, 2 * HOUR, 4 * HOUR), (pool.pk, 4 * HOUR, 5 * HOUR)]
        assert rollup.drain() == 3
        assert stored(pool) == [0, 1, 2, 3, 4]

    def test_it_stops_when_its_time_is_over(self, pool, feature):
        rollup.mark_dirty([pool.pk], NINE, NINE + HOUR)
        assert rollup.drain(limit_seconds=0) == 0
        assert len(marks()) == 1

    def test_a_failure_leaves_rows_and_marks_as_they_were(self, pool, feature, monkeypatch):
        rollup.rollup(pool, NINE, NINE + HOUR)
        rollup.mark_dirty([pool.pk], NINE, NINE + HOUR)

        def fail(*_):
            raise OSError("disk full")

        monkeypatch.setattr(hour_rows, "insert", fail)
        with pytest.raises(OSError, match="disk full"):
            rollup.drain()
        assert (stored(pool), len(marks())) == ([0], 1)

    def test_pools_of_a_poll_cost_no_queries_each(self, django_assert_max_num_queries):
        pools = [PoolFactory() for _ in range(12)]
        for each in pools:
            feature = FeatureFactory(pool=each)
            covered(feature.server, NINE, NINE + HOUR)
            holding(feature, NINE + 60, NINE + 900)
        rollup.mark_dirty([each.pk for each in pools], NINE, NINE + HOUR)
        # 10 to read the facts, 3 the teams, the rest for locks, marks, rows and the transaction.
        with django_assert_max_num_queries(30):
            assert rollup.drain() == 12


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
def test_late_data_in_any_order_gives_the_rows_of_one_count(pool, feature, order):
    EntitlementFactory(pool=pool, quantity=1)
    person = PersonFactory()
    spans = [(NINE, NINE + 9000), (NINE + 3000, NINE + 4000), (NINE - HOUR, NINE + 10)]
    for place in order:
        start, end = spans[place]
        holding(feature, start, end, person=person)
        refusal(feature, start + 5, person)
        rollup.mark_dirty([pool.pk], start, end)
        rollup.drain()
    rollup.mark_dirty([pool.pk], NINE, NINE + 5 * HOUR)
    rollup.drain()
    window = NINE - HOUR, NINE + 5 * HOUR
    piecewise = rollup.hours(pool, *window)
    PoolHour.objects.all().delete()
    rollup.rollup(pool, *window)
    assert rollup.hours(pool, *window) == piecewise
    assert [row.peak for row in piecewise] == [1, 2, 2, 1, 0, 0]
