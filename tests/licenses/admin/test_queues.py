"""Who waits in a server's queue, on the pages where somebody asks why he waited."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from licenses.models import QueueEntry
from tests.factories import PersonFactory, scope_of, waited

from .conftest import NOW, World

HOUR = 3600


@pytest.fixture
def waits(world: World) -> list[QueueEntry]:
    """Ada waits since half an hour, Bob waited an hour before that and gave up; Cleo of another
    vendor's pool."""
    ada, bob, cleo = (PersonFactory(login=login) for login in ("ada", "bob", "cleo"))
    return [
        waited(world.my_feature, NOW - HOUR // 2, None, ada),
        waited(world.my_feature, NOW - 3 * HOUR, NOW - 2 * HOUR, bob, "gave up"),
        waited(world.other.mappings.first().feature, NOW - HOUR, None, cleo),
    ]


def tab(client: Client, world: World, name: str) -> Any:
    path = reverse("admin:licenses_licensepool_overview", args=[world.mine.pk])
    return client.get(path, {"tab": name})


def people(shown: Any) -> list[str]:
    return [row["person"].split(" ")[0] for row in shown["queue"]["rows"]]


def test_the_pool_tells_who_waits_now_and_since_when(
    mara: Client, world: World, waits: list[QueueEntry]
) -> None:
    answer = tab(mara, world, "now")
    assert people(answer.context) == ["ada"]
    # Until the newest news of the pool, a minute ago.
    assert answer.context["queue"]["rows"][0]["waited"] == "29 minutes"
    assert "Who waits in the server's queue" in answer.content.decode()


def test_beside_the_refusals_stands_who_waited_and_how_that_ended(
    mara: Client, world: World, waits: list[QueueEntry]
) -> None:
    rows = tab(mara, world, "denials").context["queue"]["rows"]
    assert [row["ended"] for row in rows] == ["waits", "gave up"]
    assert rows[1]["waited"] == "1 hour"


def test_a_moment_tells_who_waited_then(
    mara: Client, world: World, waits: list[QueueEntry]
) -> None:
    path = reverse("admin:licenses_licensepool_at", args=[world.mine.pk])
    for hour, expected in (("07:30", ["bob"]), ("08:30", []), ("09:45", ["ada"])):
        answer = mara.get(path, {"at": f"2026-11-24T{hour}:00Z"})
        assert [row["person"].split(" ")[0] for row in answer.context["queue"]["rows"]] == expected


def test_waits_known_from_answers_alone_say_between_which_bounds(
    mara: Client, world: World
) -> None:
    entry = waited(world.my_feature, NOW - HOUR, NOW - HOUR // 2, PersonFactory(), "unknown")
    early, late = NOW - HOUR - 600, NOW - HOUR // 2 + 300
    QueueEntry.objects.filter(pk=entry.pk).update(queued_at=early, ended_at=late, method=2)
    (row,) = tab(mara, world, "denials").context["queue"]["rows"]
    assert (row["waited"], row["since_words"]) == (
        "30 minutes to 45 minutes",
        "or up to 10 minutes earlier",
    )


def test_an_auditor_sees_who_waited_for_what_he_audits(
    anton: Client, waits: list[QueueEntry]
) -> None:
    path = reverse("admin:licenses_queueentry_changelist")
    text = anton.get(path).content.decode()
    assert waits[0].person.label in text
    assert waits[2].person.label not in text
    assert "ada (P-" not in text


def test_who_sees_no_single_people_sees_no_queue(
    account: Any, world: World, waits: list[QueueEntry]
) -> None:
    client = Client()
    user = account("lea", "team lead")
    scope_of(user).teams.add(world.team)
    client.force_login(user)
    answer = tab(client, world, "now")
    assert answer.status_code == 200
    assert answer.context["queue"] is None
    assert client.get(reverse("admin:licenses_queueentry_changelist")).status_code == 403
