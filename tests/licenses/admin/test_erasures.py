"""A name is erased in the admin and over HTTP: looked at first, confirmed, done by a worker."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from licenses.evidence import entries
from licenses.importing import erasure_orders
from licenses.models import Identity, LegalHold, NameErasure, Person, pseudonym

from .conftest import World, logged_in

ADD = "/admin/licenses/nameerasure/add/"
API = "/api/v1/name-erasures/"
WHY = "Asked for on 3 May, under article 17."


@pytest.fixture(autouse=True)
def pseudonymous(settings: Any, tmp_path: Path) -> None:
    settings.ITAM_NAMES = "pseudonymous"
    settings.ITAM_DATA_DIR = tmp_path
    settings.ITAM_LOG_DIR, settings.ITAM_MAILBOX_DIR = tmp_path / "log", tmp_path / "mailbox"


def erase(client: Client, **other: str) -> str:
    given = {"who": "mineuser", "reason": WHY, "confirm": "mineuser"} | other
    return client.post(ADD, given, follow=True).content.decode()


def looked() -> list[dict[str, Any]]:
    return [row["body"] for row in entries.entries("installation") if row["kind"] == "reveal"]


def test_a_page_says_before_what_goes_and_what_stays(
    mara: Client, world: World, settings: Any
) -> None:
    settings.ITAM_NAMES = "named"
    page = mara.post(ADD, {"who": "MineUser", "reason": WHY}).content.decode()
    assert "Login, name and mail address behind the pseudonym." in page
    assert "1 uses and 1 refusals under the pseudonym" in page and "Erase it for good" in page
    assert pseudonym("person", "mineuser")[:8] not in page
    assert not NameErasure.objects.exists() and Identity.objects.filter(login="mineuser").exists()
    assert [row["who"] for row in looked()] == ["mara"] and "mineuser" not in str(looked())


def test_who_may_not_read_names_does_not_learn_whether_a_login_is_known(
    mara: Client, world: World, account: Callable[..., User]
) -> None:
    LegalHold.objects.create(vendor=world.vendor, reason="Audit letter of 3 March.")
    client = APIClient()
    client.force_authenticate(account("omar", "manager"))

    def said(who: str) -> tuple[str, Any]:
        page = mara.post(ADD, {"who": who, "reason": WHY}).content.decode()
        text = re.sub(r"\s+|csrfmiddlewaretoken. value=.\w+", " ", page[page.index("lm-form") :])
        return text.replace(who, "WHO"), client.post(f"{API}preview/", {"who": who}).json()

    assert said("mineuser") == said("nobodyatall")
    page, over_http = said("mineuser")
    assert "is told to those who may read names" in page and "Audit letter" not in page
    assert over_http.pop("told") is False and set(over_http.values()) == {None}
    assert len(looked()) == 6
    label = Person.objects.get(pseudonym=pseudonym("person", "mineuser")).label
    assert "1 uses and 1 refusals" in said(label)[0]  # which everybody reads
    assert len(looked()) == 6
    erase(mara)
    assert len(looked()) > 6 and not NameErasure.objects.exists()  # refused by the hold


def test_what_is_confirmed_is_erased_and_told(mara: Client, world: World) -> None:
    assert "It is being done" in erase(mara)
    row = NameErasure.objects.get()
    erasure_orders.run(row.pk)
    row.refresh_from_db()
    assert (row.state, row.known_as) == ("done", "")
    assert not Identity.objects.filter(login="mineuser").exists()
    told = [row["body"] for row in entries.entries("installation") if row["kind"] == "erasure"]
    assert [body["who"] for body in told] == ["mara"] and "reason" not in told[0]
    assert row.reason == WHY and entries.digests(reason=WHY).items() <= told[0].items()
    page = mara.get(f"/admin/licenses/nameerasure/{row.pk}/change/").content.decode()
    assert row.person.label in page and "raw captures dropped" in page
    assert "(&#x27;done&#x27;" not in page
    left = {"left": ["files of report 3", "auth_user.username"]}
    NameErasure.objects.update(result=row.result | left)
    page = mara.get(f"/admin/licenses/nameerasure/{row.pk}/change/").content.decode()
    assert "files of report 3, which is signed or rejected" in page
    assert "column auth_user.username, which may not be changed" in page
    erasure_orders.run(row.pk)
    assert Person.objects.get(pk=row.person_id).erased_at is not None


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        pytest.param({"confirm": "mineuse"}, "nothing was erased", id="something-else-typed"),
        pytest.param({"confirm": ""}, "nothing was erased", id="nothing-typed"),
        pytest.param({"reason": "....................."}, "Say in a sentence", id="no-reason"),
        pytest.param({"who": "nobody", "confirm": "nobody"}, "Nobody is known", id="nobody"),
    ],
)
def test_what_is_not_meant_is_refused(
    wrong: dict[str, str], says: str, mara: Client, world: World
) -> None:
    page = erase(mara, **wrong)
    assert says in page
    assert not NameErasure.objects.exists()


def test_a_legal_hold_refuses_with_its_reason(mara: Client, world: World, settings: Any) -> None:
    settings.ITAM_NAMES = "named"
    hold = LegalHold.objects.create(vendor=world.vendor, reason="Audit letter of 3 March.")
    page = mara.post(ADD, {"who": "mineuser", "reason": WHY}).content.decode()
    assert "Audit letter of 3 March." in page and "Erase it for good" not in page
    assert "Audit letter of 3 March." in erase(mara) and not NameErasure.objects.exists()
    LegalHold.objects.update(released_at=timezone.now())
    erase(mara)
    LegalHold.objects.create(vendor=world.vendor, reason=hold.reason)
    row = NameErasure.objects.get()
    erasure_orders.run(row.pk)  # the hold came between the order and the worker
    row.refresh_from_db()
    assert (row.state, row.known_as) == ("failed", "") and "Audit letter" in row.error
    assert Identity.objects.filter(login="mineuser").exists()


def test_asked_for_twice_it_is_done_once_and_a_dead_worker_is_followed(
    mara: Client, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    erase(mara)
    erase(mara)
    row, now = NameErasure.objects.get(), timezone.now()
    assert erasure_orders.due(now) == [row.pk]
    NameErasure.objects.update(state="running", started_at=now, attempts=1)
    assert erasure_orders.due(now) == []
    assert erasure_orders.due(now + timedelta(minutes=7)) == [row.pk]
    NameErasure.objects.update(started_at=now - timedelta(minutes=7), attempts=3)
    erasure_orders.run(row.pk)
    row.refresh_from_db()
    assert row.state == "failed" and "3 attempts" in row.error and row.known_as == ""


@pytest.mark.parametrize("role", ["auditor", "viewer", "team lead", "API client", "licence user"])
def test_no_other_role_erases_nor_looks(
    role: str, account: Callable[..., User], world: World
) -> None:
    user = account("someone", role)
    client = logged_in(user)
    assert client.get(ADD).status_code == client.post(ADD, {"confirm": "x"}).status_code == 403
    over_http = APIClient()
    over_http.force_authenticate(user)
    for place in (API, f"{API}preview/"):
        given = {"who": "mineuser", "reason": WHY, "confirm": "mineuser"}
        assert over_http.post(place, given).status_code == 403
    assert over_http.get(API).status_code == 403 and not NameErasure.objects.exists()


def test_over_http_the_same_is_said_and_done(
    account: Callable[..., User], world: World, settings: Any
) -> None:
    settings.ITAM_NAMES = "named"
    client = APIClient()
    client.force_authenticate(account("mara", "manager"))
    seen = client.post(f"{API}preview/", {"who": "mineuser"}).json()
    assert seen["identity"] is True and (seen["holdings"], seen["refusals"]) == (1, 1)
    given = {"who": "mineuser", "reason": WHY, "confirm": "mine"}
    assert client.post(API, given).status_code == 400
    answer = client.post(API, given | {"confirm": "mineuser"})
    assert answer.status_code == 202, answer.content
    erasure_orders.run(answer.json()["id"])
    told = client.get(answer["Location"])
    assert told.json()["state"] == "done" and "mineuser" not in told.content.decode()


def test_a_login_that_no_table_holds_any_more_is_looked_for_until_it_is_done(
    mara: Client, world: World
) -> None:
    Identity.objects.filter(login="mineuser").delete()
    note = LegalHold.objects.create(
        vendor=world.other.product.vendor, reason="mineuser wrote", released_at=timezone.now()
    )
    erase(mara)
    row = NameErasure.objects.get()
    assert row.known_as == "mineuser"
    erasure_orders.run(row.pk)
    note.refresh_from_db()
    assert note.reason == f"{row.person.label} wrote"


def test_an_account_may_ask_only_for_who_is_known(account: Any, world: World) -> None:
    with pytest.raises(ValidationError):
        erasure_orders.find("a\0b")
