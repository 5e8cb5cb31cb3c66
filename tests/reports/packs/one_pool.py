"""A vendor with one pool, whose right is proven: what installations of tests are built around."""

from __future__ import annotations

from datetime import date, datetime

from licenses.importing import rights
from licenses.models import Contract, Entitlement, LicensePool, Product, Vendor


def one_pool(retired_at: datetime) -> LicensePool:
    vendor = Vendor.objects.create(name="Vendor")
    product = Product.objects.create(vendor=vendor, name="Product")
    pool: LicensePool = LicensePool.objects.create(
        product=product, name="pool", zone="UTC", retired_at=retired_at
    )
    return pool


def bought(pool: LicensePool, quantity: int, since: date) -> Vendor:
    """Let so many seats of the pool be a right that nobody doubts; return their vendor."""
    contract = Contract.objects.create(vendor=pool.product.vendor, number="C")
    line = rights.add_right(
        Entitlement(pool=pool, contract=contract, quantity=quantity, valid_from=since)
    )
    rights.override_strength(line, strength=4, reason="x", user=None)
    return pool.product.vendor
