"""Waiting for a seat on the pages and through the API: one's own places, and nobody else's."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from rest_framework.test import APIClient

from licenses.models import LicensePool, WaitlistEntry
from tests.factories import PoolFactory

from .conftest import figures, person, signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def full(drawing: LicensePool) -> LicensePool:
    figures(drawing, 10, 10)
    return drawing


def api(user: User) -> APIClient:
    client = APIClient()
    client.force_authenticate(user)
    return client


def text(client: Client, path: str) -> str:
    return client.get(path).content.decode()


def test_who_finds_a_pool_full_joins_its_list_and_leaves_it(full: LicensePool) -> None:
    lena = signed_in(person("lena"))
    page = f"/status/pools/{full.pk}/"
    assert "Tell me when one is free" in text(lena, page)
    assert lena.post(f"{page}wait/")["Location"] == page
    assert "<b>number 1</b> in line" in text(lena, page)
    assert "Number 1 in line since" in text(lena, "/status/waiting/")
    entry = WaitlistEntry.objects.get()
    assert lena.post(f"/status/waiting/{entry.pk}/leave/")["Location"] == "/status/waiting/"
    assert "left the list" in text(lena, "/status/waiting/")


def test_while_seats_are_free_there_is_nothing_to_wait_for(drawing: LicensePool) -> None:
    lena = signed_in(person("lena"))
    page = f"/status/pools/{drawing.pk}/"
    assert "Tell me when" not in text(lena, page)
    lena.post(f"{page}wait/")
    assert "A seat is free now" in text(lena, page)
    assert not WaitlistEntry.objects.exists()


def test_a_stranger_and_an_account_without_a_role_join_nothing(
    full: LicensePool, settings: Any
) -> None:
    settings.ITAM_STATUS_SIGN_IN = False
    page = f"/status/pools/{full.pk}/"
    assert "Sign in to be told" in text(Client(), page)
    assert Client().post(f"{page}wait/").status_code == 302
    roleless = signed_in(person("norole", ""))
    assert "Tell me when" not in text(roleless, page)
    assert roleless.post(f"{page}wait/").status_code == 404
    assert not WaitlistEntry.objects.exists()


def test_a_foreign_place_and_none_answer_alike(full: LicensePool) -> None:
    lena, mallory = person("lena"), person("mallory")
    signed_in(lena).post(f"/status/pools/{full.pk}/wait/")
    entry = WaitlistEntry.objects.get()
    for client, path in (
        (signed_in(mallory), "/status/waiting/{}/leave/"),
        (api(mallory), "/api/v1/waitlist/{}/leave/"),
    ):
        answers = [client.post(path.format(pk)) for pk in (entry.pk, 99_999_999)]
        assert [answer.status_code for answer in answers] == [404, 404]
        assert answers[0].content == answers[1].content
    assert api(mallory).get(f"/api/v1/waitlist/{entry.pk}/").status_code == 404
    assert api(mallory).get("/api/v1/waitlist/").json()["results"] == []
    assert WaitlistEntry.objects.open().count() == 1


def test_a_pool_that_is_not_shown_cannot_be_waited_for(full: LicensePool) -> None:
    hidden = PoolFactory(on_status=False)
    lena = person("lena")
    for pk in (hidden.pk, 99_999_999):
        assert signed_in(lena).post(f"/status/pools/{pk}/wait/").status_code == 404
        answer = api(lena).post("/api/v1/waitlist/", {"pool": pk})
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["code"] == "does_not_exist"
    assert not WaitlistEntry.objects.exists()


def test_the_api_gives_the_same(full: LicensePool) -> None:
    lena = api(person("lena"))
    answer = lena.post(
        "/api/v1/waitlist/", {"pool": full.pk, "state": "offered", "user": 1, "seat": 1}
    )
    assert answer.status_code == 201
    place = answer.json()
    assert (place["pool"], place["state"], place["place"]) == (full.pk, "waiting", 1)
    assert lena.get("/api/v1/waitlist/").json()["results"] == [place]
    assert lena.get(f"/api/v1/seats/{full.pk}/").json()["waiting"] == 1
    left = lena.post(f"/api/v1/waitlist/{place['id']}/leave/").json()
    assert (left["state"], left["place"]) == ("left", None)
    assert lena.get(f"/api/v1/seats/{full.pk}/").json()["waiting"] == 0


def test_the_api_tells_free_seats_of_the_pools_that_are_shown(drawing: LicensePool) -> None:
    PoolFactory(name="Secret", on_status=False)
    lena = api(person("lena"))
    (row,) = lena.get("/api/v1/seats/").json()["results"]
    assert (row["name"], row["free"], row["seats"], row["freshness"]) == ("Drawing", 7, 10, "fresh")
    assert lena.get(f"/api/v1/seats/{drawing.pk}/").json() == row
    assert api(person("vera", "viewer")).get("/api/v1/seats/").json()["results"] == []
    assert api(person("program", "API client")).get("/api/v1/seats/").status_code == 403


def test_joining_and_leaving_is_limited_over_both_doors(
    full: LicensePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    from licenses.api.throttling import WaitlistThrottle

    monkeypatch.setattr(WaitlistThrottle, "rate", "3/hour", raising=False)
    lena = person("lena")
    client, page = signed_in(lena), f"/status/pools/{full.pk}/wait/"
    codes = [client.post(page).status_code for _ in range(2)]
    codes.append(api(lena).post("/api/v1/waitlist/", {"pool": full.pk}).status_code)
    codes.append(api(lena).post("/api/v1/waitlist/", {"pool": full.pk}).status_code)
    codes.append(client.post(page).status_code)
    assert codes == [302, 302, 201, 429, 429]
    assert api(lena).get("/api/v1/waitlist/").status_code == 200
