"""Which documents prove which lines is said by somebody, and stays on record."""

from __future__ import annotations

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from licenses.importing.papers import prove
from licenses.models import Document, Entitlement, Proof, Strength, StrengthOverride
from tests.factories import EntitlementFactory

from .conftest import World
from .rights import PDF, correction, hand_in, line_of


def test_a_document_is_tied_to_the_lines_that_it_proves(
    mara: Client, anton: Client, world: World
) -> None:
    line = line_of(world)
    typed = EntitlementFactory(
        pool=world.mine, contract=line.contract, quantity=500, strength=Strength.CLAIMED
    )
    answer = hand_in(mara, line.contract, SimpleUploadedFile("bill.pdf", PDF))
    document = Document.objects.get()
    path = reverse("admin:licenses_document_lines", args=[document.pk])
    assert answer.headers["Location"] == path  # asked next
    assert anton.get(path).status_code == 403
    page = mara.get(path).content.decode()
    assert (
        "10 × Mine Pool from" in page and "500 × Mine Pool from" in page and "now claimed" in page
    )
    assert "This field is required" in mara.post(path, {"say": "so"}).content.decode()
    told = mara.post(path, {"lines": [line.pk]}, follow=True).content.decode()
    assert "On record: one proof." in told and "10 × Mine Pool from" in told
    assert list(document.entitlements.all()) == [line]
    assert "500 × Mine Pool from" in mara.get(path).content.decode()
    shown = mara.get(reverse("admin:licenses_entitlement_change", args=[typed.pk]))
    assert "no document" in shown.content.decode()


def test_a_line_is_tied_to_what_proves_it(mara: Client, anton: Client, world: World) -> None:
    line, foreign = line_of(world), world.other.entitlements.get()
    path = reverse("admin:licenses_entitlement_documents", args=[line.pk])
    page = mara.get(path, follow=True).content.decode()
    assert "There is no other document of its contract" in page
    hand_in(mara, line.contract, SimpleUploadedFile("bill.pdf", PDF))
    hand_in(mara, foreign.contract, SimpleUploadedFile("other.pdf", PDF))
    own, other = Document.objects.order_by("pk")
    assert anton.get(path).status_code == 403
    assert "is not one of the available choices" in (
        mara.post(path, {"papers": [other.pk]}).content.decode()
    )
    page = mara.post(path, {"papers": [own.pk]}, follow=True).content.decode()
    assert own.sha256[:12] in page and "On record" in page
    assert Proof.objects.get().recorded_by.username == "mara"


def test_a_correction_asks_what_proves_the_corrected_line(mara: Client, world: World) -> None:
    line = line_of(world)
    hand_in(mara, line.contract, SimpleUploadedFile("bill.pdf", PDF))
    (document,) = Document.objects.all()
    prove([line], [document], user=None)
    path = reverse("admin:licenses_entitlement_correct", args=[line.pk])
    assert f'value="{document.pk}" class' in mara.get(path).content.decode()
    mara.post(path, correction(line, papers=[document.pk]))
    assert "Nothing differs" in (
        mara.post(path, correction(line, papers=[document.pk])).content.decode()
    )
    mara.post(path, correction(line))  # the document alone is taken away
    copy = Entitlement.objects.get(replaces=line)
    assert not copy.documents.exists() and line.documents.exists()


def test_a_line_that_claims_more_needs_a_word_that_its_documents_name_it(
    mara: Client, world: World
) -> None:
    line = line_of(world)
    hand_in(mara, line.contract, SimpleUploadedFile("bill.pdf", PDF))
    (document,) = Document.objects.all()
    prove([line], [document], user=None)
    path = reverse("admin:licenses_entitlement_correct", args=[line.pk])
    raised = correction(line, quantity=500, papers=[document.pk])
    assert "claims more than the earlier one" in mara.post(path, raised).content.decode()
    assert not Entitlement.objects.filter(replaces=line).exists()
    mara.post(path, correction(line, quantity=500))
    copy = Entitlement.objects.get(replaces=line)
    assert not copy.documents.exists() and not copy.strength_overrides.exists()
    path = reverse("admin:licenses_entitlement_correct", args=[copy.pk])
    mara.post(path, correction(copy, quantity=501, papers=[document.pk], seen="on"))
    assert list(copy.replaced_by.documents.all()) == [document]


def test_a_document_recorded_on_its_contract_proves_all_lines_where_that_is_ticked(
    root: Client, world: World
) -> None:
    line = line_of(world)
    path = reverse("admin:licenses_contract_change", args=[line.contract_id])
    page = root.get(path)
    filled = {
        name: "" if v is None else v for name, v in page.context["adminform"].form.initial.items()
    }
    for inline in page.context["inline_admin_formsets"]:
        prefix, counts = inline.formset.prefix, inline.formset.management_form.initial
        filled |= {f"{prefix}-{name}": count for name, count in counts.items()}
    for number, ticked in enumerate(({"proves": "on"}, {})):
        new = {"kind": "invoice", "title": f"Bill {number}", **ticked}
        new["file"] = SimpleUploadedFile(f"bill{number}.pdf", PDF)
        given = {f"{prefix}-0-{name}": value for name, value in new.items()}
        assert root.post(path, filled | given | {f"{prefix}-TOTAL_FORMS": 1}).status_code == 302
    tied, untied = Document.objects.order_by("title")
    assert list(tied.entitlements.all()) == [line] and not untied.entitlements.exists()
    page = root.get(path).content.decode()
    assert ">one line</a>" in page and ">no line</a>" in page


def test_what_was_taken_over_is_shown_as_said_by_nobody(mara: Client, world: World) -> None:
    line = line_of(world)
    paper = Document.objects.create(contract=line.contract, kind="invoice", title="Bill", size=1)
    Proof.objects.create(entitlement=line, document=paper, quantity=10, taken_over=True)
    for name, row in (("entitlement", line), ("document", paper)):
        page = mara.get(reverse(f"admin:licenses_{name}_change", args=[row.pk]))
        assert "taken over: nobody has said so" in page.content.decode()


def test_a_document_about_a_part_of_a_line_proves_that_part(mara: Client, world: World) -> None:
    line = line_of(world)
    StrengthOverride.objects.create(entitlement=line, strength=None, reason="for a test")
    hand_in(mara, line.contract, SimpleUploadedFile("bill.pdf", PDF))
    document = Document.objects.get()
    path = reverse("admin:licenses_document_lines", args=[document.pk])
    told = mara.post(path, {"lines": [line.pk], "seats": 11}).content.decode()
    assert "expected 1 to 10 seats that are proven, found 11" in told
    mara.post(path, {"lines": [line.pk], "seats": 4})
    for name, row in (("entitlement", line), ("document", document)):
        page = mara.get(reverse(f"admin:licenses_{name}_change", args=[row.pk])).content.decode()
        assert "4 of 10" in page, name
    rows = mara.get(reverse("admin:licenses_entitlement_changelist")).content.decode()
    assert "proven 4 of 10" in rows


def test_how_many_seats_are_in_a_document_is_said_on_its_page(
    mara: Client, anton: Client, world: World
) -> None:
    line = line_of(world)
    hand_in(mara, line.contract, SimpleUploadedFile("bill.pdf", PDF))
    document = Document.objects.get()
    prove([line], [document], user=None)
    path = reverse("admin:licenses_document_seats", args=[document.pk])
    assert anton.get(path).status_code == 403
    assert (
        path
        in mara.get(reverse("admin:licenses_document_change", args=[document.pk])).content.decode()
    )
    told = mara.post(path, {"seats": 9}).content.decode()
    assert "is about 9 seats, and would prove 10 seats at one time" in told
    page = mara.post(path, {"seats": 10}, follow=True).content.decode()
    assert path not in page
    assert Document.objects.get().quantity == 10


def test_a_new_document_proves_all_lines_only_where_their_seats_are_in_it(
    root: Client, world: World
) -> None:
    line = line_of(world)
    path = reverse("admin:licenses_document_add")
    given = {"contract": line.contract_id, "kind": "invoice", "title": "Bill", "proves": "on"}

    def sent(quantity: int) -> str:
        file = SimpleUploadedFile("bill.pdf", PDF)
        return root.post(path, given | {"quantity": quantity, "file": file}).content.decode()

    assert "have up to 10 seats at one time, more than are in the document" in sent(9)
    assert not Document.objects.exists()
    sent(10)
    assert Document.objects.get().proofs.get().quantity == 10
