"""How well a right is proven follows from its contract's documents, or from who judged it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError

from licenses.evidence import entries
from licenses.importing.papers import prove
from licenses.importing.rights import (
    add_right,
    approve_correction,
    correct_right,
    override_strength,
)
from licenses.models import Contract, Document, Entitlement, Proof, Strength
from tests.factories import EntitlementFactory, VendorFactory
from tests.unguarded import backdate

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture
def line() -> Entitlement:
    contract = Contract.objects.create(vendor=VendorFactory(), number="C-1")
    return EntitlementFactory(
        strength=Strength.CLAIMED,
        contract=contract,
        pool__product__vendor=contract.vendor,
        recorded_at=NOW - timedelta(days=90),
    )


def record(contract: Contract, kind: str, *, for_group: bool = False) -> Document:
    return Document.objects.create(
        contract=contract, kind=kind, title=kind, for_group=for_group, size=1
    )


def attach(line: Entitlement, kind: str, days_ago: int = 0, *, for_group: bool = False) -> Document:
    """Record a document that proves a line."""
    made = record(line.contract, kind, for_group=for_group)
    prove([line], [made], user=None)
    then = NOW - timedelta(days=days_ago)
    backdate(Document.objects.filter(pk=made.pk), then)
    backdate(Proof.objects.filter(document=made), then)
    return made


def proof(line: Entitlement, moment: datetime | None = None) -> int:
    return Entitlement.objects.with_proof(moment).get(pk=line.pk).proof


@pytest.mark.parametrize(
    ("kind", "ours", "anothers"),
    [
        ("invoice", 4, 3),
        ("agreement", 4, 3),
        ("statement", 4, 3),
        ("reseller", 3, 3),
        ("order", 2, 2),
        ("confirmation", 2, 2),
        ("mail", 2, 2),
        ("license_file", 2, 2),
        ("other", 1, 1),
    ],
)
def test_a_document_is_worth(line: Entitlement, kind: str, ours: int, anothers: int) -> None:
    attach(line, kind, for_group=True)
    assert proof(line) == anothers
    attach(line, kind)
    assert proof(line) == ours


def test_every_kind_of_document_was_thought_of() -> None:
    from licenses.models.documents import WORTH

    assert set(WORTH) == set(Document.Kind)


def test_the_best_document_counts(line: Entitlement) -> None:
    assert proof(line) == Strength.CLAIMED
    attach(line, "mail")
    assert proof(line) == Strength.WEAK
    attach(line, "invoice")
    attach(line, "order")
    assert proof(line) == Strength.PROVEN


def test_documents_of_another_contract_prove_nothing(line: Entitlement) -> None:
    other = Contract.objects.create(vendor=line.contract.vendor, number="C-2")
    with pytest.raises(ValidationError, match="is a document of contract C-2"):
        prove([line], [record(other, "invoice")], user=None)
    assert proof(line) == Strength.CLAIMED
    free = EntitlementFactory(strength=Strength.CLAIMED)
    assert proof(free) == Strength.CLAIMED


def another_line(line: Entitlement, **values: Any) -> Entitlement:
    return EntitlementFactory(
        strength=Strength.CLAIMED, contract=line.contract, pool=line.pool, **values
    )


def test_a_document_proves_the_lines_of_which_somebody_said_so(line: Entitlement) -> None:
    typed = another_line(line, quantity=500)
    paper = attach(line, "invoice")
    assert (proof(line), proof(typed)) == (Strength.PROVEN, Strength.CLAIMED)
    later = another_line(line)
    assert proof(later) == Strength.CLAIMED
    assert prove([line, later], [paper], user=None) == 1  # the other is on record already
    assert (proof(later), proof(typed)) == (Strength.PROVEN, Strength.CLAIMED)


def test_a_line_that_no_longer_counts_is_proven_no_more(line: Entitlement, admin_user: Any) -> None:
    paper = record(line.contract, "invoice")
    copy = correct_right(line, changes={"quantity": 3}, reason="Typing error", user=admin_user)
    gone = correct_right(copy, changes={}, reason="No", user=admin_user, withdraw=True)
    for each in (line, copy, gone):
        with pytest.raises(ValidationError, match="no longer counts"):
            prove([each], [paper], user=admin_user)


@pytest.mark.parametrize(
    "changes",
    [
        {"quantity": 500},
        {"overdraft": 1},
        {"metric": "token"},
        {"valid_from": date(2025, 12, 31)},
        {"valid_to": None},
        {"scope": ""},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_what_proves_a_line_does_not_prove_one_that_claims_more(
    line: Entitlement, admin_user: Any, changes: dict[str, Any]
) -> None:
    line = another_line(line, valid_to=date(2026, 12, 31), scope="Spain only")
    attach(line, "invoice")
    override_strength(line, strength=3, reason="Of the reseller.", user=admin_user)
    copy = correct_right(line, changes=changes, reason="We own more.", user=admin_user)
    assert proof(copy) == Strength.CLAIMED
    assert not copy.strength_overrides.exists() and not copy.documents.exists()


def test_a_line_that_claims_less_keeps_what_proves_it(line: Entitlement, admin_user: Any) -> None:
    paper = attach(line, "invoice")
    changes = {"quantity": 3, "valid_to": date(2026, 12, 31), "scope": "Spain"}
    copy = correct_right(line, changes=changes, reason="Typing error", user=admin_user)
    assert proof(copy) == Strength.PROVEN
    assert list(copy.documents.all()) == [paper]
    gone = correct_right(copy, changes={}, reason="Never held", user=admin_user, withdraw=True)
    assert not gone.documents.exists()


def test_a_correction_says_anew_which_documents_prove_the_line(
    line: Entitlement, admin_user: Any
) -> None:
    wrong, right = attach(line, "invoice"), record(line.contract, "order")
    copy = correct_right(
        line, changes={"quantity": 500}, reason="As ordered", user=admin_user, documents=[right]
    )
    assert (proof(copy), list(copy.documents.all())) == (Strength.WEAK, [right])
    none = correct_right(copy, changes={}, reason="Not so", user=admin_user, documents=[])
    assert proof(none) == Strength.CLAIMED
    assert proof(line) == Strength.PROVEN and list(line.documents.all()) == [wrong]


def test_a_judgement_stays_with_the_documents_and_with_its_author(
    line: Entitlement, admin_user: Any
) -> None:
    judge = User.objects.create_user("bea")
    attach(line, "order")
    override_strength(line, strength=4, reason="Seen at the vendor's.", user=judge)
    copy = correct_right(line, changes={"quantity": 3}, reason="Typing error", user=admin_user)
    assert copy.strength_overrides.get().recorded_by == judge
    third = User.objects.create_superuser("third")
    for user in (judge, admin_user):
        with pytest.raises(ValidationError, match="does not approve"):
            approve_correction(copy, user=user)
    approve_correction(copy, user=third)
    none = correct_right(copy, changes={}, reason="Wrong one", user=admin_user, documents=[])
    assert (proof(none), none.strength_overrides.count()) == (Strength.CLAIMED, 0)


def test_a_withdrawn_line_is_not_corrected_back_into_force(
    line: Entitlement, admin_user: Any
) -> None:
    gone = correct_right(line, changes={}, reason="Never held", user=admin_user, withdraw=True)
    with pytest.raises(ValidationError, match="is withdrawn"):
        correct_right(gone, changes={"quantity": 3}, reason="Held after all", user=admin_user)


def test_a_line_is_added_with_what_proves_it(line: Entitlement, admin_user: Any) -> None:
    paper = record(line.contract, "agreement")
    new = Entitlement(
        pool=line.pool, contract=line.contract, quantity=2, valid_from=date(2026, 6, 1)
    )
    add_right(new, user=admin_user, documents=[paper])
    assert proof(new) == Strength.PROVEN
    (entry,) = entries.entries(f"contract/{line.contract_id}")
    assert (entry["body"]["strength"], entry["body"]["documents"]) == (4, [paper.pk])


def test_evidence_tells_what_a_document_proves_and_who_said_so(
    line: Entitlement, admin_user: Any
) -> None:
    paper = record(line.contract, "invoice")
    prove([line], [paper], user=admin_user)
    told = next(entries.entries(f"contract/{line.contract_id}"))["body"]
    assert (told["author"], told["document"], told["lines"]) == ("admin", paper.pk, [line.pk])
    stock = [e["body"] for e in entries.entries(f"vendor/{line.contract.vendor_id}")]
    assert stock[-1]["rights"][0][-1] == Strength.PROVEN


def test_what_was_recorded_later_does_not_prove_it_then(line: Entitlement) -> None:
    attach(line, "order", days_ago=60)
    attach(line, "invoice", days_ago=10)
    assert proof(line, NOW - timedelta(days=61)) == Strength.CLAIMED
    assert proof(line, NOW - timedelta(days=11)) == Strength.WEAK
    assert proof(line, NOW) == Strength.PROVEN


def test_a_judgement_counts_more_than_documents_until_it_is_taken_back(
    line: Entitlement, admin_user: Any
) -> None:
    attach(line, "invoice")
    override_strength(line, strength=2, reason="The invoice is illegible.", user=admin_user)
    found = Entitlement.objects.with_proof().get(pk=line.pk)
    assert (found.proof, found.proof_reason) == (2, "The invoice is illegible.")
    override_strength(line, strength=None, reason="A better scan came.", user=admin_user)
    found = Entitlement.objects.with_proof().get(pk=line.pk)
    assert (found.proof, found.proof_reason) == (4, "")


def test_a_judgement_needs_a_reason_and_a_line_that_counts(
    line: Entitlement, admin_user: Any
) -> None:
    with pytest.raises(ValidationError):
        override_strength(line, strength=4, reason="  ", user=admin_user)
    correct_right(line, changes={"quantity": 3}, reason="Typing error", user=admin_user)
    line = Entitlement.objects.get(pk=line.pk)
    with pytest.raises(ValidationError, match="newer line"):
        override_strength(line, strength=4, reason="Seen.", user=admin_user)


def test_a_corrected_line_keeps_its_judgement_under_the_same_contract(
    line: Entitlement, admin_user: Any
) -> None:
    override_strength(line, strength=3, reason="Seen at the reseller's.", user=admin_user)
    copy = correct_right(line, changes={"quantity": 3}, reason="Typing error", user=admin_user)
    assert proof(copy) == Strength.PARTIAL
    other = Contract.objects.create(vendor=copy.contract.vendor, number="C-2")
    moved = correct_right(copy, changes={"contract": other}, reason="Wrong one", user=admin_user)
    assert proof(moved) == Strength.CLAIMED


def test_evidence_tells_the_strength_and_who_judged_it(line: Entitlement, admin_user: Any) -> None:
    override_strength(line, strength=4, reason="Seen.", user=admin_user)
    (entry,) = entries.entries(f"contract/{line.contract_id}")
    told = {name: entry["body"][name] for name in ("author", "line", "strength", "what")}
    assert told == {
        "author": "admin",
        "line": line.pk,
        "strength": 4,
        "what": "strength judged",
    }
    assert entries.digests(reason="Seen.").items() <= entry["body"].items()
