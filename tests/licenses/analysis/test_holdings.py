"""Whichever index finds them, the holdings of a window are the same."""

from __future__ import annotations

import numpy as np
import pytest

from licenses.analysis.holdings import holdings
from licenses.analysis.rows import NONE
from licenses.importing.derive import _raise_longest
from tests.factories import FeatureFactory, PoolFactory, at, holding

pytestmark = pytest.mark.django_db

DAY, HOUR = 86400, 3600
START = at("2026-03-20T00:00")


@pytest.mark.parametrize("now", ["2026-03-20T01:00", "2026-03-28T00:00", "2026-11-24T00:00"])
def test_holdings_that_began_long_ago_reach_into_the_window(now: str, time_machine) -> None:
    time_machine.move_to(at(now))
    pool = PoolFactory()
    feature = FeatureFactory(pool=pool)
    short = FeatureFactory(pool=pool)
    wanted = [
        holding(feature, START - 9 * DAY, START + 60),
        holding(feature, START - 60, START + 30 * DAY),
        holding(short, START + 10, START + 20),
        holding(short, START + HOUR - 1, START + HOUR),
        holding(feature, START - 40 * DAY, None),
    ]
    holding(feature, START - 9 * DAY, START - 8 * DAY)
    holding(short, START - 60, START - 1)
    holding(short, START + HOUR, START + 2 * HOUR)
    found = holdings(pool, START, START + HOUR)
    # What is still out ends where nobody looked: here with its first second.
    assert sorted(found.checkout.tolist()) == sorted(row.pk for row in wanted[:4])


def test_the_longest_holding_is_known_and_never_falls() -> None:
    feature, other = FeatureFactory(), FeatureFactory()
    moments = np.array([100, 100])
    _raise_longest(np.array([feature.pk]), moments[:1], np.array([160]))
    _raise_longest(np.array([feature.pk, other.pk]), moments, np.array([130, NONE]))
    feature.refresh_from_db()
    other.refresh_from_db()
    assert (feature.max_duration, other.max_duration) == (60, 0)
