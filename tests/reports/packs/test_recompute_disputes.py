"""Whoever has only the pack comes to the same bounds where answers, or a log, contradict others."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from licenses.evidence.recount import holdings, told
from licenses.importing import mapping
from licenses.importing.files import Wanted, import_file
from licenses.models import (
    Feature,
    LicenseServer,
    Vendor,
)
from tests.licenses.importing.test_restart_answers import DAY, log, poll, started
from tests.thorough import one_in, usually

from .one_pool import bought, one_pool
from .test_recompute import STATUS, Plain, differences, packed, place

__all__ = ["place"]
pytestmark = [pytest.mark.django_db, pytest.mark.timeout(3000)]

UNTIL = datetime(2026, 3, 4, 9, tzinfo=UTC)
PEOPLE = ("ada", "bob", "eve")


def clock(second: int) -> str:
    return f"{DAY + timedelta(seconds=second):%-H:%M:%S}"


def installation(folder: Path, seed: int) -> Vendor:
    """Let answers lack rows, or show them once more after they had gone, beside a log that ends
    early and lacks lines."""
    chance = random.Random(seed)
    pool = one_pool(datetime(2026, 3, 2, 12, tzinfo=UTC))
    server = LicenseServer.objects.create(name="lic", zone="UTC", poll_seconds=300)
    ends = chance.choice([60, 2000, 4000, 7000])
    lines = [(0, clock(0) + " (acmed) TIMESTAMP 3/2/2026"), (1, started(clock(1)))]
    lines.append((ends, clock(ends) + " (acmed) TIMESTAMP 3/2/2026"))
    if chance.random() < 0.2:
        lines.append((1500, clock(1500) + ' (acmed) IN: "CA'))
    seats = []
    for who in PEOPLE:
        for taken in sorted(chance.sample(range(120, 5000), chance.choice([1, 1, 2]))):
            back = taken + chance.randrange(60, 4000)
            if chance.random() < 0.8:
                lines.append((taken, f'{clock(taken)} (acmed) OUT: "CAD" {who}@pc1'))
            if chance.random() < 0.8:
                lines.append((back, f'{clock(back)} (acmed) IN: "CAD" {who}@pc1'))
            # How often answers show it while it is out: now and then but once, late.
            seats.append((who, taken, back, chance.choice([0.85, 0.85, 0.15])))
    kept = [line for line in sorted(lines) if line[0] <= ends]
    steps = [partial(log, folder, server, *(line for _, line in kept))]
    for minute in range(5, 120, chance.choice([5, 10])):
        shown = [
            f"{who} pc1 pc1 (v1.0) (lic1/27000 {taken}), start Mon 3/2 {clock(taken)[:-3]}"
            for who, taken, back, often in seats
            if taken < minute * 60 and chance.random() < (often if minute * 60 < back else 0.1)
        ]
        steps.append(partial(poll, server, minute, *shown))
    chance.shuffle(steps)
    for step in steps:
        step()
    for feature in Feature.objects.filter(server=server):
        mapping.map_feature(feature, pool)
    return bought(pool, 2, date(2026, 3, 2))


@pytest.mark.parametrize("seed", one_in(10, usually(12, range(30))))
def test_what_is_counted_again_is_what_the_pack_says(place: Path, settings: Any, seed: int) -> None:
    path = packed(place, seed, settings, installation, UNTIL)
    assert differences(path) == []


def with_a_clock_ahead(folder: Path, seed: int) -> Vendor:
    """Let answers of every half minute contradict each other on rows whose starts are yet to come
    by our clock."""
    chance = random.Random(seed)
    pool = one_pool(datetime(2026, 3, 2, 12, tzinfo=UTC))
    server = LicenseServer.objects.create(name="lic", zone="UTC", poll_seconds=60)
    ahead = chance.choice([0, 40, 150])
    seats = [
        (who, taken, taken + chance.randrange(30, 600))
        for who in PEOPLE
        for taken in chance.sample(range(60, 500), 2)
    ]
    times = range(30, 900, 30)
    for second in chance.sample(times, len(times)):
        shown = [
            f"{who} pc1 pc1 (v1.0) (lic1/27000 {who}), start Mon 3/2 {clock(taken + ahead)[:-3]}"
            for who, taken, back in seats
            if (taken <= second < back) == (chance.random() < 0.85)
        ]
        poll(server, second / 60, *shown)
    for feature in Feature.objects.filter(server=server):
        mapping.map_feature(feature, pool)
    return bought(pool, 2, date(2026, 3, 2))


@pytest.mark.parametrize("seed", one_in(5, usually(6, range(60))))
def test_a_clock_ahead_of_ours_is_counted_again_alike(
    place: Path, settings: Any, seed: int
) -> None:
    assert differences(packed(place, seed, settings, with_a_clock_ahead, UNTIL)) == []


@pytest.mark.once
@pytest.mark.parametrize("ignored", ["disputed", "alone"])
def test_a_recount_that_knows_one_rule_less_would_differ(
    place: Path, settings: Any, monkeypatch: pytest.MonkeyPatch, ignored: str
) -> None:
    monkeypatch.setattr(holdings.Pairing, ignored, lambda _self, _told: ())
    found = (differences(packed(place, seed, settings, installation, UNTIL)) for seed in range(30))
    assert any(found)


def takes_answers_at_their_word(patch: pytest.MonkeyPatch) -> None:
    real = told.Server.add

    def without(self: Any, entry: Any) -> None:
        words = ("disputed_from", "disputed_to")
        body = {name: value for name, value in entry["body"].items() if name not in words}
        real(self, entry | {"body": body})

    patch.setattr(told.Server, "add", without)


def takes_a_minute_for_its_first_second(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(told.Server, "latest", lambda _server, at: at)


DISPUTES = {
    "two of a minute": [("9:25", "kim"), ("9:25", "lea")],
    "pairs": [(time, who) for time in ("9:25", "9:30") for who in ("kim", "lea")],
    "one between": [("9:25", "kim"), ("9:30", "lea"), ("9:40", "kim"), ("9:45", "kim")],
    "by turns": [("9:25", "kim"), ("9:30", "lea"), ("9:35", "kim"), ("9:40", "lea")],
}


@pytest.mark.once
@pytest.mark.parametrize("dispute", DISPUTES)
def test_answers_that_contradict_each_other_are_counted_again_alike(
    place: Path, settings: Any, dispute: str
) -> None:
    def make(folder: Path, seed: int) -> Vendor:
        vendor = Plain().make(folder, seed)
        texts = DISPUTES[dispute]
        for number, (time, who) in enumerate(random.Random(seed).sample(texts, len(texts))):
            path = folder / f"{number}.status"
            path.write_text(STATUS.format(time=time, who=who))
            import_file(LicenseServer.objects.get(), path, path.name, Wanted())
        return vendor

    path = packed(place, 0, settings, make)
    assert differences(path) == []
    for broken in (takes_answers_at_their_word, takes_a_minute_for_its_first_second):
        with pytest.MonkeyPatch.context() as patch:
            broken(patch)
            assert differences(path), broken.__name__
