import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from licenses.concurrency import rollups
from licenses.concurrency.measures import measure
from licenses.concurrency.rollups import hourly
from licenses.concurrency.timeline import OPEN, UNKNOWN, Steps, limits, usage

START = 1_735_689_600
END = START + 6 * 3600
FIGURES = ("peak", "seat_seconds", "full_seconds", "over_seconds", "over_seat_seconds")


def rows(hours):
    columns = [getattr(hours, name).tolist() for name in ("groups", "hours", *FIGURES)]
    return list(zip(*columns, strict=True))


def per_pool(holdings, start, end, bounds, rights):
    """Return the rows that the timeline and its measures give, one pool after another."""
    edges = np.arange(start, end + 1, 3600)
    found = []
    for pool in sorted({row[3] for row in holdings}):
        starts, ends, seats, _ = zip(*[row for row in holdings if row[3] == pool], strict=True)
        steps = usage(starts, ends, seats, start, end)
        figures = measure(steps, edges, bounds.get(pool), rights.get(pool))
        for place in np.flatnonzero(figures.seat_seconds):
            found.append(
                (pool, int(edges[place]), *(int(getattr(figures, n)[place]) for n in FIGURES))
            )
    return found


# Moments near full hours, where the mistakes are, and anywhere else.
moments = st.one_of(
    st.builds(lambda hour, off: START + hour * 3600 + off, st.integers(-1, 7), st.integers(-2, 2)),
    st.integers(START - 4000, END + 4000),
)
holdings_of = st.lists(
    st.tuples(moments, moments | st.just(OPEN), st.integers(0, 5), st.sampled_from([-3, 4, 70000])),
    max_size=14,
)
limits_of = st.dictionaries(
    st.sampled_from([-3, 4, 70000, 5]),
    st.lists(st.tuples(moments, moments, st.integers(UNKNOWN, 6)), max_size=4).map(
        lambda lines: limits(
            [a for a, _, _ in lines], [b for _, b, _ in lines], [q for *_, q in lines],
            START - 7200, END - 1800,
        )
    ),
)  # fmt: skip


def columns_of(holdings):
    return [list(column) for column in zip(*holdings, strict=True)] or [[], [], [], []]


@given(holdings_of, limits_of, limits_of, st.integers(1, 8))
def test_hours_of_all_pools_are_those_of_each_pool_alone(holdings, bounds, rights, block):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rollups, "BLOCK_EVENTS", block)
        found = hourly(*columns_of(holdings), START, END, limits=bounds, allowed=rights)
    assert rows(found) == per_pool(holdings, START, END, bounds, rights)


@given(holdings_of, limits_of, st.integers(2**40, 2**44))
def test_seats_too_large_for_one_sort_of_all_pools_give_the_same_rows(holdings, bounds, most):
    holdings = [(a, b, seats * most, pool) for a, b, seats, pool in holdings]
    found = hourly(*columns_of(holdings), START, END, limits=bounds, allowed=bounds)
    assert rows(found) == per_pool(holdings, START, END, bounds, bounds)


def test_seats_beyond_any_key_are_refused():
    with pytest.raises(ValueError, match="more than 63 bits"):
        hourly([START], [END], [2**60], [1], START, END)


@pytest.mark.parametrize(
    ("holdings", "expected"),
    [
        pytest.param([], [], id="nothing"),
        pytest.param([(0, 3600, 1)], [(0, 1, 3600)], id="exactly-one-hour"),
        pytest.param([(0, 3601, 1)], [(0, 1, 3600), (1, 1, 1)], id="one-second-more"),
        pytest.param([(1800, 12600, 2)], [(0, 2, 3600), (1, 2, 7200), (2, 2, 7200), (3, 2, 3600)],
                     id="over-hours-without-an-event"),
        pytest.param([(0, 3600, 3), (3600, 7200, 1)], [(0, 3, 10800), (1, 1, 3600)],
                     id="handover-on-the-full-hour"),
        pytest.param([(100, 3600, 9), (100, 3600, 1), (100, 3700, 1)],
                     [(0, 11, 38500), (1, 1, 100)],
                     id="many-ends-on-the-full-hour-are-no-peak-of-the-next"),
        pytest.param([(50, 50, 1), (90, 80, 1)], [], id="no-length-is-no-use"),
        pytest.param([(18000, OPEN, 1)], [(5, 1, 3600)], id="still-out-ends-with-the-window"),
        pytest.param([(100, 200, 0)], [], id="no-seats-no-row"),
    ],
)  # fmt: skip
def test_hours_with_use(holdings, expected):
    starts = [START + since for since, _, _ in holdings]
    ends = [START + until for _, until, _ in holdings]
    found = hourly(starts, ends, [n for *_, n in holdings], [8] * len(holdings), START, END)
    assert [(g, (h - START) // 3600, p, s) for g, h, p, s, *_ in rows(found)] == [
        (8, *row) for row in expected
    ]


def test_a_pool_in_use_to_the_end_does_not_leak_into_the_next():
    found = hourly([START, START], [END, START + 10], [5, 1], [1, 2], START, END)
    assert [row[:4] for row in rows(found)][-2:] == [
        (1, END - 3600, 5, 18000),
        (2, START, 1, 10),
    ]


def test_a_limit_that_ended_before_the_window_is_unknown_in_it():
    old = {1: Steps.constant(1, START - 7200, START - 3600)}
    found = hourly([START], [START + 10], [5], [1], START, END, limits=old, allowed=old)
    assert rows(found) == [(1, START, 5, 50, 0, 0, 0)]


@pytest.mark.parametrize("window", [(START + 1, END), (START, END - 60), (END, START)])
def test_windows_that_are_not_full_hours_are_refused(window):
    with pytest.raises(ValueError, match="full UTC hours"):
        hourly([], [], [], [], *window)


def test_columns_of_unequal_length_are_refused():
    with pytest.raises(ValueError, match="1 starts, 1 ends, 1 seats and 2 groups"):
        hourly([START], [END], [1], [1, 2], START, END)


def test_negative_seats_are_refused():
    with pytest.raises(ValueError, match="found -1"):
        hourly([START], [END], [-1], [1], START, END)
