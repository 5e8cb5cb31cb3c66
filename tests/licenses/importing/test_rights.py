"""Rights on record: each door writes evidence and has the hours counted again."""

from __future__ import annotations

from datetime import date

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError

from licenses.evidence.entries import entries
from licenses.importing.corrections import may_approve
from licenses.importing.rights import (
    add_right,
    approve_correction,
    correct_right,
    override_strength,
    unapproved,
)
from licenses.models import Correction, DirtySpan, Entitlement, EvidenceStream
from tests.factories import PoolFactory
from tests.unguarded import unguarded

pytestmark = pytest.mark.django_db


def line(**values: object) -> Entitlement:
    given = {"pool": PoolFactory(), "quantity": 10, "valid_from": date(2026, 1, 1)} | values
    return Entitlement(**given)


def told() -> list[tuple[str, int]]:
    names = EvidenceStream.objects.values_list("name", flat=True)
    return [
        (entry["body"]["what"], entry["body"]["quantity"])
        for name in names
        for entry in entries(name)
        if entry["kind"] == "entitlement"
    ]


def test_a_new_right_is_evidence_and_its_hours_are_counted_again() -> None:
    right = add_right(line())
    assert told() == [("added", 10)]
    (span,) = DirtySpan.objects.all()
    assert (span.pool_id, span.starts.date()) == (right.pool_id, date(2026, 1, 1))


def test_a_correction_counts_the_hours_of_both_lines_again() -> None:
    right = add_right(line())
    DirtySpan.objects.all().delete()
    copy = correct_right(right, changes={"quantity": 12}, reason="typed wrong", user=None)
    assert told() == [("added", 10), ("corrected", 12)]
    assert copy.replaces == right
    assert DirtySpan.objects.count() == 2


def test_a_refused_correction_leaves_nothing_behind() -> None:
    right = add_right(line())
    DirtySpan.objects.all().delete()
    with pytest.raises(ValidationError):
        correct_right(right, changes={"quantity": -1}, reason="typed wrong", user=None)
    assert told() == [("added", 10)]
    assert not DirtySpan.objects.exists()


def test_a_correction_has_a_code_and_is_approved_by_a_second_person() -> None:
    author, second = (User.objects.create_user(name) for name in ("author", "second"))
    wrong = {"reason": "found the order", "code": "document_found", "user": author}
    copy = correct_right(add_right(line(), user=author), changes={"quantity": 12}, **wrong)
    override_strength(copy, strength=3, **wrong)
    assert not may_approve(unapproved(copy), author) and may_approve(unapproved(copy), second)
    with pytest.raises(ValidationError, match="does not approve it"):
        approve_correction(copy, user=author)
    assert not Correction.objects.filter(approved_by__isnull=False).exists()
    approve_correction(copy, user=second)
    rows = Correction.objects.values_list("code", "approved_by")
    assert list(rows) == [("document_found", second.pk)] * 2
    assert not may_approve(unapproved(copy), second)
    stream = f"vendor/{copy.pool.product.vendor_id}"  # the line has no contract
    told = [entry for entry in entries(stream) if entry["kind"] != "stock"]
    (approved,) = [entry["body"] for entry in told if entry["kind"] == "correction"]
    assert approved["approver"] == second.username and approved["authors"] == [author.username]
    codes = [entry["body"].get("code") for entry in told]
    assert codes == ["", "document_found", "document_found", None]


def test_what_was_corrected_before_there_were_codes_is_approved_too() -> None:
    copy = correct_right(add_right(line()), changes={"quantity": 12}, reason="why", user=None)
    with unguarded():
        Correction.objects.all().delete()
    approve_correction(copy, user=User.objects.create_user("second"))
    assert Correction.objects.get().code == "other"


def test_a_line_that_nobody_corrected_is_not_approved() -> None:
    with pytest.raises(ValidationError, match="waits for a second person"):
        approve_correction(add_right(line()), user=User.objects.create_user("second"))
