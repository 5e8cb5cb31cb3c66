"""Whichever index finds them, the holdings of a window are the same."""

from __future__ import annotations

import numpy as np
import pytest
from django.db import connection

from licenses.analysis.holdings import holdings
from licenses.analysis.rows import NONE
from licenses.importing.holding_rows import _raise_longest
from licenses.models import LONG_SECONDS, Checkout
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


def test_what_was_out_in_a_time_is_found_however_long_it_lasted() -> None:
    feature, end = FeatureFactory(), START + HOUR
    for lasted in (0, 60, LONG_SECONDS - 1, LONG_SECONDS, LONG_SECONDS + 1, 90 * DAY):
        for returned in (START - 1, START, START + 1, end, end + lasted, end + lasted + 1):
            holding(feature, returned - lasted, returned)
    out = [holding(feature, moment, None) for moment in (START - DAY, end - 1, end)]
    holding(FeatureFactory(), START, START + 1)
    closed = [
        row
        for row in Checkout.objects.filter(feature=feature).exclude(returned_at=None)
        if row.returned_at.timestamp() >= START and row.taken_at.timestamp() < end
    ]
    asked = ([feature.pk], START, end)
    assert {row.pk for row in Checkout.objects.closed(*asked)} == {row.pk for row in closed}
    expected = {row.pk for row in [*closed, *out[:2]]}
    assert {row.pk for row in Checkout.objects.reaching(*asked)} == expected


def test_what_was_out_in_a_time_is_found_by_indexes_alone() -> None:
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL chooses by what the tables hold")
    plan = Checkout.objects.reaching([1, 2], START, START + HOUR).explain()
    assert all(f"checkout_{name}" in plan for name in ("once", "long", "still_out")), plan
    assert "SCAN licenses_checkout" not in plan
