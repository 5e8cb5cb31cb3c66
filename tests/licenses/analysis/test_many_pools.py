"""What is counted of many pools in one pass is what is counted of each of them alone."""

from __future__ import annotations

from dataclasses import fields
from itertools import pairwise

import numpy as np
import pytest

from licenses.analysis.mappings import load_mappings
from licenses.analysis.rights import Limits, load_limits, load_rights
from licenses.analysis.usage import Figures, count_seats, load_facts
from licenses.concurrency.timeline import UNKNOWN
from tests.factories import PoolFactory
from tests.licenses.analysis import brute

pytestmark = pytest.mark.django_db

START, HOURS = brute.utc("2026-03-10T06:00"), 6
END = START + HOURS * 3600
LEVELS = ("limit", "allowed", "proven", "issued")


@pytest.fixture
def pools():
    """Pools with all that can vary, and one of which nothing is known."""
    worlds = [brute.make(seed, "Europe/Berlin", START, HOURS) for seed in range(7)]
    return [*(world.pool for world in worlds[:4]), PoolFactory(), *(w.pool for w in worlds[4:])]


def test_figures_of_a_pass_over_all_are_those_of_each_pool(pools):
    edges = np.arange(START, END + 1, 1800)
    together = count_seats(load_facts(pools, START, END), edges)
    alone = [count_seats(load_facts([pool], START, END), edges) for pool in pools]
    for name in (field.name for field in fields(Figures)):
        expected = np.concatenate([getattr(each, name) for each in alone])
        assert getattr(together, name).tolist() == expected.tolist(), name


def test_periods_may_be_fewer_than_the_facts_are_of(pools):
    edges = np.array([START + 1801, START + 1801, START + 9000, END - 77])
    whole = count_seats(load_facts(pools, START, END), edges)
    exact = count_seats(load_facts(pools, START + 1801, END - 77), edges)
    for name in ("peak", "seat_seconds", "full_seconds", "limit", "observed_seconds", "denials"):
        assert getattr(whole, name).tolist() == getattr(exact, name).tolist(), name


def test_limits_of_a_time_without_a_change_are_those_of_a_longer_time(pools):
    mappings = load_mappings([pool.pk for pool in pools])
    whole = load_limits(pools, mappings, START, END)
    rights = load_rights(pools)
    moments = sorted(
        {START, END}
        | {int(time) for each in whole.values() for n in LEVELS for time in getattr(each, n).times}
        | {time for rows in rights.values() for row in rows for time in (row.start, row.end)}
        | {time for rows in mappings.values() for row in rows for time in (row.start, row.end)}
    )
    moments = [moment for moment in moments if START <= moment <= END]
    assert len(moments) > 10
    known = 0
    for first, last in pairwise(moments):
        for pk, found in load_limits(pools, mappings, first, last).items():
            for name in LEVELS:
                expected = getattr(whole[pk], name).clip(first, last)
                assert getattr(found, name) == expected, (pk, name, first)
                known += expected.at(first) != UNKNOWN
            assert isinstance(found, Limits)
    assert known > 100
