"""When a pool is used, and how much of the time, against a count of every second."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest

from licenses.analysis import rollup
from licenses.analysis.pattern import heatmap, load_curve
from licenses.models import PoolHour
from tests.factories import PoolFactory, at
from tests.licenses.analysis import brute

pytestmark = pytest.mark.django_db

HOUR = 3600
MONDAY = at("2026-03-09T00:00")


@pytest.mark.parametrize("seed", range(4))
def test_the_load_curve_equals_a_count_of_every_observed_second(seed):
    world = brute.make(seed, "UTC", brute.utc("2026-05-04T06:00"), 3)
    seconds = brute.Seconds(world)
    seen = [n for n, ok in zip(seconds.known, seconds.seen, strict=True) if ok]
    found = load_curve(world.pool, world.start, world.end)
    assert found.observed_seconds == len(seen)
    assert found.levels == [(n, sum(one >= n for one in seen)) for n in sorted(set(seen))]
    for share, seats in found.marks:
        assert sum(one <= seats for one in seen) >= share * len(seen)
        assert sum(one <= seats - 1 for one in seen) < share * len(seen)
    assert [share for share, _ in found.marks] == (
        [Fraction(95, 100), Fraction(99, 100)] if seen else []
    )


def test_nothing_observed_gives_a_curve_without_levels():
    found = load_curve(PoolFactory(), MONDAY, MONDAY + HOUR)
    assert (found.observed_seconds, found.levels, found.marks) == (0, [], [])


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York"])
def test_the_heatmap_equals_the_hours_that_the_local_clock_shows(seed, zone):
    world = brute.make(seed, zone, brute.utc("2026-03-28T20:00"), 9)
    rollup.rollup(world.pool, world.start, world.end)
    seconds = brute.Seconds(world)
    found = heatmap(world.pool, world.start, world.end)
    peaks, denials, logged = Counter(), Counter(), Counter()
    for start in range(world.start, world.end, HOUR):
        figures = seconds.figures(start, start + HOUR)
        local = brute.datetime.fromtimestamp(start, ZoneInfo(zone))
        key = local.weekday(), local.hour
        peaks[key] = max(peaks[key], figures["peak"] or 0)
        denials[key] += figures["denials"] or 0
        logged[key] += figures["logged_seconds"]
    for day, row in enumerate(found.cells):
        for hour, cell in enumerate(row):
            assert (cell.peak or 0) == peaks[day, hour]
            known = denials[day, hour] or logged[day, hour]
            assert cell.denials == (denials[day, hour] if known else None)


def test_a_mean_is_of_hours_observed_in_full_and_unknown_is_no_zero():
    pool = PoolFactory()
    rows = [(0, 2, HOUR, 4000), (7 * 24, 4, HOUR, 3200), (14 * 24, 9, 1800, 9999)]
    for later, peak, observed, use in rows:
        hour = MONDAY + later * HOUR
        PoolHour.objects.create(
            pool=pool, hour=hour, peak=peak, peak_at=hour + 5, observed_seconds=observed,
            seat_seconds=use, denials=1,
        )  # fmt: skip
    found = heatmap(pool, MONDAY, MONDAY + 30 * 24 * HOUR)
    cell = found.cells[0][0]
    assert (cell.peak, cell.peak_at, cell.known) == (9, MONDAY + 14 * 24 * HOUR + 5, 3)
    assert cell.mean == pytest.approx(1.0)
    assert cell.denials == 3
    assert found.cells[0][1] == (None, None, None, None, 0)
    assert found.as_dict(pool.tzinfo)["peak_at"][0][0] == "2026-03-23T00:00:05+00:00"
