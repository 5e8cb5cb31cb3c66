"""Whoever has only the pack comes to the same bounds for the hour that the clock showed twice."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from licenses.evidence.recount import told
from licenses.importing import mapping
from licenses.models import (
    Feature,
    LicenseServer,
    Vendor,
)
from tests.licenses.importing.repeated_hour import answer, asked, logged, night, store
from tests.thorough import one_in, usually

from .one_pool import bought, one_pool
from .test_recompute import differences, packed, place

__all__ = ["place"]
pytestmark = [pytest.mark.django_db, pytest.mark.timeout(3000)]

UNTIL = datetime(2026, 10, 27, 9, tzinfo=UTC)


def installation(_folder: Path, seed: int) -> Vendor:
    chance = random.Random(seed)
    pool = one_pool(datetime(2026, 10, 25, 11, tzinfo=UTC))
    server = LicenseServer.objects.create(name="lic", zone="Europe/Berlin", poll_seconds=300)
    held = night(chance)
    lines = logged(held, chance)
    texts = [lines]
    if chance.random() < 0.4:
        texts.append(lines[: chance.randrange(2, len(lines))])
    if chance.random() < 0.3:
        cut = chance.randrange(2, len(lines))
        texts = [lines[:cut], lines[cut:]]
    chance.shuffle(texts)
    polls = asked(chance)
    steps = [lambda text=text: store(server, text) for text in texts]
    steps.insert(chance.randrange(len(steps) + 1), lambda: [answer(server, held, p) for p in polls])
    for step in steps:
        step()
    for feature in Feature.objects.filter(server=server):
        mapping.map_feature(feature, pool)
    return bought(pool, 3, date(2026, 10, 25))


@pytest.mark.parametrize("seed", one_in(10, usually(15, range(40))))
def test_what_is_counted_again_is_what_the_pack_says(place: Path, settings: Any, seed: int) -> None:
    path = packed(place, seed, settings, installation, UNTIL)
    assert differences(path) == []


@pytest.mark.once
def test_a_recount_that_took_the_hour_for_the_first_would_differ(
    place: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(told.Server, "hours", lambda _self, _daemon: [])
    found = [differences(packed(place, seed, settings, installation, UNTIL)) for seed in range(8)]
    assert any(found)
