"""The database refuses to change what was sealed, whoever asks it to."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from licenses.evidence.entries import INSTALLATION, append, draft
from licenses.models import EvidenceAnchor, EvidenceBlock, EvidenceDay, EvidenceKey, EvidenceStream

pytestmark = pytest.mark.django_db


def rows() -> dict[str, Any]:
    with transaction.atomic():
        block = append(INSTALLATION, [draft("rule", 1, {"a": 1})], source="test")
    assert block is not None
    day = EvidenceDay.objects.create(
        day=date(2026, 11, 23), number=1, streams=b"", count=0, entries=0, root="0" * 64
    )
    key = EvidenceKey.objects.create(public="a+00000000+b")
    anchor = EvidenceAnchor.objects.create(kind="file", place="/a", size=1)
    return {"block": block, "day": day, "key": key, "anchor": anchor, "stream": block.stream}


CHANGES = [
    ("block", "size", 1),
    ("day", "entries", 7),
    ("day", "streams", b"other"),
    ("key", "public", "other"),
    ("anchor", "size", 2),
    ("stream", "name", "other"),
    ("stream", "next_number", 1),
    ("stream", "sealed", -1),
]


@pytest.mark.parametrize(("what", "field", "value"), CHANGES)
def test_what_was_sealed_cannot_be_changed(what: str, field: str, value: Any) -> None:
    row = rows()[what]
    table = row._meta.db_table
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE {table} SET {field} = %s WHERE id = %s", [value, row.pk])


@pytest.mark.parametrize(
    "model", [EvidenceBlock, EvidenceDay, EvidenceKey, EvidenceAnchor, EvidenceStream]
)
def test_what_was_sealed_cannot_be_deleted(model: Any) -> None:
    rows()
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {model._meta.db_table}")
    assert model.objects.exists()


def test_numbers_of_a_stream_go_on() -> None:
    rows()
    assert EvidenceStream.objects.update(next_number=9, sealed=1) == 1
