"""The refusals of a pool's page: episodes of people, each with its page of why."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from licenses.admin import pool_refusals
from licenses.models import Coverage, DenialEpisode
from tests.factories import PersonFactory, at, derived, holding, refusal

from .conftest import NOW, World

TEN = at("2026-11-20T10:00")


def shown(client: Client, world: World) -> Any:
    path = reverse("admin:licenses_licensepool_overview", args=[world.mine.pk])
    return client.get(path, {"tab": "denials"})


@pytest.fixture
def chain(world: World) -> DenialEpisode:
    """Ada asks three times in seven minutes, and gets a seat after nine."""
    ada = PersonFactory(login="ada")
    for seconds in (0, 180, 420):
        refusal(world.my_feature, TEN + seconds, ada)
    holding(world.my_feature, TEN + 540, TEN + 900, person=ada)
    derived(world.mine, TEN - 60, TEN + 3600)
    return DenialEpisode.objects.get(pool=world.mine, starts=TEN)


def test_a_chain_of_refusals_is_one_row_that_leads_to_its_why(
    mara: Client, world: World, chain: DenialEpisode
) -> None:
    answer = shown(mara, world)
    text = answer.content.decode()
    (row,) = (row for row in answer.context["episodes"] if row["starts"] == chain.starts)
    assert (row["tries"], row["lost"]) == (3, "9 minutes")
    line = text[text.index("20 Nov 10:00:00") : text.index("In use then", text.index("ada (P-"))]
    for words in (
        "until 20 Nov 10:07:00",
        "ada (P-",
        str(chain.get_reason_class_display()),
        "waited and got a seat",
        "20 Nov 10:09:00",
    ):
        assert words in line, words
    assert text.count("ada (P-") == 1
    (why,) = re.findall(rf'href="(/status/refusals/{chain.pk}/)"', text)
    assert mara.get(why).status_code == 200


def test_the_lines_of_the_log_are_one_click_further(
    mara: Client, world: World, chain: DenialEpisode
) -> None:
    text = shown(mara, world).content.decode()
    raw = f"/admin/licenses/denial/?pool={world.mine.pk}"
    assert raw in text and "Each refusal as logged" in text
    assert mara.get(raw).content.decode().count("ada (P-") == 3


def test_people_are_pseudonyms_to_who_may_not_see_names(
    vera: Client, world: World, chain: DenialEpisode
) -> None:
    text = shown(vera, world).content.decode()
    assert "ada" not in re.sub(r"<[^>]*>", " ", text)
    assert chain.person.label in text


def test_the_newest_are_shown_and_the_earlier_ones_counted(
    mara: Client, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_refusals, "MOST_EPISODES", 2)
    for hour in range(4):
        refusal(world.my_feature, TEN + hour * 3600, PersonFactory())
    derived(world.mine, TEN - 60, TEN + 5 * 3600)
    answer = shown(mara, world)
    moments = [row["starts"].timestamp() for row in answer.context["episodes"]]
    assert moments == [NOW - 3600, TEN + 3 * 3600]
    assert "3 earlier episodes" in answer.content.decode()


def test_what_was_served_at_once_kept_nobody_from_a_seat(mara: Client, world: World) -> None:
    DenialEpisode.objects.all().delete()
    assert "Nobody was kept from a seat" in shown(mara, world).content.decode()


def test_without_a_log_nobody_knows_who_was_kept_from_a_seat(mara: Client, world: World) -> None:
    DenialEpisode.objects.all().delete()
    Coverage.objects.update(source=Coverage.Source.POLLS)
    text = shown(mara, world).content.decode()
    assert "no log tells of these 90 days" in text and "Nobody was kept" not in text


def test_other_classes_than_want_of_seats_are_told_too(mara: Client, world: World) -> None:
    refusal(world.my_feature, TEN, PersonFactory(), capacity=False)
    derived(world.mine, TEN - 60, TEN + 60)
    (row,) = (
        row for row in shown(mara, world).context["episodes"] if row["starts"].timestamp() == TEN
    )
    assert row["class"] == pool_refusals.refusal_words("not_licensed") and not row["class_key"]
