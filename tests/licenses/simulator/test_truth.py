from datetime import UTC, date, datetime

import pytest

from licenses.simulator.history import Denial, Session
from licenses.simulator.truth import (
    Episode,
    allowed_steps,
    boundaries,
    episodes,
    level_at,
    periods,
    value_at,
)


def held(start, end, login="ada", seats=1, weight=1):
    return Session(
        "Pool", "server", "daemon", "F", "", 0, login, "host", seats, weight, start, end, "in",
        False, 1, "",
    )  # fmt: skip


def refused(at, login="ada", code=-4):
    return Denial("Pool", "server", "daemon", "F", 0, login, "host", 1, at, code, "reason", "", "")


@pytest.mark.parametrize(
    ("sessions", "peak", "peak_at", "seat_seconds"),
    [
        pytest.param([], 0, None, 0, id="nobody"),
        pytest.param([held(10, 20), held(20, 30)], 1, 10, 20, id="handover-is-one-seat"),
        pytest.param([held(10, 21), held(20, 30, "ben")], 2, 20, 21, id="one-second-of-overlap"),
        pytest.param([held(-50, 500)], 1, 0, 100, id="clipped-at-both-ends"),
        pytest.param([held(-50, 0), held(100, 200)], 0, None, 0, id="touching-from-outside"),
        pytest.param([held(5, 5)], 0, None, 0, id="no-length"),
        pytest.param([held(10, 20, seats=4, weight=2)], 8, 10, 80, id="seats-times-weight"),
        pytest.param([held(10, 20), held(40, 50)], 1, 10, 20, id="the-first-of-equal-peaks"),
    ],
)
def test_peak_and_seat_time_of_one_period(sessions, peak, peak_at, seat_seconds):
    (period,) = periods(sessions, [], [0, 100])
    assert (period.peak, period.peak_at, period.seat_seconds) == (peak, peak_at, seat_seconds)


@pytest.mark.parametrize(
    ("limit", "at_end", "full", "over"),
    [
        pytest.param([(0, 1)], 1, 60, 20, id="constant"),
        pytest.param([(-5, 2), (50, 1)], 1, 35, 10, id="falls-while-two-are-held"),
        pytest.param([(0, 1), (50, 3)], 3, 35, 10, id="grows-while-two-are-held"),
        pytest.param([], None, None, None, id="unknown"),
        pytest.param([(10, 1)], 1, None, None, id="unknown-at-first"),
        pytest.param([(0, 0)], 0, 100, 60, id="nothing-allowed-is-always-full"),
    ],
)
def test_time_at_and_above_the_limit_uses_the_limit_of_each_moment(limit, at_end, full, over):
    sessions = [held(15, 75), held(40, 60, "ben")]
    (period,) = periods(sessions, [], [0, 100], limit)
    assert (period.limit, period.full_seconds, period.over_seconds) == (at_end, full, over)


def test_counts_belong_to_the_period_in_which_they_start():
    sessions = [held(90, 110, "Ada"), held(100, 120, "ada"), held(150, 160, "ben")]
    denials = [refused(99, "cy"), refused(100, "cy"), refused(130, code=-25)]
    first, second = periods(sessions, denials, [0, 100, 200])
    assert (first.checkouts, first.people, first.denials, first.denial_episodes) == (1, 1, 1, 1)
    assert (second.checkouts, second.people, second.denials, second.denial_episodes) == (2, 2, 1, 0)


def utc(year, month, day, hour=0):
    return int(datetime(year, month, day, hour, tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    ("zone", "first", "last", "by", "count", "start", "end"),
    [
        pytest.param(
            "Europe/Berlin", date(2026, 10, 25), date(2026, 10, 26), "hour", 25,
            utc(2026, 10, 24, 22), utc(2026, 10, 25, 23), id="autumn-day-has-25-hours",
        ),
        pytest.param(
            "America/New_York", date(2026, 3, 8), date(2026, 3, 9), "hour", 23,
            utc(2026, 3, 8, 5), utc(2026, 3, 9, 4), id="spring-day-has-23-hours",
        ),
        pytest.param(
            "UTC", date(2028, 2, 28), date(2028, 3, 2), "day", 3,
            utc(2028, 2, 28), utc(2028, 3, 2), id="leap-day",
        ),
        pytest.param(
            "UTC", date(2026, 11, 4), date(2026, 11, 18), "week", 3,
            utc(2026, 11, 4), utc(2026, 11, 18), id="weeks-cut-at-both-ends",
        ),
        pytest.param(
            "Asia/Kolkata", date(2025, 12, 15), date(2026, 2, 1), "month", 2,
            utc(2025, 12, 14, 18) + 1800, utc(2026, 1, 31, 18) + 1800, id="months-over-new-year",
        ),
    ],
)  # fmt: skip
def test_boundaries_are_local_midnights(zone, first, last, by, count, start, end):
    edges = boundaries(zone, first, last, by)
    assert (len(edges) - 1, edges[0], edges[-1]) == (count, start, end)
    assert edges == sorted(set(edges))


@pytest.mark.parametrize(
    ("refusals", "grants", "expected"),
    [
        pytest.param([100], [], [(100, 100, 1, None)], id="gave-up"),
        pytest.param([100, 200], [300], [(100, 200, 2, 300)], id="waited"),
        pytest.param([100, 1000], [], [(100, 1000, 2, None)], id="gap-of-15-minutes-chains"),
        pytest.param(
            [100, 1001], [], [(100, 100, 1, None), (1001, 1001, 1, None)], id="longer-gap-parts"
        ),
        pytest.param([100], [1000], [(100, 100, 1, 1000)], id="grant-at-the-end-of-the-gap"),
        pytest.param([100], [1001], [(100, 100, 1, None)], id="grant-too-late"),
        pytest.param([100], [100], [], id="served-in-the-same-second"),
        pytest.param([100], [105], [], id="served-after-five-seconds"),
        pytest.param([100], [106], [(100, 100, 1, 106)], id="served-after-six-seconds"),
        pytest.param(
            [100, 300], [200], [(100, 100, 1, 200), (300, 300, 1, None)], id="grant-ends-the-chain"
        ),
    ],
)
def test_episodes(refusals, grants, expected):
    sessions = [held(at, at + 10) for at in grants]
    found = episodes(sessions, [refused(at) for at in refusals])
    assert found == [Episode("ada", *each) for each in expected]


def test_episodes_are_one_persons_whatever_the_spelling():
    found = episodes([], [refused(100, "Ada"), refused(160, "ada"), refused(170, "ben")])
    assert [(each.login, each.refusals) for each in found] == [("ada", 2), ("ben", 1)]


def test_allowed_steps_follow_the_entitlements(world):
    optimizer = allowed_steps(world, "Halvorsen Optimizer")
    assert [value for _, value in optimizer] == [6, 8, None]
    overdraft = allowed_steps(world, "Borealis Layout")
    assert overdraft[0][1] == 26
    ended = allowed_steps(world, "Pinemarten Docs")
    assert value_at(ended, utc(2026, 9, 10)) == 10
    assert value_at(ended, utc(2026, 9, 10, 22)) is None  # midnight in Berlin


def test_a_simulated_week_agrees_with_looking_at_every_second(month):
    """Three hours are looked at second by second; the sum over hours is the day's."""
    sessions, denials = month.of_pool("Meridian Drafting")
    days = boundaries("Europe/Berlin", date(2026, 10, 19), date(2026, 10, 26), "day")
    hours = boundaries("Europe/Berlin", date(2026, 10, 19), date(2026, 10, 26), "hour")
    by_day, by_hour = (periods(sessions, denials, edges, [(0, 18)]) for edges in (days, hours))
    assert len(by_hour) == 7 * 24 + 1
    for day in by_day:
        inside = [hour for hour in by_hour if day.start <= hour.start < day.end]
        assert day.peak == max(hour.peak for hour in inside)
        for name in ("seat_seconds", "full_seconds", "checkouts", "denials"):
            assert getattr(day, name) == sum(getattr(hour, name) for hour in inside)
    for hour in (by_hour[9], by_hour[35], by_hour[-10]):
        seen = [level_at(sessions, at) for at in range(hour.start, hour.end)]
        assert (max(seen), sum(seen)) == (hour.peak, hour.seat_seconds)
        assert hour.peak_at == hour.start + seen.index(hour.peak)
