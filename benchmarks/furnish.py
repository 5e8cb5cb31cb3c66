"""What pages show besides holdings: rights, refusals, the present, and rows in each list."""

from __future__ import annotations

import random
import sys
from datetime import UTC, date, datetime
from typing import Any

from common import BASE, timed
from company import END, START

sys.path.insert(0, str(BASE))
ROWS = 30  # more than a page of a list shows


def furnish() -> None:
    """Add what pages show besides holdings: rights, refusals, the present, and counted hours."""
    from licenses import models as m
    from licenses.analysis import headlines, now, rollup

    dice = random.Random(3)
    pools = list(m.LicensePool.objects.order_by("pk"))
    vendor = m.Vendor.objects.get()
    contract = m.Contract.objects.create(
        vendor=vendor, number="C-1", title="Frame", valid_from=date(2020, 1, 1)
    )
    m.Entitlement.objects.bulk_create(
        m.Entitlement(
            pool=pool, contract=contract, quantity=dice.randint(5, 60), metric="concurrent",
            valid_from=date(2020, 1, 1),
        )
        for pool in pools
    )  # fmt: skip
    features = list(m.Feature.objects.order_by("pk"))
    m.IssuedCount.objects.bulk_create(
        m.IssuedCount(feature=feature, source="status", count=40) for feature in features
    )
    people, hosts = m.Person.objects.count(), m.Host.objects.count()
    m.Denial.objects.bulk_create(
        [
            m.Denial(
                feature=dice.choice(features), person_id=dice.randint(1, people),
                host_id=dice.randint(1, hosts), at=START + dice.randrange(END - START), seats=1,
                reason_class="capacity", capacity=True,
            )
            for _ in range(30_000)
        ],
        batch_size=2_000,
    )  # fmt: skip
    m.Checkout.objects.filter(returned_at__gte=datetime.fromtimestamp(END - 7200, UTC)).update(
        returned_at=None, returned_after=None, end_reason=""
    )
    ids = [pool.pk for pool in pools]
    rollup.mark_dirty(ids, START, END)
    rollup.drain()
    now.refresh(ids)
    taken = timed(lambda: headlines.drain(END, limit_seconds=3600))
    print(f"30 days of {len(ids)} pools counted in {taken:.1f} s")


def fill_lists(reader: Any) -> None:
    """Add rows to each list of the admin that has less than a page of them; say which stay short.

    They mean nothing and look like nothing, yet a list takes its time to draw them. What each
    account has for itself becomes the reader's.
    """
    from django.contrib import admin
    from django.db import DatabaseError, transaction

    from licenses import models as m
    from tests.rows import several

    for model in admin.site._registry:
        if model is m.Checkout or model._default_manager.count() >= ROWS:
            continue
        missing = ROWS - model._default_manager.count()
        try:
            with transaction.atomic():
                several(model, missing)
        except DatabaseError as error:
            print(f"{model._meta.label} stays short: {error}", file=sys.stderr)
    m.SavedFilter.objects.update(owner=reader)
