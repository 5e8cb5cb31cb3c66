"""Rights are corrected by new lines; papers are hashed, checked and handed out to few."""

from __future__ import annotations

import hashlib
from datetime import date

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from licenses.admin.documents import tidy_name
from licenses.models import Contract, DirtySpan, Document, Entitlement, PoolNow, UndoStep

from .conftest import World
from .rights import PDF, correction, hand_in, line_of

CODE = {"code": "wrong_entry"}


def test_a_correction_is_a_new_line_with_reason_and_author(mara: Client, world: World) -> None:
    line = line_of(world)
    path = reverse("admin:licenses_entitlement_correct", args=[line.pk])
    assert "Record the correction" in mara.get(path).content.decode()
    answer = mara.post(path, correction(line, quantity=12))
    copy = Entitlement.objects.get(replaces=line)
    assert answer["Location"] == reverse("admin:licenses_entitlement_change", args=[copy.pk])
    assert (copy.quantity, copy.reason, copy.recorded_by.username) == (12, "Typed wrongly", "mara")
    line.refresh_from_db()
    assert line.quantity == 10
    assert DirtySpan.objects.filter(pool=world.mine).exists()
    assert PoolNow.objects.get(pool=world.mine).allowed == 12
    step = UndoStep.objects.get()
    back = reverse("admin:undo", args=[step.pk])
    assert f'action="{back}"' in mara.get(answer["Location"]).content.decode()
    mara.post(back)
    assert PoolNow.objects.get(pool=world.mine).allowed == 10


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param({"quantity": 12, "reason": ""}, "This field is required", id="no-reason"),
        pytest.param({"quantity": 12, "code": ""}, "This field is required", id="no-code"),
        pytest.param({}, "Nothing differs", id="no-difference"),
        pytest.param({"quantity": -1}, "fewer than 0 seats", id="negative"),
        pytest.param({"valid_to": "2025-01-01"}, "before it starts", id="ends-before-start"),
    ],
)
def test_a_correction_that_cannot_be_is_refused(
    changes: dict[str, object], message: str, mara: Client, world: World
) -> None:
    line = line_of(world)
    path = reverse("admin:licenses_entitlement_correct", args=[line.pk])
    answer = mara.post(path, correction(line, **changes))
    assert answer.status_code == 200
    assert message in answer.content.decode()
    assert Entitlement.objects.filter(pool=world.mine).count() == 1


def test_a_second_person_approves_a_correction_on_its_page(
    mara: Client, root: Client, world: World
) -> None:
    line = line_of(world)
    place = reverse("admin:licenses_entitlement_correct", args=[line.pk])
    mara.post(place, correction(line, quantity=12))
    copy = Entitlement.objects.get(replaces=line)
    page = reverse("admin:licenses_entitlement_change", args=[copy.pk])
    path = reverse("admin:licenses_entitlement_approve", args=[copy.pk])
    assert path not in mara.get(page).content.decode()
    assert "does not approve it" in mara.post(path, follow=True).content.decode()
    told = root.get(page).content.decode()
    assert path in told and "Entered wrongly; not approved" in told
    assert "with your approval" in root.get(path).content.decode()
    told = root.post(path, follow=True).content.decode()
    assert "Entered wrongly; approved by" in told and path not in told


def test_a_line_is_replaced_once(mara: Client, world: World) -> None:
    line = line_of(world)
    path = reverse("admin:licenses_entitlement_correct", args=[line.pk])
    mara.post(path, correction(line, quantity=12))
    mara.post(path, correction(line, quantity=13))
    assert Entitlement.objects.filter(pool=world.mine).count() == 2


def test_withdrawing_needs_a_reason_and_leaves_both_lines(mara: Client, world: World) -> None:
    line = line_of(world)
    path = reverse("admin:licenses_entitlement_withdraw", args=[line.pk])
    assert mara.post(path, {"reason": " "}).status_code == 200
    assert Entitlement.objects.filter(pool=world.mine).count() == 1
    assert mara.post(path, {"reason": "Cancelled"}).status_code == 200  # no code
    mara.post(path, {"code": "wrong_entry", "reason": "Cancelled"})
    assert Entitlement.objects.get(replaces=line).withdrawn
    assert not Entitlement.objects.as_of().filter(pool=world.mine).exists()
    page = mara.get(reverse("admin:licenses_entitlement_change", args=[line.pk]))
    assert "This line was replaced" in page.content.decode()


def test_a_line_has_no_edit_and_no_delete(root: Client, world: World) -> None:
    line = line_of(world)
    change = reverse("admin:licenses_entitlement_change", args=[line.pk])
    assert root.post(change, correction(line, quantity=99)).status_code == 403
    delete = reverse("admin:licenses_entitlement_delete", args=[line.pk])
    assert root.post(delete, {"post": "yes"}).status_code == 403
    assert line_of(world).quantity == 10


def test_an_added_line_keeps_its_author_and_has_hours_counted_again(
    mara: Client, world: World
) -> None:
    data = correction(line_of(world), valid_from="2026-06-01", quantity=5)
    data.pop("reason")
    answer = mara.post(reverse("admin:licenses_entitlement_add"), data)
    assert answer.status_code == 302
    line = Entitlement.objects.get(valid_from=date(2026, 6, 1))
    assert line.recorded_by.username == "mara"
    spans = DirtySpan.objects.filter(pool=world.mine)
    assert [span.starts.date() for span in spans] == [date(2026, 6, 1)]


def test_a_document_is_hashed_and_stored_under_no_name_of_its_own(
    mara: Client, world: World
) -> None:
    contract = Contract.objects.get(number="Mine-1")
    hand_in(mara, contract, SimpleUploadedFile("../../evil\u202efdp.pdf", PDF))
    document = Document.objects.get()
    assert document.sha256 == hashlib.sha256(PDF).hexdigest()
    assert document.size == len(PDF)
    assert document.recorded_by.username == "mara"
    assert "evil" not in document.file.name and ".." not in document.file.name
    assert "\u202e" not in document.file_name


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        pytest.param("bill.exe", PDF, "not allowed", id="type"),
        pytest.param(
            "bill.pdf",
            b"MZ program",
            "does not begin as a file of the kind pdf does",
            id="not-what-it-says",
        ),
        pytest.param("bill.txt", b"a\0b", "not a text file", id="binary-text"),
    ],
)
def test_a_document_of_the_wrong_kind_is_refused(
    name: str, content: bytes, message: str, mara: Client, world: World
) -> None:
    answer = hand_in(mara, Contract.objects.get(number="Mine-1"), SimpleUploadedFile(name, content))
    assert message in answer.content.decode()
    assert not Document.objects.exists()


def test_a_document_that_is_too_large_is_refused(
    mara: Client, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("licenses.importing.papers.MOST_BYTES", 10)
    answer = hand_in(
        mara, Contract.objects.get(number="Mine-1"), SimpleUploadedFile("bill.pdf", PDF)
    )
    assert "at most" in answer.content.decode()
    assert not Document.objects.exists()


def test_a_document_is_handed_out_to_who_may_have_it(
    mara: Client, anton: Client, vera: Client, world: World
) -> None:
    hand_in(mara, Contract.objects.get(number="Mine-1"), SimpleUploadedFile("bill.pdf", PDF))
    hand_in(mara, Contract.objects.get(number="Other-1"), SimpleUploadedFile("other.pdf", PDF))
    own, foreign = Document.objects.order_by("pk")
    path = reverse("admin:licenses_document_download", args=[own.pk])
    answer = anton.get(path)
    assert b"".join(answer.streaming_content) == PDF
    assert answer["Content-Disposition"] == 'attachment; filename="bill.pdf"'
    assert answer["Content-Type"] == "application/octet-stream"
    assert vera.get(path).status_code == 403
    elsewhere = reverse("admin:licenses_document_download", args=[foreign.pk])
    assert anton.get(elsewhere).status_code == 404


def test_the_proof_of_a_line_is_judged_with_a_reason(
    mara: Client, anton: Client, world: World
) -> None:
    line = world.mine.entitlements.get()
    path = reverse("admin:licenses_entitlement_proof", args=[line.pk])
    assert anton.get(path).status_code == 403
    assert "This field is required" in mara.post(path, {"strength": "2"}).content.decode()
    page = mara.post(path, {"strength": "2", **CODE, "reason": "Scan is illegible"}, follow=True)
    assert "weak: order, mail or licence file only (judged: Scan is illegible)" in (
        page.content.decode()
    )
    mara.post(path, {"strength": "", **CODE, "reason": "Better scan"})
    assert Entitlement.objects.with_proof().get(pk=line.pk).proof == 1


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("bill.pdf", "bill.pdf"),
        ("..\\..\\bill.pdf", "bill.pdf"),
        ("a/b/../c.pdf", "c.pdf"),
        ("\r\nbill\u202e.pdf", "bill.pdf"),
        ("...", "file"),
    ],
)
def test_file_names_are_tidied(name: str, expected: str) -> None:
    assert tidy_name(name) == expected


def test_rights_of_a_contract_are_rows_to_read_and_no_part_of_the_form(
    mara: Client, world: World
) -> None:
    line = line_of(world)
    line.pool.name = "<b>Mine</b>"
    line.pool.save()
    place = reverse("admin:licenses_contract_change", args=[line.contract_id])
    page = mara.get(place).content.decode()
    assert "<b>Mine</b>" not in page
    assert 'data-label="Pool"><a href="' in page
    assert "&lt;b&gt;Mine&lt;/b&gt;</a></td>" in page
    count = '<input type="hidden" name="entitlements-TOTAL_FORMS" value="0"'
    assert count in page
    assert "entitlements-0-" not in page


def test_the_page_of_a_right_asks_for_its_line_once(mara: Client, world: World) -> None:
    place = reverse("admin:licenses_entitlement_change", args=[line_of(world).pk])
    mara.get(place)
    with CaptureQueriesContext(connection) as asked:
        page = mara.get(place).content.decode()
    assert "Judge its proof" in page
    lines = [row for row in asked if row["sql"].startswith('SELECT "licenses_entitlement"."id"')]
    assert len(lines) == 1
