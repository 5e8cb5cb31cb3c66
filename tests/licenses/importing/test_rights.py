"""Rights on record: each door writes evidence and has the hours counted again."""

from __future__ import annotations

from datetime import date

import pytest
from django.core.exceptions import ValidationError

from licenses.evidence.entries import entries
from licenses.importing.rights import add_right, correct_right
from licenses.models import DirtySpan, Entitlement, EvidenceStream
from tests.factories import PoolFactory

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
