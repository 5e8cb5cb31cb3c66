"""Which status row shows which OUT: each has one, where there is one for each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from licenses.evidence.recount import matching as recount
from licenses.evidence.recount.holdings import Held
from licenses.importing.held import CLOCKS_AGREE, EVENT, Open, Seen
from licenses.importing.matching import match, sort_by_minute

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
    def first_seen(self) -> int:
        return self.minute + 60

    @property
    def order(self) -> tuple[int, int, int]:
        return self.minute, self.last, self.gone or 0


def seen(rows: list[Row]) -> list[Seen]:
    """Return rows in order, as the product has them."""
    found = [
        Seen(number, row.minute, row.first_seen, row.last, row.gone, "held")
        for number, row in enumerate(rows)
    ]
    return sorted(found, key=lambda row: rows[row.pk].order)


def shown(rows: list[Row]) -> list[dict[str, Any]]:
    """Return rows in order, as the recount has them."""
    found = []
    for number, row in enumerate(rows):
        same, first = [row.minute // 60], row.first_seen
        told = {"number": number, "first_seen": first, "shown_by": first, "until": row.last}
        told |= {"same": same, "near": [*same, same[0] - 1]}
        found.append(told if row.gone is None else told | {"gone": row.gone})
    return sorted(found, key=lambda row: rows[row["number"]].order)


Matching = Callable[[list[Told], list[Row]], dict[int, int]]
Sorting = Callable[[list[tuple[int, bool]], list[Row]], dict[int, int]]


def by_product(seats: list[Told], rows: list[Row]) -> dict[int, int]:
    """Return which row goes with which seat, both by their number."""
    held = []
    for out, back in seats:
        held.append(Open(out, out, EVENT))
        if back is not None:
            held[-1].end(back, back, "returned")
    left = match(held, seen(rows))
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
    left = recount.matched(held, shown(rows))
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


def sorted_by_product(moves: list[tuple[int, bool]], rows: list[Row]) -> dict[int, int]:
    """Return the minute of the OUT of each row that has one, before any IN is known to return which
    OUT. moves: when, and whether it is an OUT."""
    taken = sorted(at for at, out in moves if out)
    found, left = sort_by_minute(seen(rows), taken, sorted(at for at, out in moves if not out))
    assert len(left) + sum(map(len, found.values())) == len(rows)
    return {row.pk: minute for minute, those in found.items() for row in those}


def sorted_by_recount(moves: list[tuple[int, bool]], rows: list[Row]) -> dict[int, int]:
    found, left = recount.by_out(shown(rows), moves)
    assert len(left) + sum(map(len, found.values())) == len(rows)
    return {row["number"]: minute for minute, those in found.items() for row in those}


MOMENTS = st.builds(lambda m, s: NINE + m * 60 + s, MINUTES, st.sampled_from([0, 10, 40]))


@given(moves=st.lists(st.tuples(MOMENTS, st.booleans()), max_size=8), rows=ROWS)
@example(moves=[(seat.out, True) for seat in ROUNDED_UP], rows=ROUNDED_UP_SHOWN)
def test_the_recount_sorts_rows_by_the_same_minutes(moves, rows) -> None:
    found = sorted_by_product(moves, rows)
    assert sorted_by_recount(moves, rows) == found
    assert Counter(found.values()) <= Counter(at // 60 for at, out in moves if out)
    assert all(rows[row].minute // 60 - minute in (0, 1) for row, minute in found.items())


@pytest.mark.parametrize("sort", [sorted_by_product, sorted_by_recount])
def test_rows_that_are_rounded_up_are_sorted_by_the_minutes_before_theirs(sort: Sorting) -> None:
    outs = [(seat.out, True) for seat in ROUNDED_UP]
    first, second = (seat.out // 60 for seat in ROUNDED_UP)
    assert sort(outs, ROUNDED_UP_SHOWN) == {0: first, 1: second}
    returned = (ROUNDED_UP_SHOWN[0].first_seen, False)
    assert sort([*outs, returned], ROUNDED_UP_SHOWN) == {0: second}
