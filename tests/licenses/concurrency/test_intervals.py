from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from licenses.concurrency.intervals import IntervalSet
from tests.licenses.concurrency.brute import HORIZON, seconds_of, sets, windows


def spans(*pairs: tuple[int, int]) -> IntervalSet:
    return IntervalSet.of([start for start, _ in pairs], [end for _, end in pairs])


@pytest.mark.parametrize(
    ("given_spans", "expected"),
    [
        pytest.param([], [], id="nothing"),
        pytest.param([(5, 5)], [], id="no-length"),
        pytest.param([(5, 3)], [], id="reversed-covers-nothing"),
        pytest.param([(0, 5), (5, 9)], [(0, 9)], id="touching-become-one"),
        pytest.param([(0, 5), (6, 9)], [(0, 5), (6, 9)], id="a-second-apart-stay-two"),
        pytest.param([(6, 9), (0, 5)], [(0, 5), (6, 9)], id="sorted"),
        pytest.param([(0, 9), (1, 2), (3, 4), (8, 12)], [(0, 12)], id="one-inside-another"),
    ],
)
def test_spans_in_any_shape_become_sorted_and_apart(given_spans, expected):
    assert list(spans(*given_spans)) == expected


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(-3, 9)), max_size=8))
def test_a_set_holds_the_seconds_of_its_spans_and_no_others(raw):
    made = IntervalSet.of([start for start, _ in raw], [start + length for start, length in raw])
    assert seconds_of(made) == {s for start, length in raw for s in range(start, start + length)}


@given(sets(), sets())
def test_union_intersection_and_difference_agree_with_sets_of_seconds(first, second):
    mine, others = seconds_of(first), seconds_of(second)
    assert seconds_of(first.union(second)) == mine | others
    assert seconds_of(first.intersection(second)) == mine & others
    assert seconds_of(first.subtract(second)) == mine - others


@given(sets(), windows())
def test_complement_and_clip_divide_the_window(observed, window):
    start, end = window
    inside, missing = observed.clip(start, end), observed.complement(start, end)
    everything = set(range(start, end))
    assert seconds_of(inside) == seconds_of(observed) & everything
    assert seconds_of(missing) == everything - seconds_of(observed)
    assert inside.seconds + missing.seconds == end - start


@given(sets(), sets(), windows())
def test_what_comes_of_sets_is_sorted_and_apart_as_well(first, second, window):
    for made in (
        first.union(second),
        first.intersection(second),
        first.subtract(second),
        first.clip(*window),
        first.complement(*window),
    ):
        assert IntervalSet(made.starts, made.ends) == made
        assert made.starts.dtype == made.ends.dtype == np.int64


@given(sets(), st.lists(st.integers(-8, HORIZON + 25), min_size=1, max_size=12).map(sorted))
def test_seconds_within_each_period_are_those_counted_one_by_one(observed, edges):
    inside = seconds_of(observed)
    expected = [len(inside & set(range(start, end))) for start, end in pairwise(edges)]
    assert observed.seconds_within(edges).tolist() == expected


@given(sets())
def test_a_set_contains_its_seconds_and_no_end_of_a_span(observed):
    inside = seconds_of(observed)
    moments = range(-10, HORIZON + 25)
    assert [observed.contains(moment) for moment in moments] == [m in inside for m in moments]


def test_equal_sets_are_equal_and_others_are_not():
    assert spans((0, 5), (5, 9)) == spans((0, 9))
    assert spans((0, 5)) != spans((0, 6))
    assert spans((0, 5)) != "spans"


@pytest.mark.parametrize(
    ("starts", "ends", "message"),
    [
        pytest.param([0], [5, 6], "as many ends as starts, found 1 and 2", id="lengths"),
        pytest.param([0, 5], [5, 6], "do not touch", id="touching"),
        pytest.param([0], [0], "in time order", id="empty-span"),
        pytest.param([5, 0], [6, 1], "in time order", id="unsorted"),
    ],
)
def test_the_bare_constructor_refuses_what_is_not_sorted_and_apart(starts, ends, message):
    with pytest.raises(ValueError, match=message):
        IntervalSet(np.array(starts), np.array(ends))


def test_fractions_of_a_second_are_refused_and_not_cut():
    with pytest.raises(TypeError, match="ends: expected whole numbers, found float64"):
        IntervalSet.of([0], [1.5])
