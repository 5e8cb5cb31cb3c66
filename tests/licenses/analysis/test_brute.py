"""Every figure against a count of every second, over pools with all that can vary."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from licenses.analysis import rollup
from licenses.analysis.usage import usage
from licenses.concurrency.periods import periods
from licenses.models import Membership, PoolHour
from tests.factories import TeamFactory
from tests.licenses.analysis import brute
from tests.thorough import is_thorough

pytestmark = pytest.mark.django_db

WINDOWS = [
    pytest.param("Europe/Berlin", "2026-03-28T20:00", 9, id="spring"),
    pytest.param("Europe/Berlin", "2026-10-24T20:00", 9, id="autumn"),
    pytest.param("Asia/Kathmandu", "2026-06-09T15:00", 7, id="quarter-hour-zone"),
    pytest.param("America/New_York", "2026-06-09T02:00", 6, id="west"),
]
SEEDS = range(60 if is_thorough() else 5)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("zone", "start", "hours"), WINDOWS)
def test_usage_equals_a_count_of_every_second(zone, start, hours, seed):
    world = brute.make(seed, zone, brute.utc(start), hours)
    seconds = brute.Seconds(world)
    for by in ("hour", "day"):
        found = usage(world.pool, start=world.start, end=world.end, by=by)
        edges = periods(world.start, world.end, ZoneInfo(zone), by).tolist()
        assert [asdict(row) for row in found.periods] == [
            seconds.figures(*span) for span in pairwise(edges)
        ]
    assert asdict(found.total) == seconds.figures(world.start, world.end)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_window_within_gives_the_same_figures_as_the_whole(seed):
    world = brute.make(seed, "UTC", brute.utc("2026-05-04T06:00"), 6)
    seconds = brute.Seconds(world)
    start, end = world.start + 3000 + 37 * seed, world.end - 5000 - 11 * seed
    found = usage(world.pool, start=start, end=end)
    assert asdict(found.total) == seconds.figures(start, end)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_team_is_counted_by_who_was_in_it_that_day(seed):
    world = brute.make(seed, "UTC", brute.utc("2026-05-04T06:00"), 6)
    lead = TeamFactory()
    team = TeamFactory(parent=lead)
    day = datetime.fromtimestamp(world.start, UTC).date()
    chosen = world.people[1:4]
    for person in chosen:
        Membership.objects.create(person=person, team=team, valid_from=day, valid_to=day)
    Membership.objects.create(person=world.people[0], team=lead, valid_to="2026-05-03")
    seconds = brute.Seconds(world, {person.pk for person in chosen})
    found = usage(world.pool, start=world.start, end=world.end, by="hour", team=lead)
    edges = range(world.start, world.end + 1, 3600)
    assert [asdict(row) for row in found.periods] == [
        seconds.figures(*span) for span in pairwise(edges)
    ]


@pytest.mark.parametrize("seed", SEEDS)
def test_stored_hours_equal_usage_by_the_hour(seed):
    world = brute.make(seed, "Europe/Berlin", brute.utc("2026-05-04T06:00"), 6)
    rollup.mark_dirty([world.pool.pk], world.start, world.end)
    rollup.drain()
    found = usage(world.pool, start=world.start, end=world.end, zone=UTC, by="hour")
    stored = {int(row.hour.timestamp()): row for row in PoolHour.objects.filter(pool=world.pool)}
    for row in found.periods:
        hour = stored.pop(row.start, None)
        if hour is None:
            assert (row.observed_seconds, row.seat_seconds, row.peak) == (0, 0, None)
            continue
        at = hour.peak_at and int(hour.peak_at.timestamp())
        assert at == row.peak_at
        for name in (*rollup._STORED[:3], *rollup._STORED[4:]):
            assert getattr(hour, name) == getattr(row, name), name
    assert not stored
