"""What binds the evidence can be looked at: sealed days, keys and anchors."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from licenses.evidence import anchors
from licenses.evidence.notes import fingerprint
from licenses.models import EvidenceAnchor, EvidenceCheck, EvidenceDay, EvidenceKey
from tests.factories import scope_of
from tests.licenses.evidence.conftest import Log, at
from tests.licenses.evidence.conftest import log as log  # a fixture

PAGES = ("evidenceday", "evidencekey", "evidenceanchor", "evidencecheck")


def test_days_keys_and_anchors_say_what_an_auditor_compares(log: Log, admin_client: Client) -> None:
    log.story()
    anchors.record("stamp", "https://tsa.example", 4, log.checkpoint, at(4), b"token")
    day, key = EvidenceDay.objects.latest("number"), EvidenceKey.objects.get()
    anchor = EvidenceAnchor.objects.get()

    def page(name: str, pk: int | None = None) -> str:
        end = "" if pk is None else f"{pk}/change/"
        return str(admin_client.get(f"/admin/licenses/{name}/{end}").content.decode())

    assert day.root[:16] in page("evidenceday")
    assert log.checkpoint.split("\n")[2] in page("evidenceday", day.pk)
    assert log.public in page("evidencekey")
    assert fingerprint(log.public) in page("evidencekey", key.pk)
    assert "https://tsa.example" in page("evidenceanchor")
    assert log.checkpoint.split("\n")[2] in page("evidenceanchor", anchor.pk)


def test_a_check_says_what_did_not_fit(log: Log, admin_client: Client) -> None:
    check = EvidenceCheck.objects.create(days=4, entries=9, problems=["Day <b>: gone."])
    page = admin_client.get("/admin/licenses/evidencecheck/").content.decode()
    assert "not all fits" in page
    place = f"/admin/licenses/evidencecheck/{check.pk}/change/"
    assert "<li>Day &lt;b&gt;: gone.</li>" in admin_client.get(place).content.decode()


@pytest.mark.parametrize("name", PAGES)
def test_whoever_sees_one_vendor_only_sees_none_of_it(
    log: Log, name: str, client: Client, django_user_model: Any
) -> None:
    log.story()
    anchors.record("file", "/elsewhere", 4, log.checkpoint, at(4))
    EvidenceCheck.objects.create(days=4, entries=9, problems=["Document 7 of contract K-1 is gone"])
    user = django_user_model.objects.create_user("olga", is_staff=True)
    user.groups.add(Group.objects.get(name="auditor"))
    scope_of(user).vendors.add(log.vendor)
    client.force_login(user)
    answer = client.get(f"/admin/licenses/{name}/")
    words = (
        "not all fits",
        log.public,
        "/elsewhere",
        EvidenceDay.objects.latest("number").root[:16],
    )
    assert answer.status_code in (200, 403)
    assert not [word for word in words if word in answer.content.decode()]
