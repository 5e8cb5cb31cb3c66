from __future__ import annotations

import random
from itertools import chain

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from licenses.analysis import hour_rows, rollup
from licenses.analysis.rows import NONE
from licenses.concurrency.intervals import IntervalSet
from licenses.models import PoolHour
from tests.factories import PoolFactory, at

HOUR = 3600
MIDNIGHT = at("2026-03-10T00:00")
FIGURES = len(hour_rows.STORED)


def hour(pool, place, peak=3, peak_after=0, **figures):
    """An hour as a row of a table, *place* hours after midnight."""
    begin = MIDNIGHT + place * HOUR
    values = dict.fromkeys(hour_rows.STORED, 0) | {"peak": peak, **figures}
    values["peak_at"] = NONE if peak_after is None else begin + peak_after
    return (pool, begin, *(values[name] for name in hour_rows.STORED))


def table(*rows):
    if not rows:
        return [np.empty(0, dtype=np.int64) for _ in hour_rows.NAMES]
    return [np.array(column, dtype=np.int64) for column in zip(*rows, strict=True)]


def joined(*rows):
    """What runs() makes of hours: (pool, place of the first, how many) each."""
    found = hour_rows.runs(table(*rows))
    firsts = ((found[1] - MIDNIGHT) // HOUR).tolist()
    return list(zip(found[0].tolist(), firsts, found[-1].tolist(), strict=True))


class TestRuns:
    def test_alike_hours_that_follow_each_other_are_one_row(self):
        assert joined(hour(1, 8), hour(1, 9), hour(1, 10)) == [(1, 8, 3)]

    def test_the_order_in_which_hours_come_does_not_matter(self):
        assert joined(hour(1, 10), hour(1, 8), hour(1, 9)) == [(1, 8, 3)]

    @pytest.mark.parametrize("name", [n for n in hour_rows.STORED if n != "peak_at"])
    def test_any_figure_that_differs_parts_them(self, name):
        assert joined(hour(1, 8), hour(1, 9, **{name: 7})) == [(1, 8, 1), (1, 9, 1)]

    def test_unknown_is_not_zero(self):
        assert joined(hour(1, 8, peak=0), hour(1, 9, peak=NONE)) == [(1, 8, 1), (1, 9, 1)]

    def test_the_moment_of_the_peak_is_counted_from_the_hours_start(self):
        assert joined(hour(1, 8, peak_after=5), hour(1, 9, peak_after=5)) == [(1, 8, 2)]
        assert joined(hour(1, 8, peak_after=5), hour(1, 9, peak_after=6)) == [(1, 8, 1), (1, 9, 1)]
        assert joined(hour(1, 8, peak_after=None), hour(1, 9, peak_after=None)) == [(1, 8, 2)]

    def test_a_missing_hour_parts_them(self):
        assert joined(hour(1, 8), hour(1, 10)) == [(1, 8, 1), (1, 10, 1)]

    def test_another_pool_parts_them(self):
        assert joined(hour(1, 8), hour(2, 9)) == [(1, 8, 1), (2, 9, 1)]

    def test_midnight_parts_them(self):
        assert joined(hour(1, 23), hour(1, 24)) == [(1, 23, 1), (1, 24, 1)]

    def test_nothing_gives_nothing(self):
        assert joined() == []


@pytest.mark.django_db
class TestReplacing:
    def test_hours_are_read_as_they_were_written(self):
        pool = PoolFactory().pk
        hours = [
            hour(pool, 8, peak_after=7),
            hour(pool, 9, peak_after=7),
            hour(pool, 10, peak=NONE, peak_after=None, limit=NONE),
            hour(pool, 30, peak=9, denials=2),
        ]
        whole = IntervalSet.of([MIDNIGHT], [MIDNIGHT + 48 * HOUR])
        assert hour_rows.replace({pool: whole}, table(*hours)) == 3
        found = hour_rows.read([pool], whole)
        assert list(zip(*(c.tolist() for c in found), strict=True)) == hours

    def test_the_other_hours_of_a_row_that_is_torn_stay(self):
        pool = PoolFactory().pk
        day = IntervalSet.of([MIDNIGHT], [MIDNIGHT + 24 * HOUR])
        hour_rows.replace({pool: day}, table(*(hour(pool, n) for n in range(24))))
        assert PoolHour.objects.count() == 1
        noon = IntervalSet.of([MIDNIGHT + 12 * HOUR], [MIDNIGHT + 13 * HOUR])
        hour_rows.replace({pool: noon}, table(hour(pool, 12, peak=5)))
        rows = PoolHour.objects.order_by("hour").values_list("hours", "peak")
        assert list(rows) == [(12, 3), (1, 5), (11, 3)]
        hour_rows.replace({pool: noon}, table(hour(pool, 12)))
        assert PoolHour.objects.get().hours == 24

    def test_hours_that_are_known_no_more_go(self):
        pool = PoolFactory().pk
        day = IntervalSet.of([MIDNIGHT], [MIDNIGHT + 24 * HOUR])
        hour_rows.replace({pool: day}, table(*(hour(pool, n) for n in range(24))))
        hour_rows.replace({pool: IntervalSet.of([MIDNIGHT], [MIDNIGHT + 20 * HOUR])}, table())
        row = PoolHour.objects.get()
        assert (int(row.hour.timestamp()), row.hours) == (MIDNIGHT + 20 * HOUR, 4)
        assert int(row.peak_at.timestamp()) == MIDNIGHT + 20 * HOUR

    @settings(max_examples=30, deadline=None)
    @given(seed=st.integers(0, 2**32))
    def test_any_order_of_changes_leaves_the_rows_of_one_count(self, seed):
        chance = random.Random(seed)
        pools = [PoolFactory().pk for _ in range(3)]
        model: dict[tuple[int, int], tuple[int, ...]] = {}
        for _ in range(8):
            dirty, hours = {}, []
            for pool in chance.sample(pools, chance.randint(1, 3)):
                spans = [
                    (first, first + chance.choice((1, 3, 24, 30)))
                    for first in chance.sample(range(72), chance.randint(1, 3))
                ]
                dirty[pool] = IntervalSet.of_spans(
                    (MIDNIGHT + a * HOUR, MIDNIGHT + b * HOUR) for a, b in spans
                )
                for place in sorted(set(chain.from_iterable(range(*span) for span in spans))):
                    model.pop((pool, place), None)
                    if chance.random() < 0.8:
                        model[pool, place] = hour(pool, place, peak=chance.randint(1, 2))
                        hours.append(model[pool, place])
            hour_rows.replace(dirty, table(*hours))
        stored = stored_rows()
        everything = IntervalSet.of([MIDNIGHT], [MIDNIGHT + 240 * HOUR])
        found = hour_rows.read(pools, everything)
        assert list(zip(*(c.tolist() for c in found), strict=True)) == [
            model[key] for key in sorted(model)
        ]
        hour_rows.replace(dict.fromkeys(pools, everything), table(*model.values()))
        assert stored_rows() == stored
        PoolHour.objects.all().delete()


def stored_rows():
    return list(PoolHour.objects.order_by("pool_id", "hour").values_list())


@pytest.mark.django_db
class TestWithin:
    @pytest.fixture
    def pool(self):
        pool = PoolFactory()
        day = IntervalSet.of([MIDNIGHT], [MIDNIGHT + 24 * HOUR])
        hour_rows.replace({pool.pk: day}, table(*(hour(pool.pk, n) for n in range(6, 18))))
        return pool

    @pytest.mark.parametrize(
        ("start", "end", "inside"),
        [
            (0, 24 * HOUR, 12),
            (8 * HOUR, 10 * HOUR, 2),
            (8 * HOUR + 1, 10 * HOUR + 1, 2),
            (5 * HOUR, 6 * HOUR + 1, 1),
            (17 * HOUR, 99 * HOUR, 1),
        ],
    )
    def test_hours_count_that_begin_in_the_window(self, pool, start, end, inside):
        rows = PoolHour.objects.inside(MIDNIGHT + start, MIDNIGHT + end)
        assert [row.inside for row in rows] == [inside]
        assert len(rollup.hours(pool, MIDNIGHT + start, MIDNIGHT + end)) == inside

    @pytest.mark.parametrize(("start", "end"), [(0, 6), (18, 24), (24, 48), (9, 9)])
    def test_a_row_outside_is_not_there(self, pool, start, end):
        window = MIDNIGHT + start * HOUR, MIDNIGHT + end * HOUR
        assert not PoolHour.objects.within(*window).exists()
        assert rollup.hours(pool, *window) == []
