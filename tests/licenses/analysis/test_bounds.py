"""What could have been issued at most while nobody looked, and the verdicts that rest on it."""

from __future__ import annotations

from datetime import date

import pytest

from licenses.analysis.bounds import bounded_gaps, load_bounds
from licenses.analysis.holdings import load_holdings
from licenses.analysis.horizons import load_horizons
from licenses.analysis.mappings import load_mappings, servers
from licenses.analysis.verdict import Verdict, verdicts
from licenses.concurrency.timeline import UNKNOWN
from licenses.models import (
    Boundary,
    Checkout,
    Coverage,
    FeatureNow,
    IssuedCount,
    PackageComponent,
    Strength,
)
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
DAY = 86400
NOON = MARCH + 10 * DAY
POLLS = Coverage.Source.POLLS
STATUS = IssuedCount.Source.STATUS


@pytest.fixture
def pool():
    return PoolFactory()


@pytest.fixture
def feature(pool):
    return FeatureFactory(pool=pool)


def judged(pool, **values):
    (month,) = verdicts(pool, [(MARCH, APRIL)], now=MAY, **values)
    return month


def started(feature, moment=MARCH):
    Boundary.objects.create(
        server=feature.server, daemon=feature.daemon, at=moment, kind=Boundary.Kind.START
    )


def told(feature, *steps):
    """Write a server's own totals: (moment, seats) each, the last one told again at the end."""
    for place, (start, count) in enumerate(steps[:-1]):
        ends = steps[place + 1][0] if place + 2 < len(steps) else None
        IssuedCountFactory(feature=feature, source=STATUS, count=count, starts=start, ends=ends)
    FeatureNow.objects.create(feature=feature, at=steps[-1][0], issued=steps[-1][1])


def gap_of_three_hours(feature, **values):
    """Let a log tell of all of March but three hours."""
    started(feature)
    covered(feature.server, MARCH, NOON, **values)
    covered(feature.server, NOON + 3 * 3600, MAY, **values)


class TestLicenseFile:
    def test_a_gap_is_bounded_by_a_file_that_stays_the_same(self, pool, feature):
        EntitlementFactory(pool=pool, quantity=25)
        IssuedCountFactory(feature=feature, count=25)
        gap_of_three_hours(feature)
        month = judged(pool)
        assert (month.verdict, month.bounded_seconds) == (Verdict.PROVEN, 3 * 3600)
        assert month.reason == (
            "By its licence file, the server could not issue more than 25 of 25 while we were "
            "blind for 3 hours in 2026-03."
        )
        (gap,) = bounded_gaps(pool, MARCH, APRIL, now=MAY)
        assert (gap.bounded_seconds, gap.bound, gap.bound_basis) == (3 * 3600, 25, "file")

    def test_one_seat_more_than_is_entitled_bounds_nothing(self, pool, feature):
        EntitlementFactory(pool=pool, quantity=24)
        IssuedCountFactory(feature=feature, count=25)
        gap_of_three_hours(feature)
        assert judged(pool).verdict == Verdict.AS_OBSERVED
        assert bounded_gaps(pool, MARCH, APRIL, now=MAY)[0].bounded_seconds == 0

    def test_what_the_file_tolerates_above_counts_on_both_sides(self, pool, feature):
        EntitlementFactory(pool=pool, quantity=25, overdraft=1)
        IssuedCountFactory(feature=feature, count=25, overdraft=2)
        gap_of_three_hours(feature)
        assert judged(pool).verdict == Verdict.AS_OBSERVED
        EntitlementFactory(pool=pool, quantity=0, overdraft=1)
        assert judged(pool).verdict == Verdict.PROVEN

    def test_a_right_that_no_document_proves_bounds_nothing(self, pool, feature):
        EntitlementFactory(pool=pool, quantity=25, strength=Strength.PARTIAL)
        IssuedCountFactory(feature=feature, count=25)
        gap_of_three_hours(feature)
        assert judged(pool).verdict == Verdict.AS_OBSERVED
        assert judged(pool, proven_from=Strength.PARTIAL).verdict == Verdict.PROVEN

    def test_a_file_that_changes_within_the_gap_bounds_nothing(self, pool, feature):
        EntitlementFactory(pool=pool, quantity=25)
        IssuedCountFactory(feature=feature, count=20, ends=NOON + 60)
        IssuedCountFactory(feature=feature, count=25, starts=NOON + 60)
        gap_of_three_hours(feature)
        assert judged(pool).verdict == Verdict.AS_OBSERVED

    def test_a_file_that_changes_while_a_log_tells_of_all_does_no_harm(self, pool, feature):
        EntitlementFactory(pool=pool, quantity=25)
        IssuedCountFactory(feature=feature, count=20, ends=MARCH + DAY)
        IssuedCountFactory(feature=feature, count=25, starts=MARCH + DAY)
        gap_of_three_hours(feature)
        assert judged(pool).verdict == Verdict.PROVEN

    def test_nothing_bounds_the_time_after_the_last_sight(self, pool, feature):
        EntitlementFactory(pool=pool, quantity=25)
        IssuedCountFactory(feature=feature, count=25)
        started(feature)
        covered(feature.server, MARCH, APRIL - 3600)
        assert judged(pool).verdict == Verdict.AS_OBSERVED
        covered(feature.server, APRIL + 3600, APRIL + 7200)
        assert judged(pool).verdict == Verdict.PROVEN

    def test_an_expired_line_bounds_nothing(self, pool, feature):
        EntitlementFactory(pool=pool, quantity=25)
        IssuedCountFactory(feature=feature, count=25, ends=NOON - DAY)
        gap_of_three_hours(feature)
        assert judged(pool).verdict == Verdict.AS_OBSERVED

    def test_seats_without_a_number_are_no_use_that_can_be_judged(self, pool, feature):
        EntitlementFactory(pool=pool, quantity=25)
        IssuedCountFactory(feature=feature, count=None, ends=NOON)
        started(feature)
        covered(feature.server, MARCH, MAY)
        month = judged(pool)
        assert (month.verdict, month.proven_seconds) == (Verdict.NOT_DETERMINABLE, APRIL - NOON)
        assert month.reason.startswith("The server issues seats without a number")
        holding(feature, NOON + 60, NOON + 120, seats=26)
        assert judged(pool).verdict == Verdict.OVER_USE

    def test_a_file_bounds_no_gap_before_an_answer_that_tells_of_more(self, pool, feature):
        EntitlementFactory(pool=pool, quantity=25)
        EntitlementFactory(pool=pool, quantity=25, valid_from=date(2026, 3, 11))
        IssuedCountFactory(feature=feature, count=25)
        gap_of_three_hours(feature)
        covered(feature.server, NOON + 3 * 3600, MAY, source=POLLS)
        told(feature, (NOON + 3 * 3600, 25), (MAY, 25))
        assert judged(pool).verdict == Verdict.PROVEN
        IssuedCount.objects.filter(source=STATUS).update(count=50)
        assert judged(pool).verdict == Verdict.AS_OBSERVED
        assert bounded_gaps(pool, MARCH, APRIL, now=MAY)[0].bounded_seconds == 0


class TestReadings:
    """A file bounds what nobody saw between two readings of the same lines."""

    @pytest.fixture(autouse=True)
    def right(self, pool, feature):
        EntitlementFactory(pool=pool, quantity=25)
        gap_of_three_hours(feature)

    def read(self, feature, first, last, **values):
        IssuedCountFactory(feature=feature, count=25, read_from=first, read_until=last, **values)

    @pytest.mark.parametrize(
        ("first", "last", "bounded"),
        [
            pytest.param(NOON - DAY, NOON + DAY, 3 * 3600, id="before-and-after"),
            pytest.param(NOON + DAY, MAY, 0, id="after-alone"),
            pytest.param(MARCH, NOON - DAY, 0, id="before-alone"),
            pytest.param(MAY, MAY, 0, id="once-after-it"),
            pytest.param(NOON + 3600, MAY, 2 * 3600, id="from-within-it"),
        ],
    )
    def test_the_time_between_two_readings_is_bounded(self, pool, feature, first, last, bounded):
        self.read(feature, first, last)
        assert judged(pool).bounded_seconds == bounded
        (gap,) = bounded_gaps(pool, MARCH, APRIL, now=MAY)
        assert gap.bounded_seconds == bounded

    def test_a_line_that_was_not_read_before_leaves_those_beside_it_without_a_bound(
        self, pool, feature
    ):
        self.read(feature, MARCH - DAY, MAY)
        assert judged(pool).verdict == Verdict.PROVEN
        IssuedCountFactory(feature=feature, count=0, read_from=MAY, read_until=MAY)
        assert judged(pool).bounded_seconds == 0

    def test_a_file_of_which_no_reading_is_known_bounds_nothing(self, pool, feature):
        self.read(feature, None, None)
        assert judged(pool).bounded_seconds == 0


class TestRefutedByUse:
    """The server handed out more than it could: whoever says what it could is wrong."""

    def used(self, feature, seats, day=2):
        for _ in range(seats):
            holding(feature, MARCH + day * DAY, MARCH + day * DAY + 3600)

    def test_a_file_that_use_is_above_bounds_nothing_before_or_after(self, pool, feature):
        EntitlementFactory(pool=pool, quantity=10)
        IssuedCountFactory(feature=feature, count=5, overdraft=1)
        gap_of_three_hours(feature)
        self.used(feature, 6)
        assert judged(pool).verdict == Verdict.PROVEN
        self.used(feature, 7, day=20)
        month = judged(pool)
        assert (month.verdict, month.bounded_seconds) == (Verdict.AS_OBSERVED, 0)
        assert bounded_gaps(pool, MARCH, APRIL, now=MAY)[0].bounded_seconds == 0

    def test_the_file_after_it_bounds_again(self, pool, feature):
        EntitlementFactory(pool=pool, quantity=10)
        IssuedCountFactory(feature=feature, count=5, ends=MARCH + 5 * DAY)
        IssuedCountFactory(feature=feature, count=8, starts=MARCH + 5 * DAY)
        gap_of_three_hours(feature)
        self.used(feature, 8)
        assert judged(pool).verdict == Verdict.PROVEN
        self.used(feature, 9, day=20)
        assert judged(pool).verdict == Verdict.AS_OBSERVED

    def test_a_total_that_use_is_above_bounds_nothing(self, pool, feature):
        EntitlementFactory(pool=pool, quantity=10)
        IssuedCountFactory(feature=feature, count=9)
        told(feature, (MARCH, 5), (NOON + 4 * 3600, 5))
        gap_of_three_hours(feature)
        self.used(feature, 5)
        assert judged(pool).verdict == Verdict.PROVEN
        self.used(feature, 6, day=3)
        assert judged(pool).verdict == Verdict.AS_OBSERVED

    def test_each_feature_refutes_its_own_and_a_seat_of_it_weighs_what_it_takes(
        self, pool, feature
    ):
        EntitlementFactory(pool=pool, quantity=40)
        other = FeatureFactory(pool=pool, server=feature.server, weight=3)
        IssuedCountFactory(feature=feature, count=20)
        IssuedCountFactory(feature=other, count=5)
        gap_of_three_hours(feature)
        self.used(other, 5)
        assert judged(pool).verdict == Verdict.PROVEN
        self.used(other, 6, day=3)
        assert judged(pool).verdict == Verdict.AS_OBSERVED


class TestServersOwnTotal:
    @pytest.fixture(autouse=True)
    def polled(self, pool, feature):
        EntitlementFactory(pool=pool, quantity=25)
        IssuedCountFactory(feature=feature, count=25)
        covered(feature.server, MARCH - DAY, NOON, source=POLLS)
        covered(feature.server, NOON + 7200, MAY, source=POLLS)

    def test_the_same_total_before_and_after_bounds_gap_and_polls(self, pool, feature):
        told(feature, (MARCH - DAY, 25), (MAY, 25))
        holding(feature, NOON - 60, NOON, method=Checkout.Method.SAMPLED)
        month = judged(pool)
        assert (month.verdict, month.bounded_seconds) == (Verdict.PROVEN, 7200)
        assert month.reason == (
            "The server could not issue more than 25 of 25 while we were blind for 2 hours in"
            " 2026-03."
        )
        (gap,) = bounded_gaps(pool, MARCH, APRIL, now=MAY)
        assert (gap.bound, gap.bound_basis) == (25, "status")

    def test_polls_without_a_bound_prove_nothing(self, pool, feature):
        IssuedCount.objects.update(count=26)
        told(feature, (MARCH - DAY, 26), (MAY, 26))
        assert judged(pool).verdict == Verdict.AS_OBSERVED
        EntitlementFactory(pool=pool, quantity=1)
        assert judged(pool).verdict == Verdict.PROVEN

    def test_what_the_server_lends_above_its_total_is_known_by_its_file_alone(self, pool, feature):
        told(feature, (MARCH - DAY, 25), (MAY, 25))
        IssuedCount.objects.filter(source="file").update(overdraft=1)
        assert judged(pool).verdict == Verdict.AS_OBSERVED
        EntitlementFactory(pool=pool, quantity=0, overdraft=1)
        assert judged(pool).verdict == Verdict.PROVEN
        IssuedCount.objects.filter(source="file").delete()
        assert judged(pool).verdict == Verdict.AS_OBSERVED

    def test_a_file_of_fewer_than_the_server_tells_is_not_the_one_that_it_read(self, pool, feature):
        told(feature, (MARCH - DAY, 25), (MAY, 25))
        assert judged(pool).verdict == Verdict.PROVEN
        IssuedCount.objects.filter(source="file").update(count=24)
        month = judged(pool)
        assert (month.verdict, month.bounded_seconds) == (Verdict.AS_OBSERVED, 0)

    def test_another_total_after_the_gap_bounds_nothing_of_it(self, pool, feature):
        told(feature, (MARCH - DAY, 25), (NOON + 7200, 24), (MAY, 24))
        assert judged(pool).verdict == Verdict.AS_OBSERVED
        assert bounded_gaps(pool, MARCH, APRIL, now=MAY)[0].bounded_seconds == 0

    def test_a_total_that_changes_between_two_polls_bounds_all_but_that_step(self, pool, feature):
        change = NOON + DAY
        told(feature, (MARCH - DAY, 25), (change, 24), (MAY, 24))
        maps = load_mappings([pool.pk])
        held = load_holdings(maps, load_horizons(servers(maps)), MARCH, APRIL)
        bounds = load_bounds([pool], maps, MARCH, APRIL, held)[pool.pk]
        unknown = bounds.capacity.where(bounds.capacity.levels == UNKNOWN)
        assert list(unknown) == [(change - 900, change)]
        assert judged(pool).verdict == Verdict.AS_OBSERVED

    def test_a_file_does_not_bound_a_gap_in_which_the_server_changed(self, pool, feature):
        told(feature, (MARCH - DAY, 25), (NOON + 7200, 24), (MAY, 24))
        assert judged(pool).verdict == Verdict.AS_OBSERVED

    def test_after_the_last_answer_nothing_is_bounded(self, pool, feature):
        told(feature, (MARCH - DAY, 25), (NOON, 25))
        assert bounded_gaps(pool, MARCH, APRIL, now=MAY)[0].bounded_seconds == 0

    def test_a_file_of_more_than_the_server_tells_counts(self, pool, feature):
        told(feature, (MARCH - DAY, 25), (MAY, 25))
        IssuedCount.objects.filter(source="file").update(count=26)
        assert judged(pool).verdict == Verdict.AS_OBSERVED


class TestSeveralFeatures:
    def test_servers_add_up_with_their_weights(self, pool, feature):
        other = FeatureFactory(pool=pool, weight=3)
        IssuedCountFactory(feature=feature, count=10)
        IssuedCountFactory(feature=other, count=5)
        for each in (feature, other):
            gap_of_three_hours(each)
        EntitlementFactory(pool=pool, quantity=24)
        assert judged(pool).verdict == Verdict.AS_OBSERVED
        EntitlementFactory(pool=pool, quantity=1)
        month = judged(pool)
        assert month.verdict == Verdict.PROVEN
        assert "more than 25 of 25" in month.reason

    def test_one_feature_without_a_number_leaves_the_pool_without_a_bound(self, pool, feature):
        FeatureFactory(pool=pool, server=feature.server)
        IssuedCountFactory(feature=feature, count=10)
        gap_of_three_hours(feature)
        EntitlementFactory(pool=pool, quantity=99)
        assert judged(pool).verdict == Verdict.AS_OBSERVED

    def test_a_feature_counts_only_while_it_feeds_the_pool(self, pool, feature):
        other = FeatureFactory(pool=pool, server=feature.server, mapped_until=NOON)
        IssuedCountFactory(feature=feature, count=10)
        IssuedCountFactory(feature=other, count=10)
        gap_of_three_hours(feature)
        EntitlementFactory(pool=pool, quantity=10)
        assert judged(pool).verdict == Verdict.PROVEN

    def test_a_package_and_its_component_are_added_up(self, pool, feature):
        part = FeatureFactory(pool=pool, server=feature.server, name="part")
        PackageComponent.objects.create(
            server=feature.server, daemon="vendord", package=feature.name, component="part"
        )
        IssuedCountFactory(feature=feature, count=10)
        IssuedCountFactory(feature=part, count=10)
        gap_of_three_hours(feature)
        EntitlementFactory(pool=pool, quantity=19)
        assert judged(pool).verdict == Verdict.AS_OBSERVED
        EntitlementFactory(pool=pool, quantity=1)
        assert judged(pool).verdict == Verdict.PROVEN

    def test_nothing_bounds_time_in_which_nothing_feeds_the_pool(self, pool):
        feature = FeatureFactory(pool=pool, mapped_from=NOON)
        IssuedCountFactory(feature=feature, count=1)
        covered(feature.server, MARCH, MAY)
        EntitlementFactory(pool=pool, quantity=9)
        assert bounded_gaps(pool, MARCH, APRIL, now=MAY)[0].bounded_seconds == 0


class TestLogs:
    @pytest.fixture(autouse=True)
    def right(self, pool):
        EntitlementFactory(pool=pool, quantity=2)

    def test_a_log_from_the_start_of_the_daemon_on_proves(self, pool, feature):
        covered(feature.server, MARCH, MAY)
        assert judged(pool).verdict == Verdict.AS_OBSERVED
        started(feature)
        month = judged(pool)
        assert (month.verdict, month.reason) == (
            Verdict.PROVEN,
            "Logs tell of every seat at every moment: never above what documents prove.",
        )

    @pytest.mark.parametrize(
        ("start", "proven"),
        [
            pytest.param(0, NOON - MARCH, id="a start of that second may come before"),
            pytest.param(1, APRIL - MARCH - 1, id="a start after it"),
        ],
    )
    def test_a_line_that_may_hide_seats_ends_the_proof_until(self, pool, feature, start, proven):
        covered(feature.server, MARCH, MAY)
        started(feature)
        started(feature, NOON + start)
        Boundary.objects.create(server=feature.server, at=NOON, kind=Boundary.Kind.DOUBT)
        month = judged(pool)
        assert (month.verdict, month.proven_seconds) == (Verdict.AS_OBSERVED, proven)

    def test_a_complete_answer_ends_the_doubt(self, pool, feature):
        covered(feature.server, MARCH, MAY)
        started(feature)
        Boundary.objects.create(server=feature.server, at=NOON, kind=Boundary.Kind.DOUBT)
        covered(feature.server, NOON - 300, NOON, source=POLLS)
        assert judged(pool).proven_seconds == NOON - MARCH
        covered(feature.server, NOON + 600, NOON + 900, source=POLLS)
        assert judged(pool).proven_seconds == APRIL - MARCH - 600

    def test_a_start_of_another_daemon_proves_nothing(self, pool, feature):
        covered(feature.server, MARCH, MAY)
        Boundary.objects.create(
            server=feature.server, daemon="otherd", at=MARCH, kind=Boundary.Kind.START
        )
        assert judged(pool).verdict == Verdict.AS_OBSERVED

    def test_a_complete_answer_shows_what_was_taken_before_the_log_began(self, pool, feature):
        covered(feature.server, MARCH, MAY)
        covered(feature.server, MARCH + 1, MARCH + 60, source=POLLS)
        assert judged(pool).verdict == Verdict.AS_OBSERVED
        covered(feature.server, MARCH - 300, MARCH, source=POLLS)
        assert judged(pool).verdict == Verdict.PROVEN

    def test_a_return_that_may_have_been_lost_leaves_it_open(self, pool, feature):
        covered(feature.server, MARCH, MAY)
        started(feature)
        holding(feature, NOON, NOON + 900, seats=2, returned_after=NOON + 60)
        assert judged(pool).verdict == Verdict.PROVEN
        holding(feature, NOON + 600, NOON + 700)
        assert judged(pool).verdict == Verdict.AS_OBSERVED

    def test_over_use_is_never_hidden_by_a_bound(self, pool, feature):
        IssuedCountFactory(feature=feature, count=2)
        gap_of_three_hours(feature)
        holding(feature, NOON, NOON + 60, seats=3)
        assert judged(pool).verdict == Verdict.OVER_USE


class TestRaisedAndLoweredWithinTheGap:
    """More seats for an hour while nobody looked, and the old file and total again before the
    first look: the gap is not bounded by what stood on both sides of it."""

    HOUR = 3600

    @pytest.fixture(autouse=True)
    def right(self, pool):
        EntitlementFactory(pool=pool, quantity=25)

    def raised(self, feature, count=40):
        begins, ends = NOON + 600, NOON + 600 + self.HOUR
        IssuedCountFactory(feature=feature, count=25, ends=begins)
        IssuedCountFactory(feature=feature, count=count, starts=begins, ends=ends)
        IssuedCountFactory(feature=feature, count=25, starts=ends)

    @pytest.mark.parametrize("count", [40, 26, 24, None])
    def test_a_file_of_that_hour_leaves_none_of_the_gap_bounded(self, pool, feature, count):
        self.raised(feature, count)
        gap_of_three_hours(feature)
        assert judged(pool).verdict == (Verdict.AS_OBSERVED if count else Verdict.NOT_DETERMINABLE)
        assert bounded_gaps(pool, MARCH, APRIL, now=MAY)[0].bounded_seconds == 0

    def test_the_same_total_on_both_sides_bounds_all_but_that_hour(self, pool, feature):
        self.raised(feature)
        covered(feature.server, MARCH - DAY, NOON, source=POLLS)
        covered(feature.server, NOON + 3 * self.HOUR, MAY, source=POLLS)
        told(feature, (MARCH - DAY, 25), (MAY, 25))
        assert judged(pool).verdict == Verdict.AS_OBSERVED
        (gap,) = bounded_gaps(pool, MARCH, APRIL, now=MAY)
        assert gap.bounded_seconds == 2 * self.HOUR

    def test_a_seat_too_many_that_is_still_out_after_the_gap_is_over_use(self, pool, feature):
        covered(feature.server, MARCH - DAY, NOON, source=POLLS)
        covered(feature.server, NOON + 3 * self.HOUR, MAY, source=POLLS)
        told(feature, (MARCH - DAY, 25), (MAY, 25))
        holding(feature, NOON + 600, NOON + 4 * self.HOUR, seats=26,
                taken_by=NOON + 3 * self.HOUR, method=Checkout.Method.SAMPLED)  # fmt: skip
        assert judged(pool).verdict == Verdict.OVER_USE
