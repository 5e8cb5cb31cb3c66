"""Whoever has only the pack comes to the same figures where saved statuses and polls are of one
minute."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime
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
from tests.licenses.importing.test_one_minute import moment, some_answers, some_seats
from tests.licenses.importing.test_restart_answers import log, started
from tests.thorough import one_in

from .one_pool import bought, one_pool
from .test_recompute import differences, packed, place

__all__ = ["place"]
pytestmark = [pytest.mark.django_db, pytest.mark.timeout(3000)]

UNTIL = datetime(2026, 3, 4, 9, tzinfo=UTC)
SEEDS = [*range(10), 51]


def clock(second: int) -> str:
    return f"{moment(second):%-H:%M:%S}"


def installation(folder: Path, seed: int) -> Vendor:
    """Let polls and saved statuses of the same minutes tell of seats, half of the time of others
    than a second round of them tells of, and a log of some."""
    chance = random.Random(seed)
    pool = one_pool(datetime(2026, 3, 2, 12, tzinfo=UTC))
    server = LicenseServer.objects.create(name="lic", zone="UTC", poll_seconds=300)
    seats, steps = some_seats(chance), []
    for _told in range(chance.choice([1, 2])):
        shown = [seat for seat in seats if chance.random() < 0.8]
        steps += [step for _at, step in some_answers(folder, server, chance, shown)]
    lines = [(-4000, started(clock(-4000))), (900, f"{clock(900)} (acmed) TIMESTAMP 3/2/2026")]
    for seat in seats:
        if chance.random() < 0.3:
            lines.append((seat.taken, f'{clock(seat.taken)} (acmed) OUT: "CAD" {seat.user}@pc1'))
            if chance.random() < 0.7:
                lines.append((seat.back, f'{clock(seat.back)} (acmed) IN: "CAD" {seat.user}@pc1'))
    if len(lines) > 2:
        dated = f"{clock(-4001)} (acmed) TIMESTAMP 3/2/2026"
        steps.append(partial(log, folder, server, dated, *(line for _at, line in sorted(lines))))
    chance.shuffle(steps)
    for step in steps:
        step()
    for feature in Feature.objects.filter(server=server):
        mapping.map_feature(feature, pool)
    return bought(pool, 2, date(2026, 3, 2))


@pytest.mark.parametrize("seed", one_in(10, SEEDS))
def test_what_is_counted_again_is_what_the_pack_says(place: Path, settings: Any, seed: int) -> None:
    path = packed(place, seed, settings, installation, UNTIL)
    assert differences(path) == []


def test_a_recount_that_takes_the_next_answer_for_the_end_would_differ(
    place: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def settle(row: Any, *_told: Any) -> None:
        row["sure"] = min(row["starts"][-1] + 59, row["shown_by"])

    monkeypatch.setattr(holdings, "settle", settle)
    found = (differences(packed(place, seed, settings, installation, UNTIL)) for seed in SEEDS)
    assert any(found)
