"""Whoever has only the pack comes to the same bounds around restarts that answers reach across."""

from __future__ import annotations

import json
import random
import zipfile
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from licenses.evidence.recount import holdings
from licenses.importing import mapping
from licenses.models import (
    Feature,
    LicenseServer,
    Vendor,
)
from tests.licenses.importing.test_restart_answers import BORROWED, DAY, log, poll, started
from tests.thorough import one_in, usually

from .one_pool import bought, one_pool
from .test_recompute import differences, packed, place

__all__ = ["place"]
pytestmark = [pytest.mark.django_db, pytest.mark.timeout(3000)]

UNTIL = datetime(2026, 3, 4, 9, tzinfo=UTC)
PEOPLE = ("ada", "bob", "eve")


def clock(second: int) -> str:
    return f"{DAY + timedelta(seconds=second):%-H:%M:%S}"


def installation(folder: Path, seed: int) -> Vendor:
    """Let a daemon crash among seats of which some are borrowed, and some lines and rows lost."""
    chance = random.Random(seed)
    pool = one_pool(datetime(2026, 3, 2, 12, tzinfo=UTC))
    server = LicenseServer.objects.create(name="lic", zone="UTC", poll_seconds=300)
    crashes = sorted(chance.sample(range(600, 6000), chance.choice([1, 1, 2])))
    lines = [(0, clock(0) + " (acmed) TIMESTAMP 3/2/2026"), (1, started(clock(1)))]
    lines += [(at, started(clock(at))) for at in crashes]
    lines.append((7000, clock(7000) + " (acmed) TIMESTAMP 3/2/2026"))
    if chance.random() < 0.3:
        down = crashes[0] - chance.randrange(1, 200)
        lines.append((down, clock(down) + " (acmed) Shutdown requested from root@lic1 IP=1.1.1.1"))
    seats = []
    for who in PEOPLE:
        for taken in sorted(chance.sample(range(120, 5000), chance.choice([1, 1, 2]))):
            kept = chance.random() < 0.4
            back = taken + chance.randrange(60, 4000)
            lost = None if kept else next((at for at in crashes if taken < at < back), None)
            if chance.random() < 0.9:
                lines.append((taken, f'{clock(taken)} (acmed) OUT: "CAD" {who}@pc1'))
            if lost is None and chance.random() < 0.7:
                lines.append((back, f'{clock(back)} (acmed) IN: "CAD" {who}@pc1'))
            seats.append((who, taken, lost or back, kept))
    lines.sort(key=lambda line: line[0])
    cut = chance.randrange(2, len(lines))
    texts = [lines] if chance.random() < 0.6 else [lines[:cut], lines[cut:]]
    steps = [partial(log, folder, server, *(line for _, line in text)) for text in texts]
    for minute in range(5, 120, chance.choice([5, 10, 15])):
        shown = [
            f"{who} pc1 pc1 (v1.0) (lic1/27000 {taken}), start Mon 3/2 {clock(taken)[:-3]}"
            + BORROWED * kept
            for who, taken, until, kept in seats
            if taken < minute * 60 < until and chance.random() < 0.97
        ]
        steps.append(partial(poll, server, minute, *shown))
    chance.shuffle(steps)
    for step in steps:
        step()
    for feature in Feature.objects.filter(server=server):
        mapping.map_feature(feature, pool)
    return bought(pool, 2, date(2026, 3, 2))


def unlogged(folder: Path, _seed: int) -> Vendor:
    """Let a status show a borrowed seat that the log never had taken, without a restart."""
    pool = one_pool(datetime(2026, 3, 2, 12, tzinfo=UTC))
    server = LicenseServer.objects.create(name="lic", zone="UTC")
    stamps = (f"{hour}:00:00 (acmed) TIMESTAMP 3/2/2026" for hour in (6, 12))
    bob = ('0:01:00 (acmed) OUT: "CAD" bob@pc1', '0:02:00 (acmed) IN: "CAD" bob@pc1')
    log(folder, server, "0:00:00 (acmed) TIMESTAMP 3/2/2026", started("0:00:00"), *bob, *stamps)
    poll(server, 10, "eve pc1 pc1 (v1.0) (lic1/27000 9), start Mon 3/2 8:52" + BORROWED)
    poll(server, 15)
    mapping.map_feature(Feature.objects.get(), pool)
    return bought(pool, 3, date(2026, 3, 2))


def test_a_borrowed_seat_that_no_restart_explains_leaves_a_log_without_proof(
    place: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = packed(place, 0, settings, unlogged, UNTIL)
    with zipfile.ZipFile(path) as file:
        report = json.loads(file.read("report.json"))
    assert [month["verdict"] for month in report["pools"][0]["months"]] == ["as_observed"]
    assert differences(path) == []
    monkeypatch.setattr(holdings.Pairing, "anew", lambda _self, row: row["state"] == "borrowed")
    assert differences(path)


@pytest.mark.parametrize("seed", one_in(10, usually(12, range(30))))
def test_what_is_counted_again_is_what_the_pack_says(place: Path, settings: Any, seed: int) -> None:
    path = packed(place, seed, settings, installation, UNTIL)
    assert differences(path) == []


@pytest.mark.once
def test_a_recount_to_which_answers_tell_nothing_of_what_a_restart_lost_would_differ(
    place: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holdings.Pairing, "outlast", lambda _self, _one: None)
    found = [differences(packed(place, seed, settings, installation, UNTIL)) for seed in range(8)]
    assert any(found)
