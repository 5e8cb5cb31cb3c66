"""Lists of the administration as whole files, and its search: what a reader may see and no more."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from django.contrib.auth.models import User
from knox.models import AuthToken
from openpyxl import load_workbook

from licenses.admin import exporting
from licenses.api import lists
from licenses.evidence import entries
from licenses.models import LicensePool, SavedFilter
from tests.factories import PersonFactory, PoolFactory, VendorFactory

from .test_history import client, pool, pytestmark

__all__ = ["pool", "pytestmark"]
PLACE = "/api/v1/lists/licenses.licensepool/"


def rows(answer: Any) -> list[list[str]]:
    assert answer.status_code == 200, answer.content
    return list(csv.reader(io.StringIO(b"".join(answer.streaming_content).decode())))


def exports() -> list[dict[str, Any]]:
    told = entries.entries(entries.INSTALLATION[0])
    return [entry["body"] for entry in told if entry["kind"] == "export"]


def test_each_list_that_one_may_see_is_told_and_comes_as_both_files(pool: LicensePool) -> None:
    manager = client("manager", pool)
    told = manager.get("/api/v1/lists/").json()
    assert {"licenses.licensepool", "licenses.checkout", "reports.report"} <= {
        each["page"] for each in told
    }
    assert not any(each["page"].startswith(("auth", "axes", "knox")) for each in told)
    for each in told:
        head, *_ = rows(manager.get(f"/api/v1/lists/{each['page']}/"))
        assert head == each["columns"], each
        sheet = manager.get(f"/api/v1/lists/{each['page']}/?format=xlsx")
        book = load_workbook(io.BytesIO(b"".join(sheet.streaming_content)))
        assert [cell.value for cell in next(book.active.iter_rows())] == head


def test_a_list_keeps_to_its_query_and_to_the_scope(pool: LicensePool) -> None:
    PoolFactory(name="Other")
    manager = client("manager", pool)
    assert {row[1] for row in rows(manager.get(PLACE))} == {"Pool", "CAD", "Other"}
    assert [row[1] for row in rows(manager.get(f"{PLACE}?query=q%3Dother"))] == ["Pool", "Other"]
    auditor = client("auditor", pool)
    assert {row[1] for row in rows(auditor.get(PLACE))} == {"Pool", "CAD"}
    assert auditor.get("/api/v1/lists/licenses.channel/").status_code == 404
    assert auditor.get("/api/v1/lists/auth.user/").status_code == 404
    assert client("licence user", pool).get(PLACE).status_code == 403


def test_a_program_takes_lists_with_its_token_alone(pool: LicensePool) -> None:
    program = client("API client", pool)
    assert program.get(PLACE).status_code == 403
    token = AuthToken.objects.create(User.objects.get(username="API client"))[1]
    program.force_authenticate(None)
    program.credentials(HTTP_AUTHORIZATION=f"Token {token}")
    assert [row[1] for row in rows(program.get(PLACE))] == ["Pool", "CAD"]
    assert [each["id"] for each in program.get("/api/v1/search/?q=cad").json()] == [pool.pk]


def test_a_saved_filter_is_a_query(pool: LicensePool) -> None:
    manager = client("manager", pool)
    sent = {"page": "licenses.licensepool", "name": "Ours", "query": "?q=CAD"}
    kept = manager.post("/api/v1/saved-filters/", sent).json()
    PoolFactory(name="Other")
    assert SavedFilter.objects.get().query == kept["query"]
    answer = manager.get(PLACE, {"query": kept["query"]})
    assert [row[1] for row in rows(answer)][1:] == ["CAD"]


def test_what_the_list_does_not_know_is_refused_in_json(pool: LicensePool) -> None:
    answer = client("manager", pool).get(f"{PLACE}?query=colour%3Dred")
    assert answer.status_code == 400 and answer["Content-Type"] == "application/json"
    assert answer.json()["errors"][0]["attr"] == "query"


def test_more_rows_than_a_sheet_holds_are_refused_as_one(
    pool: LicensePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    PoolFactory()
    monkeypatch.setattr(exporting, "MOST_OF_A_SHEET", 2)  # a head and a row
    manager = client("manager", pool)
    refused = manager.get(f"{PLACE}?format=xlsx")
    assert refused.status_code == 400
    assert "This list has 2 rows, and a sheet holds 1" in refused.json()["errors"][0]["detail"]
    assert len(rows(manager.get(PLACE))) == 3


def test_who_takes_a_list_is_on_record_before_it_is_read(pool: LicensePool) -> None:
    client("manager", pool).get(PLACE)  # nobody reads what comes
    (told,) = exports()
    assert told == {"count": 1, "what": "pools", "where": PLACE, "who": "manager"}


def test_a_page_of_a_list_as_a_table_is_on_record_too(pool: LicensePool) -> None:
    manager = client("manager", pool)
    manager.get("/api/v1/pools/")
    assert exports() == []
    for kind in ("csv", "xlsx"):
        manager.get(f"/api/v1/pools/?format={kind}")
    assert [told["count"] for told in exports()] == [1, 1]


def test_the_search_finds_what_the_administration_finds(pool: LicensePool) -> None:
    VendorFactory(name="CADabra")
    found = client("manager", pool).get("/api/v1/search/?q=cad").json()
    assert [(each["kind"], each["title"]) for each in found] == [
        ("pool", "CAD"),
        ("vendor", "CADabra"),
    ]
    assert found[0]["url"].endswith(f"/api/v1/pools/{pool.pk}/")
    assert found[0]["link"].endswith(f"/admin/licenses/licensepool/{pool.pk}/overview/")
    assert client("auditor", pool).get("/api/v1/search/?q=cadabra").json() == []


def test_each_kind_that_is_found_has_its_place_in_the_api(pool: LicensePool) -> None:
    from itam.site import SEARCHED

    assert set(lists.ENDPOINTS) == set(SEARCHED)
    person = PersonFactory(login="bea")
    manager = client("manager", pool)
    (found,) = manager.get("/api/v1/search/", {"q": person.label}).json()
    assert found["id"] == person.pk
    assert manager.get(found["url"]).json()["id"] == person.pk


@pytest.mark.parametrize("query", ["", "q=", "q=%20", "q=a%00b", f"q={'a' * 201}"])
def test_a_search_for_nothing_is_refused(pool: LicensePool, query: str) -> None:
    answer = client("manager", pool).get(f"/api/v1/search/?{query}")
    assert answer.status_code == 400 and answer.json()["errors"][0]["attr"] == "q"
