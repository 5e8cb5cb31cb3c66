"""Names of people stand only where they may be seen; everyone else reads pseudonyms."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from licenses.evidence import reveals
from licenses.models import Person, SharingRule, pseudonym

from .conftest import World

PAGES = [
    "/admin/licenses/checkout/",
    "/admin/licenses/denial/",
    "/admin/licenses/licensepool/{pool}/overview/",
    "/admin/licenses/licensepool/{pool}/overview/?tab=denials",
    "/admin/live/pools/{pool}/holders/",
]


def label() -> str:
    return f"P-{pseudonym('person', 'mineuser')[:8]}"


@pytest.mark.parametrize("path", PAGES)
def test_a_manager_reads_names(path: str, mara: Client, world: World) -> None:
    text = mara.get(path.format(pool=world.mine.pk)).content.decode()
    assert "mineuser" in text and label() in text


@pytest.mark.parametrize("path", PAGES)
def test_others_read_pseudonyms(path: str, anton: Client, vera: Client, world: World) -> None:
    for client in (anton, vera):
        text = client.get(path.format(pool=world.mine.pk)).content.decode()
        assert label() in text
        assert "mineuser" not in text


def test_lines_that_could_not_be_read_hide_their_text(
    anton: Client, mara: Client, world: World
) -> None:
    capture = world.server.captures.get()
    SharingRule.objects.create(
        server=world.server, keyword="EXCLUDE", feature_name="Mine_FEATURE", holder_type="USER",
        holder="mineuser", capture=capture,
    )  # fmt: skip
    pages = [
        "/admin/licenses/unreadableline/",
        "/admin/licenses/sharingrule/",
        reverse("admin:licenses_capture_change", args=[capture.pk]),
        reverse("admin:licenses_licenseserver_overview", args=[world.server.pk]),
        reverse("admin:licenses_licensepool_overview", args=[world.mine.pk]) + "?tab=settings",
    ]
    for path in pages:
        assert "mineuser" in mara.get(path).content.decode(), path
        assert "mineuser" not in anton.get(path).content.decode(), path


def test_people_are_found_by_login_only_by_who_may_read_names(
    mara: Client, anton: Client, world: World
) -> None:
    found = mara.get("/admin/licenses/person/", {"q": "MineUser"}).content.decode()
    assert label() in found
    assert label() in mara.get("/admin/licenses/person/", {"q": label()}).content.decode()
    assert label() not in anton.get("/admin/licenses/person/", {"q": "mineuser"}).content.decode()


def test_only_who_may_read_names_exports_people(mara: Client, anton: Client, world: World) -> None:
    assert anton.get("/admin/licenses/person/export/").status_code == 403
    assert mara.get("/admin/licenses/person/export/").status_code == 200


def test_a_person_whose_identity_was_erased_is_a_pseudonym(mara: Client, world: World) -> None:
    person = Person.objects.get(identity__login="mineuser")
    person.identity.delete()
    text = mara.get(reverse("admin:licenses_person_change", args=[person.pk])).content.decode()
    assert label() in text and "mineuser" not in text


LINES = [
    "/admin/licenses/unreadableline/",
    "/admin/licenses/person/",
    "/admin/licenses/team/",
]


@pytest.mark.parametrize("path", [*PAGES, *LINES])
def test_without_a_reveal_a_manager_reads_pseudonyms(
    path: str, mara: Client, world: World, settings: Any
) -> None:
    settings.ITAM_NAMES = "pseudonymous"
    assert "mineuser" not in mara.get(path.format(pool=world.mine.pk)).content.decode()


def test_without_a_reveal_nobody_is_found_by_login(
    mara: Client, world: World, settings: Any
) -> None:
    settings.ITAM_NAMES = "pseudonymous"
    assert label() not in mara.get("/admin/licenses/person/?q=mineuser").content.decode()


@pytest.mark.parametrize("path", PAGES[2:])
def test_a_reveal_of_a_pool_shows_its_holders_and_no_others(
    path: str, mara: Client, world: World, settings: Any
) -> None:
    settings.ITAM_NAMES = "pseudonymous"
    revealed(pool=world.mine)
    assert "mineuser" in mara.get(path.format(pool=world.mine.pk)).content.decode()
    assert "otheruser" not in mara.get(path.format(pool=world.other.pk)).content.decode()
    assert "mineuser" not in mara.get(PAGES[0]).content.decode()


def test_a_reveal_of_one_person_shows_one_name(mara: Client, world: World, settings: Any) -> None:
    settings.ITAM_NAMES = "pseudonymous"
    person = Person.objects.get(identity__login="mineuser")
    revealed(person=person)
    for path in ("/admin/licenses/person/", *PAGES[:2]):
        text = mara.get(path).content.decode()
        assert "mineuser" in text and "otheruser" not in text, path
    page = reverse("admin:licenses_person_change", args=[person.pk])
    assert "mineuser" in mara.get(page).content.decode()


@pytest.mark.parametrize("path", PAGES)
def test_where_only_counts_are_kept_nobody_is_told_apart(
    path: str, mara: Client, world: World, settings: Any
) -> None:
    settings.ITAM_NAMES = "off"
    text = mara.get(path.format(pool=world.mine.pk)).content.decode()
    assert "somebody" in text
    assert "mineuser" not in text and label() not in text
    assert "H-" not in text


def test_where_only_counts_are_kept_there_is_no_list_of_people(
    mara: Client, world: World, settings: Any
) -> None:
    settings.ITAM_NAMES = "off"
    assert mara.get("/admin/licenses/person/").status_code == 403
    assert mara.get("/admin/licenses/person/export/").status_code == 403


def revealed(**what: Any) -> None:
    """Let mara see the names of a pool or of a person."""
    mara = User.objects.get(username="mara")
    boss, _new = User.objects.get_or_create(username="boss", is_superuser=True)
    reason = "A vendor's audit asks who used it."
    reveals.decide(reveals.ask(mara, reason, **what).pk, boss, granted=True)


def banner(client: Client) -> list[str]:
    found: list[str] = client.get("/admin/").context["environment"]
    return found


def test_the_head_tells_what_this_reader_sees_of_names(
    mara: Client, anton: Client, vera: Client, world: World, settings: Any
) -> None:
    assert banner(mara) == ["Names shown", "warning"]
    assert banner(anton) == banner(vera) == ["Names hidden", "info"]
    settings.ITAM_NAMES = "pseudonymous"
    assert banner(mara) == ["Names hidden", "info"]
    revealed(pool=world.mine)
    assert banner(mara) == ["Some names shown", "warning"]
    revealed()
    assert banner(mara) == ["Names shown", "warning"]
    settings.ITAM_NAMES = "off"
    assert banner(mara) == banner(vera) == ["Counts only", "info"]
