"""Scales are whole and round, and time that was not observed is cut out."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.pdf.axes import Gap, Plot, Step, outside, runs, whole_ticks, widened

PLOT = Plot(left=0, bottom=0, width=100, height=100, start=0, end=100, top=10)


@pytest.mark.parametrize(
    ("highest", "expected"),
    [
        pytest.param(0, [0, 1], id="nothing"),
        pytest.param(1, [0, 1], id="one"),
        pytest.param(5, [0, 1, 2, 3, 4, 5], id="five"),
        pytest.param(10, [0, 2, 4, 6, 8, 10], id="ten"),
        pytest.param(28, [0, 10, 20, 30], id="above-the-highest"),
        pytest.param(140, [0, 50, 100, 150], id="hundreds"),
        pytest.param(5_000, [0, 1_000, 2_000, 3_000, 4_000, 5_000], id="thousands"),
    ],
)
def test_ticks_are_whole_and_round(highest: int, expected: list[int]) -> None:
    assert whole_ticks(highest) == expected


@given(st.integers(0, 10**9))
def test_ticks_reach_the_highest(highest: int) -> None:
    ticks = whole_ticks(highest)
    assert ticks[-1] >= highest
    assert 2 <= len(ticks) <= 7
    assert len({b - a for a, b in pairwise(ticks)}) == 1


@pytest.mark.parametrize(
    ("gaps", "expected"),
    [
        pytest.param([], [(0, 30, 4), (30, 60, 5)], id="no-gap"),
        pytest.param([Gap(10, 20)], [(0, 10, 4), (20, 30, 4), (30, 60, 5)], id="within"),
        pytest.param([Gap(20, 40)], [(0, 20, 4), (40, 60, 5)], id="across"),
        pytest.param([Gap(0, 60)], [], id="all"),
        pytest.param([Gap(0, 30)], [(30, 60, 5)], id="touching"),
        pytest.param([Gap(5, 6), Gap(8, 9)], [(0, 5, 4), (6, 8, 4), (9, 30, 4), (30, 60, 5)],
                     id="two-in-one"),
    ],
)  # fmt: skip
def test_gaps_are_cut_out(gaps: list[Gap], expected: list[tuple[int, int, int]]) -> None:
    steps = [Step(0, 15, 4), Step(15, 30, 4), Step(30, 60, 5)]
    assert [(s.start, s.end, s.value) for s in outside(steps, gaps)] == expected


@given(
    st.lists(st.integers(0, 5), min_size=1, max_size=20),
    st.lists(st.tuples(st.integers(0, 95), st.integers(1, 20)), max_size=5),
)
def test_cutting_agrees_with_looking_at_every_second(
    values: list[int], gaps: list[tuple[int, int]]
) -> None:
    steps = [Step(5 * i, 5 * i + 5, value) for i, value in enumerate(values)]
    blind = widened([Gap(start, start + length) for start, length in gaps], 0)
    left = outside(steps, blind)
    seen = {t: s.value for s in left for t in range(s.start, s.end)}
    unseen = {t for gap in blind for t in range(gap.start, gap.end)}
    assert seen == {
        t: value
        for i, value in enumerate(values)
        for t in range(5 * i, 5 * i + 5)
        if t not in unseen
    }


def test_a_line_ends_at_a_gap_and_a_new_one_begins_after_it() -> None:
    lines = runs(outside([Step(0, 50, 4), Step(50, 100, 5)], [Gap(20, 30), Gap(50, 60)]), PLOT)
    assert lines == [[(0, 40), (20, 40)], [(30, 40), (50, 40)], [(60, 50), (100, 50)]]


def test_a_short_gap_is_wide_enough_to_see_and_neighbours_merge() -> None:
    assert widened([Gap(50, 51, 3), Gap(55, 56, 7)], 10) == [Gap(45, 61, 7)]
    assert widened([Gap(50, 51, 3), Gap(55, 56)], 10) == [Gap(45, 61, None)]
    assert widened([Gap(0, 20)], 10) == [Gap(0, 20)]
