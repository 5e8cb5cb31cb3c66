from __future__ import annotations

from fractions import Fraction

import pytest

from licenses.analysis.coverage import coverage_share, expected, gaps, observed, percent_down
from licenses.models import Boundary, Coverage, Gap, LicensePool, LicenseServer
from tests.factories import (
    EntitlementFactory,
    FeatureFactory,
    PoolFactory,
    ServerFactory,
    at,
    covered,
    holding,
    polled,
)

pytestmark = pytest.mark.django_db

DAY = at("2026-03-10T00:00")
NEXT = DAY + 86400
LATER = NEXT + 86400


@pytest.fixture
def pool():
    return PoolFactory()


@pytest.fixture
def feature(pool):
    return FeatureFactory(pool=pool)


def spans(times):
    return [(start - DAY, end - DAY) for start, end in times]


def causes(pool, **values):
    values.setdefault("now", LATER)
    return [(gap.start - DAY, gap.end - DAY, gap.cause) for gap in gaps(pool, DAY, NEXT, **values)]


class TestObserved:
    def test_log_and_polls_join(self, pool, feature):
        covered(feature.server, DAY, DAY + 100)
        covered(feature.server, DAY + 50, DAY + 200, source=Coverage.Source.POLLS)
        assert spans(observed(pool, DAY, NEXT)) == [(0, 200)]

    def test_another_daemons_coverage_vouches_for_nothing(self, pool, feature):
        covered(feature.server, DAY, DAY + 100, daemon="otherd")
        covered(feature.server, DAY + 50, DAY + 100, daemon="vendord")
        assert spans(observed(pool, DAY, NEXT)) == [(50, 100)]

    def test_all_features_must_be_vouched_for_while_they_feed_the_pool(self, pool, feature):
        other = FeatureFactory(pool=pool, mapped_from=DAY + 300, mapped_until=DAY + 600)
        covered(feature.server, DAY, DAY + 1000)
        covered(other.server, DAY, DAY + 400)
        assert spans(observed(pool, DAY, NEXT)) == [(0, 400), (600, 1000)]

    def test_nothing_is_observed_while_nothing_feeds_the_pool(self, pool):
        other = FeatureFactory(pool=pool, mapped_from=DAY + 300)
        covered(other.server, DAY, DAY + 400)
        assert spans(observed(pool, DAY, NEXT)) == [(300, 400)]


class TestExpected:
    def test_a_pool_begins_with_what_is_first_heard_of_it(self, pool, feature):
        assert not len(expected(pool, DAY, NEXT, now=LATER))
        covered(feature.server, DAY + 500, DAY + 600)
        assert spans(expected(pool, DAY, NEXT, now=LATER)) == [(500, 86400)]
        holding(feature, DAY + 400, DAY + 450)
        assert spans(expected(pool, DAY, NEXT, now=LATER)) == [(400, 86400)]
        EntitlementFactory(pool=pool, valid_from="2026-03-10")
        assert spans(expected(pool, DAY, NEXT, now=LATER)) == [(0, 86400)]

    def test_what_lies_ahead_is_not_expected(self, pool):
        EntitlementFactory(pool=pool)
        assert spans(expected(pool, DAY, NEXT, now=DAY + 60)) == [(0, 60)]

    def test_nothing_is_expected_of_a_retired_pool(self, pool):
        EntitlementFactory(pool=pool)
        LicensePool.objects.filter(pk=pool.pk).update(retired_at=DAY + 90)
        pool.refresh_from_db()
        assert spans(expected(pool, DAY, NEXT, now=LATER)) == [(0, 90)]


class TestShare:
    def test_share_is_observed_of_expected_time(self, pool, feature):
        EntitlementFactory(pool=pool)
        covered(feature.server, DAY, DAY + 21600)
        assert coverage_share(pool, DAY, NEXT, now=LATER) == Fraction(1, 4)

    def test_there_is_none_where_nothing_was_expected(self, pool):
        assert coverage_share(pool, DAY, NEXT, now=LATER) is None

    @pytest.mark.parametrize(
        ("share", "text"),
        [
            (Fraction(1), "100.00 %"),
            (Fraction(86399, 86400), "99.99 %"),
            (Fraction(2, 3), "66.66 %"),
            (Fraction(0), "0.00 %"),
        ],
    )
    def test_shares_are_printed_rounded_down(self, share, text):
        assert percent_down(share) == text


class TestGaps:
    @pytest.fixture(autouse=True)
    def right(self, pool):
        EntitlementFactory(pool=pool)

    def gap(self, server, start, end, cause, **values):
        ends = None if end is None else DAY + end
        Gap.objects.create(server=server, starts=DAY + start, ends=ends, cause=cause, **values)

    def test_a_gap_with_several_causes_is_several_rows(self, pool, feature):
        covered(feature.server, DAY, DAY + 1000)
        covered(feature.server, DAY + 5000, NEXT)
        self.gap(feature.server, 900, 2000, "timeout", detail="No answer in 30 s.")
        self.gap(feature.server, 2000, 3000, "auth_failed")
        found = gaps(pool, DAY, NEXT, now=LATER)
        assert [(g.start - DAY, g.end - DAY, g.cause) for g in found] == [
            (1000, 2000, "timeout"),
            (2000, 3000, "auth_failed"),
            (3000, 5000, "log_missing"),
        ]
        assert found[0].cause_label == "server did not answer in time"
        assert found[0].detail == "No answer in 30 s."

    def test_a_gap_that_is_filled_is_none(self, pool, feature):
        covered(feature.server, DAY, NEXT)
        self.gap(feature.server, 900, 2000, "timeout")
        assert causes(pool) == []

    def test_an_open_gap_lasts_until_now(self, pool, feature):
        covered(feature.server, DAY, DAY + 1000)
        self.gap(feature.server, 1000, None, "server_unreachable")
        assert causes(pool, now=DAY + 1500) == [(1000, 1500, "server_unreachable")]

    def test_a_daemon_that_stopped_is_named(self, pool, feature):
        covered(feature.server, DAY, DAY + 1000)
        covered(feature.server, DAY + 2000, NEXT)
        for moment, kind in ((1000, Boundary.Kind.STOP), (1500, Boundary.Kind.START)):
            Boundary.objects.create(
                server=feature.server, daemon="vendord", at=DAY + moment, kind=kind
            )
        assert causes(pool) == [(1000, 1500, "vendor_daemon_down"), (1500, 2000, "log_missing")]

    def test_a_polled_server_that_nobody_asked_has_a_dead_collector(self, pool):
        server = ServerFactory(polling="file", status_path="/status.txt")
        FeatureFactory(server=server, pool=pool)
        covered(server, DAY, DAY + 1000)
        assert causes(pool) == [(1000, 86400, "collector_down")]

    def test_a_daemon_that_the_servers_answers_do_not_name_is_told_apart(self, pool):
        server = ServerFactory(polling="file", status_path="/status.txt")
        FeatureFactory(server=server, daemon="vendord", pool=pool)
        covered(server, DAY, DAY + 1000, daemon="vendord", source="polls")
        covered(server, DAY, DAY + 1500, daemon="otherd", source="polls")
        assert causes(pool) == [
            (1000, 1500, "vendor_daemon_down"),
            (1500, 86400, "collector_down"),
        ]

    def test_causes_of_another_daemon_or_a_vouched_server_are_not_taken(self, pool, feature):
        other = FeatureFactory(pool=pool)
        covered(feature.server, DAY, DAY + 1000)
        covered(other.server, DAY, NEXT)
        self.gap(feature.server, 900, 2000, "timeout", daemon="otherd")
        self.gap(other.server, 900, 2000, "auth_failed")
        assert causes(pool) == [(1000, 86400, "log_missing")]

    def test_time_in_which_nothing_fed_the_pool_is_a_gap(self, pool):
        (gap,) = gaps(pool, DAY, NEXT, now=LATER)
        assert (gap.cause, gap.detail) == ("log_missing", "No feature fed the pool.")

    def test_the_number_of_queries_does_not_grow(
        self, pool, feature, django_assert_max_num_queries
    ):
        for place in range(20):
            other = FeatureFactory(pool=pool)
            covered(other.server, DAY + 10 * place, DAY + 1000)
            self.gap(other.server, 1000 + place, 2000, "timeout")
        with django_assert_max_num_queries(9):
            gaps(pool, DAY, NEXT, now=LATER)


class TestWaitingForAPoll:
    """The server answered at 1000; intervals of 300 s make its step 900 s, of 600 s 1800 s."""

    @pytest.fixture(autouse=True)
    def right(self, pool):
        EntitlementFactory(pool=pool)

    @pytest.fixture
    def server(self, pool):
        server = ServerFactory(polling="file", status_path="/status.txt")
        FeatureFactory(server=server, pool=pool)
        covered(server, DAY, DAY + 1000, source=Coverage.Source.POLLS)
        polled(server, DAY + 1000)
        return server

    def test_time_since_the_last_answer_is_no_gap_before_the_next_is_overdue(self, pool, server):
        assert causes(pool, now=DAY + 1900) == []
        assert coverage_share(pool, DAY, NEXT, now=DAY + 1900) == 1
        assert causes(pool, now=DAY + 1901) == [(1000, 1901, "collector_down")]
        assert coverage_share(pool, DAY, NEXT, now=DAY + 2000) == Fraction(1, 2)

    def test_a_longer_interval_waits_longer(self, pool, server):
        server.poll_seconds = 600
        server.save()
        assert causes(pool, now=DAY + 2800) == []
        assert causes(pool, now=DAY + 2801) == [(1000, 2801, "collector_down")]

    def test_a_poll_that_failed_is_a_gap_at_once(self, pool, server):
        Gap.objects.create(server=server, starts=DAY + 1000, cause="timeout")
        assert causes(pool, now=DAY + 1300) == [(1000, 1300, "timeout")]

    def test_another_daemons_failure_changes_nothing(self, pool, server):
        Gap.objects.create(
            server=server, daemon="otherd", starts=DAY + 1000, cause="vendor_daemon_down"
        )
        assert causes(pool, now=DAY + 1300) == []

    @pytest.mark.parametrize("change", [{"polling": "off"}, {"enabled": False}])
    def test_nobody_waits_for_a_server_that_is_not_polled(self, pool, server, change):
        LicenseServer.objects.filter(pk=server.pk).update(**change)
        assert [row[:2] for row in causes(pool, now=DAY + 1300)] == [(1000, 1300)]

    def test_a_gap_of_another_server_is_not_excused(self, pool, server):
        other = FeatureFactory(pool=pool)
        covered(other.server, DAY, DAY + 1200)
        assert causes(pool, now=DAY + 1500) == [(1200, 1500, "log_missing")]

    def test_what_a_log_saw_since_the_last_answer_counts_as_observed(self, pool, server):
        covered(server, DAY, DAY + 1400)
        assert causes(pool, now=DAY + 1600) == []
        assert spans(expected(pool, DAY, NEXT, now=DAY + 1600)) == [(0, 1400)]

    def test_a_window_that_ends_ahead_expects_nothing_of_it(self, pool, server):
        assert spans(expected(pool, DAY, LATER, now=DAY + 1900)) == [(0, 1000)]
