"""Which status row shows which OUT: each has one, where there is one for each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from licenses.evidence.recount import matching as recount
from licenses.evidence.recount.holdings import Held
from licenses.importing.held import CLOCKS_AGREE, EVENT, Open, Seen
from licenses.importing.matching import match

NINE = 9 * 3600


def at(clock: str) -> int:
    minute, _, second = clock.partition(":")
    return NINE + int(minute) * 60 + int(second or 0)


class Told(NamedTuple):
    """When a log has a seat taken and returned; None: it is out."""

    out: int
    back: int | None


class Row(NamedTuple):
    """What answers show: the minute that it prints, until when, and from when on no more."""

    minute: int
    last: int
    gone: int | None

    @property
    def order(self) -> tuple[int, int, int]:
        return self.minute, self.last, self.gone or 0


Matching = Callable[[list[Told], list[Row]], dict[int, int]]


def by_product(seats: list[Told], rows: list[Row]) -> dict[int, int]:
    """Return which row goes with which seat, both by their number."""
    held = []
    for out, back in seats:
        held.append(Open(out, out, EVENT))
        if back is not None:
            held[-1].end(back, back, "returned")
    shown = [
        Seen(number, row.minute, row.minute + 60, row.last, row.gone, "held")
        for number, row in enumerate(rows)
    ]
    left = match(held, sorted(shown, key=lambda row: rows[row.pk].order))
    found = {each.seen.pk: number for number, each in enumerate(held) if each.seen is not None}
    assert {row.pk for row in left} == {*range(len(rows))} - {*found}
    return found


def by_recount(seats: list[Told], rows: list[Row]) -> dict[int, int]:
    """Return the same as the recount sees it."""
    held = []
    for out, back in seats:
        held.append(Held(out, out))
        if back is not None:
            held[-1].end(back, back)
    shown: list[dict[str, Any]] = []
    for number, (minute, last, gone) in enumerate(rows):
        same = [minute // 60]
        row = {"number": number, "shown_by": minute + 60, "until": last, "same": same}
        row["near"] = [*same, same[0] - 1]
        shown.append(row if gone is None else {**row, "gone": gone})
    left = recount.matched(held, sorted(shown, key=lambda row: rows[row["number"]].order))
    found = {each.row["number"]: number for number, each in enumerate(held) if each.row}
    assert {row["number"] for row in left} == {*range(len(rows))} - {*found}
    return found


MINUTES = st.integers(0, 4)
LATER = st.integers(1, 9).map(lambda halves: halves * 30)


@st.composite
def seats_told(draw: st.DrawFn) -> Told:
    out = NINE + draw(MINUTES) * 60 + draw(st.sampled_from([0, 10, 40]))
    return Told(out, draw(st.none() | LATER.map(lambda late: out + late)))


@st.composite
def rows_shown(draw: st.DrawFn) -> Row:
    minute = NINE + draw(MINUTES) * 60
    last = minute + 60 + draw(LATER)
    return Row(minute, last, draw(st.none() | LATER.map(lambda late: last + late)))


SEATS = st.lists(seats_told(), max_size=5)
ROWS = st.lists(rows_shown(), max_size=5)


ENDED_BETWEEN_ANSWERS = [Told(at("1:10"), at("10")), Told(at("1:20"), at("11"))]
"""Of these a row that was shown until 9:10:30 and no more at 9:12 is the second."""


@given(seats=SEATS, rows=ROWS)
@example(seats=ENDED_BETWEEN_ANSWERS, rows=[Row(at("1"), at("10:30"), at("12"))])
def test_the_recount_gives_each_row_the_same_out(seats, rows) -> None:
    assert named(by_recount(seats, rows), seats, rows) == named(
        by_product(seats, rows), seats, rows
    )


def named(found: dict[int, int], seats: list[Told], rows: list[Row]) -> list[tuple[Row, Told]]:
    """Return which row goes with which seat: equal ones are one as good as the other."""
    return sorted(((rows[row], seats[seat]) for row, seat in found.items()), key=repr)


AHEAD = [Told(at("1"), at("12")), Told(at("2"), at("10"))]
"""Answers show both for 80 seconds longer: the clock of whoever asks is so much ahead."""
AHEAD_SHOWN = [Row(at("1"), at("13:20"), at("15")), Row(at("2"), at("11:20"), at("13"))]
ROUNDED_UP = [Told(at("1:40"), None), Told(at("2:10"), None)]
ROUNDED_UP_SHOWN = [Row(at("2"), at("30"), None), Row(at("3"), at("30"), None)]


@pytest.mark.parametrize("matching", [by_product, by_recount])
@pytest.mark.parametrize(
    ("seats", "rows"),
    [
        pytest.param(AHEAD, AHEAD_SHOWN, id="a-clock-that-is-ahead"),
        pytest.param(ROUNDED_UP, ROUNDED_UP_SHOWN, id="minutes-rounded-up"),
    ],
)
def test_a_row_goes_over_to_another_out_to_leave_its_own_to_one_that_has_no_other(
    matching: Matching, seats: list[Told], rows: list[Row]
) -> None:
    assert matching(seats, rows) == {0: 0, 1: 1}


@pytest.mark.parametrize("matching", [by_product, by_recount])
def test_no_row_goes_over_to_an_out_before_its_minute_that_ended_while_it_was_shown(
    matching: Matching,
) -> None:
    """The third seat's OUT was lost, and no answer came while the first was out."""
    seats = [Told(at("0:50"), at("1:30")), Told(at("1:10"), at("20"))]
    rows = [Row(at("1"), at("19"), at("21")), Row(at("2"), at("19:30"), at("21"))]
    assert matching(seats, rows) == {0: 1}


def may_go(row: Row, seat: Told) -> bool:
    earlier = row.minute // 60 - seat.out // 60
    agree = seat.back is None or seat.back + CLOCKS_AGREE >= row.last
    return earlier == 0 or (earlier == 1 and agree)


def most(seats: list[Told], rows: list[Row]) -> int:
    """Return how many rows can have a seat that they may go to, by trying all there is."""
    if not rows:
        return 0
    first, *rest = rows
    return max(
        most(seats, rest),
        *(
            1 + most(seats[:number] + seats[number + 1 :], rest)
            for number, seat in enumerate(seats)
            if may_go(first, seat)
        ),
        0,
    )


@given(seats=SEATS, rows=ROWS)
@example(seats=AHEAD, rows=AHEAD_SHOWN)
@example(seats=ROUNDED_UP, rows=ROUNDED_UP_SHOWN)
def test_as_many_rows_have_an_out_as_can(seats, rows) -> None:
    assert len(by_product(seats, rows)) >= most(seats, rows)


@given(seats=SEATS, rows=ROWS, data=st.data())
def test_the_order_of_what_is_told_gives_no_row_another_out(seats, rows, data) -> None:
    others = data.draw(st.permutations(seats)), data.draw(st.permutations(rows))
    assert named(by_product(*others), *others) == named(by_product(seats, rows), seats, rows)
