"""Episodes as they are kept, against a walk through every second; and only where touched."""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Any

import pytest

from licenses.analysis import episodes, rollup
from licenses.analysis.usage import usage
from licenses.concurrency.denials import RULES
from licenses.concurrency.intervals import IntervalSet
from licenses.models import Checkout, Denial, DenialEpisode, LicensePool
from tests.factories import (
    at,
)
from tests.licenses.analysis import brute
from tests.thorough import is_thorough

pytestmark = pytest.mark.django_db

NINE = at("2026-03-10T09:00")
MINUTE, HOUR = 60, 3600
SEEDS = range(40 if is_thorough() else 4)


def derive(pool: LicensePool, spans: Iterable[tuple[int, int]]) -> None:
    starts, ends = zip(*spans, strict=True)
    episodes.derive([pool], {pool.pk: IntervalSet.of(starts, ends)})


def kept(pool: LicensePool) -> list[tuple[Any, ...]]:
    """Return all that is kept of a pool's refusals, without the numbers that rows were given."""
    fields = [field.name for field in DenialEpisode._meta.fields if field.name != "id"]
    rows = DenialEpisode.objects.filter(pool=pool).order_by("starts", "person", "capacity")
    served = Denial.objects.filter(served_at__isnull=False).order_by("at", "person", "feature")
    return [*rows.values_list(*fields), *served.values_list("feature", "at", "person", "served_at")]


@pytest.mark.parametrize("seed", SEEDS)
def test_kept_episodes_are_those_of_a_walk_through_the_seconds(seed: int) -> None:
    world = brute.make(seed, "UTC", brute.utc("2026-05-04T06:00"), 5)
    rollup.mark_dirty([world.pool.pk], world.start - 3 * HOUR, world.end + 3 * HOUR)
    rollup.drain()
    seconds = brute.Seconds(world)
    for capacity in (True, False):
        rows = DenialEpisode.objects.filter(pool=world.pool, capacity=capacity)
        for row, want in zip(
            rows.order_by("starts", "person"), seconds.episodes(capacity=capacity), strict=True
        ):
            unexplained = want.pop("unexplained")
            if row.starts.timestamp() < world.start or row.last.timestamp() >= world.end:
                del want["in_use"], want["limit"]  # known to the walk in its window only
            elif capacity:
                assert (row.reason_class == "unexplained") is unexplained
            assert {name: plain(row, name) for name in want} == want
            assert row.rules == RULES
    for row in world.refused:
        stored = Denial.objects.filter(feature=row.feature, at=row.at, person=row.person)
        want = seconds.served(row) if seconds.weight(row.feature, row.at) else None
        moments = set(stored.filter(host=row.host).values_list("served_at", flat=True))
        assert {moment and int(moment.timestamp()) for moment in moments} == {want}


def plain(row: DenialEpisode, name: str) -> Any:
    value = getattr(row, "person_id" if name == "person" else name)
    return int(value.timestamp()) if hasattr(value, "timestamp") else value


@pytest.mark.parametrize("seed", SEEDS)
def test_usage_counts_the_episodes_that_are_kept(seed: int) -> None:
    world = brute.make(seed, "UTC", brute.utc("2026-05-04T06:00"), 5)
    derive(world.pool, [(world.start - 3 * HOUR, world.end + 3 * HOUR)])
    found = usage(world.pool, start=world.start, end=world.end, by="hour")
    rows = DenialEpisode.objects.filter(pool=world.pool, capacity=True)
    for period in [*found.periods, found.total]:
        inside = rows.filter(starts__gte=period.start, starts__lt=period.end)
        assert period.denial_episodes == inside.count()


@pytest.mark.parametrize("seed", SEEDS)
def test_late_facts_in_any_order_give_the_same_rows(seed: int) -> None:
    world = brute.make(seed, "UTC", brute.utc("2026-05-04T06:00"), 5)
    pool, whole = world.pool, (world.start - 3 * HOUR, world.end + 3 * HOUR)
    derive(pool, [whole])
    want = kept(pool)
    dice = random.Random(seed)
    late: list[Checkout | Denial] = [
        row for row in [*Checkout.objects.all(), *Denial.objects.all()] if dice.random() < 0.5
    ]
    for row in late:
        type(row).objects.filter(pk=row.pk).delete()
    Denial.objects.update(served_at=None)
    DenialEpisode.objects.all().delete()
    derive(pool, [whole])
    assert len(want) < 5 or kept(pool) != want
    dice.shuffle(late)
    while late:
        batch = [late.pop() for _ in range(min(len(late), dice.choice([1, 3, 20])))]
        for row in batch:
            if isinstance(row, Denial):
                row.served_at = None
            row.save(force_insert=True)
        derive(pool, [span(row, world.end + 3 * HOUR) for row in batch])
    assert kept(pool) == want


def span(row: Checkout | Denial, end: int) -> tuple[int, int]:
    """Return the time that an import of this row touches."""
    if isinstance(row, Denial):
        moment = int(row.at.timestamp())
        return moment, moment + 1
    return int(row.taken_at.timestamp()), (
        end if row.returned_at is None else int(row.returned_at.timestamp()) + 1
    )
