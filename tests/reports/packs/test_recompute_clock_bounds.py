"""Whoever has only the pack comes to the same bounds for time that a clock set back told twice."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from licenses.evidence.recount import told
from licenses.importing import mapping
from licenses.importing.logs import LogImport
from licenses.models import Feature, LicenseServer, PackageComponent, Vendor
from tests.thorough import one_in, usually

from .one_pool import bought, one_pool
from .test_recompute import differences, packed, place

__all__ = ["place"]
pytestmark = [pytest.mark.django_db, pytest.mark.timeout(3000)]

START = datetime(2026, 3, 2, 10, tzinfo=UTC)
UNTIL = datetime(2026, 3, 4, 9, tzinfo=UTC)
MINUTES = 300


def lines(chance: random.Random) -> list[str]:
    """Return a log whose clock is set back once or twice, in the order in which it was written."""
    falls = [(chance.randrange(60, 240), chance.choice([2, 60, 600, 1500, 3600])) for _ in "12"]
    falls = falls[: chance.randrange(1, 3)]
    told = [(0, "Server started on lic for: F1 F2"), (0, "TIMESTAMP 3/2/2026")]
    for _ in range(chance.randrange(3, 9)):
        near = chance.choice(falls)[0] + chance.choice([-70, -20, -5, 5, 20, 70])
        first = max(near + chance.randrange(-10, 10), 1)
        who = f"{chance.choice('abc')}@pc"
        names = chance.choice([["F1"], ["F1", "F2"], ["F2"]])
        last = first + chance.choice([0, 3, 20, 90])
        for name in names:
            told.append((first, f'OUT: "{name}" {who}'))
            later = chance.choice([0, 0, 0, 15])
            if chance.random() < 0.95:
                told.append((last + later, f'IN: "{name}" {who}'))
    if chance.random() < 0.5:  # seats of before may have been lost, though the clock shows less
        again = chance.choice(falls)[0] + chance.choice([0, 0, 4, -4])
        told.append((again, "Server started on lic for: F1 F2"))
    told.append((MINUTES + 120, "TIMESTAMP 3/2/2026"))
    return [
        f"{START + timedelta(minutes=at, seconds=-back):%H:%M:%S} (vend) {text}\n"
        for at, text in sorted(told, key=lambda each: each[0])
        for back in [sum(by for since, by in falls if at >= since)]
    ]


def installation(_folder: Path, seed: int) -> Vendor:
    chance = random.Random(seed)
    pool = one_pool(START + timedelta(minutes=MINUTES + 110))
    server = LicenseServer.objects.create(name="lic", zone="UTC")
    texts = [lines(chance)]
    if chance.random() < 0.4:
        cut = chance.randrange(2, len(texts[0]) - 1)
        texts = [texts[0][: cut + 1], texts[0][cut:]]
        chance.shuffle(texts)
    for number, text in enumerate(texts):
        run = LogImport(server, source=f"{number}.log", first_day=START.date())
        run.store("".join(text).encode(), last=True)
    if chance.random() < 0.3:
        PackageComponent.objects.create(server=server, daemon="vend", package="F1", component="F2")
    begun = START + timedelta(minutes=chance.choice([-60, -60, 90, 150]))
    for feature in Feature.objects.filter(server=server):
        mapping.map_feature(feature, pool, mapped_from=begun)
    return bought(pool, chance.choice([1, 2, 3, 4]), date(2026, 3, 2))


@pytest.mark.parametrize("seed", one_in(10, usually(15, range(60))))
def test_what_is_counted_again_is_what_the_pack_says(place: Path, settings: Any, seed: int) -> None:
    path = packed(place, seed, settings, installation, UNTIL)
    assert differences(path) == []


@pytest.mark.once
def test_a_recount_that_took_each_line_at_its_word_would_differ(
    place: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(told.Server, "twice", lambda _self: [])
    found = [differences(packed(place, seed, settings, installation, UNTIL)) for seed in range(8)]
    assert any(found)
