"""One simulated year for all tests here, and a calm month without mishaps."""

from __future__ import annotations

import pytest

from licenses.simulator.activity import simulate
from licenses.simulator.entities import World
from licenses.simulator.history import History
from licenses.simulator.world import build_world

DAY = 86400
NOW = 1795507200
"""2026-11-24 08:00 UTC, a Tuesday."""


@pytest.fixture(scope="session")
def now() -> int:
    return NOW


@pytest.fixture(scope="session")
def world() -> World:
    return build_world(7, NOW)


@pytest.fixture(scope="session")
def year(world: World) -> History:
    """A year up to now, with mishaps, and two days of what follows."""
    return simulate(world, NOW - 365 * DAY, NOW + 2 * DAY)


@pytest.fixture(scope="session")
def month() -> History:
    """40 days up to now in which no server goes down; summer time ends in Berlin and New York."""
    return simulate(build_world(7, NOW, mishaps=False), NOW - 40 * DAY, NOW)
