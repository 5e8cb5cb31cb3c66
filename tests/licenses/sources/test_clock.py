from __future__ import annotations

import json
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from licenses.sources.clock import DayCounter, LogClock, RepeatedHour, repeated_hour

BERLIN = ZoneInfo("Europe/Berlin")


def tod(text: str) -> int:
    hour, minute, second = (int(part) for part in text.split(":"))
    return hour * 3600 + minute * 60 + second


def epoch(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


def read(clock: LogClock, *times: str) -> list[str]:
    return [
        datetime.fromtimestamp(clock.read(tod(time)), UTC).isoformat().removesuffix("+00:00")
        for time in times
    ]


@pytest.mark.parametrize(
    ("times", "days"),
    [
        pytest.param(["23:59:59", "0:00:00"], [0, 1], id="midnight"),
        pytest.param(
            ["18:00:01", "12:00:00"], [0, 1], id="a fall of more than six hours is midnight"
        ),
        pytest.param(["18:00:00", "12:00:00"], [0, 0], id="a fall of six hours is the same day"),
        pytest.param(["12:00:00", "11:52:29"], [0, 0], id="a clock set back is the same day"),
        pytest.param(
            ["23:59:58", "0:00:01", "23:59:59", "0:00:02", "12:00:00", "1:00:00"],
            [0, 1, 0, 1, 1, 2],
            id="a line that comes late just after midnight",
        ),
        pytest.param(
            ["23:50:00", "0:04:00", "23:58:00", "23:59:00", "0:05:00", "23:00:00", "0:00:00"],
            [0, 1, 0, 0, 1, 1, 2],
            id="several lines that come minutes late",
        ),
        pytest.param(
            ["0:00:01", "23:59:59", "0:00:02"],
            [0, 0, 1],
            id="without a midnight before, a quiet day",
        ),
        pytest.param(
            ["18:00:00", "0:00:01", "23:59:59", "0:00:02"],
            [0, 1, 1, 2],
            id="after a quiet evening, a quiet day",
        ),
        pytest.param(["9:00:00", "9:00:00"], [0, 0], id="the same second"),
    ],
)
def test_midnights_are_counted(times: list[str], days: list[int]) -> None:
    counter = DayCounter()
    assert [counter.count(tod(time)) for time in times] == days


@pytest.mark.parametrize(
    ("zone", "day", "times", "moments"),
    [
        pytest.param(
            "UTC",
            date(2024, 2, 28),
            ["23:00:00", "1:00:00", "23:00:00", "1:00:00"],
            [
                "2024-02-28T23:00:00",
                "2024-02-29T01:00:00",
                "2024-02-29T23:00:00",
                "2024-03-01T01:00:00",
            ],
            id="leap day",
        ),
        pytest.param(
            "Asia/Kolkata",
            date(2025, 12, 31),
            ["23:59:59", "0:00:00"],
            ["2025-12-31T18:29:59", "2025-12-31T18:30:00"],
            id="end of the year, half-hour zone",
        ),
        pytest.param(
            "Europe/Berlin",
            date(2025, 10, 26),
            ["1:59:59", "2:30:00", "2:59:59", "2:00:00", "2:30:00", "3:00:00"],
            [
                "2025-10-25T23:59:59",
                "2025-10-26T00:30:00",
                "2025-10-26T00:59:59",
                "2025-10-26T01:00:00",
                "2025-10-26T01:30:00",
                "2025-10-26T02:00:00",
            ],
            id="Berlin repeats an hour",
        ),
        pytest.param(
            "America/New_York",
            date(2025, 11, 2),
            ["1:59:50", "1:00:10", "1:59:59", "2:00:00"],
            [
                "2025-11-02T05:59:50",
                "2025-11-02T06:00:10",
                "2025-11-02T06:59:59",
                "2025-11-02T07:00:00",
            ],
            id="New York repeats an hour",
        ),
        pytest.param(
            "Australia/Lord_Howe",
            date(2025, 4, 6),
            ["1:59:00", "1:30:00", "2:00:00"],
            ["2025-04-05T14:59:00", "2025-04-05T15:00:00", "2025-04-05T15:30:00"],
            id="Lord Howe repeats half an hour",
        ),
        pytest.param(
            "Europe/Berlin",
            date(2025, 3, 30),
            ["1:59:59", "3:00:00", "23:00:00", "0:30:00"],
            [
                "2025-03-30T00:59:59",
                "2025-03-30T01:00:00",
                "2025-03-30T21:00:00",
                "2025-03-30T22:30:00",
            ],
            id="Berlin skips an hour",
        ),
        pytest.param(
            "America/New_York",
            date(2025, 3, 9),
            ["1:59:59", "3:00:00"],
            ["2025-03-09T06:59:59", "2025-03-09T07:00:00"],
            id="New York skips an hour",
        ),
        pytest.param(
            "Australia/Lord_Howe",
            date(2025, 10, 5),
            ["1:59:59", "2:30:00"],
            ["2025-10-04T15:29:59", "2025-10-04T15:30:00"],
            id="Lord Howe skips half an hour",
        ),
        pytest.param(
            "America/Santiago",
            date(2025, 9, 6),
            ["23:59:59", "1:00:00"],
            ["2025-09-07T03:59:59", "2025-09-07T04:00:00"],
            id="a zone that skips midnight",
        ),
    ],
)
def test_times_become_moments_in_order(
    zone: str, day: date, times: list[str], moments: list[str]
) -> None:
    clock = LogClock(ZoneInfo(zone), day)
    steps = []
    found = []
    for time in times:
        found += read(clock, time)
        steps.append(clock.step)
    assert found == moments
    assert steps == [None] * len(times)


def test_lines_a_second_out_of_order_stay_in_the_first_of_two_repeated_hours() -> None:
    clock = LogClock(BERLIN, date(2025, 10, 26))
    assert read(clock, "2:30:05", "2:30:04", "2:30:06") == [
        "2025-10-26T00:30:05",
        "2025-10-26T00:30:04",
        "2025-10-26T00:30:06",
    ]


def test_lines_a_second_out_of_order_stay_in_the_second_of_two_repeated_hours() -> None:
    clock = LogClock(BERLIN, date(2025, 10, 26))
    read(clock, "2:59:00", "2:30:05")
    assert read(clock, "2:30:04", "2:31:00") == ["2025-10-26T01:30:04", "2025-10-26T01:31:00"]


def test_a_time_that_the_zone_skips_is_read_and_flagged_once() -> None:
    clock = LogClock(BERLIN, date(2025, 3, 30))
    assert read(clock, "1:00:00", "2:30:00") == ["2025-03-30T00:00:00", "2025-03-30T01:30:00"]
    assert clock.step == (0, "the zone skips this time of day when its clocks go forward")
    clock.read(tod("2:31:00"))
    assert clock.step is None


def test_a_clock_that_went_back_is_flagged_with_how_far() -> None:
    clock = LogClock(BERLIN, date(2025, 1, 6))
    clock.read(tod("11:36:53"))
    clock.read(tod("11:29:22"))
    assert clock.step == (-451, "the clock went back")
    clock.read(tod("11:29:23"))
    assert clock.step is None


def test_a_date_line_that_agrees_changes_nothing() -> None:
    clock = LogClock(BERLIN, date(2025, 1, 6))
    clock.read(tod("12:00:00"))
    assert clock.confirm(date(2025, 1, 6)) == 0
    assert clock.confirmed_at == epoch("2025-01-06T12:00:00+01:00")


def test_a_date_line_reveals_silent_days() -> None:
    clock = LogClock(BERLIN, date(2025, 1, 6))
    clock.read(tod("12:00:00"))
    clock.read(tod("13:00:00"))
    assert clock.confirm(date(2025, 1, 9)) == 3 * 86_400
    assert read(clock, "14:00:00", "1:00:00") == ["2025-01-09T13:00:00", "2025-01-10T00:00:00"]


def test_a_date_line_may_move_the_calendar_back() -> None:
    clock = LogClock(BERLIN, date(2025, 1, 6))
    clock.read(tod("12:00:00"))
    assert clock.confirm(date(2025, 1, 5)) == -86_400
    assert read(clock, "12:00:01") == ["2025-01-05T11:00:01"]


@pytest.mark.parametrize("time", ["0:00:00", "23:59:59"])
def test_a_date_line_written_at_midnight_may_name_the_day_beside(time: str) -> None:
    clock = LogClock(BERLIN, date(2025, 1, 6))
    clock.read(tod("23:50:00"))
    clock.confirm(date(2025, 1, 6))
    clock.read(tod(time))
    beside = date(2025, 1, 6) if time == "0:00:00" else date(2025, 1, 7)
    assert clock.confirm(beside) == 0


def test_a_clock_goes_on_from_its_state() -> None:
    times = ["22:00:00", "23:59:58", "0:00:01", "23:59:59", "0:00:02", "11:00:00", "10:00:00"]
    whole = LogClock(BERLIN, date(2025, 10, 25))
    expected = read(whole, *times)
    for cut in range(len(times)):
        first = LogClock(BERLIN, date(2025, 10, 25))
        found = read(first, *times[:cut])
        second = LogClock(BERLIN, state=json.loads(json.dumps(first.state())))
        assert found + read(second, *times[cut:]) == expected


def test_a_text_of_endless_midnights_does_not_overflow_the_calendar() -> None:
    clock = LogClock(BERLIN, date(2199, 12, 30))
    for _ in range(100):
        clock.read(tod("23:00:00"))
        at = clock.read(tod("1:00:00"))
    assert at < epoch("2200-02-01T00:00:00+00:00")


FIRST, SECOND, END = (epoch(f"2026-10-25T0{hour}:00:00+00:00") for hour in (0, 1, 2))


@pytest.mark.parametrize(
    ("times", "follows", "found"),
    [
        pytest.param(["1:59:59", "3:00:00"], None, [], id="not a line of the hour"),
        pytest.param(["1:30:00", "2:20:00"], None, [(1201, 0, False)], id="still within"),
        pytest.param(
            ["2:00:00", "2:59:59", "3:00:00"], None, [(7200, 0, True)], id="gone through unseen"
        ),
        pytest.param(
            ["2:10:00", "2:30:00", "2:20:00", "3:00:00"], None, [(1801, 1801, True)], id="fell"
        ),
        pytest.param(
            ["2:30:00", "2:29:50", "2:10:00"], None, [(1801, 1801, True)], id="fell a while late"
        ),
        pytest.param(
            ["2:10:00", "3:10:00", "2:50:00", "4:00:00"],
            None,
            [(7200, 0, True)],
            id="set back from after the hour",
        ),
        pytest.param(["2:10:00"], "2026-10-25T00:30:00+00:00", [(0, 1801, True)], id="fell before"),
        pytest.param(["2:40:00"], "2026-10-25T00:30:00+00:00", [(2401, 0, False)], id="follows"),
    ],
)
def test_a_clock_tells_what_it_read_of_an_hour_that_the_zone_repeats(
    times: list[str], follows: str | None, found: list[tuple[int, int, bool]]
) -> None:
    clock = LogClock(BERLIN, date(2026, 10, 25))
    clock.follows = None if follows is None else epoch(follows)
    for time in times:
        # As another one that goes on from its state.
        clock.read(tod(time))
        kept, clock = clock, LogClock(BERLIN, state=json.loads(json.dumps(clock.state())))
        assert clock.hours == kept.hours
    told = [
        (max(hour.until - FIRST, 0), max(hour.fell - FIRST, 0), hour.ended) for hour in clock.hours
    ]
    assert told == found
    assert {(hour.first, hour.second, hour.end) for hour in clock.hours} <= {(FIRST, SECOND, END)}


def test_a_zone_may_repeat_half_an_hour() -> None:
    zone = ZoneInfo("Australia/Lord_Howe")
    first = epoch("2026-04-04T14:30:00+00:00")
    for at in (first, first + 1799):
        assert repeated_hour(at, zone) == RepeatedHour(first, 1800)
    assert repeated_hour(first - 1, zone) is None
    assert repeated_hour(first + 1800, zone) is None
