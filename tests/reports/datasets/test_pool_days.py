"""Each day of a pool, and the table of them."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from licenses.concurrency.periods import periods
from licenses.models import Capture, Checkout, Coverage, Strength
from reports.datasets.compliance import compliance
from reports.datasets.files import utc
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
        "entitled_min": "2",
        "entitled_max": "2",
        "proven_min": "0",
        "proven_max": "0",
        "allowed_at_peak": "2",
        "allowed_min": "2",
        "allowed_max": "2",
        "issued_min": "",
        "issued_max": "",
        "seconds_at_limit": "2280",
        "overuse_seconds": "2280",
        "overuse_licence_seconds": "2280",
        "denials": "0",
        "denials_true": "0",
        "denials_other": "0",
        "logged_seconds": "86400",
        "gap_seconds_bounded": "0",
        "gap_seconds_unbounded": "0",
        "source_method": "event",
        "first_recorded_at": "",
        "last_recorded_at": "",
    }


def test_a_day_that_nobody_saw_has_no_peak(world):
    row = rows(numbers(world.pool))["2026-06-10"]
    assert (row["observed_seconds"], row["coverage"]) == ("0", "0.00 %")
    assert (row["peak"], row["peak_is_lower_bound"], row["peak_first_at"]) == ("", "", "")
    assert row["gap_seconds_unbounded"] == "86400"
    assert (row["overuse_seconds"], row["overuse_licence_seconds"]) == ("", "")
    assert row["seconds_at_limit"] == ""
    assert (row["allowed_at_peak"], row["source_method"]) == ("", "")


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


def test_true_refusals_are_those_for_want_of_seats_that_no_seat_followed(world):
    day, ben = "2026-02-10", f.PersonFactory(login="ben")
    for minute in (1, 2):
        f.refusal(world.feature, f.at(f"{day}T11:{minute:02}"), ben)
    f.refusal(world.feature, f.at(f"{day}T11:03"), ben, capacity=False)
    host = f.HostFactory()
    f.refusal(world.feature, f.at(f"{day}T12:00"), ben, host=host)
    served = f.at(f"{day}T12:00") + 3
    f.holding(world.feature, served, served + 60, person=ben, host=host)
    row = rows(numbers(world.pool))[day]
    names = ("denials", "denials_true", "denials_other")
    assert [row[name] for name in names] == ["3", "2", "2"]


COUNTS = ("denials", "denials_true", "denials_other", "logged_seconds")


def test_polls_tell_of_no_refusals_and_logs_of_those_of_their_time(db):
    pool = f.PoolFactory()
    feature = f.FeatureFactory(pool=pool)
    f.covered(feature.server, START, END, source=Coverage.Source.POLLS)
    f.covered(feature.server, f.at("2026-02-02T06:00"), f.at("2026-02-04"))
    for day in ("2026-02-02", "2026-03-03"):  # the second in no log's time
        f.refusal(feature, f.at(f"{day}T11:00"), f.PersonFactory())
    table = rows(numbers(pool))
    assert [table["2026-02-01"][name] for name in COUNTS] == ["", "", "", "0"]
    assert [table["2026-02-02"][name] for name in COUNTS] == ["1", "1", "0", "64800"]
    assert [table["2026-02-03"][name] for name in COUNTS] == ["0", "0", "0", "86400"]
    assert [table["2026-03-03"][name] for name in COUNTS] == ["1", "1", "", "0"]


def test_a_log_of_one_of_two_servers_tells_of_no_time_of_their_pool(db):
    pool = f.PoolFactory()
    one, other = (f.FeatureFactory(pool=pool) for _ in range(2))
    f.covered(one.server, START, END)
    f.covered(other.server, START, END, source=Coverage.Source.POLLS)
    f.refusal(one, f.at("2026-02-02T11:00"), f.PersonFactory())
    table = rows(numbers(pool))
    assert [table["2026-02-01"][name] for name in COUNTS] == ["", "", "", "0"]
    assert [table["2026-02-02"][name] for name in COUNTS] == ["1", "1", "", "0"]


def test_entitled_and_proven_are_without_overdraft(db):
    pool = f.PoolFactory()
    feature = f.FeatureFactory(pool=pool)
    f.covered(feature.server, START, END)
    early = "2025-01-01T00:00:00Z"
    for quantity, overdraft, strength, first in (
        (5, 1, Strength.PROVEN, date(2026, 1, 1)),
        (3, 0, Strength.CLAIMED, date(2026, 1, 1)),
        (2, 0, Strength.PROVEN, date(2026, 1, 15)),
    ):
        f.EntitlementFactory(
            pool=pool, quantity=quantity, overdraft=overdraft, strength=strength,
            valid_from=first, recorded_at=early,
        )  # fmt: skip
    f.holding(feature, f.at("2026-01-14T20:00"), f.at("2026-01-14T21:00"))
    f.holding(feature, f.at("2026-01-15T08:00"), f.at("2026-01-15T09:00"))
    names = ("entitled_min", "entitled_max", "proven_min", "proven_max", "allowed_at_peak")
    table = rows(numbers(pool))
    assert [table["2025-12-31"][name] for name in names] == [""] * 5
    assert [table["2026-01-14"][name] for name in names] == ["8", "8", "5", "5", "9"]
    assert [table["2026-01-15"][name] for name in names] == ["10", "10", "7", "7", "11"]
    # Noon of the 14th to noon of the 15th: the new line begins within.
    other = rows(numbers(pool, "Etc/GMT+12"))
    assert [other["2026-01-14"][name] for name in names] == ["8", "10", "5", "7", "9"]


def test_a_day_says_whether_logs_or_polls_told_of_it(db):
    pool = f.PoolFactory()
    server = f.FeatureFactory(pool=pool).server
    polls = Coverage.Source.POLLS
    f.covered(server, f.at("2026-02-01"), f.at("2026-02-02T12:00"))
    f.covered(server, f.at("2026-02-01T06:00"), f.at("2026-02-04"), source=polls)
    table = rows(numbers(pool))
    told = [table[f"2026-02-0{day}"]["source_method"] for day in (1, 2, 3, 4)]
    assert told == ["event", "mixed", "sampled", ""]


def test_a_pool_of_which_polls_tell_a_part_is_sampled(db):
    pool = f.PoolFactory()
    for source in Coverage.Source:
        server = f.FeatureFactory(pool=pool).server
        f.covered(server, f.at("2026-02-01"), f.at("2026-02-02"), source=source)
    assert rows(numbers(pool))["2026-02-01"]["source_method"] == "sampled"


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "Australia/Lord_Howe"])
def test_when_the_texts_of_a_day_were_recorded(db, zone):
    pool = f.PoolFactory()
    feature = f.FeatureFactory(pool=pool)
    told, gone = feature.server, f.FeatureFactory().server
    moments = np.random.default_rng(7).integers(START - 86_400, END + 86_400, size=(60, 2))
    kinds, results = Capture.Kind, Capture.Result
    expected: dict[str, list[int]] = {}
    edges = periods(START, END, ZoneInfo(zone), "day").tolist()
    for number, (first, length) in enumerate(moments.tolist()):
        log, lost = number % 2 == 0, number % 7 == 0
        last = first + length % (10 * 86_400) if log else first
        recorded = f.at("2026-11-02") + number
        Capture.objects.create(
            server=gone if number % 5 == 0 else told,
            kind=kinds.LOG if log else kinds.STATUS,
            result=results.TIMEOUT if lost else results.PARSED,
            starts=first, ends=last, size=1, sha256=f"{number:064}",
            recorded_at=datetime.fromtimestamp(recorded + 0.25 * (number % 4), UTC),
        )  # fmt: skip
        if number % 5 and not lost:
            for begins, ends in pairwise(edges):
                if first < ends and max(last, first + 1) > begins:
                    day = f"{datetime.fromtimestamp(begins, ZoneInfo(zone)):%Y-%m-%d}"
                    expected.setdefault(day, []).append(recorded)
    table = rows(numbers(pool, zone))
    assert len(expected) > 100
    for day, row in table.items():
        known = expected.get(day)
        assert row["first_recorded_at"] == (utc(min(known)) if known else ""), day
        assert row["last_recorded_at"] == (utc(max(known)) if known else ""), day


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
