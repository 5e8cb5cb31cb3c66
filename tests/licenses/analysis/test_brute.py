"""Every figure against a count of every second, over pools with all that can vary."""

from __future__ import annotations

import random
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from licenses.analysis import rollup
from licenses.analysis import usage as usage_of_pools
from licenses.analysis.usage import usage
from licenses.analysis.verdict import load_verdicts
from licenses.concurrency.periods import periods
from licenses.models import Membership
from tests.factories import TeamFactory
from tests.licenses.analysis import brute
from tests.thorough import SECOND_RUN, is_thorough, trials

pytestmark = pytest.mark.django_db

WINDOWS = [
    pytest.param("Europe/Berlin", "2026-03-28T20:00", 9, id="spring"),
    pytest.param("Europe/Berlin", "2026-10-24T20:00", 9, id="autumn"),
    pytest.param("Asia/Kathmandu", "2026-06-09T15:00", 7, id="quarter-hour-zone"),
    pytest.param("America/New_York", "2026-06-09T02:00", 6, id="west"),
]
SEEDS = range(60 if is_thorough() else 1 if SECOND_RUN else 5)


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


SPOTS = [
    *(("Europe/Berlin", text) for text in ("2026-03-29T01:00", "2026-10-25T01:00")),
    *(("America/New_York", text) for text in ("2026-03-08T07:00", "2026-11-01T06:00")),
    *(("Australia/Lord_Howe", text) for text in ("2026-04-04T15:00", "2026-10-03T15:30")),
    *(("Africa/Casablanca", text) for text in ("2026-02-15T02:00", "2026-03-22T02:00")),
    *(("Asia/Kolkata", text) for text in ("2026-02-28T18:30", "2026-06-09T11:00")),
    *(("UTC", text) for text in ("2024-02-29T00:00", "2026-01-01T00:00")),
    # Midnight of a day that a clock change makes shorter or longer, where rights may step.
    *(("Europe/Berlin", text) for text in ("2026-03-28T23:00", "2026-10-24T22:00")),
]
GROUP = 10
"""Histories of one half hour, which share people and hosts and are asked for together."""
BATCH = 5 * GROUP


def wrong_figures(group: int, count: int = GROUP) -> list[str]:
    """Make a group of histories, half an hour around a moment at which clocks or calendars change;
    return what is counted of them otherwise than second by second."""
    dice = random.Random(-group - 1)
    zone, text = SPOTS[group % len(SPOTS)]
    start = brute.utc(text) - dice.randrange(1800)
    who = brute.crowd()
    worlds = [
        brute.make(1000 + group * GROUP + each, zone, start, 0.5, holdings=24, refusals=12, who=who)
        for each in range(count)
    ]
    end = worlds[0].end
    middle = dice.randrange(start + 1, end)
    pools = [world.pool for world in worlds]
    # What they are counted from is the same whatever the periods, and is read once.
    facts = usage_of_pools.load_facts(pools, start, end)
    judged = load_verdicts(pools, [(start, middle), (middle, end)])
    wrong = []
    for world, its_facts in zip(worlds, facts, strict=True):
        seconds = brute.Seconds(world)
        for by in ("hour", "day", "week", "month"):
            edges = periods(start, end, ZoneInfo(zone), by)
            found = usage_of_pools.count(its_facts, edges).rows()
            wanted = [seconds.figures(*span) for span in pairwise(edges.tolist())]
            if [asdict(row) for row in found] != wanted:
                wrong.append(f"use by {by}")
        for verdict in judged[world.pool.pk]:
            told = asdict(verdict)
            expected = seconds.over_use(verdict.start, verdict.end)
            if {name: told[name] for name in expected} != expected:
                wrong.append("over-use")
            if (verdict.verdict == "over_use") != (expected["over_seconds"] > 0):
                wrong.append("verdict")
    # Asked for alone, as most are, a pool is counted the same.
    alone = usage(pools[0], start=start, end=end, by="hour")
    if (
        alone.periods
        != usage_of_pools.count(facts[0], periods(start, end, ZoneInfo(zone), "hour")).rows()
    ):
        wrong.append("use of one pool alone")
    return wrong


@pytest.mark.slow
@pytest.mark.timeout(1500)
@pytest.mark.parametrize("first", range(0, trials("E11"), BATCH))
def test_a_random_history_equals_a_count_of_every_second(first):
    """E11: borrowed seats, tokens, reservations, rights that step, features that move between
    pools, and gaps."""
    for seed in range(first, min(first + BATCH, trials("E11")), GROUP):
        assert wrong_figures(seed // GROUP, min(GROUP, trials("E11") - seed)) == [], seed


def forgets_the_tokens_of_a_seat(patch):
    load = usage_of_pools.load_mappings
    patch.setattr(
        usage_of_pools,
        "load_mappings",
        lambda pools: {
            pool: [mapping._replace(weight=1) for mapping in maps]
            for pool, maps in load(pools).items()
        },
    )


def takes_one_pools_limit_for_all(patch):
    load = usage_of_pools.load_limits

    def limits(pools, *rest, **more):
        found = load(pools, *rest, **more)
        return dict.fromkeys(found, next(iter(found.values())))

    patch.setattr(usage_of_pools, "load_limits", limits)


@pytest.mark.once
@pytest.mark.parametrize(
    "broken",
    [forgets_the_tokens_of_a_seat, takes_one_pools_limit_for_all],
    ids=lambda broken: broken.__name__,
)
def test_a_count_that_is_wrong_would_be_noticed(broken, monkeypatch):
    broken(monkeypatch)
    assert "use by hour" in wrong_figures(0, 5)


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
    found = usage(world.pool, start=world.start, end=world.end, by="hour", teams=[lead])
    edges = range(world.start, world.end + 1, 3600)
    assert [asdict(row) for row in found.periods] == [
        seconds.figures(*span) for span in pairwise(edges)
    ]


@pytest.mark.parametrize("seed", SEEDS)
def test_several_teams_are_counted_together_and_one_by_one(seed):
    world = brute.make(seed, "Asia/Kathmandu", brute.utc("2026-03-31T15:00"), 6)
    first, second, idle = TeamFactory(), TeamFactory(), TeamFactory()
    people = {first: world.people[:3], second: world.people[2:5], idle: []}
    for team, members in people.items():
        for person in members:
            Membership.objects.create(person=person, team=team)
    chosen = {person.pk for members in people.values() for person in members}
    together = brute.Seconds(world, chosen)
    for by in ("hour", "day", "week", "month"):
        found = usage(world.pool, start=world.start, end=world.end, by=by, teams=list(people))
        edges = periods(world.start, world.end, world.pool.tzinfo, by).tolist()
        assert [asdict(row) for row in found.periods] == [
            together.figures(*span) for span in pairwise(edges)
        ]
    whole = sum(brute.Seconds(world).known)
    total = together.figures(world.start, world.end)
    shares = found.together
    assert shares.peak == total["peak_low"]
    assert shares.peak_at == (total["peak_at"] if shares.peak else None)
    for row, (team, members) in zip(shares.teams, people.items(), strict=True):
        alone = brute.Seconds(world, {person.pk for person in members})
        figures = alone.figures(world.start, world.end)
        assert (row.team, row.peak) == (team.name, figures["peak_low"])
        assert row.peak_at == (figures["peak_at"] if row.peak else None)
        for name in ("seat_seconds", "checkouts", "denials", "people"):
            assert getattr(row, name) == figures[name], name
        assert row.share == (figures["seat_seconds"] / whole if whole else None)
        at_peak = alone.known[shares.peak_at - world.start] if shares.peak else 0
        assert row.at_joint_peak == at_peak
    labels = [row.person for row in shares.holders]
    assert labels == sorted(labels)
    assert sum(row.seats for row in shares.holders) == shares.peak
    assert all(row.name is None for row in shares.holders)


@pytest.mark.parametrize("seed", SEEDS)
def test_stored_hours_equal_usage_by_the_hour(seed):
    world = brute.make(seed, "Europe/Berlin", brute.utc("2026-05-04T06:00"), 6)
    rollup.mark_dirty([world.pool.pk], world.start, world.end)
    rollup.drain()
    found = usage(world.pool, start=world.start, end=world.end, zone=UTC, by="hour")
    stored = {row.hour: row for row in rollup.hours(world.pool, 0, 2**40)}
    for row in found.periods:
        hour = stored.pop(row.start, None)
        if hour is None:
            assert (row.observed_seconds, row.seat_seconds, row.peak) == (0, 0, None)
            continue
        for name in rollup.Hour._fields[1:]:
            assert getattr(hour, name) == getattr(row, name), name
    assert not stored
