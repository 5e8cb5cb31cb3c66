"""Each day of a pool, and the table of them."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from licenses.models import Checkout
from reports.datasets.compliance import compliance
from reports.datasets.pool_days import COLUMNS
from tests import factories as f
from tests.reports.conftest import END, START

AS_OF = datetime(2026, 11, 24, tzinfo=UTC)


def numbers(pool, zone="UTC"):
    return compliance([pool], start=START, end=END, zone=ZoneInfo(zone), as_of=AS_OF)


def rows(data):
    text = data.tables()["daily.csv"].decode()
    return {row["day"]: row for row in csv.DictReader(io.StringIO(text, newline=""))}


def test_a_day_of_over_use(world):
    row = rows(numbers(world.pool))["2026-03-31"]
    assert {name: row[name] for name in COLUMNS[9:]} == {
        "peak": "3",
        "peak_is_lower_bound": "false",
        "peak_first_at": "2026-03-31T14:00:00Z",
        "peak_seconds": "2280",
        "allowed_min": "2",
        "allowed_max": "2",
        "issued_min": "",
        "issued_max": "",
        "seconds_at_limit": "2280",
        "overuse_seconds": "2280",
        "overuse_licence_seconds": "2280",
        "denials": "0",
        "gap_seconds_bounded": "0",
        "gap_seconds_unbounded": "0",
    }


def test_a_day_that_nobody_saw_has_no_peak(world):
    row = rows(numbers(world.pool))["2026-06-10"]
    assert (row["observed_seconds"], row["coverage"]) == ("0", "0.00 %")
    assert (row["peak"], row["peak_is_lower_bound"], row["peak_first_at"]) == ("", "", "")
    assert row["gap_seconds_unbounded"] == "86400"
    assert (row["overuse_seconds"], row["overuse_licence_seconds"]) == ("", "")
    assert row["seconds_at_limit"] == ""


def test_a_day_before_any_right_knows_no_over_use(db):
    pool = f.PoolFactory()
    feature = f.FeatureFactory(pool=pool)
    f.covered(feature.server, START, END)
    f.holding(feature, f.at("2025-11-01T08:00"), f.at("2025-11-01T09:00"))
    early = "2025-01-01T00:00:00Z"
    f.EntitlementFactory(pool=pool, valid_from=date(2025, 11, 2), recorded_at=early, strength=1)
    first, second, *_ = numbers(pool).pools[0].days
    assert (first.peak, first.over_seconds, first.over_seat_seconds) == (1, None, None)
    assert (first.full_seconds, first.allowed_high) == (None, None)
    assert (second.peak, second.over_seconds, second.full_seconds) == (0, 0, 0)


def test_refusals_stand_with_their_day(world):
    assert rows(numbers(world.pool))["2026-05-02"]["denials"] == "1"


def test_a_right_that_ends_within_the_year_shows_on_its_last_day(world):
    data = numbers(world.pool, "America/New_York")
    first = rows(data)["2025-10-31"]
    assert (first["start"], first["day_seconds"]) == ("2025-11-01T00:00:00Z", "14400")


def test_every_row_says_what_the_numbers_say(world):
    data = numbers(world.pool)
    table = rows(data)
    assert len(table) == len(data.pools[0].days) == 365
    for day in data.pools[0].days:
        row = table[f"{datetime.fromtimestamp(day.start, UTC):%Y-%m-%d}"]
        assert row["peak"] == ("" if day.peak is None else str(day.peak))
        assert row["overuse_seconds"] == ("" if day.over_seconds is None else str(day.over_seconds))


@pytest.mark.parametrize("name", ["=cmd()", "+1", "-1", "@x"])
def test_a_pool_that_looks_like_a_formula_is_kept_from_being_one(world, name):
    world.pool.name = name
    world.pool.save()
    text = numbers(world.pool).tables()["daily.csv"].decode()
    assert text.splitlines()[1].startswith(f"'{name},")


def test_what_polls_saw_is_a_lower_bound(db):
    pool = f.PoolFactory()
    feature = f.FeatureFactory(pool=pool)
    f.covered(feature.server, START, END)
    f.holding(
        feature,
        f.at("2026-02-03T08:00"),
        f.at("2026-02-03T09:05"),
        taken_by=f.at("2026-02-03T08:01"),
        returned_after=f.at("2026-02-03T09:00"),
        method=Checkout.Method.SAMPLED,
    )
    row = rows(numbers(pool))["2026-02-03"]
    assert (row["peak"], row["peak_is_lower_bound"]) == ("1", "true")
