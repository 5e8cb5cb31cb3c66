"""Rows in bulk: written by whichever way, they are the same."""

from __future__ import annotations

import numpy as np
import pytest

from licenses.analysis import rows
from licenses.analysis.rows import (
    NONE,
    Coded,
    Listed,
    columns,
    insert,
    listed,
    number,
    tuples,
)
from licenses.models import Denial, Feature, Host, Person, RuleMatch, TeamRule
from tests.factories import FeatureFactory, HostFactory, PersonFactory, TeamFactory

pytestmark = pytest.mark.django_db

NAMES = ("feature_id", "at", "person_id", "host_id", "seats", "code", "ordinal")
TEXTS = ("minor", "reason", "version", "reason_class", "capacity", "rules", "served_at")
ODD = 'tab\t line\n \\s "q" {b} \\N ü'


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch) -> None:
    """Blocks of two statements, so that several are written, and rows that fill none."""
    monkeypatch.setattr(rows, "BLOCK_ROWS", 2 * rows.STATEMENT_ROWS)


def table(feature: Feature, count: int) -> list[rows.Column]:
    """Refusals by one person, a second apart from a second before 1970 on."""
    person, host = Person.objects.create(pseudonym="p"), Host.objects.create(pseudonym="h")
    place, one = np.arange(count), np.ones(count, dtype=np.int64)
    numbers = [feature.pk * one, place - 1, person.pk * one, host.pk * one, one, -4 * one, 0 * one]
    texts = [Coded.of(["", ODD] * (count // 2)) for _name in TEXTS[:4]]
    served = np.where(place % 3 == 0, NONE, place - 1)
    return [*numbers, *texts, Coded.of([True, False] * (count // 2)), one, served]


@pytest.mark.parametrize("count", [2, 4 * rows.COPIED_ROWS + 2])
def test_numbers_texts_answers_and_nothing_are_stored_as_they_are(count: int) -> None:
    given = table(FeatureFactory(), count)
    assert insert(Denial, (*NAMES, *TEXTS), given) == count
    stored = Denial.objects.order_by("at")
    assert list(stored.values_list("reason", "capacity")) == [("", True), (ODD, False)] * (
        count // 2
    )
    at, served = columns(stored, number("at"), number("served_at", NONE))
    assert at.tolist() == list(range(-1, count - 1))
    assert served.tolist() == given[-1].tolist()  # type: ignore[union-attr]


@pytest.mark.parametrize("count", [2, 4 * rows.COPIED_ROWS + 2])
def test_columns_that_are_equal_or_hold_one_value_are_stored_each_in_its_place(count: int) -> None:
    *numbers, _rules, _served = table(FeatureFactory(), count)
    at, odd = np.arange(count), np.arange(count) % 2 * 5
    numbers[1], numbers[4], numbers[5], numbers[6] = at, odd, 3 - odd, odd
    given = [*numbers, at, np.where(at < count - 1, NONE, at)]
    insert(Denial, (*NAMES, *TEXTS), given)
    names = ("seats", "code", "ordinal", "rules", number("at"), number("served_at", NONE))
    stored = columns(Denial.objects.order_by("at"), *names)
    expected = [odd, 3 - odd, odd, at, at, given[-1]]
    assert [column.tolist() for column in stored] == [column.tolist() for column in expected]


@pytest.mark.parametrize("count", [2, 4 * rows.COPIED_ROWS + 2])
def test_rows_that_are_there_are_left_alone_and_not_counted(count: int) -> None:
    given = table(FeatureFactory(), count)
    insert(
        Denial,
        (*NAMES, *TEXTS),
        [
            column[:1] if isinstance(column, np.ndarray) else Coded(column.code[:1], column.values)
            for column in given
        ],
    )
    changed = [*given[:-2], 7 * np.ones(count, dtype=np.int64), given[-1]]
    left = "ON CONFLICT DO NOTHING"
    assert insert(Denial, (*NAMES, *TEXTS), changed, otherwise=left) == count - 1
    assert list(Denial.objects.order_by("at").values_list("rules", flat=True)[:2]) == [1, 7]


def test_no_rows_ask_nothing(django_assert_num_queries) -> None:
    with django_assert_num_queries(0):
        assert insert(Denial, ("rules",), [np.empty(0, dtype=np.int64)]) == 0


@pytest.mark.parametrize("count", [1, 3])
def test_numbers_of_a_group_come_as_one_text_without_those_that_are_missing(count: int) -> None:
    rule = TeamRule.objects.create(team=TeamFactory(), user_pattern="*")
    people = PersonFactory.create_batch(count)
    hosts = HostFactory.create_batch(2)
    RuleMatch.objects.bulk_create(
        [RuleMatch(rule=rule, person=each) for each in people]
        + [RuleMatch(rule=rule, host=each) for each in hosts]
    )
    told = RuleMatch.objects.order_by().values("rule_id")
    told = told.annotate(people=Listed("person_id"), hosts=Listed("host_id"))
    ((found, *texts),) = tuples(told, "rule_id", "people", "hosts")
    assert found == rule.pk
    numbers = [sorted(listed(text).tolist()) for text in texts]
    assert numbers == [sorted(each.pk for each in some) for some in (people, hosts)]
    assert listed(None).tolist() == []
