"""Documents prove as many seats as can be read in them, and none of them twice."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from licenses.analysis.rights import limits
from licenses.concurrency.periods import local_midnight
from licenses.evidence import entries
from licenses.importing.papers import prove, state_seats
from licenses.importing.rights import correct_right, override_strength
from licenses.models import Contract, Document, Entitlement, Strength
from licenses.models.documents import WORTH, WORTH_OF_KIND, worth, worth_at_least
from licenses.models.entitlements import UNPROVEN
from tests.factories import EntitlementFactory, VendorFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def line() -> Entitlement:
    contract = Contract.objects.create(vendor=VendorFactory(), number="C-1")
    return EntitlementFactory(
        strength=Strength.CLAIMED,
        contract=contract,
        pool__product__vendor=contract.vendor,
        quantity=30,
        overdraft=3,
    )


def another(line: Entitlement, **values: Any) -> Entitlement:
    given = {"contract": line.contract, "pool": line.pool, "quantity": 30, **values}
    return EntitlementFactory(strength=Strength.CLAIMED, **given)


def paper(line: Entitlement, kind: str = "invoice", quantity: int | None = None) -> Document:
    return Document.objects.create(
        contract=line.contract, kind=kind, title=kind, size=1, quantity=quantity
    )


def seats(line: Entitlement, strength: int = Strength.PROVEN) -> int:
    return Entitlement.objects.with_seats_proven(strength).get(pk=line.pk).seats_proven


def proven(line: Entitlement, strength: int = Strength.PROVEN) -> int:
    from licenses.analysis.mappings import load_mappings
    from licenses.analysis.rights import load_limits

    start = local_midnight(line.valid_from, line.pool.tzinfo)
    maps = load_mappings([line.pool_id])
    found = load_limits([line.pool], maps, start, start + 1, proven_from=strength)
    return found[line.pool_id].proven.at(start)


@pytest.mark.parametrize("strength", Strength)
@pytest.mark.parametrize("for_group", [False, True])
def test_what_a_document_is_worth_is_said_alike_in_all_ways(
    line: Entitlement, strength: Strength, for_group: bool
) -> None:
    for kind in WORTH:
        Document.objects.create(
            contract=line.contract, kind=kind, title=kind, size=1, for_group=for_group
        )
    rows = Document.objects.annotate(worth=WORTH_OF_KIND)
    assert all(row.worth == worth(row.kind, for_group=for_group) for row in rows)
    chosen = set(Document.objects.filter(worth_at_least(strength)).values_list("kind", flat=True))
    assert chosen == {row.kind for row in rows if row.worth >= strength}


def test_a_document_proves_all_seats_of_a_line_unless_somebody_says_fewer(
    line: Entitlement,
) -> None:
    assert (seats(line), proven(line)) == (UNPROVEN, 0)
    prove([line], [paper(line)], user=None)
    assert (seats(line), proven(line)) == (30, 33)


def test_proof_of_a_part_of_the_seats_is_none_of_the_overdraft(line: Entitlement) -> None:
    prove([line], [paper(line)], user=None, seats=20)
    assert (seats(line), proven(line)) == (20, 20)
    assert limits(line.pool, 1_790_000_000, 1_790_000_001).allowed.at(1_790_000_000) == 33


def test_of_several_documents_the_one_that_proves_most_decides(line: Entitlement) -> None:
    prove([line], [paper(line), paper(line, "agreement")], user=None, seats=20)
    assert seats(line) == 20  # they may be about the same seats
    prove([line], [paper(line, "statement")], user=None, seats=25)
    assert seats(line) == 25
    prove([line], [paper(line, "order")], user=None)
    assert (seats(line), proven(line)) == (25, 25)


def test_partial_proof_of_more_seats_counts_where_partial_proof_does(line: Entitlement) -> None:
    prove([line], [paper(line)], user=None, seats=20)
    prove([line], [paper(line, "reseller")], user=None)
    assert [seats(line, each) for each in (4, 3)] == [20, 30]
    assert [proven(line, each) for each in (4, 3)] == [20, 33]


def test_a_judgement_is_of_the_whole_line(line: Entitlement, admin_user: Any) -> None:
    prove([line], [paper(line)], user=None, seats=20)
    override_strength(line, strength=4, reason="Seen in the other binder.", user=admin_user)
    assert seats(line) == 30
    override_strength(line, strength=3, reason="Of the reseller.", user=admin_user)
    assert [seats(line, each) for each in (4, 3)] == [UNPROVEN, 30]
    override_strength(line, strength=None, reason="As the documents say.", user=admin_user)
    assert seats(line) == 20


def test_a_grace_period_of_no_seats_is_proven_or_not(line: Entitlement) -> None:
    grace = another(line, quantity=0, overdraft=5, valid_from=date(2025, 1, 1))
    assert (seats(grace), proven(grace)) == (UNPROVEN, 0)
    prove([grace], [paper(line, quantity=0)], user=None)
    assert (seats(grace), proven(grace)) == (0, 5)


@pytest.mark.parametrize("wrong", [0, 31])
def test_no_more_seats_of_a_line_are_proven_than_it_has(line: Entitlement, wrong: int) -> None:
    with pytest.raises(ValidationError, match=f"expected 1 to 30 seats .* found {wrong}"):
        prove([line], [paper(line)], user=None, seats=wrong)
    assert not line.proofs.exists()


def test_an_invoice_for_thirty_does_not_prove_two_lines_of_thirty(line: Entitlement) -> None:
    bill, twin = paper(line, quantity=30), another(line)
    with pytest.raises(ValidationError, match="is about 30 seats, and would prove 60 seats"):
        prove([line, twin], [bill], user=None)
    assert not bill.proofs.exists()
    prove([line], [bill], user=None, seats=20)
    with pytest.raises(ValidationError, match="would prove 50 seats at one time"):
        prove([twin], [bill], user=None)
    assert prove([twin], [bill], user=None, seats=10) == 1
    assert (seats(line), seats(twin), proven(line)) == (20, 10, 30)


def test_a_document_proves_its_seats_of_each_term_that_it_names(line: Entitlement) -> None:
    first = another(line, valid_from=date(2025, 1, 1), valid_to=date(2025, 6, 30))
    second = another(line, valid_from=date(2025, 7, 1), valid_to=date(2025, 12, 31))
    agreement = paper(line, "agreement", quantity=30)
    assert prove([first, second], [agreement], user=None) == 2
    overlapping = another(line, valid_from=date(2025, 12, 31), quantity=1)
    with pytest.raises(ValidationError, match="would prove 31 seats"):
        prove([overlapping], [agreement], user=None)


def test_a_correction_frees_what_an_earlier_line_claimed(
    line: Entitlement, admin_user: Any
) -> None:
    bill, twin = paper(line, quantity=30), another(line)
    prove([line], [bill], user=None)
    correct_right(line, changes={"quantity": 12}, reason="Typing error", user=admin_user)
    prove([twin], [bill], user=None, seats=18)
    with pytest.raises(ValidationError, match="would prove 31 seats"):
        prove([another(line, quantity=1)], [bill], user=None)


def test_a_corrected_line_keeps_the_part_that_was_proven(
    line: Entitlement, admin_user: Any
) -> None:
    prove([line], [paper(line)], user=None, seats=20)
    copy = correct_right(line, changes={"quantity": 25}, reason="Typing error", user=admin_user)
    assert seats(copy) == 20
    fewer = correct_right(copy, changes={"quantity": 8}, reason="Typing error", user=admin_user)
    assert seats(fewer) == 8


def test_a_document_that_is_said_anew_of_more_seats_proves_the_part_that_it_proved(
    line: Entitlement, admin_user: Any
) -> None:
    bill, statement = paper(line), paper(line, "statement")
    prove([line], [bill], user=None, seats=20)
    more = {"changes": {"quantity": 40}, "reason": "We own more.", "user": admin_user}
    copy = correct_right(line, **more, documents=[bill, statement])
    proofs = dict(copy.proofs.values_list("document", "quantity"))
    assert proofs == {bill.pk: 20, statement.pk: 40}


def test_how_many_seats_are_in_a_document_is_said_once(line: Entitlement) -> None:
    bill = paper(line)
    prove([line, another(line)], [bill], user=None)  # nobody counted what is in it
    with pytest.raises(ValidationError, match="is about 59 seats, and would prove 60 seats"):
        state_seats(bill, 59, user=None)
    state_seats(bill, 60, user=None)
    with pytest.raises(ValidationError, match="On record of invoice: 60 seats"):
        state_seats(bill, 70, user=None)
    assert Document.objects.get().quantity == 60
    with pytest.raises(IntegrityError), transaction.atomic():
        Document.objects.update(quantity=70)


def test_evidence_tells_how_many_seats_a_document_proves(
    line: Entitlement, admin_user: Any
) -> None:
    bill = paper(line)
    prove([line], [bill], user=admin_user, seats=20)
    told = [each["body"] for each in entries.entries(f"contract/{line.contract_id}")]
    assert [(each["lines"], each["seats"]) for each in told] == [([line.pk], [20])]
    copy = correct_right(line, changes={"overdraft": 0}, reason="None.", user=admin_user)
    last = [each["body"] for each in entries.entries(f"contract/{line.contract_id}")][-1]
    assert (last["line"], last["documents"], last["seats"]) == (copy.pk, [bill.pk], [20])
    stock = [e["body"] for e in entries.entries(f"vendor/{line.contract.vendor_id}")]
    assert stock[-1]["rights"][0][3:] == [30, 0, 4, 20, 20]


def test_what_is_proven_is_told_as_of_any_time(line: Entitlement) -> None:
    prove([line], [paper(line)], user=None, seats=20)
    (told,) = line.proofs.all()
    prove([line], [paper(line)], user=None)
    rows = Entitlement.objects.with_seats_proven(4, told.recorded_at)
    assert rows.get(pk=line.pk).seats_proven == 20
    before = told.recorded_at - timedelta(seconds=1)
    assert Entitlement.objects.with_seats_proven(4, before).get().seats_proven == UNPROVEN
