"""What the API tells of people in each mode."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from knox.models import AuthToken
from rest_framework.test import APIClient

from licenses.evidence import entries
from licenses.models import Checkout, Identity, Person, Scope
from tests.factories import (
    FeatureFactory,
    HostFactory,
    PersonFactory,
    PoolFactory,
    TeamFactory,
    at,
    holding,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(db: None) -> APIClient:
    user = User.objects.create(username="mara")
    user.groups.add(Group.objects.get(name="manager"))
    client = APIClient()
    client.force_authenticate(user)
    return client


@pytest.fixture
def pool(db: None) -> Any:
    pool = PoolFactory()
    holding(
        FeatureFactory(pool=pool), at("2026-11-24T08:00"), None, 1,
        person=PersonFactory(login="canary"), host=None,
    )  # fmt: skip
    return pool


ADDRESSES = ["people/", "checkouts/", "pools/{pool}/holders/", "memberships/"]


@pytest.mark.parametrize("address", ADDRESSES)
def test_names_are_left_out_without_a_reveal(
    address: str, client: APIClient, pool: Any, settings: Any
) -> None:
    settings.ITAM_NAMES = "pseudonymous"
    answer = client.get(f"/api/v1/{address.format(pool=pool.pk)}")
    assert answer.status_code == 200 and "canary" not in answer.content.decode()


def test_counts_only_means_no_person_in_any_answer(
    client: APIClient, pool: Any, settings: Any
) -> None:
    settings.ITAM_NAMES = "off"
    assert client.get("/api/v1/people/").status_code == 404
    assert client.get("/api/v1/memberships/").status_code == 404
    held = client.get("/api/v1/checkouts/").json()["results"]
    assert [row["person"] for row in held] == [None]
    assert client.get("/api/v1/checkouts/", {"person": 1}).status_code == 400
    holder = client.get(f"/api/v1/pools/{pool.pk}/holders/").json()["holders"][0]
    assert (holder["person"], holder["name"], holder["host"]) == ("somebody", None, "a machine")


def test_one_asks_and_another_approves(client: APIClient, pool: Any, settings: Any) -> None:
    settings.ITAM_NAMES = "pseudonymous"
    asked = client.post(
        "/api/v1/reveals/", {"pool": pool.pk, "reason": "A vendor asks who used it."}
    )
    assert asked.status_code == 201, asked.content
    decide = f"/api/v1/reveals/{asked.json()['id']}/decide/"
    assert client.post(decide, {"granted": True}).status_code == 400
    otto = User.objects.create(username="otto")
    second = APIClient()
    second.force_authenticate(otto)
    assert second.post(decide, {"granted": True}).status_code == 403
    otto.user_permissions.add(Permission.objects.get(codename="approve_reveal"))
    second.force_authenticate(User.objects.get(pk=otto.pk))
    assert second.post(decide, {"granted": True}).json()["granted"] is True
    client.force_authenticate(User.objects.get(username="mara"))
    assert "canary" in client.get(f"/api/v1/pools/{pool.pk}/holders/").content.decode()
    assert "canary" not in client.get("/api/v1/people/").content.decode()
    assert len(client.get("/api/v1/reveals/").json()["results"]) == 1


def test_use_of_a_small_team_is_not_told(client: APIClient, pool: Any, settings: Any) -> None:
    team = TeamFactory(name="small")
    address = f"/api/v1/pools/{pool.pk}/usage/"
    asked = {"from": "2026-11-24", "to": "2026-11-25", "team": team.name}
    assert client.get(address, asked).status_code == 200
    settings.ITAM_NAMES = "pseudonymous"
    answer = client.get(address, asked)
    assert answer.status_code == 400 and "too few people" in answer.content.decode()


def member(role: str, pool: Any) -> User:
    user = User.objects.create(username=role)
    user.groups.add(Group.objects.get(name=role))
    team = TeamFactory()
    pool.owner_teams.add(team)
    Scope.objects.create(user=user).teams.add(team)
    return user


def test_a_team_lead_reads_no_rows_about_single_people(pool: Any) -> None:
    client = APIClient()
    client.force_authenticate(member("team lead", pool))
    assert client.get(f"/api/v1/pools/{pool.pk}/").status_code == 200
    for address in (f"pools/{pool.pk}/holders/", "checkouts/", "denials/", "people/"):
        assert client.get(f"/api/v1/{address}").status_code == 403, address
    day = {"from": "2026-11-24", "to": "2026-11-25"}
    assert client.get(f"/api/v1/pools/{pool.pk}/denials/", day).status_code == 403


def test_an_api_client_comes_with_a_token_and_only_reads(pool: Any) -> None:
    user = member("API client", pool)
    client = APIClient()
    client.force_login(user)
    assert client.get("/api/v1/pools/").status_code == 403
    _row, token = AuthToken.objects.create(user)
    client = APIClient(HTTP_AUTHORIZATION=f"Token {token}")
    assert len(client.get("/api/v1/pools/").json()["results"]) == 1
    assert client.patch(f"/api/v1/pools/{pool.pk}/", {"name": "x"}).status_code == 403


def test_who_somebody_is_can_be_read_and_changed_by_who_sees_names(
    client: APIClient, pool: Any, settings: Any
) -> None:
    person = Person.objects.get()
    place = f"/api/v1/people/{person.pk}/identity/"
    assert client.get(place).json() == {"login": "canary", "name": "", "email": ""}
    sent = {"login": "other", "name": "Cana Ry", "email": "cana@company.example"}
    assert client.patch(place, sent).json() == sent | {"login": "canary"}
    assert client.patch(place, {"email": "nobody"}).json()["errors"][0]["attr"] == "email"
    assert [each["what"] for each in reads()] == ["people identity", "people change_identity"]
    settings.ITAM_NAMES = "pseudonymous"
    for answer in (client.get(place), client.patch(place, {"name": "x"})):
        assert answer.status_code == 403
    settings.ITAM_NAMES = "named"
    Identity.objects.all().delete()
    assert client.get(place).status_code == 404


def reads() -> list[dict[str, Any]]:
    told = entries.entries(entries.INSTALLATION[0])
    return [entry["body"] for entry in told if entry["kind"] == "reveal"]


def test_who_used_something_is_not_deleted(client: APIClient, pool: Any) -> None:
    used, unused = Person.objects.get(), PersonFactory(login="unused")
    assert client.delete(f"/api/v1/people/{used.pk}/").status_code == 409
    assert client.delete(f"/api/v1/people/{unused.pk}/").status_code == 204
    assert list(Person.objects.all()) == [used]


def test_machines_are_told_by_their_pseudonym(client: APIClient, pool: Any) -> None:
    host = HostFactory()
    Checkout.objects.update(host=host)
    (held,) = client.get("/api/v1/checkouts/").json()["results"]
    assert held["host"] == host.label
