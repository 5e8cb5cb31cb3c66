"""Which status row shows which OUT: each has one, where there is one for each."""

from __future__ import annotations

from typing import Any, NamedTuple

from hypothesis import example, given
from hypothesis import strategies as st

from licenses.evidence.recount import matching as recount
from licenses.evidence.recount.holdings import Held
from licenses.importing.held import EVENT, Open, Seen
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
    left = match(held, sorted(shown, key=lambda row: (row.started_at, row.last_seen)))
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
    left = recount.matched(held, sorted(shown, key=lambda row: (row["same"], row["until"])))
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
