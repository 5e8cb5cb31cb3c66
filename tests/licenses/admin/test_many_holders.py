"""A pool that ten thousand people hold: every page and answer shows some of them, and says so."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from licenses.analysis import rollup
from licenses.analysis.holder_pages import Place
from licenses.models import (
    Checkout,
    DenialEpisode,
    Host,
    Identity,
    Person,
    UnreadableLine,
)
from tests.factories import PersonFactory, derived, refusal

from .conftest import NOW, World
from .test_pages import queries

MANY = 10_000
MOST_BYTES = 400_000
REFUSED = NOW - 600


@pytest.fixture
def crowd(world: World) -> World:
    """Ten thousand people hold a seat each, two of them since the same second; besides the three
    seats of before."""
    people = Person.objects.bulk_create(
        Person(pseudonym=f"crowd{number:027d}") for number in range(MANY)
    )
    Identity.objects.bulk_create(
        Identity(person=person, login=f"login{number}") for number, person in enumerate(people)
    )
    host = Host.objects.first()
    Checkout.objects.bulk_create(
        Checkout(
            feature=world.my_feature,
            person=person,
            host=host,
            seats=1,
            taken_at=moment,
            method=Checkout.Method.EVENT,
        )
        for number, person in enumerate(people)
        for moment in [datetime.fromtimestamp(NOW - 7000 + number // 2, UTC)]
    )
    refusal(world.my_feature, REFUSED, PersonFactory())
    derived(world.mine, REFUSED - 60, NOW)
    return world


def places(world: World) -> dict[str, str]:
    page = reverse("admin:licenses_licensepool_overview", args=[world.mine.pk])
    episode = DenialEpisode.objects.get(pool=world.mine, starts=REFUSED)
    then = f"?at={datetime.fromtimestamp(REFUSED, UTC):%Y-%m-%dT%H:%M:%SZ}"
    live = f"/admin/live/pools/{world.mine.pk}"
    return {
        "now": f"{page}?tab=now",
        "teams": f"{page}?tab=teams",
        "instant": reverse("admin:licenses_licensepool_at", args=[world.mine.pk]) + then,
        "lines": f"{live}/lines/{then}",
        "holders": f"{live}/holders/",
        "why": f"/status/refusals/{episode.pk}/",
        "why, API": f"/api/v1/refusals/{episode.pk}/",
        "holders, API": f"/api/v1/pools/{world.mine.pk}/holders/",
        "instant, API": f"/api/v1/pools/{world.mine.pk}/at/{then}",
        "instant with lines, API": f"/api/v1/pools/{world.mine.pk}/at/{then}&lines=true",
        "teams, API": f"/api/v1/pools/{world.mine.pk}/teams/?from=2026-11-24&to=2026-11-25",
    }


def test_no_page_and_no_answer_grows_with_the_holders(mara: Client, crowd: World) -> None:
    rollup.mark_dirty([crowd.mine.pk], NOW - 7200, NOW)
    rollup.drain()
    for name, path in places(crowd).items():
        answer = mara.get(path)
        assert answer.status_code == 200, name
        assert len(answer.content) < MOST_BYTES, (name, len(answer.content))
        assert "login1" in answer.content.decode(), name


def test_a_page_asks_the_database_as_often_for_few_as_for_many(mara: Client, crowd: World) -> None:
    many = {name: queries(mara, path) for name, path in places(crowd).items()}
    kept = Checkout.objects.order_by("pk")[:300].values_list("pk", flat=True)
    Checkout.objects.exclude(pk__in=list(kept)).delete()
    few = {name: queries(mara, path) for name, path in places(crowd).items()}
    # One more or less is what the session, or something remembered for a while, asks anew.
    assert {name: (few[name], many[name]) for name in few if many[name] > few[name] + 1} == {}


def test_the_page_of_a_moment_leads_through_all_of_its_holders(
    mara: Client, crowd: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("licenses.admin.instant_page.MOST_HOLDERS", 4000)
    path: str | None = places(crowd)["instant"]
    seen: list[str] = []
    while path:
        answer = mara.get(path)
        assert answer.context["found"].total == MANY + 1
        seen += [row["person"] for row in answer.context["rows"]]
        path = answer.context["next_url"]
    assert len(seen) == len(set(seen)) == MANY + 1
    assert answer.context["first_url"]


def test_the_api_pages_through_all_holders_though_some_come_and_go(
    account: Any, crowd: World
) -> None:
    api = APIClient()
    api.force_authenticate(account("mira", "manager"))
    path: str | None = f"/api/v1/pools/{crowd.mine.pk}/holders/"
    assert api.get(path).json()["total"] == MANY + 1
    seen: list[str] = []
    sizes = []
    while path:
        found = api.get(path).json()
        names = [row["name"] for row in found["holders"]]
        seen += names
        sizes.append(len(names))
        path = found["next"]
        Checkout.objects.filter(person__identity__login__in=names[:5]).update(
            returned_at=NOW, returned_after=NOW
        )
    assert sizes == [1000] * 10 + [1]
    assert len(seen) == len(set(seen)) == MANY + 1


@pytest.mark.parametrize("cursor", ["x", "1.2", "1.2.3.4", "..", "\u0663.1.1"])
def test_a_cursor_that_no_answer_named_is_refused(cursor: str, account: Any, world: World) -> None:
    api = APIClient()
    api.force_authenticate(account("mira", "manager"))
    for part in ("holders/", "at/?at=2026-11-24"):
        path = f"/api/v1/pools/{world.mine.pk}/{part}"
        assert api.get(path, {"cursor": cursor, "at": "2026-11-24"}).status_code == 400


def test_a_place_is_read_as_it_is_written() -> None:
    place = Place(1, 1_764_000_000, 2**62)
    assert Place.of(str(place)) == place


def test_the_unreadable_lines_of_a_text_come_a_page_at_a_time(root: Client, world: World) -> None:
    line = UnreadableLine.objects.get()
    UnreadableLine.objects.bulk_create(
        UnreadableLine(capture=line.capture, line=number, text=f"odd {number} " + "x" * 400)
        for number in range(5, 1004)
    )
    text = root.get(f"/admin/licenses/capture/{line.capture_id}/change/").content.decode()
    assert len(re.findall(r"odd \d+ x", text)) < 100 and len(text) < MOST_BYTES
