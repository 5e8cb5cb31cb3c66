"""A file on record that is exchanged by another of the same name is not handed out, and is told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.files.base import ContentFile
from django.test import Client
from rest_framework.test import APIClient

from licenses.evidence import entries, stored
from licenses.models import Contract, Document
from tests.factories import VendorFactory

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 24, 3, tzinfo=UTC)
BILL = b"%PDF-1.7 a bill over 25 seats"


@pytest.fixture
def bill(settings: Any, tmp_path: Path) -> Document:
    settings.MEDIA_ROOT = tmp_path
    contract = Contract.objects.create(vendor=VendorFactory(), number="C-1")
    row: Document = Document.objects.create(
        contract=contract, kind="invoice", title="Bill", file_name="bill.pdf", size=len(BILL),
        file=ContentFile(BILL, name="bill.pdf"), sha256=sha256(BILL).hexdigest(),
    )  # fmt: skip
    return row


def exchange(document: Document) -> None:
    Path(document.file.path).write_bytes(BILL.replace(b"25", b"40"))


def said(everything: bool = True, now: datetime = NOW) -> list[str]:
    return list(stored.check(now, everything=everything))


def test_what_is_as_it_was_recorded_is_fine(bill: Document) -> None:
    assert said() == []
    with stored.open_recorded(Path(bill.file.path), bill.sha256) as file:
        assert file.read() == BILL


def test_a_file_that_was_exchanged_or_is_gone_is_told(bill: Document) -> None:
    exchange(bill)
    what = f"Document {bill.pk} of contract C-1"
    assert said() == [f"{what}: its file is not the one that was recorded."]
    Path(bill.file.path).unlink()
    assert said() == [f"{what}: its file is gone."]


def test_a_week_of_nights_looks_at_each_file_once(bill: Document) -> None:
    exchange(bill)
    nights = [said(False, NOW + timedelta(days=day)) for day in range(7)]
    assert sum(map(len, nights)) == 1


def test_nobody_gets_another_file_than_the_recorded_one(bill: Document) -> None:
    user = User.objects.create_user("mara", is_staff=True)
    user.groups.add(Group.objects.get(name="manager"))
    page, http = Client(), APIClient()
    page.force_login(user)
    http.force_authenticate(user)
    ways = [
        lambda: page.get(f"/admin/licenses/document/{bill.pk}/download/"),
        lambda: http.get(f"/api/v1/documents/{bill.pk}/download/"),
    ]
    assert [b"".join(way().streaming_content) for way in ways] == [BILL, BILL]
    taken = len(list(entries.entries("installation")))
    exchange(bill)
    assert [way().status_code for way in ways] == [404, 404]
    assert len(list(entries.entries("installation"))) == taken
