"""Use of a team of fewer than five people is not told, as it would be that of somebody."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from licenses.analysis.crowds import too_few
from licenses.analysis.pool_teams import pool_teams
from licenses.analysis.rollup import drain, mark_dirty
from licenses.models import Membership, RuleMatch, TeamRule
from tests.factories import (
    FeatureFactory,
    MembershipFactory,
    PersonFactory,
    PoolFactory,
    TeamFactory,
    at,
    holding,
)

pytestmark = pytest.mark.django_db
START, END = at("2026-03-01T00:00"), at("2026-04-01T00:00")


@pytest.fixture(autouse=True)
def pseudonymous(settings: Any) -> None:
    settings.ITAM_NAMES = "pseudonymous"


def team_of(count: int, **values: Any) -> Any:
    team = TeamFactory(**values)
    for _ in range(count):
        MembershipFactory(team=team, person=PersonFactory())
    return team


@pytest.mark.parametrize(("count", "few"), [(0, True), (1, True), (4, True), (5, False)])
def test_five_people_are_enough(count: int, few: bool) -> None:
    team = team_of(count)
    assert (team.pk in too_few(START, END)) == few


def test_people_of_teams_below_count_once(settings: Any) -> None:
    parent = team_of(2)
    child = team_of(2, parent=parent)
    MembershipFactory(team=child, person=parent.memberships.first().person)
    assert too_few(START, END) == {parent.pk, child.pk}
    MembershipFactory(team=child, person=PersonFactory())
    assert too_few(START, END) == {child.pk}
    settings.ITAM_NAMES = "named"
    assert too_few(START, END) == set()


@pytest.mark.parametrize(
    "span", [{"valid_to": date(2026, 3, 30)}, {"valid_from": date(2026, 3, 2)}]
)
def test_a_team_that_was_smaller_at_either_end_is_too_small(span: dict[str, date]) -> None:
    team = team_of(5)
    assert team.pk not in too_few(START, END)
    Membership.objects.filter(pk=team.memberships.first().pk).update(**span)
    assert team.pk in too_few(START, END)


def test_who_a_rule_fits_and_who_is_in_a_team_below_add_up_to_enough(
    django_assert_num_queries: Any,
) -> None:
    parent = team_of(2)
    child = team_of(1, parent=parent)
    rule = TeamRule.objects.create(team=child, user_pattern="x*", order=1)
    people = [child.memberships.first().person, PersonFactory(), PersonFactory()]
    for person in people:
        RuleMatch.objects.create(rule=rule, person=person)
    team_of(6, parent=team_of(1))
    with django_assert_num_queries(4):
        assert too_few(START, END) == {child.pk}
    RuleMatch.objects.filter(person=people[2]).delete()
    assert too_few(START, END) == {parent.pk, child.pk}


def test_small_teams_stand_in_no_comparison_and_are_not_asked_for() -> None:
    pool = PoolFactory(name="CAD")
    feature = FeatureFactory(pool=pool)
    small, large = team_of(1, name="small"), team_of(5, name="large")
    for team in (small, large):
        person = team.memberships.first().person
        holding(feature, START + 3600, START + 7200, person=person)
    mark_dirty([pool.pk])
    drain()
    found = pool_teams(pool, START, END)
    assert [row.team for row in found.rows] == ["large"]
    assert {team for row in found.holders for team in row.teams} == {"large"}
    days = ("--from", "2026-03-01", "--to", "2026-04-01")
    with pytest.raises(CommandError, match="too few people"):
        call_command("usage", "CAD", *days, "--team", "small")
