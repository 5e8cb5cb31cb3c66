"""What was handed out of a pool binds it to the vendor under whose name that was."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from licenses.importing import mapping
from licenses.models import LicensePool
from reports.models import EvidencePack, Report
from tests.factories import FeatureFactory, ProductFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def pool() -> LicensePool:
    """A pool of which nobody said yet whose features are in it."""
    (made,) = mapping.create_pools(FeatureFactory(daemon="brushd", name="OIL").server)
    return made


def moved(pool: LicensePool) -> str:
    row = LicensePool.objects.get(pk=pool.pk)
    row.product = ProductFactory()
    try:
        row.full_clean()
    except ValidationError as error:
        return " ".join(error.messages)
    return ""


def report(pool: LicensePool, decision: str) -> None:
    params = {"start": 0, "end": 86_400, "zone": "UTC", "scope": "brushd"}
    given: dict[str, Any] = {"sha256": "a", "data_sha256": "b", "state": "done", "params": params}
    row = Report.objects.create(name="audit", as_of=timezone.now(), decision=decision, **given)
    row.pools.add(pool)


def test_a_signed_report_keeps_an_unsorted_pool_with_its_vendor(pool: LicensePool) -> None:
    for open_one in ("", "rejected"):
        report(pool, open_one)
    assert moved(pool) == ""
    report(pool, "signed")
    assert "OIL: 1 signed report, with the evidence of brushd" in moved(pool)


def test_a_pack_keeps_the_unsorted_pools_that_may_be_in_it(pool: LicensePool) -> None:
    given: dict[str, Any] = {"first": date(2026, 1, 1), "end": date(2026, 2, 1)}
    given |= {"vendor": pool.product.vendor, "state": "done", "sha256": "a"}
    earlier = pool.recorded_at - timedelta(days=1)
    EvidencePack.objects.create(**given, requested_at=earlier)
    EvidencePack.objects.create(**given | {"state": "failed", "sha256": ""})
    assert moved(pool) == ""
    EvidencePack.objects.create(**given)
    assert "OIL: 1 pack for auditors, with the evidence of brushd" in moved(pool)
