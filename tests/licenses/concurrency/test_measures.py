from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from licenses.concurrency.intervals import IntervalSet
from licenses.concurrency.measures import (
    OverUse,
    episodes,
    level_not_exceeded,
    load_duration,
    measure,
    over_seconds,
    time_weighted_mean,
)
from licenses.concurrency.timeline import UNKNOWN, Steps, usage
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

EDGES = st.lists(st.integers(0, HORIZON), min_size=1, max_size=10).map(sorted)


def in_use(history):
    return usage(history.starts, history.ends, history.seats, 0, HORIZON)


def naive(used, limit, allowed, start, end):
    """Return the row of one period, second by second, as `row` gives it."""
    seconds = range(start, end)
    peak = max((used[s] for s in seconds), default=0)
    over = [max(used[s] - allowed[s], 0) if allowed[s] != UNKNOWN else 0 for s in seconds]
    return {
        "starts": start,
        "ends": end,
        "peak": peak,
        "peak_at": next((s for s in seconds if used[s] == peak), start),
        "peak_seconds": sum(used[s] == peak for s in seconds),
        "seat_seconds": sum(used[s] for s in seconds),
        "limit": limit[end - 1] if start < end else UNKNOWN,
        "limit_known_seconds": sum(limit[s] != UNKNOWN for s in seconds),
        "full_seconds": sum(
            limit[s] != UNKNOWN and used[s] > 0 and used[s] >= limit[s] for s in seconds
        ),
        "allowed": allowed[end - 1] if start < end else UNKNOWN,
        "allowed_known_seconds": sum(allowed[s] != UNKNOWN for s in seconds),
        "over_seconds": sum(excess > 0 for excess in over),
        "over_seat_seconds": sum(over),
    }


def rows(measures):
    names = measures.__slots__
    columns = [getattr(measures, name).tolist() for name in names]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


@given(histories(), EDGES, limit_levels(), limit_levels())
def test_figures_of_each_period_are_those_counted_every_second(history, edges, limit, allowed):
    used = at_each_second(history, 0, HORIZON)
    found = measure(in_use(history), edges, steps_of(limit).joined(), steps_of(allowed).joined())
    assert rows(found) == [naive(used, limit, allowed, *pair) for pair in pairwise(edges)]
    assert len(found) == len(edges) - 1


@given(histories(), EDGES, limit_levels())
def test_time_above_a_limit_alone_is_that_of_all_figures(history, edges, allowed):
    used, right = in_use(history), steps_of(allowed)
    found = over_seconds(used, edges, right)
    assert found.tolist() == measure(used, edges, allowed=right).over_seconds.tolist()


@given(histories(), EDGES)
def test_without_limits_nothing_is_known_to_be_full_or_over(history, edges):
    used, unknown = at_each_second(history, 0, HORIZON), [UNKNOWN] * HORIZON
    found = rows(measure(in_use(history), edges))
    assert found == [naive(used, unknown, unknown, *pair) for pair in pairwise(edges)]


@given(histories(), EDGES)
def test_periods_add_up_to_the_whole(history, edges):
    limit = Steps.constant(3, 0, HORIZON)
    parts = measure(in_use(history), edges, limit, limit)
    whole = measure(in_use(history), [edges[0], edges[-1]], limit, limit)
    for name in ("seat_seconds", "full_seconds", "over_seconds", "over_seat_seconds"):
        assert getattr(parts, name).sum() == getattr(whole, name)[0]
    assert max(parts.peak.tolist(), default=0) == whole.peak[0]


@pytest.mark.parametrize(
    ("seats", "limit", "full", "over"),
    [
        pytest.param(0, 0, 0, 0, id="unused-with-no-seats-is-not-full"),
        pytest.param(1, 0, 10, 10, id="used-with-no-seats-is-full-and-over"),
        pytest.param(5, 5, 10, 0, id="at-the-limit-is-full-and-not-over"),
        pytest.param(6, 5, 10, 10, id="above-is-both"),
        pytest.param(4, 5, 0, 0, id="below-is-neither"),
        pytest.param(6, UNKNOWN, 0, 0, id="unknown-is-neither"),
    ],
)
def test_full_and_over_at_the_edge(seats, limit, full, over):
    bound = Steps.constant(limit, 0, 10)
    found = measure(Steps.constant(seats, 0, 10), [0, 10], bound, bound)
    assert (found.full_seconds[0], found.over_seconds[0]) == (full, over)


def test_a_peak_carried_into_a_period_counts_there_too():
    steps = usage([0, 5], [12, 15], [1, 2], 0, 30)
    found = measure(steps, [0, 10, 20, 30])
    assert found.peak.tolist() == [3, 3, 0]
    assert found.peak_at.tolist() == [5, 10, 20]
    assert found.peak_seconds.tolist() == [5, 2, 10]


def test_a_limit_outside_its_own_window_is_unknown():
    found = measure(Steps.constant(5, 0, 30), [0, 10, 20, 30], Steps.constant(5, 10, 15))
    assert found.full_seconds.tolist() == [0, 5, 0]
    assert found.limit_known_seconds.tolist() == [0, 5, 0]
    assert found.limit.tolist() == [UNKNOWN, UNKNOWN, UNKNOWN]


@given(histories(), sets())
def test_over_use_is_judged_in_observed_time_only(history, observed):
    allowed = Steps.constant(2, 0, HORIZON).only_within(observed)
    used = at_each_second(history, 0, HORIZON)
    inside = seconds_of(observed)
    found = measure(in_use(history), [0, HORIZON], allowed=allowed)
    assert found.over_seconds[0] == sum(used[s] > 2 for s in range(HORIZON) if s in inside)
    assert found.allowed_known_seconds[0] == len(inside & set(range(HORIZON)))


@pytest.mark.parametrize(
    ("edges", "message"),
    [
        pytest.param([], "one edge more than periods", id="none"),
        pytest.param([5, 3], "never fall", id="falling"),
        pytest.param([-1, 5], r"\[-1, 5\) are not within the timeline \[0, 10\)", id="before"),
        pytest.param([5, 11], r"\[5, 11\) are not within", id="after"),
    ],
)
def test_periods_that_the_timeline_does_not_cover_are_refused(edges, message):
    with pytest.raises(ValueError, match=message):
        measure(Steps.constant(1, 0, 10), edges)


@given(histories(), limit_levels())
def test_episodes_are_the_unbroken_runs_of_over_use(history, limit):
    used = at_each_second(history, 0, HORIZON)
    expected, run = [], []
    for second in range(HORIZON + 1):
        over = second < HORIZON and limit[second] != UNKNOWN and used[second] > limit[second]
        if over:
            run.append(second)
        elif run:
            peak = max(used[s] for s in run)
            excess = max(used[s] - limit[s] for s in run)
            expected.append(OverUse(run[0], run[-1] + 1, peak, excess))
            run = []
    assert episodes(in_use(history), steps_of(limit).joined()) == expected


def test_a_new_limit_that_is_exceeded_too_does_not_end_an_episode():
    found = episodes(Steps.constant(9, 0, 30), Steps([0, 10, 30], [4, 7]))
    assert found == [(0, 30, 9, 5)]


@given(histories(), st.none() | sets())
def test_load_duration_counts_the_observed_seconds_at_each_level_or_above(history, observed):
    inside = range(HORIZON) if observed is None else seconds_of(observed) & set(range(HORIZON))
    used = at_each_second(history, 0, HORIZON)
    seen = [used[second] for second in inside]
    levels, seconds = load_duration(in_use(history), observed)
    assert levels.tolist() == sorted(set(seen))
    assert seconds.tolist() == [sum(u >= level for u in seen) for level in levels.tolist()]
    mean = time_weighted_mean(in_use(history), observed)
    assert mean == (Fraction(sum(seen), len(seen)) if seen else None)


@given(histories(), sets(), st.fractions(0, 1))
def test_a_level_not_exceeded_is_the_lowest_that_holds_for_the_share(history, observed, share):
    used = at_each_second(history, 0, HORIZON)
    seen = sorted(used[s] for s in seconds_of(observed) & set(range(HORIZON)))
    fitting = [u for u in seen if sum(v <= u for v in seen) >= share * len(seen)]
    expected = fitting[0] if seen else None
    assert level_not_exceeded(in_use(history), share, observed) == expected


@pytest.mark.parametrize(
    ("share", "expected"),
    [(0.0, 1), (0.1, 1), (0.2, 2), (0.3, 2), (0.31, 3), (0.999, 3), (1.0, 3)],
)
def test_a_share_given_as_a_float_means_the_number_it_prints(share, expected):
    steps = Steps([0, 100, 300, 1000], [1, 2, 3])
    assert level_not_exceeded(steps, share) == expected


def test_nothing_observed_has_no_mean_and_no_level():
    nothing = IntervalSet.empty()
    steps = Steps.constant(3, 0, 10)
    assert time_weighted_mean(steps, nothing) is None
    assert level_not_exceeded(steps, 0.5, nothing) is None
    assert [column.tolist() for column in load_duration(steps, nothing)] == [[], []]


def test_a_year_of_hours_with_many_steps_agrees_with_a_dense_count():
    random = np.random.default_rng(7)
    start, hours = 1_700_000_000, 200
    end = start + hours * 3600
    starts = random.integers(start - 5000, end, size=3000)
    ends = starts + random.integers(1, 20_000, size=3000)
    seats = random.integers(1, 4, size=3000)
    edges = np.arange(start, end + 1, 3600)
    dense = np.zeros(end - start + 1, dtype=np.int64)
    np.add.at(dense, np.clip(starts, start, end) - start, seats)
    np.add.at(dense, np.clip(ends, start, end) - start, -seats)
    grid = np.cumsum(dense)[:-1].reshape(hours, 3600)
    steps = usage(starts, ends, seats, start, end)
    limit = int(grid.mean())
    found = measure(
        steps, edges, Steps.constant(limit, start, end), Steps.constant(limit, start, end)
    )
    assert levels_of(steps) == grid.ravel().tolist()
    assert found.peak.tolist() == grid.max(axis=1).tolist()
    assert (found.peak_at - edges[:-1]).tolist() == grid.argmax(axis=1).tolist()
    assert found.seat_seconds.tolist() == grid.sum(axis=1).tolist()
    assert found.full_seconds.tolist() == (grid >= limit).sum(axis=1).tolist()
    assert found.over_seat_seconds.tolist() == np.maximum(grid - limit, 0).sum(axis=1).tolist()
