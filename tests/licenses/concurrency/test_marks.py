"""What makes a holding suspect, by itself."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import numpy as np
import pytest

from licenses.concurrency.marks import Mark, Out, last_night, marks, on_several_hosts
from tests.factories import at

BERLIN = ZoneInfo("Europe/Berlin")
NOW = at("2026-11-24T10:00")
NIGHT = at("2026-11-24T00:00"), at("2026-11-24T05:00")
HOUR, DAY = 3600, 86_400
ADA, BOB, PC1, PC2 = 1, 2, 11, 12


def found(began: int, known: int = NOW, *, away: bool = False, moment: int = NOW) -> list[str]:
    out = Out(ADA, PC1, began, known, away)
    return list(marks(out, moment=moment, night=NIGHT, several={ADA}, silent={PC1}))


@pytest.mark.parametrize(
    ("began", "known", "expected"),
    [
        pytest.param(NOW - HOUR, NOW, [], id="since-this-morning"),
        pytest.param(NOW - DAY, NOW, ["overnight"], id="a-day-to-the-second"),
        pytest.param(NOW - DAY - 1, NOW, ["long", "overnight"], id="more-than-a-day"),
        pytest.param(NIGHT[0], NIGHT[1], ["overnight"], id="the-night-to-the-second"),
        pytest.param(NIGHT[0] + 1, NOW, [], id="taken-in-the-night"),
        pytest.param(NIGHT[0] - 1, NIGHT[1] - 1, [], id="not-known-until-morning"),
        pytest.param(NOW - 3 * DAY, NOW, ["long", "overnight"], id="three-days-to-the-second"),
        pytest.param(
            NOW - 3 * DAY - 1, NOW, ["long", "overnight", "host_gone"], id="more-than-three-days"
        ),
        pytest.param(NOW - 9 * DAY, NOW - 8 * DAY, ["long"], id="long-ago-and-not-heard-of-since"),
    ],
)
def test_marks_of_times(began: int, known: int, expected: list[str]) -> None:
    assert [mark for mark in found(began, known) if mark != "two_hosts"] == expected


def test_what_is_borrowed_is_meant_to_be_out() -> None:
    assert found(NOW - 9 * DAY, away=True) == [Mark.LONG, Mark.TWO_HOSTS]


def test_others_and_other_machines_are_not_marked() -> None:
    out = Out(BOB, PC2, NOW - 9 * DAY, NOW, False)
    told = marks(out, moment=NOW, night=NIGHT, several={ADA}, silent={PC1})
    assert told == (Mark.LONG, Mark.OVERNIGHT)


def test_who_holds_several_seats_on_one_machine_is_on_one() -> None:
    person, host = np.array([ADA, ADA, BOB, BOB, BOB]), np.array([PC1, PC1, PC1, PC2, PC2])
    assert on_several_hosts(person, host) == {BOB}
    assert on_several_hosts(person[:0], host[:0]) == set()


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-11-24T10:00", ("2026-11-23T23:00", "2026-11-24T04:00")),
        ("2026-11-24T04:00", ("2026-11-23T23:00", "2026-11-24T04:00")),
        ("2026-11-24T03:59:59", ("2026-11-22T23:00", "2026-11-23T04:00")),
        ("2026-11-23T23:30", ("2026-11-22T23:00", "2026-11-23T04:00")),
        pytest.param("2026-03-29T10:00", ("2026-03-28T23:00", "2026-03-29T03:00"), id="short"),
        pytest.param("2026-10-25T10:00", ("2026-10-24T22:00", "2026-10-25T04:00"), id="long"),
    ],
)
def test_the_last_night_is_that_of_the_zones_clock(moment: str, expected: tuple[str, str]) -> None:
    assert last_night(at(moment), BERLIN) == tuple(map(at, expected))
