"""Where another text begins within a text of a log."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

import pytest

from licenses.sources.flexnet.debug_log import DebugLogParser
from licenses.sources.flexnet.seams import Lines, Seam, find

ZONE = ZoneInfo("Europe/Berlin")
DAY = (
    "08:00:00 (lmgrd) TIMESTAMP 3/2/2026",
    '09:00:00 (acmed) OUT: "cad" ann@pc1',
    "13:00:00 (lmgrd) TIMESTAMP 3/2/2026",
    '16:30:00 (acmed) IN: "cad" ann@pc1',
    "18:00:00 (lmgrd) TIMESTAMP 3/2/2026",
)
NEXT = (
    "00:00:00 (lmgrd) TIMESTAMP 3/3/2026",
    '03:00:00 (acmed) OUT: "cad" bob@pc1',
    "05:00:00 (lmgrd) TIMESTAMP 3/3/2026",
)


def seam(*lines: str, before: int = 0, encoding: str = "") -> Seam | None:
    """Return the seam in lines, of which so many were read before the piece."""

    def raw(first: int, end: int | None = None) -> bytes:
        text = "".join(f"{line}\n" for line in lines[first:end])
        return text.encode() if not encoding else f"{'' if first else mark}{text}".encode(encoding)

    mark = "\ufeff"

    parser = DebugLogParser(zone=ZONE, date=date(2026, 3, 2), state=None)
    parser.read(raw(0, before))
    parser.take_jumps()
    state, latest = parser.state(), parser.last_at
    piece = parser.read(raw(before))
    told = Lines(raw(before), before, latest, state["clock"], parser.encoding)
    found = find(told, piece, parser.take_jumps(), ZONE)
    if found is not None:
        # The line begins where it says.
        at = told.place_of(found.line)
        rest = raw(before)[at:].decode(encoding or "utf-8").removeprefix(mark)
        assert rest.startswith(lines[found.line - 1])
    return found


def test_a_text_that_only_goes_forward_has_none() -> None:
    assert seam(*DAY, *NEXT) is None
    assert seam(*DAY, *NEXT, before=3) is None


def test_lines_that_come_a_quarter_of_an_hour_late_are_of_the_same_text() -> None:
    assert (
        seam(DAY[0], '09:00:00 (acmed) IN: "cad" ann@pc1', DAY[1].replace("09:", "08:45:")) is None
    )
    late = '08:45:00 (acmed) OUT: "cad" ann@pc1'
    assert seam(*DAY[:2], late) is None
    assert seam(*DAY[:2], late.replace("08:45:00", "08:44:59")) is not None


@pytest.mark.parametrize("before", [0, 2, 5])
@pytest.mark.parametrize("encoding", ["", "utf-16-le"])
def test_a_fall_of_the_clock_within_a_day_begins_another(before: int, encoding: str) -> None:
    found = seam(*DAY, *DAY[2:], before=before, encoding=encoding)
    assert found is not None
    assert (found.line, found.day, found.seconds) == (6, date(2026, 3, 2), -5 * 3600)
    assert not found.unsure
    assert not found.stored


@pytest.mark.parametrize("before", [0, 3])
def test_a_fall_that_looks_like_midnight_is_told_from_one_by_the_date(before: int) -> None:
    found = seam(*DAY, *DAY, before=before)
    assert found is not None
    assert (found.line, found.day, found.seconds) == (6, date(2026, 3, 2), -10 * 3600)
    assert not found.unsure


def test_a_later_part_may_stand_before_an_earlier_one() -> None:
    found = seam(*NEXT, *DAY)
    assert found is not None
    assert (found.line, found.day) == (4, date(2026, 3, 2))
    assert found.seconds == -21 * 3600
    # Lines before a date line are of its text where they are too far from the date before.
    found = seam(*NEXT, DAY[1].replace("09:00", "12:30"), *DAY[2:])
    assert found is not None
    assert (found.line, found.day, found.unsure) == (4, date(2026, 3, 2), False)


def test_where_nothing_tells_lines_before_the_date_are_in_doubt() -> None:
    lines = "02:00:00 (lmgrd) TIMESTAMP 3/5/2026", NEXT[1], NEXT[2]
    found = seam(*lines)
    assert found is not None
    assert (found.line, found.day, found.unsure) == (3, date(2026, 3, 3), True)
    found = seam(*lines, before=2)
    assert found is not None
    assert found.stored


def test_the_first_date_of_a_text_contradicts_no_other() -> None:
    assert (
        seam('09:00:00 (acmed) OUT: "cad" ann@pc1', "10:00:00 (lmgrd) TIMESTAMP 3/1/2026") is None
    )


def test_an_hour_that_the_zone_shows_twice_is_no_fall() -> None:
    found = seam(
        "01:00:00 (lmgrd) TIMESTAMP 10/25/2026",
        '02:50:00 (acmed) OUT: "cad" ann@pc1',
        '02:10:00 (acmed) IN: "cad" ann@pc1',
        "04:00:00 (lmgrd) TIMESTAMP 10/25/2026",
    )
    assert found is None
