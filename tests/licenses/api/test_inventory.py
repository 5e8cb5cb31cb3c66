"""The inventory as sheets over the API: a preview, errors by row and column, all rows or none."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from openpyxl import Workbook

from licenses.api import inventory
from licenses.models import Contract, Entitlement, Identity, LicensePool, Product, Team, Vendor
from tests.factories import PersonFactory, ProductFactory, VendorFactory

from .test_history import client, pool, pytestmark

__all__ = ["pool", "pytestmark"]

SAMPLES = Path(__file__).parents[3] / "docs" / "samples"
HEAD = "vendor,product,category\n"


@pytest.fixture
def manager(pool: LicensePool) -> Any:
    return client("manager", pool)


def send(api: Any, kind: str, text: str | bytes, **more: Any) -> Any:
    data = text.encode() if isinstance(text, str) else text
    file = SimpleUploadedFile("sheet", data)
    return api.post(f"/api/v1/inventory/{kind}/", {"file": file, **more}, format="multipart")


def test_a_preview_tells_what_would_become_of_each_row_and_stores_nothing(manager: Any) -> None:
    vendor = VendorFactory(name="Acme")
    ProductFactory(vendor=vendor, name="Known", category="CAD")
    ProductFactory(vendor=vendor, name="Other", category="CAD")
    lines = "Acme,Known,CAD\nAcme,Other,CAM\nAcme,Fresh,CAE\nNobody,Bad,\n"
    answer = send(manager, "products", HEAD + lines, dry_run="true")
    assert answer.status_code == 200, answer.content
    found = answer.json()
    assert (found["stored"], found["new"], found["changed"], found["known"]) == (False, 1, 1, 1)
    assert found["rows"] == [
        {
            "row": 2,
            "result": "changed",
            "cells": [{"column": "category", "old": "CAD", "new": "CAM"}],
        },
        {
            "row": 3,
            "result": "new",
            "cells": [
                {"column": "vendor", "old": "", "new": "Acme"},
                {"column": "product", "old": "", "new": "Fresh"},
                {"column": "category", "old": "", "new": "CAE"},
            ],
        },
        {"row": 1, "result": "known", "cells": []},
    ]
    (wrong,) = found["errors"]
    assert (wrong["row"], wrong["column"]) == (4, "vendor")
    assert "there is no vendor 'Nobody'" in wrong["detail"]
    assert Product.objects.filter(vendor=vendor).values_list("category", flat=True).count() == 2
    assert not Product.objects.filter(name="Fresh").exists()


def test_a_sheet_with_an_error_is_stored_by_no_row(manager: Any) -> None:
    VendorFactory(name="Acme")
    answer = send(manager, "products", HEAD + "Acme,Fresh,\nNobody,Bad,\nAcme,,\n")
    assert answer.status_code == 400
    told = {each["attr"]: each["detail"] for each in answer.json()["errors"]}
    assert "there is no vendor" in told["file.2.vendor"]
    assert "blank" in told["file.3.product"]
    assert not Product.objects.filter(name="Fresh").exists()


def test_the_samples_go_in_and_a_second_time_change_nothing(manager: Any) -> None:
    for again in (False, True):
        for kind in inventory.KINDS:
            answer = send(manager, kind, (SAMPLES / f"{kind}.csv").read_bytes())
            assert answer.status_code == 200, (kind, answer.content)
            found = answer.json()
            assert found["stored"] is True
            assert again is (found["new"] + found["changed"] == 0), kind
    assert Entitlement.objects.filter(recorded_by__username="manager").exists()


def test_each_kind_has_a_sample_to_fill_in(manager: Any) -> None:
    for kind in inventory.KINDS:
        answer = manager.get(f"/api/v1/inventory/{kind}/sample/")
        assert b"".join(answer.streaming_content) == (SAMPLES / f"{kind}.csv").read_bytes()
    assert manager.get("/api/v1/inventory/channels/sample/").status_code == 404


def test_what_comes_out_goes_in_again(manager: Any, pool: LicensePool) -> None:
    Vendor.objects.update(notes="=1+1")
    Team.objects.create(name="Ours")
    Contract.objects.create(vendor=pool.product.vendor, number="C-1")
    for kind in inventory.KINDS:
        for form in ("csv", "xlsx"):
            answer = manager.get(f"/api/v1/inventory/{kind}/?format={form}")
            assert answer.status_code == 200, (kind, answer.content)
            assert f'"{kind}.{form}"' in answer["Content-Disposition"]
            again = send(manager, kind, answer.content)
            assert again.status_code == 200, (kind, form, again.content)
            found = again.json()
            assert (found["new"], found["changed"]) == (0, 0), (kind, found)
    text = manager.get("/api/v1/inventory/vendors/").content.decode()
    assert "'=1+1" in {row[2] for row in csv.reader(io.StringIO(text))}


def test_a_spreadsheet_is_told_from_csv_by_its_bytes(manager: Any) -> None:
    book = Workbook()
    book.active.append(["vendor"])
    book.active.append(["Fresh"])
    out = io.BytesIO()
    book.save(out)
    assert send(manager, "vendors", out.getvalue()).json()["new"] == 1
    assert Vendor.objects.filter(name="Fresh").exists()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        pytest.param(b"", "empty", id="empty"),
        pytest.param(b"vendor\n", "No valid data", id="only-a-head"),
        pytest.param(b"vendor\n\xff\xfe\n", "UnicodeDecodeError", id="bytes"),
        pytest.param(b"PK\3\4rubbish", "encountered while", id="half-a-zip"),
        pytest.param(b"vendor,webiste\nA,b\n", "Unknown column 'webiste'", id="column"),
    ],
)
def test_what_cannot_be_read_is_told_of_the_file(manager: Any, data: bytes, words: str) -> None:
    answer = send(manager, "vendors", data)
    assert answer.status_code == 400, answer.content
    (told,) = answer.json()["errors"]
    assert told["attr"].split(".")[0] == "file" and words in told["detail"]


def test_a_key_is_stored_once(manager: Any) -> None:
    answers = [
        manager.post(
            "/api/v1/inventory/vendors/",
            {"file": SimpleUploadedFile("a.csv", b"vendor\nFresh\n")},
            format="multipart",
            headers={"Idempotency-Key": "one"},
        )
        for _ in range(2)
    ]
    assert [each.json()["new"] for each in answers] == [1, 1]
    assert answers[1]["Idempotent-Replayed"] == "true"


def test_only_who_may_write_sends_and_only_who_sees_names_takes_people(
    pool: LicensePool, settings: Any
) -> None:
    auditor = client("auditor", pool)
    assert send(auditor, "vendors", "vendor\nFresh\n").status_code == 403
    text = auditor.get("/api/v1/inventory/vendors/").content.decode()
    assert [row[0] for row in csv.reader(io.StringIO(text))] == ["vendor", pool.product.vendor.name]
    assert auditor.get("/api/v1/inventory/people/").status_code == 403
    assert auditor.get("/api/v1/inventory/channels/").status_code == 404


def test_no_name_on_record_is_told_to_who_may_not_see_it(
    manager: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    PersonFactory(login="mia")
    Identity.objects.update(name="Mia Made")
    Team.objects.create(name="Second")
    line = "login,name,team\nmia,,Second\n"
    shown = send(manager, "people", line, dry_run="true")
    monkeypatch.setattr("licenses.admin.importing.sees_names", lambda _user: False)
    hidden = send(manager, "people", line, dry_run="true")
    for answer in (shown, hidden):
        assert answer.json()["changed"] == 1, answer.content
    assert "Mia Made" not in hidden.content.decode()
    told = {each["column"]: each["new"] for each in hidden.json()["rows"][0]["cells"]}
    assert told == {"login": "mia", "team": "Second"}


def test_long_answers_say_how_much_they_leave_out(
    manager: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inventory, "MOST_ROWS", 2)
    monkeypatch.setattr(inventory, "MOST_ERRORS", 1)
    text = HEAD + "Nobody,A,\nNobody,B,\nNobody,C,\n"
    found = send(manager, "products", text, dry_run="true").json()
    assert (len(found["errors"]), found["more_errors"]) == (1, 2)
    refused = send(manager, "products", text).json()["errors"]
    assert [each["detail"] for each in refused if "more" in each["attr"]] == ["and 2 more"]
    found = send(manager, "vendors", "vendor\nA\nB\nC\n", dry_run="true").json()
    assert (len(found["rows"]), found["more_rows"], found["new"]) == (2, 1, 3)
