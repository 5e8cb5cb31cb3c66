"""Whoever reads names or takes files leaves an entry: who, what and how many, one a request."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from licenses.evidence import entries
from licenses.models import Contract, Document, Membership, Person, SharingRule
from tests.factories import PersonFactory, holding

from .conftest import NOW, World


@pytest.fixture
def paths(world: World) -> dict[str, str]:
    person = Person.objects.get(identity__login="mineuser")
    Membership.objects.create(person=person, team=world.team)
    capture = world.server.captures.get()
    SharingRule.objects.create(
        server=world.server, keyword="EXCLUDE", feature_name="Mine_FEATURE", holder_type="USER",
        holder="mineuser", capture=capture,
    )  # fmt: skip
    pool = reverse("admin:licenses_licensepool_overview", args=[world.mine.pk])
    return {
        "people": "/admin/licenses/person/",
        "person": reverse("admin:licenses_person_change", args=[person.pk]),
        "team": reverse("admin:licenses_team_change", args=[world.team.pk]),
        "checkouts": "/admin/licenses/checkout/",
        "denials": "/admin/licenses/denial/",
        "events": "/admin/licenses/event/",
        "capture": reverse("admin:licenses_capture_change", args=[capture.pk]),
        "lines": "/admin/licenses/unreadableline/",
        "rules": "/admin/licenses/sharingrule/",
        "server": reverse("admin:licenses_licenseserver_overview", args=[world.server.pk]),
        "pool": pool,
        "pool's refusals": f"{pool}?tab=denials",
        "pool's rules": f"{pool}?tab=settings",
        "live": f"/admin/live/pools/{world.mine.pk}/holders/",
        "teams": "/admin/licenses/team/",
        "captures": "/admin/licenses/capture/",
    }


def told() -> list[dict[str, Any]]:
    return [{"kind": entry["kind"], **entry["body"]} for entry in entries.entries("installation")]


@pytest.mark.parametrize(
    ("page", "count"),
    [
        ("people", 2),
        ("person", 1),
        ("team", 1),
        ("checkouts", 2),
        ("denials", 2),
        ("capture", 1),
        ("lines", 1),
        ("rules", 1),
        ("server", 2),
        ("pool", 1),
        ("pool's refusals", 1),
        ("pool's rules", 1),
        ("live", 1),
    ],
)
def test_a_page_with_names_leaves_one_entry(
    page: str, count: int, mara: Client, paths: dict[str, str]
) -> None:
    before = len(told())
    assert mara.get(paths[page]).status_code == 200
    found = told()[before:]
    # A server's page tells apart what stands in lines that nobody read and in the options file.
    assert len(found) == (2 if page == "server" else 1)
    assert sum(entry["count"] for entry in found) == count
    for entry in found:
        assert (entry["kind"], entry["who"]) == ("reveal", "mara")
        assert entry["where"] == paths[page].partition("?")[0]
    assert "mineuser" not in str(found)


@pytest.mark.parametrize("page", ["events", "teams", "captures"])
def test_a_page_without_names_leaves_none(page: str, mara: Client, paths: dict[str, str]) -> None:
    mara.get(paths[page])
    assert told() == []


def test_who_reads_pseudonyms_leaves_none(anton: Client, paths: dict[str, str]) -> None:
    for page in paths.values():
        anton.get(page)
    assert told() == []


def test_what_is_sought_never_stands_in_an_entry(mara: Client, paths: dict[str, str]) -> None:
    mara.get(paths["people"], {"q": "mineuser"})
    (entry,) = told()
    assert entry["count"] == 1 and "mineuser" not in str(entry)


def test_an_entry_costs_the_same_whatever_it_counts(
    mara: Client, anton: Client, world: World, paths: dict[str, str]
) -> None:
    def queries() -> int:
        mara.get(paths["checkouts"])
        with CaptureQueriesContext(connection) as found:
            mara.get(paths["checkouts"])
        return len(found)

    few = queries()
    for number in range(12):
        person = PersonFactory(login=f"more{number}")
        holding(world.my_feature, NOW - 600 - number, None, person=person)
    assert queries() == few
    assert [entry["count"] for entry in told()] == [2, 2, 14, 14]


def test_a_page_that_refreshes_itself_is_one_look(
    mara: Client, paths: dict[str, str], time_machine: Any
) -> None:
    time_machine.move_to(NOW)
    mara.get(paths["pool"])
    for _ in range(3):
        mara.get(paths["live"])
    assert [entry["what"] for entry in told()] == ["page of a pool: Now"]
    time_machine.move_to(NOW + 901)
    mara.get(paths["live"])
    mara.get(paths["live"])
    assert [entry["what"] for entry in told()] == ["page of a pool: Now", "holders of a pool"]


def test_a_document_that_is_taken_leaves_an_entry(mara: Client, vera: Client, world: World) -> None:
    document = Document.objects.create(
        contract=Contract.objects.get(number="Mine-1"), kind="invoice", title="Bill", size=3,
        file=ContentFile(b"pdf", name="x"), file_name="bill.pdf", sha256=sha256(b"pdf").hexdigest(),
    )  # fmt: skip
    path = reverse("admin:licenses_document_download", args=[document.pk])
    vera.get(path)
    assert told() == []
    assert b"".join(mara.get(path).streaming_content) == b"pdf"
    (entry,) = told()
    assert entry == {
        "kind": "export",
        "count": 1,
        "document": document.pk,
        "sha256": document.sha256,
        "what": "document of a contract",
        "who": "mara",
    }


@pytest.mark.parametrize(("model", "count"), [("person", 2), ("vendor", 2)])
def test_an_export_leaves_an_entry(model: str, count: int, mara: Client, world: World) -> None:
    path = f"/admin/licenses/{model}/export/"
    page = mara.get(path)
    fields = {
        name: "on"
        for form in [page.context["form"]]
        for name in form.fields
        if name.startswith(("personresource_", "vendorresource_"))
    }
    answer = mara.post(path, {"format": "0", "resource": "0", **fields})
    assert answer.status_code == 200 and "attachment" in answer["Content-Disposition"]
    exports = [entry for entry in told() if entry["kind"] == "export"]
    assert [(row["who"], row["count"]) for row in exports] == [("mara", count)]
