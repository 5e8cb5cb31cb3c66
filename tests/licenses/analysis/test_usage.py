from __future__ import annotations

import json
from zoneinfo import ZoneInfo

import pytest

from licenses.analysis.usage import usage
from licenses.models import Checkout, Coverage, PackageComponent, Sighting
from tests.factories import (
    EntitlementFactory,
    FeatureFactory,
    HostFactory,
    IssuedCountFactory,
    PersonFactory,
    PoolFactory,
    at,
    covered,
    holding,
    polled,
    refusal,
)

pytestmark = pytest.mark.django_db

NINE = at("2026-03-10T09:00")
HOUR = 3600


@pytest.fixture
def pool():
    return PoolFactory(name="CAD", zone="Europe/Berlin")


@pytest.fixture
def feature(pool):
    return FeatureFactory(pool=pool)


def total(pool, start=NINE, end=NINE + HOUR):
    return usage(pool, start=start, end=end).total


def test_an_hour_that_nobody_observed_has_no_peak_instead_of_0(pool, feature):
    covered(feature.server, NINE, NINE + HOUR)
    quiet, blind = usage(pool, start=NINE, end=NINE + 2 * HOUR, by="hour").periods
    assert (quiet.peak, quiet.peak_low, quiet.peak_high, quiet.peak_at) == (0, 0, 0, NINE)
    assert (blind.peak, blind.peak_low, blind.peak_high, blind.peak_at) == (None,) * 4
    assert (blind.seat_seconds, blind.checkouts, blind.observed_seconds) == (0, 0, 0)


def test_a_holding_logged_from_out_to_in_counts_through_a_gap(pool, feature):
    covered(feature.server, NINE, NINE + 600)
    covered(feature.server, NINE + 3 * HOUR, NINE + 4 * HOUR)
    holding(feature, NINE + 60, NINE + 3 * HOUR + 60)
    middle = total(pool, NINE + HOUR, NINE + 2 * HOUR)
    assert (middle.peak, middle.seat_seconds, middle.observed_seconds) == (1, HOUR, 0)


def test_an_open_logged_holding_is_known_until_the_log_ends(pool, feature):
    covered(feature.server, NINE, NINE + 900, daemon="vendord")
    covered(feature.server, NINE, NINE + 2000, daemon="otherd")
    holding(feature, NINE + 60, None)
    found = total(pool)
    # The second of the last line is one of them.
    assert (found.seat_seconds, found.peak, found.peak_high) == (841, 1, 1)


def test_an_open_polled_holding_is_known_up_to_the_second_of_the_last_answer(pool, feature):
    polled(feature.server, NINE + 900)
    holding(feature, NINE, None, taken_by=NINE + 59, method=Checkout.Method.SAMPLED)
    found = total(pool)
    assert found.seat_seconds == 900 + 1 - 59
    assert found.people == 1


def test_an_out_in_the_last_second_of_a_log_is_seen(pool, feature):
    covered(feature.server, NINE, NINE + 900)
    holding(feature, NINE + 900, None)
    assert total(pool).peak == 1


def test_polled_bounds_widen_the_peak_and_not_the_seat_time(pool, feature):
    one, two = PersonFactory(), PersonFactory()
    sampled = {"method": Checkout.Method.SAMPLED}
    holding(feature, NINE, NINE + 900, person=one, returned_after=NINE + 600, **sampled)
    holding(feature, NINE + 700, NINE + 999, person=two, taken_by=NINE + 750, **sampled)
    found = total(pool)
    assert (found.peak, found.peak_low, found.peak_high) == (1, 1, 2)
    assert found.seat_seconds == 600 + (999 - 750)


def test_a_seat_handed_over_at_the_same_second_is_one_seat(pool, feature):
    holding(feature, NINE, NINE + 600)
    holding(feature, NINE + 600, NINE + 900)
    found = total(pool)
    assert (found.peak, found.checkouts, found.people) == (1, 2, 2)


def test_a_holding_of_no_length_is_a_checkout_and_no_use(pool, feature):
    covered(feature.server, NINE, NINE + HOUR)
    holding(feature, NINE, NINE)
    found = total(pool)
    assert (found.checkouts, found.peak, found.people) == (1, 0, 0)


class TestPackages:
    @pytest.fixture
    def weight(self):
        return 3

    @pytest.fixture
    def suite(self, pool, feature, weight):
        suite = FeatureFactory(server=feature.server, name="suite", pool=pool, weight=weight)
        PackageComponent.objects.create(
            server=feature.server, daemon="vendord", package="suite", component=feature.name
        )
        return suite

    def test_a_package_and_the_component_it_logs_count_once(self, pool, feature, suite):
        person = PersonFactory()
        holding(suite, NINE, NINE + 600, person=person)
        holding(feature, NINE, NINE + 600, person=person)
        found = total(pool)
        assert (found.peak, found.seat_seconds, found.checkouts) == (3, 1800, 1)

    def test_a_component_kept_longer_counts_from_the_return_of_its_package(
        self, pool, feature, suite
    ):
        person = PersonFactory()
        holding(suite, NINE, NINE + 600, person=person)
        holding(feature, NINE, NINE + 700, person=person)
        found = total(pool)
        assert (found.peak, found.seat_seconds, found.checkouts) == (3, 1900, 1)

    @pytest.mark.parametrize("what", ["second", "person", "host"])
    def test_a_component_taken_apart_counts_as_well(self, pool, feature, suite, what):
        person, host = PersonFactory(), HostFactory()
        holding(suite, NINE, NINE + 600, person=person, host=host)
        holding(
            feature,
            NINE + (what == "second"),
            NINE + 600,
            person=PersonFactory() if what == "person" else person,
            host=HostFactory() if what == "host" else host,
        )
        found = total(pool)
        assert (found.peak, found.checkouts) == (4, 2)

    def test_a_second_component_of_one_package_counts_as_well(self, pool, feature, suite):
        person = PersonFactory()
        holding(suite, NINE, NINE + 600, person=person)
        holding(feature, NINE, NINE + 600, person=person)
        holding(feature, NINE, NINE + 500, person=person)
        found = total(pool)
        assert (found.peak, found.checkouts) == (4, 2)

    @pytest.mark.parametrize("weight", [1])
    @pytest.mark.parametrize("listed", ["package", "component"])
    def test_answers_that_list_one_name_alone_leave_the_seat_exact(
        self, pool, feature, suite, listed
    ):
        """The log has both; a complete answer shows only one, so the other is possible only."""
        person, host = PersonFactory(), HostFactory()
        for each in (suite, feature):
            doubted = None if (each == suite) == (listed == "package") else NINE
            spans = {"returned_after": doubted, "person": person, "host": host}
            holding(each, NINE, NINE + 600, **spans)
        found = total(pool)
        assert (found.peak_low, found.peak_high, found.checkouts) == (1, 1, 1)
        assert found.seat_seconds == 600

    @pytest.mark.parametrize("weight", [1])
    @pytest.mark.parametrize("listed", ["package", "component"])
    def test_an_answer_that_shows_the_other_name_of_what_the_log_has_is_no_second_seat(
        self, pool, feature, suite, listed
    ):
        shown, logged = (suite, feature) if listed == "package" else (feature, suite)
        person, host = PersonFactory(), HostFactory()
        holding(logged, NINE + 20, NINE + 600, returned_after=NINE + 20, person=person, host=host)
        spans = {"taken_by": NINE + 59, "returned_after": NINE + 301}
        sampled = {"method": Checkout.Method.SAMPLED, "person": person, "host": host}
        holding(shown, NINE, NINE + 600, **spans, **sampled)
        found = total(pool)
        assert (found.peak_low, found.peak_high, found.checkouts) == (1, 1, 1)
        assert found.seat_seconds == 301 - 20

    @pytest.mark.parametrize("weight", [1])
    def test_of_two_components_kept_longer_one_is_known_until_the_package_is_back(
        self, pool, feature, suite
    ):
        other = FeatureFactory(server=feature.server, name="other", pool=pool)
        PackageComponent.objects.create(
            server=feature.server, daemon="vendord", package="suite", component="other"
        )
        person, host = PersonFactory(), HostFactory()
        held = {"person": person, "host": host}
        holding(suite, NINE, NINE + 600, returned_after=NINE + 300, **held)
        for each in (feature, other):
            holding(each, NINE, NINE + 700, **held)
        found = total(pool)
        assert (found.peak_low, found.peak_high, found.seat_seconds) == (2, 2, 600 + 2 * 100)


class TestLimits:
    def test_full_and_over_follow_the_limit_of_each_moment(self, pool, feature):
        EntitlementFactory(pool=pool, quantity=2, valid_to="2026-03-10")
        EntitlementFactory(pool=pool, quantity=1, valid_from="2026-03-11")
        midnight = at("2026-03-11T00:00+01:00")
        for _ in range(2):
            holding(feature, midnight - 600, midnight + 300)
        found = total(pool, midnight - HOUR, midnight + HOUR)
        assert (found.full_seconds, found.over_seconds, found.limit) == (900, 300, 1)

    def test_an_unknown_limit_leaves_three_figures_unknown(self, pool, feature):
        covered(feature.server, NINE, NINE + HOUR)
        holding(feature, NINE, NINE + 60)
        found = total(pool)
        assert (found.limit, found.full_seconds, found.over_seconds) == (None, None, None)

    def test_what_the_server_issues_is_the_limit_without_an_entitlement(self, pool, feature):
        IssuedCountFactory(feature=feature, count=1)
        holding(feature, NINE, NINE + 60)
        found = total(pool)
        assert (found.limit, found.full_seconds, found.over_seconds) == (1, 60, 0)

    def test_figures_use_the_part_of_a_period_whose_limit_is_known(self, pool, feature):
        EntitlementFactory(pool=pool, quantity=0, valid_from="2026-03-11")
        midnight = at("2026-03-11T00:00+01:00")
        holding(feature, midnight - 600, midnight + 300)
        found = total(pool, midnight - HOUR, midnight + HOUR)
        assert (found.full_seconds, found.over_seconds) == (300, 300)


def test_dictionary_is_the_one_of_the_interface(pool, feature):
    covered(feature.server, NINE, NINE + HOUR)
    holding(feature, NINE + 60, NINE + 600)
    refusal(feature, NINE + 5, PersonFactory())
    found = usage(pool, start=NINE, end=NINE + HOUR, by="hour").as_dict()
    row = {
        "start": "2026-03-10T10:00:00+01:00",
        "end": "2026-03-10T11:00:00+01:00",
        "limit": None,
        "peak": 1,
        "peak_low": 1,
        "peak_high": 1,
        "peak_at": "2026-03-10T10:01:00+01:00",
        "seat_seconds": 540,
        "full_seconds": None,
        "over_seconds": None,
        "observed_seconds": 3600,
        "checkouts": 1,
        "denials": 1,
        "denial_episodes": 1,
        "people": 1,
        "logged_seconds": 3600,
    }
    assert json.loads(json.dumps(found)) == {
        "pool": "CAD",
        "zone": "Europe/Berlin",
        "from": "2026-03-10T10:00:00+01:00",
        "to": "2026-03-10T11:00:00+01:00",
        "limit": None,
        "periods": [row],
        "total": row,
    }


def test_polls_tell_of_no_refusals(pool, feature):
    covered(feature.server, NINE, NINE + HOUR, source=Coverage.Source.POLLS)
    found = total(pool)
    assert (found.denials, found.denial_episodes, found.logged_seconds) == (None, None, 0)
    covered(feature.server, NINE, NINE + 60)
    found = total(pool)
    assert (found.denials, found.denial_episodes, found.logged_seconds) == (0, 0, 60)


def test_days_of_a_clock_change_are_23_hours(pool, feature):
    zone = ZoneInfo("Europe/Berlin")
    days = usage(
        pool,
        start=at("2026-03-28T00:00+01:00"),
        end=at("2026-03-31T00:00+02:00"),
        zone=zone,
        by="day",
    ).periods
    assert [(day.end - day.start) // HOUR for day in days] == [24, 23, 24]


def test_an_empty_window_is_refused(pool):
    with pytest.raises(ValueError, match="expected its end after its start"):
        usage(pool, start=NINE, end=NINE)


def test_a_year_by_the_hour_takes_as_many_queries_as_an_hour(
    pool, feature, django_assert_num_queries
):
    covered(feature.server, NINE, NINE + HOUR)
    holding(feature, NINE, NINE + 60)
    with django_assert_num_queries(10):
        usage(pool, start=NINE, end=NINE + HOUR)
    for place in range(5):
        other = FeatureFactory(pool=pool)
        covered(other.server, NINE, NINE + HOUR)
        holding(other, NINE, NINE + 60 * place)
        holding(other, NINE, None)
    with django_assert_num_queries(12):  # one for parts that are kept, one for packages
        usage(pool, start=NINE - 300 * 86400, end=NINE + 65 * 86400, by="hour")


class TestRefusals:
    def episodes(self, pool):
        return total(pool).denial_episodes

    def test_an_episode_that_began_before_the_window_is_not_counted(self, pool, feature):
        person = PersonFactory()
        covered(feature.server, NINE, NINE + HOUR)
        for moment in (-600, 200, 900):
            refusal(feature, NINE + moment, person)
        assert (self.episodes(pool), total(pool).denials) == (0, 2)

    def test_a_seat_had_before_the_window_ends_the_episode(self, pool, feature):
        person = PersonFactory()
        refusal(feature, NINE - 600, person)
        holding(feature, NINE - 300, NINE - 200, person=person)
        refusal(feature, NINE + 200, person)
        assert self.episodes(pool) == 1

    @pytest.mark.parametrize(("moment", "counted"), [(-1, 0), (0, 1), (59, 1), (60, 0)])
    def test_only_refusals_within_the_mapping_count(self, pool, moment, counted):
        feature = FeatureFactory(pool=pool, mapped_from=NINE, mapped_until=NINE + 60)
        covered(feature.server, NINE, NINE + 60)
        refusal(feature, NINE + moment, PersonFactory())
        assert total(pool, NINE - HOUR, NINE + HOUR).denials == counted


def test_a_status_that_was_handed_in_once_shows_its_holdings_for_that_second(pool, feature):
    person, host = PersonFactory(), HostFactory()
    sighting = Sighting.objects.create(
        feature=feature,
        person=person,
        host=host,
        row_key="k",
        seats=1,
        started_at=NINE - 900,
        first_seen=NINE,
        last_seen=NINE + 60,
    )
    holding(feature, NINE - 900, None, person=person, host=host, taken_by=NINE - 841,
            method=Checkout.Method.SAMPLED, sighting=sighting)  # fmt: skip
    assert total(pool).seat_seconds == 61
    Sighting.objects.update(gone_at=NINE + 300)
    polled(feature.server, NINE + 300)
    assert total(pool).seat_seconds == 61
