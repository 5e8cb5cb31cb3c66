"""What is fixed once it is used stays so in the database, too: in a shell, in SQL, in a forgotten
`update()`."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from licenses.importing.mapping import save_mapping
from licenses.models import (
    Capture,
    Contract,
    Document,
    Entitlement,
    LicensePool,
    LicenseServer,
    OverUseNote,
    PoolFeature,
    Product,
    Proof,
    Strength,
)
from licenses.models.fixed import UNSORTED
from licenses.models.fixed_guards import FIXED
from tests.factories import (
    EntitlementFactory,
    FeatureFactory,
    PoolFactory,
    ProductFactory,
    ServerFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def pool() -> LicensePool:
    made: LicensePool = PoolFactory()
    return made


@pytest.fixture
def foreign() -> Product:
    made: Product = ProductFactory()
    return made


def refused(row: Any, **values: Any) -> str:
    """Change a row as SQL would; return what the database says against it."""
    try:
        with transaction.atomic():
            type(row).objects.filter(pk=row.pk).update(**values)
    except IntegrityError as error:
        return str(error)
    return ""


def test_a_product_stays_with_its_vendor_once_it_has_pools(foreign: Product) -> None:
    product = ProductFactory()
    assert refused(product, vendor=foreign.vendor) == ""
    PoolFactory(product=product)
    other = ProductFactory().vendor
    assert "A product that has pools stays with its vendor." in refused(product, vendor=other)
    assert refused(product, vendor=foreign.vendor, name="Renamed") == ""  # it is that one's


@pytest.mark.parametrize("kind", ["entitlement", "document"])
def test_a_contract_stays_with_its_vendor_once_it_has_lines_or_documents(
    pool: LicensePool, foreign: Product, kind: str
) -> None:
    contract = Contract.objects.create(vendor=foreign.vendor, number="C-1")
    assert refused(contract, vendor=pool.product.vendor) == ""
    if kind == "entitlement":
        EntitlementFactory(pool=pool, contract=contract)
    else:
        Document.objects.create(contract=contract, kind="invoice", size=1)
    assert "stays with its vendor" in refused(contract, vendor=foreign.vendor)


def test_a_pool_keeps_its_zone_once_it_has_rights(pool: LicensePool) -> None:
    assert refused(pool, zone="Asia/Tokyo") == ""
    EntitlementFactory(pool=pool)
    assert "A pool that has entitlements keeps its zone." in refused(pool, zone="UTC")
    assert refused(pool, zone="Asia/Tokyo", name="Renamed") == ""


def test_each_kind_of_record_keeps_a_pool_with_its_vendor(
    pool: LicensePool, foreign: Product
) -> None:
    assert refused(pool, product=foreign) == ""
    moments = {"starts": datetime(2026, 1, 1, tzinfo=UTC), "ends": datetime(2026, 1, 2, tzinfo=UTC)}
    lined, noted, mapped = (PoolFactory(product=pool.product) for _ in range(3))
    EntitlementFactory(pool=lined, strength=Strength.CLAIMED)
    OverUseNote.objects.create(pool=noted, cause="Launch", owner="Ada", **moments)
    FeatureFactory(pool=mapped)
    for each in (lined, noted, mapped):
        assert "A pool that has records stays with its vendor." in refused(each, product=foreign)
    changed = PoolFactory(product=pool.product)
    changed.mapping_changes.create(before={}, after={"weight": 1})
    assert "stays with its vendor" in refused(changed, product=foreign)


def test_an_unsorted_pool_may_go_to_its_vendor_until_that_is_known(foreign: Product) -> None:
    heap = ProductFactory(name=UNSORTED)
    free, kept = (PoolFactory(product=heap) for _ in range(2))
    for pool in (free, kept):
        FeatureFactory(pool=pool)
    assert refused(free, product=foreign) == ""
    Contract.objects.create(vendor=heap.vendor, number="C-1")
    assert "stays with its vendor" in refused(kept, product=foreign)


def test_a_pool_becomes_one_of_another_product_until_something_proves_its_rights(
    pool: LicensePool,
) -> None:
    products = [ProductFactory(vendor=pool.product.vendor) for _ in range(2)]
    contract = Contract.objects.create(vendor=pool.product.vendor, number="C-1")
    line = EntitlementFactory(pool=pool, contract=contract, strength=Strength.CLAIMED)
    assert refused(pool, product=products[0]) == ""
    paper = Document.objects.create(contract=contract, kind="invoice", size=1)
    Proof.objects.create(entitlement=line, document=paper, quantity=10)
    assert "stays one of its product" in refused(pool, product=products[1])
    judged = EntitlementFactory(pool__product=products[0]).pool
    assert "stays one of its product" in refused(judged, product=products[1])


@pytest.mark.parametrize(
    ("kind", "result", "bound"),
    [
        ("debug-log", "parsed", True),
        ("lmstat", "partial", True),
        ("license-file", "parsed", False),
        ("lmstat", "timeout", False),
    ],
)
def test_a_server_keeps_its_zone_once_a_text_of_it_was_read(
    kind: str, result: str, *, bound: bool
) -> None:
    server = ServerFactory(zone="UTC")
    Capture.objects.create(server=server, kind=kind, result=result, size=1)
    assert bool(refused(server, zone="Asia/Tokyo")) is bound
    fresh = LicenseServer.objects.create(name="fresh", zone="")
    Capture.objects.create(server=fresh, kind=kind, result=result, size=1)
    assert refused(fresh, zone="Asia/Tokyo") == ""


def test_a_guard_stands_for_each_rule() -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        else:
            cursor.execute("SELECT tgname FROM pg_trigger")
        there = {name for (name,) in cursor.fetchall()}
    assert {each.name for each in FIXED} <= there


def test_rows_that_rest_on_it_may_still_be_made(pool: LicensePool) -> None:
    line = Entitlement.objects.create(pool=pool, quantity=1, valid_from=date(2026, 1, 1))
    feature = FeatureFactory(pool=pool)
    assert line.pk and PoolFeature.objects.filter(feature=feature).exists()


@pytest.mark.parametrize("column", ["weight", "mapped_from", "mapped_until"])
def test_a_mapping_becomes_only_what_a_change_on_record_says(
    pool: LicensePool, column: str
) -> None:
    mapping = FeatureFactory(pool=pool).mappings.get()
    moment = datetime(2026, 1, 2, tzinfo=UTC)
    values = {"weight": 3, "mapped_from": moment, "mapped_until": moment}
    says = "becomes only what a change on record says"
    assert says in refused(mapping, **{column: values[column]})
    setattr(mapping, column, values[column])
    save_mapping(mapping, reason="It was wrong.")
    mapping.refresh_from_db()
    assert getattr(mapping, column) == values[column]
    assert says in refused(mapping, **{column: {"weight": 1}.get(column)})
    assert refused(mapping, recorded_at=moment) == ""
