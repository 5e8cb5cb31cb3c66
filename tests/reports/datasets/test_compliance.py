"""The numbers of the compliance report are those that the analysis gives, and nothing is lost."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from licenses.analysis.usage import usage
from licenses.importing import rights
from licenses.models import Coverage, Denial, LegalHold, Strength
from reports.datasets.compliance import compliance
from reports.datasets.kept import kept
from tests import factories as f
from tests.reports.conftest import END, START

UTC_ZONE, BERLIN = ZoneInfo("UTC"), ZoneInfo("Europe/Berlin")
AS_OF = datetime(2026, 11, 24, tzinfo=UTC)


def numbers(*pools, start=START, end=END, zone=UTC_ZONE, as_of=AS_OF):
    return compliance(pools, start=start, end=end, zone=zone, as_of=as_of)


@pytest.mark.parametrize("zone", [ZoneInfo("UTC"), BERLIN, ZoneInfo("Asia/Kolkata")], ids=str)
def test_months_and_position_agree_with_usage(world, zone):
    (pool,) = numbers(world.pool, zone=zone).pools
    found = usage(world.pool, start=START, end=END, zone=zone, by="month")
    assert len(pool.months) == len(found.periods)
    for month, row in zip(pool.months, found.periods, strict=True):
        for name in ("start", "end", "peak", "peak_high", "peak_at", "full_seconds", "denials"):
            assert getattr(month, name) == getattr(row, name), name
        assert month.over_seconds == row.over_seconds
        assert month.observed_seconds == row.observed_seconds
    assert (pool.position.peak, pool.position.peak_at) == (found.total.peak, found.total.peak_at)
    assert pool.position.denials == found.total.denials == 1


def test_a_month_of_which_nobody_says_what_is_allowed_knows_no_over_use(db):
    pool = f.PoolFactory()
    feature = f.FeatureFactory(pool=pool)
    f.covered(feature.server, START, END)
    f.holding(feature, f.at("2025-11-05T08:00"), f.at("2025-11-05T09:00"))
    early = "2025-01-01T00:00:00Z"

    def over():
        (found,) = numbers(pool).pools
        first, second, *_ = found.months
        told = [found.position.over_seconds, found.position.over_seat_seconds]
        for month in (first, second):
            told += [month.over_seconds, month.over_seat_seconds]
            told += [month.over_episodes, month.largest_excess]
        return told

    assert over() == [None] * 10
    f.EntitlementFactory(pool=pool, valid_from=date(2025, 12, 1), recorded_at=early, strength=1)
    assert over() == [0, 0, *[None] * 4, *[0] * 4]


@pytest.mark.parametrize("zone", [ZoneInfo("UTC"), BERLIN], ids=str)
def test_days_agree_with_usage(world, zone):
    (pool,) = numbers(world.pool, zone=zone).pools
    found = usage(world.pool, start=START, end=END, zone=zone, by="day")
    assert [(d.start, d.peak, d.observed_seconds) for d in pool.days] == [
        (row.start, row.peak, row.observed_seconds) for row in found.periods
    ]


def test_who_was_kept_from_a_seat_is_told(world):
    ben = f.PersonFactory(login="ben")
    for minute in (0, 10, 14):
        f.refusal(world.feature, f.at(f"2026-05-02T11:{minute:02}"), ben)
    f.refusal(world.feature, f.at("2026-05-02T11:30"), ben, capacity=False)
    f.derived(world.pool, f.at("2026-05-02"), f.at("2026-05-03"))
    report = numbers(world.pool)
    found = report.pools[0].blocked
    assert (found.people, found.episodes, found.gave_up, found.lost_seconds) == (2, 2, 2, 840)
    assert found.unexplained == 2  # nobody held a seat
    assert any("rules of refusals, version 1" in words for words in report.method)
    assert numbers(world.pool, start=f.at("2026-06-01")).pools[0].blocked.episodes == 0


def test_refusals_of_time_of_which_no_log_tells_are_not_known(world):
    world.server.coverage.update(source=Coverage.Source.POLLS)
    Denial.objects.all().delete()
    f.derived(world.pool, START, END)
    data = numbers(world.pool)
    (pool,) = data.pools
    assert (pool.position.denials, pool.position.logged_seconds, pool.blocked) == (None, 0, None)
    assert {(m.denials, m.denial_episodes, m.logged_seconds) for m in pool.months} == {
        (None, None, 0)
    }
    f.covered(world.server, f.at("2026-05-02"), f.at("2026-05-03"))
    (pool,) = numbers(world.pool).pools
    assert (pool.position.denials, pool.position.logged_seconds) == (0, 86400)
    assert pool.blocked.episodes == 0
    known = [(m.denials, m.denial_episodes, m.logged_seconds) for m in pool.months]
    assert known[6] == (0, 0, 86400)
    assert {*known[:6], *known[7:]} == {(None, None, 0)}
    (pool,) = numbers(world.pool, as_of=datetime(2026, 5, 2, 12, tzinfo=UTC)).pools
    assert pool.position.logged_seconds == 43200  # what lies ahead is not expected


def test_over_use_is_found_to_the_second(world):
    (pool,) = numbers(world.pool).pools
    (over,) = pool.over_use
    assert (over.start, over.end) == (f.at("2026-03-31T14:00"), f.at("2026-03-31T14:38"))
    assert (over.peak, over.excess) == (3, 1)
    assert (pool.position.verdict, pool.position.spare) == ("over_use", -1)
    assert pool.position.tightest_at == over.start
    assert [month.verdict for month in pool.months].count("over_use") == 1


def test_a_month_that_was_not_observed_enough_is_not_determinable(world):
    (pool,) = numbers(world.pool).pools
    june = pool.months[7]
    assert (june.verdict, june.observed_seconds) == ("not_determinable", 28 * 86400)
    (gap,) = pool.gaps
    assert (gap.start, gap.end) == (f.at("2026-06-10"), f.at("2026-06-12"))
    assert gap.cause == "log_missing"
    assert [d.peak for d in pool.days if gap.start <= d.start < gap.end] == [None, None]


def test_reasons_tell_the_time_in_the_zone_of_the_report(world):
    (pool,) = numbers(world.pool, zone=BERLIN).pools
    assert "2026-03-31 16:00" in pool.position.reason


def test_the_load_starts_with_all_observed_time_and_ends_at_the_peak(world):
    (pool,) = numbers(world.pool).pools
    assert pool.load[0].seats == 0
    assert pool.load[0].seconds == pool.position.observed_seconds
    assert (pool.load[-1].seats, pool.load[-1].seconds) == (3, 38 * 60)


def test_the_level_of_99_9_percent_leaves_out_a_thousandth_of_the_observed_time(world):
    year = numbers(world.pool).pools[0]
    allowance = year.position.observed_seconds / 1000
    at_least = {row.seats: row.seconds for row in year.load}
    assert at_least[3] <= allowance < at_least[1]
    assert (year.position.p999, year.position.peak) == (1, 3)
    march = numbers(world.pool, start=f.at("2026-03-31"), end=f.at("2026-04-01")).pools[0]
    assert (march.position.p999, march.position.peak) == (3, 3)


def test_without_observed_time_the_level_of_99_9_percent_is_not_known(world):
    (pool,) = numbers(world.pool, start=f.at("2026-06-10"), end=f.at("2026-06-12")).pools
    assert (pool.position.observed_seconds, pool.position.p999) == (0, None)


def test_rights_recorded_after_the_as_of_time_do_not_count(world):
    f.EntitlementFactory(
        pool=world.pool,
        quantity=5,
        valid_from=date(2026, 1, 1),
        strength=Strength.PROVEN,
        recorded_at="2026-11-10T00:00:00Z",
    )
    late = numbers(world.pool).pools[0].position
    early = numbers(world.pool, as_of=datetime(2026, 11, 5, tzinfo=UTC)).pools[0].position
    assert (late.entitled, late.proven, late.verdict) == (7, 5, "not_determinable")
    assert (early.entitled, early.proven, early.verdict) == (2, 0, "over_use")


def test_rights_recorded_after_the_as_of_time_make_no_pool_older_or_younger(db):
    pool = f.PoolFactory()
    feature = f.FeatureFactory(pool=pool)
    f.covered(feature.server, f.at("2026-06-01"), f.at("2026-07-01"))
    known = datetime(2026, 11, 5, tzinfo=UTC)
    line = f.EntitlementFactory(
        pool=pool, quantity=5, valid_from=date(2026, 3, 1), recorded_at="2026-01-01T00:00:00Z"
    )
    before = numbers(pool, as_of=known).as_json()["pools"]
    rights.correct_right(
        line, changes={"valid_from": date(2026, 5, 1)}, reason="Typed wrongly", user=None
    )
    f.EntitlementFactory(pool=pool, quantity=1, valid_from=date(2025, 12, 1))
    after = numbers(pool, as_of=known).as_json()["pools"]
    assert (after[0]["months"], after[0]["gaps"]) == (before[0]["months"], before[0]["gaps"])
    assert after[0]["position"] == before[0]["position"]
    new = numbers(pool, as_of=timezone.now()).pools[0].position
    assert new.expected_seconds > before[0]["position"]["expected_seconds"]


def test_the_worst_pool_gives_the_verdict_of_all(world):
    quiet = f.PoolFactory(name="Quiet")
    found = numbers(world.pool, quiet)
    assert found.verdict == "over_use"
    assert found.counts == (("not_in_use", 1), ("over_use", 1))
    assert [pool.position.pool for pool in found.pools] == ["Quiet", "Solver"]


def test_json_holds_every_number_and_an_id_made_of_them(world):
    found = numbers(world.pool)
    data = json.loads(json.dumps(found.as_json()))
    (pool,) = data["pools"]
    assert data["coverage"] == "99.45 %"
    assert pool["months"][4]["peak_at"] == "2026-03-31T14:00:00+00:00"
    assert {len(column) for column in pool["days"].values()} == {365}
    assert max(seats for seats in pool["days"]["peak"] if seats is not None) == 3
    assert data["id"] == found.report_id == numbers(world.pool).report_id
    f.holding(world.feature, START, START + 60, person=world.people[0])
    assert numbers(world.pool).report_id != data["id"]


def test_the_queries_do_not_grow_with_the_pools(world, django_assert_max_num_queries):
    for number in range(5):
        f.PoolFactory(name=f"More {number}")
    pools = list(type(world.pool).objects.select_related("product__vendor"))
    with django_assert_max_num_queries(59):
        numbers(*pools)


@pytest.mark.parametrize(
    ("pools", "end", "words"), [(0, END, "at least one pool"), (1, START, "is empty")]
)
def test_nothing_to_report_on_is_refused(world, pools, end, words):
    with pytest.raises(ValueError, match=words):
        numbers(*[world.pool][:pools], end=end)


def test_how_long_things_are_kept_and_a_hold_that_was_in_force_are_told(world, settings):
    settings.ITAM_KEEP_CAPTURES_DAYS = 1234
    vendor = world.pool.product.vendor
    hold = LegalHold.objects.create(vendor=vendor, reason="audit")
    early, late = hold.set_at - timedelta(days=1), hold.set_at + timedelta(days=1)
    assert "kept for 1,234 days" in kept([vendor.pk], late)
    assert "legal hold" in kept([vendor.pk], late)
    assert "legal hold" not in kept([vendor.pk], early)
    assert "legal hold" not in kept([vendor.pk + 1], late)
