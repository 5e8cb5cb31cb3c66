from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from licenses.concurrency.axis import Axis
from licenses.concurrency.timeline import UNKNOWN, usage
from tests.licenses.concurrency.brute import (
    HORIZON,
    at_each_second,
    histories,
    levels_of,
    limit_levels,
    seconds_of,
    sets,
    steps_of,
)

WINDOWS = st.tuples(st.integers(-3, HORIZON - 1), st.integers(1, HORIZON)).map(
    lambda pair: (pair[0], min(HORIZON, pair[0] + pair[1]))
)


def columns(values):
    return [np.array(each, dtype=np.int64) for each in values]


@given(st.lists(histories(), min_size=1, max_size=4), WINDOWS)
def test_the_use_of_all_pools_is_that_of_each_one_after_the_other(pools, window):
    axis = Axis(len(pools), *window)
    spans = axis.spans(columns(p.starts for p in pools), columns(p.ends for p in pools))
    seats = np.concatenate(columns(p.seats for p in pools))
    expected = [level for pool in pools for level in at_each_second(pool, *window)]
    assert levels_of(usage(*spans, seats, *axis.whole)) == expected


@given(st.lists(limit_levels(), min_size=1, max_size=4), WINDOWS)
def test_limits_are_unknown_where_the_window_reaches_beyond_them(limits, window):
    start, end = window
    found = Axis(len(limits), start, end).steps([steps_of(levels) for levels in limits])
    expected = [
        levels[second] if 0 <= second < HORIZON else UNKNOWN
        for levels in limits
        for second in range(start, end)
    ]
    assert levels_of(found) == expected


@given(st.lists(sets(), min_size=1, max_size=4), WINDOWS)
def test_sets_are_cut_at_the_window_and_keep_to_their_pools(spans, window):
    start, end = window
    axis = Axis(len(spans), start, end)
    expected = {
        place * (end - start) + second - start
        for place, each in enumerate(spans)
        for second in seconds_of(each)
        if start <= second < end
    }
    assert seconds_of(axis.intervals(spans)) == expected


def test_moments_outside_the_window_are_left_out_and_its_end_is_outside():
    moments = columns([[9, 10, 19], [20, 12], []])
    assert Axis(3, 10, 20).moments(moments).tolist() == [0, 9, 12]


def test_the_last_edge_of_a_pool_is_the_first_of_the_next():
    axis = Axis(2, 10, 20)
    assert axis.edges(np.array([10, 14, 14, 20])).tolist() == [0, 4, 4, 10, 14, 14, 20]
