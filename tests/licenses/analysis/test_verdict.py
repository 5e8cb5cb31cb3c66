from __future__ import annotations

from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest

from licenses.analysis.verdict import (
    Verdict,
    load_verdicts,
    months,
    period_verdict,
    verdicts,
)
from licenses.analysis.verdict_words import duration
from licenses.models import Checkout, Strength
from tests.factories import (
    EntitlementFactory,
    FeatureFactory,
    IssuedCountFactory,
    PoolFactory,
    at,
    covered,
    holding,
)

pytestmark = pytest.mark.django_db

MARCH, APRIL, MAY = (at(f"2026-0{month}-01T00:00") for month in (3, 4, 5))
NOW = at("2026-06-01T00:00")
DAY = 86400


@pytest.fixture
def pool():
    return PoolFactory()


@pytest.fixture
def feature(pool):
    return FeatureFactory(pool=pool)


def judged(pool, **values):
    values.setdefault("now", NOW)
    (month,) = verdicts(pool, [(MARCH, APRIL)], **values)
    return month


def test_use_within_the_rights_is_as_observed_where_a_log_began_unseen(pool, feature):
    EntitlementFactory(pool=pool, quantity=2)
    covered(feature.server, MARCH, APRIL)
    holding(feature, MARCH + 3600, MARCH + 7200)
    month = judged(pool)
    assert month.verdict == Verdict.AS_OBSERVED
    assert month.reason == (
        "Never above what is allowed in the 100.00 % of 2026-03 that was observed; "
        "most in use 1 of 2 on 2026-03-01 01:00."
    )
    assert (month.peak, month.allowed, month.coverage) == (1, 2, Fraction(1))


def test_use_of_rights_that_no_document_proves_is_not_determinable(pool, feature):
    EntitlementFactory(pool=pool, quantity=1)
    EntitlementFactory(pool=pool, quantity=1, strength=Strength.PARTIAL)
    covered(feature.server, MARCH, APRIL)
    holding(feature, MARCH + 3600, MARCH + 7200)
    assert judged(pool).verdict == Verdict.AS_OBSERVED
    holding(feature, MARCH + 5400, MARCH + 7200)
    month = judged(pool)
    assert month.verdict == Verdict.NOT_DETERMINABLE
    assert month.reason == (
        "In use 2 on 2026-03-01 01:30, where documents prove 1: the rest is claimed."
    )
    assert month.allowed == 2
    assert judged(pool, proven_from=Strength.PARTIAL).verdict == Verdict.AS_OBSERVED
    holding(feature, MARCH + 5400, MARCH + 7200)
    assert judged(pool).verdict == Verdict.OVER_USE


def test_nothing_is_proven_where_all_lines_are_claimed(pool, feature):
    EntitlementFactory(pool=pool, quantity=9, strength=Strength.CLAIMED)
    covered(feature.server, MARCH, APRIL)
    assert judged(pool).verdict == Verdict.AS_OBSERVED
    holding(feature, MARCH + 3600, MARCH + 7200)
    assert "where documents prove 0" in judged(pool).reason


def test_over_use_however_short_decides(pool, feature):
    EntitlementFactory(pool=pool, quantity=1)
    start = at("2026-03-31T14:05")
    for _ in range(3):
        holding(feature, start, start + 60)
    holding(feature, start - 600, start + 1680)
    holding(feature, start + 600, start + 1200)
    month = judged(pool)
    assert month.verdict == Verdict.OVER_USE
    assert month.reason == "In use 4 of 1 allowed on 2026-03-31 14:05, 11 minutes above in 2026-03."
    assert (month.over_seconds, month.over_seat_seconds) == (660, 180 + 600)
    assert (month.over_episodes, month.longest_over_seconds, month.largest_excess) == (2, 600, 3)


def test_over_use_in_a_gap_that_both_ends_of_a_holding_prove_counts(pool, feature):
    EntitlementFactory(pool=pool, quantity=0)
    holding(feature, MARCH + DAY, MARCH + 2 * DAY)
    assert judged(pool).verdict == Verdict.OVER_USE


def test_use_that_was_only_possible_proves_nothing(pool, feature):
    EntitlementFactory(pool=pool, quantity=1)
    covered(feature.server, MARCH, APRIL)
    for taken in (MARCH, MARCH + 650):
        holding(feature, taken, taken + 700, returned_after=taken + 600,
                method=Checkout.Method.SAMPLED)  # fmt: skip
    month = judged(pool)
    assert (month.verdict, month.sampled) == (Verdict.AS_OBSERVED, True)


class TestNotDeterminable:
    def test_below_the_floor_of_coverage(self, pool, feature):
        EntitlementFactory(pool=pool)
        covered(feature.server, MARCH, MARCH + 28 * DAY)
        month = judged(pool)
        assert month.verdict == Verdict.NOT_DETERMINABLE
        assert month.reason == (
            "Observed 90.32 % of the time in 2026-03, less than the 95.00 % that a statement needs."
        )
        assert judged(pool, floor=Fraction(9, 10)).verdict == Verdict.AS_OBSERVED

    def test_at_the_floor_it_is_determinable(self, pool, feature):
        EntitlementFactory(pool=pool)
        covered(feature.server, MARCH, MARCH + 31 * DAY * 95 // 100)
        assert judged(pool).verdict == Verdict.AS_OBSERVED

    def test_without_an_entitlement_what_the_server_issues_does_not_help(self, pool, feature):
        covered(feature.server, MARCH, APRIL)
        IssuedCountFactory(feature=feature, count=99)
        month = judged(pool)
        assert (month.verdict, month.reason) == (
            Verdict.NOT_DETERMINABLE,
            "No entitlement says what is allowed.",
        )
        assert month.allowed is None

    def test_before_the_first_entitlement(self, pool, feature):
        covered(feature.server, MARCH, APRIL)
        EntitlementFactory(pool=pool, valid_from="2026-03-05")
        assert judged(pool).reason == (
            "Until 2026-03-05 00:00, no entitlement says what is allowed."
        )

    def test_uncounted_and_without_an_entitlement(self, pool, feature):
        covered(feature.server, MARCH, APRIL)
        IssuedCountFactory(feature=feature, count=None)
        assert judged(pool).reason == (
            "The server issues seats without a number, and no entitlement says what is allowed."
        )


def test_nothing_is_judged_where_nothing_was_expected(pool, feature):
    covered(feature.server, APRIL, MAY)
    month = judged(pool)
    assert (month.verdict, month.coverage, month.peak) == (Verdict.NOT_IN_USE, None, None)


def test_time_to_come_does_not_lower_the_coverage(pool, feature):
    EntitlementFactory(pool=pool, valid_from="2026-03-01")
    covered(feature.server, MARCH, MARCH + DAY)
    assert judged(pool, now=MARCH + DAY).coverage == 1


class TestPeriods:
    def test_a_period_is_as_bad_as_its_worst_month(self, pool, feature):
        EntitlementFactory(pool=pool, quantity=1, valid_from="2026-03-01")
        covered(feature.server, MARCH, APRIL)
        for _ in range(2):
            holding(feature, APRIL, APRIL + 60)
        rows = verdicts(pool, months(MARCH - 31 * DAY, NOW, ZoneInfo("UTC")), now=NOW)
        assert [row.verdict for row in rows] == [
            Verdict.NOT_IN_USE,
            Verdict.NOT_IN_USE,
            Verdict.AS_OBSERVED,
            Verdict.OVER_USE,
            Verdict.NOT_DETERMINABLE,
        ]
        for end in range(1, 6):
            found = period_verdict(rows[:end])
            worst = (0, 0, 2, 3, 3)[end - 1]
            assert (found.verdict, found.reason) == (rows[worst].verdict, rows[worst].reason)

    def test_months_that_do_not_touch_are_judged_each_for_itself(self, pool, feature):
        EntitlementFactory(pool=pool, quantity=0, valid_from="2026-03-01")
        holding(feature, APRIL, APRIL + 60)
        rows = verdicts(pool, [(MARCH, APRIL), (MAY, NOW)], now=NOW)
        assert [row.over_seconds for row in rows] == [0, 0]

    def test_a_reason_is_of_its_own_month_where_months_do_not_touch(self, pool, feature):
        EntitlementFactory(pool=pool, strength=Strength.CLAIMED)
        for start in (MARCH, APRIL, MAY):
            holding(feature, start + DAY, start + 2 * DAY)
        rows = verdicts(pool, [(MARCH, MARCH + 9 * DAY), (MAY, NOW)], now=NOW)
        days = ("2026-03-02", "2026-05-02")
        assert [day in row.reason for day, row in zip(days, rows, strict=True)] == [True, True]

    def test_months_that_overlap_are_refused(self, pool):
        with pytest.raises(ValueError, match="do not overlap"):
            verdicts(pool, [(MARCH, MAY), (APRIL, NOW)], now=NOW)

    def test_moments_are_told_in_the_zone_asked_for(self, pool, feature):
        EntitlementFactory(pool=pool, quantity=0)
        holding(feature, MARCH, MARCH + 60)
        assert "2026-03-01 09:00" in judged(pool, zone=ZoneInfo("Asia/Tokyo")).reason

    def test_no_month_gives_no_verdict(self):
        assert period_verdict([]).worst is None

    def test_many_pools_and_months_take_as_many_queries_as_one(self, django_assert_num_queries):
        pools = [PoolFactory() for _ in range(8)]
        for each in pools:
            EntitlementFactory(pool=each)
            holding(FeatureFactory(pool=each), MARCH, MARCH + 60)
        with django_assert_num_queries(22):
            found = load_verdicts(pools, months(MARCH, NOW, ZoneInfo("UTC")), now=NOW)
        assert {len(rows) for rows in found.values()} == {3}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (1, "1 second"),
        (119, "119 seconds"),
        (120, "2 minutes"),
        (7199, "119 minutes"),
        (7200, "2 hours"),
        (220_000, "61 hours"),
    ],
)
def test_lengths_of_time_are_cut_to_whole_units(seconds, text):
    assert duration(seconds) == text


def test_the_reason_of_a_longer_time_names_the_month_that_its_figures_are_of(pool, feature):
    EntitlementFactory(pool=pool, quantity=1)
    covered(feature.server, MARCH, MAY)
    for start, length in ((MARCH, 7200), (APRIL, 10800)):
        holding(feature, start, start + length, seats=2)
    both = verdicts(pool, [(MARCH, APRIL), (APRIL, MAY)], now=NOW)
    assert period_verdict(both).reason.endswith("3 hours above in 2026-04.")
