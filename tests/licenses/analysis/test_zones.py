"""E12: days of 23, 25, 23.5 and 24.5 hours, a leap day and the end of a year: every denominator is
the time that there was, counted here minute by minute."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from licenses.analysis.coverage import coverage_share, expected, percent_down
from licenses.analysis.usage import usage
from licenses.concurrency.periods import periods
from licenses.models import Coverage
from tests.factories import EntitlementFactory, FeatureFactory, PoolFactory, covered, holding

YEARS = (2024, 2026)
ODD_HOURS = {
    "Europe/Berlin": {23.0, 25.0},
    "America/New_York": {23.0, 25.0},
    "Australia/Lord_Howe": {23.5, 24.5},
    "Africa/Casablanca": {23.0, 25.0},
    "Asia/Kolkata": set(),
    "UTC": set(),
}
CASES = [(zone, year) for zone in ODD_HOURS for year in YEARS]


@cache
def minutes(zone: str, year: int) -> dict[str, Counter[object]]:
    """Count the seconds of each local day, week and month that lie wholly in a year and a margin.

    Looks at every minute of UTC and asks what day it is there.
    """
    tz = ZoneInfo(zone)
    moment = int(datetime(year - 1, 12, 20, tzinfo=UTC).timestamp())
    end = int(datetime(year + 1, 1, 12, tzinfo=UTC).timestamp())
    days: Counter[date] = Counter()
    while moment < end:
        days[datetime.fromtimestamp(moment, tz).date()] += 60
        moment += 60
    return {
        "day": days,
        "week": sum_by(days, lambda day: day - timedelta(days=day.weekday())),
        "month": sum_by(days, lambda day: day.replace(day=1)),
    }


def sum_by(days: Counter[date], key) -> Counter[object]:
    found: Counter[object] = Counter()
    for day, seconds in days.items():
        found[key(day)] += seconds
    return found


def window(zone: str, year: int) -> tuple[int, int]:
    tz = ZoneInfo(zone)
    return tuple(int(datetime(each, 1, 1, tzinfo=tz).timestamp()) for each in (year, year + 1))


@pytest.mark.parametrize("by", ["day", "week", "month"])
@pytest.mark.parametrize(("zone", "year"), CASES)
def test_periods_are_as_long_as_the_calendar_there(zone: str, year: int, by: str) -> None:
    start, end = window(zone, year)
    edges = periods(start, end, ZoneInfo(zone), by).tolist()
    if by == "week":  # the first and the last are cut
        edges = edges[1:-1]
    for since, until in pairwise(edges):
        name = datetime.fromtimestamp(since, ZoneInfo(zone)).date()
        assert until - since == minutes(zone, year)[by][name], name
    if by == "day":
        lengths = {(until - since) / 3600 for since, until in pairwise(edges)}
        assert lengths == {24.0} | ODD_HOURS[zone]
        assert len(edges) - 1 == (366 if year == 2024 else 365)


def odd_days(zone: str, year: int) -> list[date]:
    """Return the days of a length of their own, the leap day, and the last and first of a year."""
    days = minutes(zone, year)["day"]
    odd = [day for day, seconds in days.items() if day.year == year and seconds != 86_400]
    leap = [date(year, 2, 29)] if year == 2024 else []
    return [*odd, *leap, date(year, 1, 1), date(year, 12, 31)]


@pytest.mark.once
@pytest.mark.django_db
@pytest.mark.parametrize(("zone", "year"), CASES)
def test_coverage_and_use_of_an_odd_day_are_exact(zone: str, year: int) -> None:
    tz = ZoneInfo(zone)
    pool = PoolFactory(zone=zone)
    EntitlementFactory(pool=pool, valid_from=date(year - 1, 1, 1), quantity=2)
    feature = FeatureFactory(pool=pool)
    first, last = window(zone, year)
    covered(feature.server, first - 90_000, last + 90_000)
    holding(feature, first - 90_000, last + 90_000, seats=3)
    for day in odd_days(zone, year):
        start = int(datetime(day.year, day.month, day.day, tzinfo=tz).timestamp())
        after = day + timedelta(days=1)
        end = int(datetime(after.year, after.month, after.day, tzinfo=tz).timestamp())
        length = minutes(zone, year)["day"][day]
        assert end - start == length
        assert expected(pool, start, end, now=end).seconds == length
        assert coverage_share(pool, start, end, now=end) == 1
        for by in ("hour", "day"):
            found = usage(pool, start=start, end=end, by=by)
            assert sum(row.observed_seconds for row in found.periods) == length
            assert sum(row.seat_seconds for row in found.periods) == 3 * length
            assert sum(row.over_seconds or 0 for row in found.periods) == length
            assert {row.peak for row in found.periods} == {3}
        assert len(usage(pool, start=start, end=end, by="day").periods) == 1
    year_use = usage(pool, start=first, end=last, by="month")
    assert [row.seat_seconds for row in year_use.periods] == [
        3 * minutes(zone, year)["month"][date(year, month, 1)] for month in range(1, 13)
    ]
    weeks = usage(pool, start=first, end=last, by="week").periods
    assert sum(row.observed_seconds for row in weeks) == last - first


@pytest.mark.once
@pytest.mark.django_db
@pytest.mark.parametrize("zone", list(ODD_HOURS))
def test_a_second_that_is_missing_of_an_odd_day_is_never_rounded_away(zone: str) -> None:
    for day in odd_days(zone, 2026):
        pool = PoolFactory(zone=zone)
        feature = FeatureFactory(pool=pool)
        edges = [
            int(datetime(each.year, each.month, each.day, tzinfo=ZoneInfo(zone)).timestamp())
            for each in (day, day + timedelta(days=1))
        ]
        covered(feature.server, edges[0], edges[0] + 7000)
        covered(feature.server, edges[0] + 7001, edges[1])
        length = minutes(zone, 2026)["day"][day]
        share = coverage_share(pool, *edges, now=edges[1])
        assert share == Fraction(length - 1, length)
        assert percent_down(share) == "99.99 %"
    assert Coverage.objects.exists()
