import random
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from licenses.concurrency.intervals import IntervalSet
from licenses.concurrency.periods import iso, local_midnight, periods

ZONES = [
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "Asia/Kolkata",
    "UTC",
]


def epoch(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


def lengths(edges) -> list[float]:
    return (np.diff(edges) / 3600).tolist()


DAYS = [
    # zone, day, hours it has, its first and last moment
    pytest.param("Europe/Berlin", "2026-03-28", 24, id="berlin-day-before"),
    pytest.param("Europe/Berlin", "2026-03-29", 23, id="berlin-spring"),
    pytest.param("Europe/Berlin", "2026-10-25", 25, id="berlin-autumn"),
    pytest.param("Europe/Berlin", "2026-10-26", 24, id="berlin-day-after"),
    pytest.param("America/New_York", "2026-03-08", 23, id="new-york-spring"),
    pytest.param("America/New_York", "2026-11-01", 25, id="new-york-autumn"),
    pytest.param("Australia/Lord_Howe", "2026-04-05", 24.5, id="lord-howe-autumn"),
    pytest.param("Australia/Lord_Howe", "2026-10-04", 23.5, id="lord-howe-spring"),
    pytest.param("Africa/Casablanca", "2026-02-15", 25, id="casablanca-ramadan-begins"),
    pytest.param("Africa/Casablanca", "2026-03-22", 23, id="casablanca-ramadan-ends"),
    pytest.param("Asia/Kolkata", "2026-03-29", 24, id="kolkata-never"),
    pytest.param("UTC", "2026-03-29", 24, id="utc-never"),
    pytest.param("Europe/Berlin", "2028-02-29", 24, id="leap-day"),
    pytest.param("Asia/Kolkata", "2026-12-31", 24, id="last-day-of-the-year"),
]


@pytest.mark.parametrize(("zone", "day", "hours"), DAYS)
def test_a_day_has_the_hours_that_the_clock_gives_it(zone, day, hours):
    zone, day = ZoneInfo(zone), date.fromisoformat(day)
    start, end = local_midnight(day, zone), local_midnight(day + timedelta(days=1), zone)
    assert (end - start) / 3600 == hours
    assert periods(start, end, zone, "day").tolist() == [start, end]
    assert datetime.fromtimestamp(start, zone).replace(tzinfo=None).isoformat() == f"{day}T00:00:00"
    whole_day = IntervalSet.of([start], [end])
    assert whole_day.seconds_within(periods(start, end, zone, "hour")).sum() == hours * 3600


@pytest.mark.parametrize(("zone", "day", "hours"), DAYS)
def test_hours_of_a_day_are_full_except_where_a_half_hour_is_lost_or_won(zone, day, hours):
    zone, day = ZoneInfo(zone), date.fromisoformat(day)
    start, end = local_midnight(day, zone), local_midnight(day + timedelta(days=1), zone)
    found = lengths(periods(start, end, zone, "hour"))
    assert sorted(found, reverse=True) == [1.0] * int(hours) + [0.5] * (hours % 1 != 0)


@pytest.mark.parametrize(
    ("start", "end", "zone", "expected"),
    [
        pytest.param("2026-03-29T00:00+00:00", "2026-03-29T02:00+00:00", "Europe/Berlin",
                     ["01:00+01:00", "03:00+02:00", "04:00+02:00"], id="berlin-skips-an-hour"),
        pytest.param("2026-10-25T00:00+00:00", "2026-10-25T02:00+00:00", "Europe/Berlin",
                     ["02:00+02:00", "02:00+01:00", "03:00+01:00"], id="berlin-repeats-an-hour"),
        pytest.param("2026-10-03T14:30+00:00", "2026-10-03T17:00+00:00", "Australia/Lord_Howe",
                     ["01:00+10:30", "02:30+11:00", "03:00+11:00", "04:00+11:00"],
                     id="lord-howe-skips-half-an-hour"),
        pytest.param("2026-04-04T14:00+00:00", "2026-04-04T16:30+00:00", "Australia/Lord_Howe",
                     ["01:00+11:00", "01:30+10:30", "02:00+10:30", "03:00+10:30"],
                     id="lord-howe-repeats-half-an-hour"),
        pytest.param("2026-01-01T00:00+00:00", "2026-01-01T02:10+00:00", "Asia/Kolkata",
                     ["05:30+05:30", "06:00+05:30", "07:00+05:30", "07:40+05:30"],
                     id="kolkata-starts-hours-on-the-utc-half-hour"),
    ],
)  # fmt: skip
def test_hours_start_when_the_local_clock_is_full(start, end, zone, expected):
    zone = ZoneInfo(zone)
    edges = periods(epoch(start), epoch(end), zone, "hour").tolist()
    assert [iso(edge, zone)[11:].replace(":00+", "+", 1) for edge in edges] == expected


@pytest.mark.parametrize(
    ("start", "end", "by", "expected"),
    [
        pytest.param("2027-12-30", "2028-01-02", "day", ["12-30", "12-31", "01-01", "01-02"],
                     id="year-end"),
        pytest.param("2028-02-28", "2028-03-02", "day", ["02-28", "02-29", "03-01", "03-02"],
                     id="leap-day"),
        pytest.param("2027-02-28", "2027-03-02", "day", ["02-28", "03-01", "03-02"],
                     id="no-leap-day"),
        pytest.param("2026-12-30", "2027-01-13", "week", ["12-30", "01-04", "01-11", "01-13"],
                     id="weeks-start-on-monday-over-the-year-end"),
        pytest.param("2027-01-04", "2027-01-18", "week", ["01-04", "01-11", "01-18"],
                     id="whole-weeks"),
        pytest.param("2027-12-15", "2028-03-31", "month",
                     ["12-15", "01-01", "02-01", "03-01", "03-31"], id="months-over-the-year-end"),
        pytest.param("2027-01-31", "2027-05-01", "month",
                     ["01-31", "02-01", "03-01", "04-01", "05-01"], id="months-from-a-31st"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("zone", ZONES)
def test_edges_are_local_midnights_cut_at_the_window(start, end, by, expected, zone):
    zone = ZoneInfo(zone)
    window = [local_midnight(date.fromisoformat(day), zone) for day in (start, end)]
    assert [iso(edge, zone)[5:16] for edge in periods(*window, zone, by)] == [
        f"{day}T00:00" for day in expected
    ]


@pytest.mark.parametrize(
    ("day", "zone", "expected"),
    [
        pytest.param("2018-11-04", "America/Sao_Paulo", "2018-11-04T01:00:00-02:00", id="skipped"),
        pytest.param("1919-03-31", "America/Toronto", "1919-03-31T00:30:00-04:00",
                     id="skipped-from-before-midnight"),
        pytest.param("2018-11-04", "America/Havana", "2018-11-04T00:00:00-04:00", id="shown-twice"),
        pytest.param("2018-02-18", "America/Sao_Paulo", "2018-02-18T00:00:00-03:00",
                     id="eleven-shown-twice"),
        pytest.param("2011-12-30", "Pacific/Apia", "2011-12-31T00:00:00+14:00", id="no-such-day"),
        pytest.param("2011-12-31", "Pacific/Apia", "2011-12-31T00:00:00+14:00", id="day-after-it"),
    ],
)  # fmt: skip
def test_a_day_starts_with_its_first_moment_even_without_a_midnight(day, zone, expected):
    zone = ZoneInfo(zone)
    assert iso(local_midnight(date.fromisoformat(day), zone), zone) == expected


def test_a_day_that_a_zone_left_out_is_no_period():
    zone = ZoneInfo("Pacific/Apia")
    start, end = epoch("2011-12-29T00:00-10:00"), epoch("2012-01-01T00:00+14:00")
    assert lengths(periods(start, end, zone, "day")) == [24, 24]


window = st.tuples(
    st.integers(epoch("2024-01-01T00:00+00:00"), epoch("2029-01-01T00:00+00:00")),
    st.integers(0, 40 * 86400),
)


@given(window, st.sampled_from(ZONES), st.sampled_from(["hour", "day", "week", "month"]))
def test_edges_rise_from_start_to_end_and_each_moment_has_the_label_of_its_period(span, name, by):
    (start, length), zone = span, ZoneInfo(name)
    edges = periods(start, start + length, zone, by).tolist()
    assert (edges[0], edges[-1]) == (start, start + length)
    assert all(before < after for before, after in pairwise(edges))

    def label(moment):
        wall = datetime.fromtimestamp(moment, zone)
        day = wall.date()
        return {
            "hour": (day, wall.hour, wall.utcoffset()),
            "day": day,
            "week": day.isocalendar()[:2],
            "month": (day.year, day.month),
        }[by]

    labels = [label(since) for since, _ in pairwise(edges)]
    assert labels == [label(until - 1) for _, until in pairwise(edges)]
    assert all(before != after for before, after in pairwise(labels))


def test_a_year_of_hours_in_berlin_has_8760():
    zone = ZoneInfo("Europe/Berlin")
    start, end = epoch("2026-01-01T00:00+01:00"), epoch("2027-01-01T00:00+01:00")
    assert set(lengths(periods(start, end, zone, "hour"))) == {1.0}
    assert len(periods(start, end, zone, "hour")) == 8761
    assert len(periods(start, end, zone, "day")) == 366


@pytest.mark.parametrize("by", ["hour", "day", "week", "month"])
def test_an_empty_window_has_one_edge_and_no_period(by):
    assert periods(100, 100, UTC, by).tolist() == [100]


def test_a_window_that_ends_before_it_starts_is_refused():
    with pytest.raises(ValueError, match="ends at 3, before it starts at 5"):
        periods(5, 3, UTC, "day")


def test_an_unknown_period_is_refused_by_name():
    with pytest.raises(ValueError, match="'year': expected hour, day, week or month"):
        periods(0, 10, UTC, "year")


def test_iso_carries_the_offset_in_force():
    zone = ZoneInfo("Europe/Berlin")
    assert iso(epoch("2026-03-29T00:59:59+00:00"), zone) == "2026-03-29T01:59:59+01:00"
    assert iso(epoch("2026-03-29T01:00:00+00:00"), zone) == "2026-03-29T03:00:00+02:00"


@pytest.mark.parametrize(
    "name", ["UTC", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Monrovia"]
)
def test_a_moment_is_told_as_the_clocks_of_the_zone_show_it(name):
    zone = ZoneInfo(name)
    dice = random.Random(name)
    # Around clock changes, among them one of half an hour, and when zones had odd offsets.
    moments = [*range(1_774_740_000, 1_774_760_000, 431), *range(1_775_310_000, 1_775_320_000, 97)]
    moments += [dice.randrange(-3_000_000_000, 4_000_000_000) for _ in range(300)]
    for moment in moments:
        assert iso(moment, zone) == datetime.fromtimestamp(moment, zone).isoformat()
