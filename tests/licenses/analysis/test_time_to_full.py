"""A pool is expected to be full when today's slope and the same weekdays before it say so."""

from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np
import pytest

from licenses.analysis.time_to_full import (
    BLIND,
    NEVER,
    STEP,
    Samples,
    expected,
    forecasts,
    samples,
)
from licenses.analysis.usage import load_facts
from licenses.models import PoolNow
from tests import factories as f

DAY = 86_400 // STEP
LAST = 56 * DAY + 30
"""A place with eight weeks before it."""


def quiet(level=0, limit=100, length=LAST + 1):
    return Samples(
        0,
        np.full(length, level, dtype=np.int64),
        np.full(length, limit, dtype=np.int64),
        np.zeros(length, dtype=np.int64),
    )


def rising(rows, place, by):
    """Let use grow by so many seats a sample over the hour up to a place."""
    rows.used[place - 11 : place + 1] += by * np.arange(1, 13)
    rows.used[place + 1 :] += by * 12


def told(rows, place=LAST):
    seconds, days, alike = expected(rows, np.array([place]))
    return int(seconds[0]), int(days[0]), int(alike[0])


def test_use_that_does_not_rise_is_never_expected_to_fill_the_pool():
    assert told(quiet(level=99))[0] == NEVER


def test_a_full_pool_is_full_now():
    rows = quiet(level=100)
    rising(rows, LAST, 1)
    assert told(rows)[0] == 0


def test_without_history_the_slope_decides():
    rows = quiet(level=40, length=100)
    rising(rows, 99, 1)  # 52 now, one a sample: 48 free
    assert told(rows, 99) == (48 * STEP, 0, 0)
    rows.limit[:] = 101
    assert told(rows, 99)[0] == NEVER  # beyond four hours


@pytest.mark.parametrize(
    ("weeks", "later", "seconds"),
    [
        pytest.param(8, 20, 20 * STEP, id="history-is-later"),
        pytest.param(8, 5, 12 * STEP, id="slope-is-later"),
        pytest.param(5, 20, 20 * STEP, id="most-weeks"),
        pytest.param(3, 20, NEVER, id="few-weeks"),
    ],
)
def test_the_later_of_slope_and_median_of_the_weekdays_counts(weeks, later, seconds):
    rows = quiet(level=76)
    for week in range(1, weeks + 1):
        base = LAST - week * 7 * DAY
        rows.used[base + later : base + 50] += 12
    rising(rows, LAST, 1)  # 88 now: 12 free, full in 12 samples by the slope
    assert told(rows) == (seconds, 8, weeks)


def test_days_that_nobody_observed_do_not_count():
    rows = quiet(level=76)
    for week in range(1, 7):
        rows.limit[LAST - week * 7 * DAY + 10] = -1
    rising(rows, LAST, 1)
    assert told(rows) == (12 * STEP, 2, 0)


def test_where_the_last_hour_or_the_limit_is_not_known_nothing_is_said():
    for place in (LAST, LAST - 11):
        rows = quiet(level=76)
        rising(rows, LAST, 1)
        rows.limit[place] = -1
        assert told(rows)[0] == BLIND
    assert told(quiet(length=5), 4)[0] == BLIND


def test_the_weekday_is_that_of_the_local_clock():
    rows = quiet(level=76)
    rows.offsets[: LAST - 3 * DAY] = 3600  # summer time ended three days ago
    for week in range(1, 9):
        base = LAST - week * 7 * DAY - 12  # 12 samples earlier in UTC, the same on the wall
        rows.used[base + 20 : base + 50] += 12
    rising(rows, LAST, 1)
    assert told(rows)[0] == 20 * STEP


def test_what_comes_after_a_moment_does_not_change_what_was_expected():
    rows = quiet(level=76, length=LAST + 200)
    rising(rows, LAST, 1)
    before = told(rows)
    rows.used[LAST + 1 :] = 7
    rows.limit[LAST + 1 :] = -1
    assert told(rows) == before


@pytest.fixture
def pool(db):
    pool = f.PoolFactory(zone="Europe/Berlin")
    feature = f.FeatureFactory(pool=pool)
    f.EntitlementFactory(pool=pool, quantity=10, valid_from=date(2026, 1, 1))
    noon = f.at("2026-03-10T12:00")
    f.covered(feature.server, noon - 7200, noon)
    f.holding(feature, noon - 7200, None, 4)
    f.holding(feature, noon - 1800, None, 3)
    PoolNow.objects.filter(pool=pool).delete()
    PoolNow.objects.create(pool=pool, at=datetime.fromtimestamp(noon, UTC), in_use=7, limit=10)
    return pool


def test_a_pool_is_judged_by_its_newest_answer(pool):
    found = forecasts(list(PoolNow.objects.select_related("pool")))[pool.pk]
    assert (found.known, found.in_use, found.limit, found.slope) == (True, 7, 10, 6.0)
    assert (found.seconds, found.days) == (1800, 0)


def test_samples_end_just_before_the_window_does(pool):
    noon = f.at("2026-03-10T12:00")
    (facts,) = load_facts([pool], noon - 3600, noon)
    rows = samples(facts)
    assert rows.start + STEP * (len(rows.used) - 1) == noon - 1
    assert (rows.used[0], rows.used[-1], rows.limit[-1], rows.offsets[0]) == (4, 7, 10, 3600)
