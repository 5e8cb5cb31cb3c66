"""Documents over the API: hashed, handed out to few, and what they prove."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from licenses.models import Contract, Document, Entitlement, Strength
from tests.factories import EntitlementFactory, PoolFactory, VendorFactory

from .test_api import client

pytestmark = pytest.mark.django_db
WHOLE = b"%PDF-1.7 rest\nstartxref\n9\n%%EOF\n"


def test_a_paper_is_hashed_and_downloaded_by_those_who_may(tmp_path: Path, settings: Any) -> None:
    settings.MEDIA_ROOT = tmp_path
    contract = Contract.objects.create(vendor=VendorFactory(), number="C-1")
    api = client("manager")
    paper = SimpleUploadedFile("invoice.pdf", WHOLE)
    answer = api.post(
        "/api/v1/documents/",
        {"contract": contract.pk, "kind": "invoice", "title": "Invoice", "file": paper},
        format="multipart",
    )
    assert answer.status_code == 201, answer.content
    assert answer.json()["sha256"] == hashlib.sha256(WHOLE).hexdigest()
    file = api.get(f"/api/v1/documents/{answer.json()['id']}/download/")
    assert b"".join(file.streaming_content) == WHOLE
    fake = SimpleUploadedFile("invoice.pdf", b"MZ no paper")
    assert (
        api.post(
            "/api/v1/documents/",
            {"contract": contract.pk, "kind": "invoice", "title": "x", "file": fake},
            format="multipart",
        ).status_code
        == 400
    )


def test_documents_prove_the_lines_that_are_named(tmp_path: Path, settings: Any) -> None:
    settings.MEDIA_ROOT = tmp_path
    vendor = VendorFactory()
    contract = Contract.objects.create(vendor=vendor, number="C-1")
    other = Contract.objects.create(vendor=VendorFactory(), number="Foreign")
    line, typed = (
        EntitlementFactory(
            strength=Strength.CLAIMED, contract=contract, pool__product__vendor=vendor
        )
        for _ in range(2)
    )
    foreign = Document.objects.create(contract=other, kind="invoice", title="Foreign", size=1)
    api = client("manager")
    given = {"contract": contract.pk, "kind": "invoice", "title": "Bill", "entitlements": [line.pk]}
    file = SimpleUploadedFile("bill.pdf", WHOLE)
    answer = api.post("/api/v1/documents/", given | {"file": file}, format="multipart")
    paper = answer.json()
    assert (answer.status_code, paper["entitlements"]) == (201, [line.pk])
    shown = api.get(f"/api/v1/entitlements/{line.pk}/").json()
    assert (shown["strength"], shown["documents"]) == (4, [paper["id"]])
    place = f"/api/v1/entitlements/{typed.pk}/"
    assert api.get(place).json()["strength"] == 1
    for documents in ([], [foreign.pk], [0]):
        refused = api.post(f"{place}documents/", {"documents": documents})
        assert refused.status_code == 400
    told = api.post(f"{place}documents/", {"documents": [paper["id"]]})
    assert (told.status_code, told.json()["strength"]) == (200, 4)
    assert api.get(f"/api/v1/documents/{paper['id']}/").json()["entitlements"] == [
        line.pk,
        typed.pk,
    ]
    more = {"quantity": 500, "reason": "We own more."}
    raised = api.post(f"{place}correct/", more).json()
    assert (raised["strength"], raised["documents"]) == (1, [])
    place = f"/api/v1/entitlements/{raised['id']}/correct/"
    for documents in ([foreign.pk], ["x"]):
        refused = api.post(place, {"reason": "So it is.", "documents": documents})
        assert refused.status_code == 400
    named = api.post(place, {"reason": "On the bill.", "documents": [paper["id"]]}).json()
    assert (named["strength"], named["documents"]) == (4, [paper["id"]])


def test_a_line_is_recorded_with_the_documents_that_prove_it() -> None:
    vendor = VendorFactory()
    contract, another = (
        Contract.objects.create(vendor=vendor, number=number) for number in ("C-1", "C-2")
    )
    paper, stray = (
        Document.objects.create(contract=each, kind="agreement", title="Signed", size=1)
        for each in (contract, another)
    )
    pool = PoolFactory(product__vendor=vendor)
    given = {"pool": pool.pk, "contract": contract.pk, "quantity": 3, "valid_from": "2026-01-01"}
    api = client("manager")
    made = api.post("/api/v1/entitlements/", given | {"documents": [paper.pk]}).json()
    assert (made["strength"], made["documents"]) == (4, [paper.pk])
    refused = api.post("/api/v1/entitlements/", given | {"documents": [stray.pk]})
    assert refused.status_code == 400 and "C-2" in refused.json()["errors"][0]["detail"]
    assert Entitlement.objects.count() == 1


def test_a_document_proves_as_many_seats_as_are_said_and_are_in_it(
    tmp_path: Path, settings: Any
) -> None:
    settings.MEDIA_ROOT = tmp_path
    vendor = VendorFactory()
    contract = Contract.objects.create(vendor=vendor, number="C-1")
    lines = [
        EntitlementFactory(
            strength=Strength.CLAIMED,
            contract=contract,
            pool__product__vendor=vendor,
            quantity=30,
        )
        for _ in range(2)
    ]
    api = client("manager")
    given = {"contract": contract.pk, "kind": "invoice", "title": "Bill", "quantity": 30}
    file = SimpleUploadedFile("bill.pdf", WHOLE)
    both = {"entitlements": [line.pk for line in lines], "file": file}
    answer = api.post("/api/v1/documents/", given | both, format="multipart")
    assert answer.status_code == 400
    assert "would prove 60 seats at one time" in answer.json()["errors"][0]["detail"]
    assert not Document.objects.exists()
    file.seek(0)
    made = api.post("/api/v1/documents/", given | {"file": file}, format="multipart").json()
    assert made["quantity"] == 30
    path = "/api/v1/entitlements/{}/documents/"
    told = api.post(path.format(lines[0].pk), {"documents": [made["id"]], "seats": 20}).json()
    assert (told["strength"], told["seats_proven"]) == (4, 20)
    assert told["proofs"] == [{"document": made["id"], "quantity": 20, "taken_over": False}]
    refused = api.post(path.format(lines[1].pk), {"documents": [made["id"]]})
    assert "would prove 50 seats" in refused.json()["errors"][0]["detail"]
    (said,) = api.post(f"/api/v1/documents/{made['id']}/seats/", {"quantity": 99}).json()["errors"]
    assert said["attr"] == "quantity" and "On record of Bill: 30 seats" in said["detail"]


def test_who_may_not_say_what_proves_a_line_does_not_count_the_seats_in_it() -> None:
    contract = Contract.objects.create(vendor=VendorFactory(), number="C-1")
    paper = Document.objects.create(contract=contract, kind="invoice", title="Bill", size=1)
    path = f"/api/v1/documents/{paper.pk}/seats/"
    assert client("viewer").post(path, {"quantity": 5}).status_code in (403, 404)
    assert client("manager").post(path, {"quantity": 5}).json()["quantity"] == 5
    assert Document.objects.get().quantity == 5
