"""Teams at the API: rules, what a change touches, and what viewers are told."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from rest_framework.test import APIClient

from licenses.analysis import rollup
from licenses.models import DirtySpan, Membership, Scope, Team, TeamRule
from tests.factories import (
    FeatureFactory,
    HostFactory,
    MembershipFactory,
    PersonFactory,
    PoolFactory,
    TeamFactory,
    at,
    covered,
    holding,
)

pytestmark = pytest.mark.django_db
NINE = at("2026-03-10T09:00")
SPAN = "from=2026-03-10&to=2026-03-11"


def client(role: str) -> Any:
    user = User.objects.create_user(f"{role}-user")
    user.groups.add(Group.objects.get(name=role))
    api = APIClient()
    api.force_authenticate(user)
    api.user = user
    return api


@pytest.fixture
def pool() -> Any:
    """Two seats of ada from the laboratory, at nine for an hour."""
    pool = PoolFactory()
    feature = FeatureFactory(pool=pool)
    covered(feature.server, NINE, NINE + 7200)
    ada, host = PersonFactory(login="ada"), HostFactory(name="lab-1")
    holding(feature, NINE, NINE + 3600, 2, person=ada, host=host)
    return pool


def dirty() -> list[int]:
    """Return the dirty hours, and clean them."""
    found = [int(row.starts.timestamp()) - NINE for row in DirtySpan.objects.all()]
    DirtySpan.objects.all().delete()
    return found


def test_a_rule_is_made_changed_and_deleted_and_each_time_its_hours_are_dirty(pool: Any) -> None:
    api, team = client("manager"), TeamFactory()
    made = api.post("/api/v1/team-rules/", {"team": team.pk, "host_pattern": "lab-*"})
    assert made.status_code == 201, made.content
    assert dirty() == [0]
    assert TeamRule.objects.get().recorded_by == api.user
    address = f"/api/v1/team-rules/{made.json()['id']}/"
    assert api.patch(address, {"valid_to": "2026-03-11"}).status_code == 200
    assert dirty() == []  # no use on later days
    assert api.patch(address, {"host_pattern": "ws*"}).status_code == 200
    assert dirty() == [0]
    assert api.delete(address).status_code == 204
    assert dirty() == []


def test_a_membership_and_a_move_make_their_hours_dirty(pool: Any) -> None:
    api, team, above = client("manager"), TeamFactory(), TeamFactory()
    person = pool.mappings.get().feature.checkouts.get().person
    made = api.post("/api/v1/memberships/", {"team": team.pk, "person": person.pk})
    assert (made.status_code, dirty()) == (201, [0])
    moved = api.patch(f"/api/v1/teams/{team.pk}/", {"parent": above.pk})
    assert (moved.status_code, dirty()) == (200, [0])
    gone = api.delete(f"/api/v1/memberships/{made.json()['id']}/")
    assert (gone.status_code, dirty()) == (204, [0])


def test_a_rule_without_a_pattern_is_refused(pool: Any) -> None:
    answer = client("manager").post("/api/v1/team-rules/", {"team": TeamFactory().pk})
    assert answer.status_code == 400
    assert "Give a pattern" in answer.content.decode()


def test_a_preview_counts_and_stores_nothing(pool: Any) -> None:
    asked = {"team": TeamFactory().pk, "user_pattern": "A*"}
    answer = client("manager").post("/api/v1/team-rules/preview/", asked)
    assert (answer.status_code, answer.json()) == (200, {"people": 1, "hosts": None})
    assert not TeamRule.objects.exists()


@pytest.mark.parametrize("role", ["viewer", "auditor"])
def test_rules_hold_names_and_are_for_managers(role: str) -> None:
    api = client(role)
    assert api.get("/api/v1/team-rules/").status_code == 403
    assert api.post("/api/v1/team-rules/preview/", {}).status_code == 403


def test_usage_of_several_teams_is_joint_and_tells_each(pool: Any) -> None:
    feature = pool.mappings.get().feature
    for name, start in (("A", NINE), ("B", NINE + 3600)):
        member = MembershipFactory(person=PersonFactory(), team=TeamFactory(name=name))
        holding(feature, start, start + 60, 4, person=member.person)
    found = client("manager").get(f"/api/v1/pools/{pool.pk}/usage/?{SPAN}&team=A&team=B").json()
    assert (found["total"]["peak"], found["joint"]["sum_of_peaks"]) == (4, 8)
    assert [row["team"] for row in found["teams"]] == ["A", "B"]
    assert found["joint"]["holders"][0]["name"] is not None  # managers may see names


def test_usage_of_teams_that_nobody_observed_is_null_never_0(pool: Any) -> None:
    TeamFactory(name="A")
    TeamFactory(name="B")
    unwatched = "from=2025-01-01&to=2025-01-02"
    address = f"/api/v1/pools/{pool.pk}/usage/?{unwatched}&team=A&team=B"
    found = client("manager").get(address).json()
    assert found["total"]["peak"] is None
    assert [row["peak"] for row in found["teams"]] == [None, None]
    assert {found["joint"][name] for name in ("peak", "sum_of_peaks", "pooled_high")} == {None}


def test_a_viewer_asks_for_own_teams_only_and_sees_no_names(pool: Any) -> None:
    api = client("viewer")
    mine, other = TeamFactory(name="Mine"), TeamFactory(name="Other")
    Membership.objects.create(person=pool.mappings.get().feature.checkouts.get().person, team=mine)
    pool.owner_teams.add(mine)
    Scope.objects.create(user=api.user).teams.add(mine)
    found = api.get(f"/api/v1/pools/{pool.pk}/usage/?{SPAN}&team=Mine").json()
    assert [row["name"] for row in found["joint"]["holders"]] == [None]
    for name in (other.name, "Nobody"):
        answer = api.get(f"/api/v1/pools/{pool.pk}/usage/?{SPAN}&team=Mine&team={name}")
        assert answer.status_code == 400
        assert f"There is no team '{name}'." in answer.content.decode()
    assert Team.objects.count() == 2


def test_the_teams_of_a_pool_are_told_with_who_held_at_its_peak(pool: Any) -> None:
    rollup.mark_dirty([pool.pk], NINE, NINE + 3600)
    rollup.drain()
    found = client("manager").get(f"/api/v1/pools/{pool.pk}/teams/?{SPAN}").json()
    assert [(row["team"], row["peak"], row["share"]) for row in found["teams"]] == [
        ("No team", 2, 1.0)
    ]
    assert found["joint"]["peak_at"] == "2026-03-10T09:00:00+00:00"
    assert found["joint"]["holders"][0]["name"] == "ada"
    assert client("auditor").get(f"/api/v1/pools/{pool.pk}/teams/?{SPAN}").status_code in (403, 404)


@pytest.mark.parametrize("role, sees", [("viewer", True), ("team lead", False)])
@pytest.mark.parametrize("asked", ["teams/?", "usage/?team=Mine&"])
def test_who_held_seats_is_told_to_those_alone_who_may_see_people(
    pool: Any, role: str, sees: bool, asked: str
) -> None:
    api, mine = client(role), TeamFactory(name="Mine")
    Membership.objects.create(person=pool.mappings.get().feature.checkouts.get().person, team=mine)
    pool.owner_teams.add(mine)
    Scope.objects.create(user=api.user).teams.add(mine)
    rollup.mark_dirty([pool.pk], NINE, NINE + 3600)
    rollup.drain()
    found = api.get(f"/api/v1/pools/{pool.pk}/{asked}{SPAN}").json()
    told = found["joint"]
    assert told["peak"] == 2 and found["teams"]
    seats = [row["seats"] for row in told["holders"]] if sees else told["holders"]
    assert (seats, told["more_holders"]) == (([2], 0) if sees else (None, None))
