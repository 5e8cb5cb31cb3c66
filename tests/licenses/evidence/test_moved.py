"""A pool that goes where it belongs leaves the evidence of the vendor that was put up for it."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from licenses.evidence import entries, stock
from licenses.evidence.recount.compare import left_out
from licenses.importing import mapping
from licenses.models import Vendor
from tests.factories import FeatureFactory, ProductFactory

pytestmark = pytest.mark.django_db


def told(vendor: Vendor) -> list[dict[str, Any]]:
    found = (each["body"] for each in entries.entries(stock.stream_of(vendor.pk)[0]))
    return [body for body in found if body["what"] == "pool"]


def test_entries_tell_that_a_moved_pool_is_no_longer_its_first_vendors() -> None:
    server = FeatureFactory(daemon="brushd", name="OIL").server
    FeatureFactory(server=server, daemon="brushd", name="INK")
    oil, ink = mapping.create_pools(server)
    heap, owner = oil.product.vendor, ProductFactory()
    stock.tell_all()
    before = timezone.now()
    oil.product = owner
    oil.full_clean()
    oil.save()
    assert stock.untold(heap.pk, timezone.now()) == [oil.name]
    stock.tell_all()
    last = {body["pool"]: body for body in told(heap)}
    assert last[oil.pk]["features"] == [] and last[ink.pk]["features"]
    assert [body["pool"] for body in told(owner.vendor)] == [oil.pk]
    report = [{"position": {"pool_id": ink.pk}}]
    assert list(left_out(report, last)) == []  # a pack of the rest lacks nothing
    assert stock.untold(heap.pk, before) == [oil.name]  # and none is made as of before
    count = len(told(heap))
    stock.tell_all()
    assert len(told(heap)) == count
