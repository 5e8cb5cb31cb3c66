from __future__ import annotations

import pytest

from licenses.analysis.denials import episodes, names_of, refused
from licenses.models import DirtySpan
from tests.factories import (
    FeatureFactory,
    PersonFactory,
    PoolFactory,
    at,
    covered,
    derived,
    holding,
    polled,
    refusal,
)

pytestmark = pytest.mark.django_db

NINE = at("2026-03-10T09:00")
END = NINE + 3600


@pytest.fixture
def pool():
    return PoolFactory(episode_gap_minutes=10)


@pytest.fixture
def feature(pool):
    feature = FeatureFactory(pool=pool)
    covered(feature.server, NINE - 7200, END + 86400)
    return feature


@pytest.fixture
def person():
    return PersonFactory(login="ada")


def made(pool):
    """Make the episodes of the day, and return the refusals and episodes of the hour as kept.

    They are what the facts give where something has touched the pool since.
    """
    derived(pool, NINE - 86400, END + 86400)
    kept = refused(pool, start=NINE, end=END)
    assert kept.episodes == episodes(pool, start=NINE, end=END)
    DirtySpan.objects.create(pool=pool, starts=NINE, ends=END)
    assert refused(pool, start=NINE, end=END) == kept
    assert episodes(pool, start=NINE, end=END) == kept.episodes
    DirtySpan.objects.all().delete()
    return kept


def denials(pool):
    return made(pool).denials


def chains(pool):
    return [
        (row.start - NINE, row.last - NINE, row.refusals, row.outcome, row.waited_seconds)
        for row in made(pool).episodes
        if row.capacity
    ]


class TestDenials:
    def test_all_reasons_are_listed_in_time_order(self, pool, feature, person):
        refusal(feature, NINE + 60, person, capacity=False)
        refusal(feature, NINE, person)
        rows = denials(pool)
        assert [(row.at - NINE, row.capacity, row.code) for row in rows] == [
            (0, True, -4),
            (60, False, -5),
        ]
        assert (rows[0].label, rows[0].feature) == (person.label, feature.name)

    def test_those_outside_the_window_or_the_mapping_are_not(self, pool, feature, person):
        other = FeatureFactory(pool=pool, mapped_from=NINE + 60, mapped_until=NINE + 90)
        for moment in (NINE + 59, NINE + 60, NINE + 89, NINE + 90):
            refusal(other, moment, person)
        refusal(feature, NINE - 1, person)
        refusal(feature, END, person)
        assert [row.at - NINE for row in denials(pool)] == [60, 89]

    def test_they_take_four_queries(self, pool, feature, person, django_assert_num_queries):
        for place in range(30):
            refusal(feature, NINE + place, person)
        made(pool)
        with django_assert_num_queries(4):
            refused(pool, start=NINE, end=END)


class TestEpisodes:
    def test_a_chain_that_ends_in_a_seat_was_waited(self, pool, feature, person):
        for moment in (0, 300, 700):
            refusal(feature, NINE + moment, person)
        holding(feature, NINE + 1300, NINE + 2000, person=person)
        assert chains(pool) == [(0, 700, 3, "waited", 1300)]

    def test_a_seat_that_came_too_late_was_given_up(self, pool, feature, person):
        refusal(feature, NINE, person)
        holding(feature, NINE + 601, NINE + 2000, person=person)
        assert chains(pool) == [(0, 0, 1, "gave up", None)]

    def test_another_persons_seat_ends_nothing(self, pool, feature, person):
        refusal(feature, NINE, person)
        holding(feature, NINE + 60, NINE + 90)
        assert chains(pool) == [(0, 0, 1, "gave up", None)]

    def test_a_seat_of_another_feature_of_the_pool_counts(self, pool, feature, person):
        other = FeatureFactory(pool=pool, server=feature.server)
        refusal(feature, NINE, person)
        holding(other, NINE + 60, NINE + 61, person=person)
        assert chains(pool) == [(0, 0, 1, "waited", 60)]

    def test_a_seat_between_two_refusals_makes_two_episodes(self, pool, feature, person):
        refusal(feature, NINE, person)
        holding(feature, NINE + 60, NINE + 90, person=person)
        refusal(feature, NINE + 120, person)
        assert chains(pool) == [(0, 0, 1, "waited", 60), (120, 120, 1, "gave up", None)]

    def test_the_pools_own_gap_decides(self, pool, feature, person):
        for moment in (0, 600, 1201):
            refusal(feature, NINE + moment, person)
        assert [row[:3] for row in chains(pool)] == [(0, 600, 2), (1201, 1201, 1)]

    def test_a_chain_that_began_before_the_window_is_not_in_it(self, pool, feature, person):
        refusal(feature, NINE - 300, person)
        refusal(feature, NINE + 200, person)
        assert chains(pool) == []

    def test_a_chain_is_followed_beyond_the_window(self, pool, feature, person):
        refusal(feature, END - 60, person)
        refusal(feature, END + 300, person)
        holding(feature, END + 400, END + 500, person=person)
        assert chains(pool) == [(3540, 3900, 2, "waited", 460)]

    def test_refusals_for_another_reason_make_none(self, pool, feature, person):
        refusal(feature, NINE, person, capacity=False)
        assert chains(pool) == []

    def test_it_is_open_while_a_seat_could_still_come(self, pool, person):
        feature = FeatureFactory(pool=pool)
        covered(feature.server, NINE, NINE + 900)
        refusal(feature, NINE + 600, person)
        assert chains(pool) == [(600, 600, 1, "open", None)]
        polled(feature.server, NINE + 1300)
        assert chains(pool) == [(600, 600, 1, "gave up", None)]


def test_names_are_those_of_the_identities(person):
    assert names_of({person.pk}) == {person.pk: "ada"}
    assert names_of(set()) == {}
