import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from licenses.concurrency.intervals import IntervalSet
from licenses.concurrency.timeline import OPEN, UNKNOWN, Steps, limits, total_limit, usage
from tests.licenses.concurrency.brute import (
    HORIZON,
    History,
    at_each_second,
    histories,
    levels_of,
    limit_levels,
    seconds_of,
    sets,
    steps_of,
    windows,
)


@pytest.mark.parametrize(
    ("holdings", "expected"),
    [
        pytest.param([], [(0, 0)], id="no-holding"),
        pytest.param(
            [(9, 10, 1), (10, 11, 1)], [(0, 0), (9, 1), (11, 0)], id="handover-is-one-seat"
        ),
        pytest.param([(10, 11, 1), (9, 10, 1)], [(0, 0), (9, 1), (11, 0)], id="handover-unsorted"),
        pytest.param([(9, 10, 2), (10, 11, 1)], [(0, 0), (9, 2), (10, 1), (11, 0)], id="smaller"),
        pytest.param([(17, OPEN, 1)], [(0, 0), (17, 1)], id="still-out"),
        pytest.param([(-5, 99, 3)], [(0, 3)], id="longer-than-the-window"),
        pytest.param([(-5, 0, 3), (20, 25, 1)], [(0, 0)], id="touching-the-window-from-outside"),
        pytest.param([(0, 20, 1)], [(0, 1)], id="exactly-the-window"),
        pytest.param([(5, 5, 4)], [(0, 0)], id="no-length-is-no-use"),
        pytest.param([(7, 5, 4)], [(0, 0)], id="negative-length-is-no-use"),
        pytest.param([(5, 9, 4)], [(0, 0), (5, 4), (9, 0)], id="several-seats-in-one-holding"),
        pytest.param([(5, 9, 0)], [(0, 0)], id="no-seats"),
    ],
)
def test_usage(holdings, expected):
    starts, ends, seats = zip(*holdings, strict=True) if holdings else ((), (), ())
    assert usage(starts, ends, seats, 0, 20).changes() == expected


@given(histories(), windows())
def test_usage_is_what_counting_every_second_gives(history, window):
    steps = usage(history.starts, history.ends, history.seats, *window)
    assert levels_of(steps) == at_each_second(history, *window)
    assert (steps.start, steps.end) == window


@given(histories(most=20), st.randoms(use_true_random=False))
def test_usage_does_not_depend_on_the_order_of_holdings(history, random):
    rows = list(zip(history.starts, history.ends, history.seats, strict=True))
    random.shuffle(rows)
    shuffled = [list(column) for column in zip(*rows, strict=True)] or [[], [], []]
    assert usage(*shuffled, 0, HORIZON) == usage(
        history.starts, history.ends, history.seats, 0, HORIZON
    )


@given(histories(), windows())
def test_no_state_is_empty_and_no_neighbours_are_equal(history, window):
    steps = usage(history.starts, history.ends, history.seats, *window)
    assert (steps.durations > 0).all()
    assert (np.diff(steps.levels) != 0).all()


def test_seat_numbers_too_large_for_one_sort_key_count_the_same():
    large = 2**50
    steps = Steps.from_spans([0, 3, 5], [5, 9, 2**40], [large, -large, 7], 0, 2**41)
    assert steps.changes() == [(0, large), (3, 0), (5, 7 - large), (9, 7), (2**40, 0)]


def test_negative_seats_are_refused():
    with pytest.raises(ValueError, match="found -2"):
        usage([0], [5], [-2], 0, 10)


def test_columns_of_unequal_length_are_refused():
    with pytest.raises(ValueError, match="found 1, 2, 1"):
        usage([0], [5, 6], [1], 0, 10)


def test_a_window_that_ends_before_it_starts_is_refused():
    with pytest.raises(ValueError, match="ends at 3, before it starts at 5"):
        usage([], [], [], 5, 3)


@pytest.mark.parametrize(
    ("times", "levels", "message"),
    [
        pytest.param([0, 5], [1, 2], "expected 3 times for 2 levels", id="lengths"),
        pytest.param([0, 5, 5], [1, 2], "found 5 before 5", id="state-of-no-length"),
        pytest.param([0, 5, 3], [1, 2], "found 5 before 3", id="falling"),
    ],
)
def test_steps_refuse_what_is_not_a_timeline(times, levels, message):
    with pytest.raises(ValueError, match=message):
        Steps(np.array(times), np.array(levels))


@given(limit_levels(), windows())
def test_clip_keeps_the_levels_of_the_common_part(levels, window):
    start, end = window
    part = steps_of(levels).clip(start, end)
    assert levels_of(part) == levels[max(start, 0) : max(end, 0)]


@given(limit_levels(), windows(), st.lists(st.integers(-3, HORIZON + 3)))
def test_steps_cut_at_moments_have_the_same_levels_and_a_step_at_each(levels, window, moments):
    steps = steps_of(levels)
    start, end = steps.clip(*window).times[[0, -1]].tolist()
    cut = steps.cut_at(np.array(moments, dtype=np.int64), start, end)
    assert levels_of(cut) == levels_of(steps.clip(start, end))
    assert {moment for moment in moments if start <= moment <= end} <= set(cut.times.tolist())
    assert set(cut.times.tolist()) <= {*steps.times.tolist(), *moments, start, end}


@given(limit_levels())
def test_at_gives_the_level_of_each_second(levels):
    steps = steps_of(levels).joined()
    assert [steps.at(second) for second in range(len(levels))] == levels


@pytest.mark.parametrize("moment", [-1, 10])
def test_at_refuses_moments_outside_the_window(moment):
    with pytest.raises(LookupError, match=f"{moment} is not in"):
        Steps.constant(3, 0, 10).at(moment)


@given(limit_levels(), limit_levels())
def test_sum_difference_and_maximum_hold_at_each_second(first, second):
    mine, others = steps_of(first).joined(), steps_of(second).joined()
    pairs = list(zip(first, second, strict=True))
    assert levels_of(mine.plus(others)) == [a + b for a, b in pairs]
    assert levels_of(mine.minus(others)) == [a - b for a, b in pairs]
    assert levels_of(mine.maximum(others)) == [max(pair) for pair in pairs]


def test_timelines_of_different_windows_do_not_add():
    with pytest.raises(ValueError, match=r"found \[0, 5\) and \[0, 6\)"):
        Steps.constant(1, 0, 5).plus(Steps.constant(1, 0, 6))


@given(limit_levels(), st.integers(0, 8))
def test_where_gives_the_seconds_of_the_flagged_levels(levels, least):
    steps = steps_of(levels).joined()
    flagged = seconds_of(steps.where(steps.levels >= least))
    assert flagged == {second for second, level in enumerate(levels) if level >= least}


def test_steps_are_equal_if_each_second_is():
    assert steps_of([1, 1, 2]) == Steps([0, 2, 3], [1, 2])
    assert steps_of([1, 1, 2]) != Steps([0, 1, 3], [1, 2])
    assert steps_of([1, 1]) != steps_of([1, 1, 1])
    assert steps_of([1]) != "steps"


@given(histories(most=6), windows())
def test_a_limit_is_the_sum_of_valid_lines_and_unknown_where_there_is_none(history, window):
    rows = list(zip(history.starts, history.ends, history.seats, strict=True))
    expected = []
    for second in range(*window):
        valid = [seats for since, until, seats in rows if since <= second < until]
        expected.append(sum(valid) if valid else UNKNOWN)
    assert levels_of(limits(history.starts, history.ends, history.seats, *window)) == expected


def test_a_line_of_unknown_quantity_makes_the_sum_unknown_while_it_is_valid():
    steps = limits([0, 5], [20, 8], [10, UNKNOWN], 0, 30)
    assert steps.changes() == [(0, 10), (5, UNKNOWN), (8, 10), (20, UNKNOWN)]


def test_lines_valid_from_the_beginning_of_time_count():
    assert limits([-OPEN, 5], [OPEN, OPEN], [10, 2], 0, 30).changes() == [(0, 10), (5, 12)]


def test_a_negative_quantity_is_refused():
    with pytest.raises(ValueError, match="found -2"):
        limits([0], [5], [-2], 0, 10)


@given(st.lists(limit_levels(), min_size=1, max_size=3))
def test_a_sum_of_limits_is_unknown_where_a_part_is(parts):
    total = total_limit([steps_of(part).joined() for part in parts])
    assert levels_of(total) == [
        UNKNOWN if UNKNOWN in levels else sum(levels) for levels in zip(*parts, strict=True)
    ]


def test_a_sum_of_no_limits_is_refused():
    with pytest.raises(ValueError, match="at least one"):
        total_limit([])


@given(limit_levels(), limit_levels(length=20))
def test_what_is_issued_stands_in_where_no_right_is_known(rights, issued):
    steps = steps_of(rights).joined().otherwise(steps_of(issued, start=7).joined())
    expected = [
        level if level != UNKNOWN else issued[second - 7] if 7 <= second < 27 else UNKNOWN
        for second, level in enumerate(rights)
    ]
    assert levels_of(steps) == expected


@given(limit_levels(), sets())
def test_a_limit_is_unknown_outside_observed_time(levels, observed):
    inside = seconds_of(observed)
    expected = [level if s in inside else UNKNOWN for s, level in enumerate(levels)]
    assert levels_of(steps_of(levels).joined().only_within(observed)) == expected


def test_an_empty_window_has_no_steps():
    empty = usage([0], [9], [1], 5, 5)
    assert (len(empty), empty.start, empty.end, empty.changes()) == (0, 5, 5, [])
    assert empty.where(empty.levels >= 0) == IntervalSet.empty()
    assert empty.plus(Steps.constant(4, 5, 5)) == empty


def test_a_history_prints_its_first_steps():
    assert repr(usage([1], [3], [2], 0, 9)) == "Steps(0:0 1:2 3:0 until 9)"


def test_the_naive_model_itself_counts_a_handover_as_one_seat():
    assert at_each_second(History([0, 2], [2, 4], [1, 1]), 0, 5) == [1, 1, 1, 1, 0]
