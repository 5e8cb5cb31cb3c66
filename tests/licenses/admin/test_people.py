"""Names are asked for and approved in the admin, by two people."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from licenses.models import LegalHold, NameReveal

from .conftest import World, logged_in

ADD = "/admin/licenses/namereveal/add/"
LIST = "/admin/licenses/namereveal/"
REASON = "A vendor's audit asks who used the pool."


@pytest.fixture(autouse=True)
def pseudonymous(settings: Any) -> None:
    settings.ITAM_NAMES = "pseudonymous"


def decide(client: Client, reveal: NameReveal, what: str) -> str:
    data = {"action": what, "_selected_action": [reveal.pk]}
    return client.post(LIST, data, follow=True).content.decode()


def test_one_asks_and_another_approves(mara: Client, account: Any, world: World) -> None:
    holders = f"/admin/licenses/licensepool/{world.mine.pk}/overview/"
    mara.post(ADD, {"pool": world.mine.pk, "reason": REASON})
    reveal = NameReveal.objects.get()
    assert reveal.requested_by.username == "mara"
    assert "Somebody else has to decide" in decide(mara, reveal, "approve")
    assert "mineuser" not in mara.get(holders).content.decode()
    otto = logged_in(account("otto", "manager"))
    assert "Approved: names in pool Mine Pool for mara" in decide(otto, reveal, "approve")
    assert "mineuser" in mara.get(holders).content.decode()
    assert "mineuser" not in otto.get(holders).content.decode()
    text = otto.get(LIST).content.decode()
    assert REASON.split("'")[0] in text and "in force" in text


def test_the_form_says_what_is_wrong(mara: Client, world: World) -> None:
    assert "Say why names are needed" in mara.post(ADD, {"reason": "so"}).content.decode()
    assert not NameReveal.objects.exists()


def test_auditors_and_viewers_do_not_ask(anton: Client, vera: Client) -> None:
    for client in (anton, vera):
        assert client.get(ADD).status_code == 403
        assert client.get(LIST).status_code == 403


def test_a_hold_remembers_who_set_it(mara: Client, world: World) -> None:
    data = {"vendor": world.vendor.pk, "reason": "Audit letter of 3 March"}
    mara.post("/admin/licenses/legalhold/add/", data)
    hold = LegalHold.objects.get()
    assert hold.set_by == User.objects.get(username="mara")
    assert "Audit letter" in mara.get("/admin/licenses/legalhold/").content.decode()
