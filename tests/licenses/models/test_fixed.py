"""Each vendor's evidence holds what is its own: pools, products and contracts with records stay
with their vendor, whichever way somebody would move them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import tablib
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from licenses.importing import mapping
from licenses.importing.changes import change, undo
from licenses.importing.inventory import import_inventory
from licenses.importing.papers import prove
from licenses.importing.rights import correct_right
from licenses.models import (
    Contract,
    Document,
    Entitlement,
    LicensePool,
    OverUseNote,
    Product,
    Strength,
    Vendor,
)
from licenses.resources import PoolResource
from tests.factories import EntitlementFactory, FeatureFactory, PoolFactory, ProductFactory

pytestmark = pytest.mark.django_db

POOLS = "pool,vendor,product,zone,owner_team,server,daemon,feature,weight,mapped_from,mapped_until"


@pytest.fixture
def pool() -> LicensePool:
    made: LicensePool = PoolFactory(name="CAD", product__name="Draw", product__vendor__name="Acme")
    return made


@pytest.fixture
def foreign() -> Product:
    made: Product = ProductFactory(name="Paint", vendor__name="Brush")
    return made


Move = Callable[..., list[str]]
"""Tries to change a pool, by its fields; returns what that is refused for."""


def by_form(pool: LicensePool, **changes: Any) -> list[str]:
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    page = reverse("admin:licenses_licensepool_change", args=[pool.pk])
    rows = {f"mappings-{name}_FORMS": 0 for name in ("TOTAL", "INITIAL", "MIN_NUM", "MAX_NUM")}
    given = {"product": pool.product, "name": pool.name, "zone": pool.zone, **changes, **rows}
    given |= {"episode_gap_minutes": 15, "product": given["product"].pk}
    answer: Any = client.post(page, given)
    if answer.status_code == 302:
        return []
    errors = answer.context_data["adminform"].form.errors
    assert errors.keys() == changes.keys()
    return [text for texts in errors.values() for text in texts]


def by_api(pool: LicensePool, **changes: Any) -> list[str]:
    api = APIClient()
    api.force_authenticate(User.objects.create_superuser("root"))
    given = {name: getattr(value, "pk", value) for name, value in changes.items()}
    answer = api.patch(f"/api/v1/pools/{pool.pk}/", given).json()
    assert {each["attr"] for each in answer.get("errors", [])} <= changes.keys()
    return [each["detail"] for each in answer.get("errors", [])]


def in_bulk(pool: LicensePool, **changes: Any) -> list[str]:
    try:
        change("pools", [pool], changes, user=User.objects.create_user("root"))
    except ValidationError as error:
        return error.messages
    return []


def by_file(pool: LicensePool, **changes: Any) -> list[str]:
    path = Path("pools.csv").resolve()
    path.write_text(table(pool, **changes))
    (found,) = import_inventory([path])
    return [str(problem) for problem in found.problems]


def by_sheet(pool: LicensePool, **changes: Any) -> list[str]:
    data = tablib.Dataset().load(table(pool, **changes), format="csv")
    found = PoolResource().import_data(data)
    assert not found.has_errors()
    return [
        text for row in found.invalid_rows for texts in row.error_dict.values() for text in texts
    ]


def table(pool: LicensePool, **changes: Any) -> str:
    given = {"product": pool.product, "zone": pool.zone, **changes}
    vendor = given["product"].vendor
    return f"{POOLS}\n{pool.name},{vendor},{given['product']},{given['zone']},,s,d,f,1,,\n"


@pytest.fixture(params=[by_form, by_api, in_bulk, by_file, by_sheet])
def move(request: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Move:
    monkeypatch.chdir(tmp_path)
    found: Move = request.param
    return found


def test_a_pool_with_records_stays_with_its_vendor_whichever_way_it_is_moved(
    pool: LicensePool, foreign: Product, move: Move
) -> None:
    EntitlementFactory(pool=pool)
    FeatureFactory(pool=pool)
    (said,) = move(pool, product=foreign)
    assert "CAD: 1 entitlement, 1 mapping, with the evidence of Acme" in said
    assert "Make a pool of the other product" in said
    pool.refresh_from_db()
    assert pool.product.name == "Draw"


def test_a_pool_with_rights_keeps_its_zone_whichever_way_it_is_changed(
    pool: LicensePool, move: Move
) -> None:
    EntitlementFactory(pool=pool)
    (said,) = move(pool, zone="Asia/Tokyo")
    assert "CAD: 1 entitlement, whose days begin at midnight in the zone UTC" in said
    assert "Make a pool in the right zone" in said
    pool.refresh_from_db()
    assert pool.zone == "UTC"


def test_a_pool_goes_where_it_belongs_while_nothing_binds_it(
    pool: LicensePool, foreign: Product, move: Move
) -> None:
    assert move(pool, product=foreign, zone="Asia/Tokyo") == []
    pool.refresh_from_db()
    assert (pool.product, pool.zone) == (foreign, "Asia/Tokyo")


def test_the_form_says_why_a_field_stays_as_it_is_and_what_to_do_instead(
    pool: LicensePool,
) -> None:
    client = Client()
    client.force_login(User.objects.create_superuser("root"))

    def told(row: Any) -> dict[str, str]:
        page = reverse(f"admin:licenses_{row._meta.model_name}_change", args=[row.pk])
        answer: Any = client.get(page)
        fields = answer.context_data["adminform"].form.fields
        return {name: str(field.help_text) for name, field in fields.items()}

    assert told(pool)["zone"] == "IANA name, such as Europe/Berlin."
    EntitlementFactory(pool=pool)
    said = told(pool)
    assert "CAD: 1 entitlement, whose days begin at midnight" in said["zone"]
    assert "Make a pool in the right zone" in said["zone"]
    assert "So it stays a pool of that vendor" in said["product"]
    assert "So it stays a product of that vendor" in told(pool.product)["vendor"]


def moved(row: Any, **values: Any) -> str:
    """Try to give a row other values; return what it is refused for."""
    for name, value in values.items():
        setattr(row, name, value)
    try:
        row.full_clean()
    except ValidationError as error:
        return " ".join(error.messages)
    row.save()
    return ""


def test_each_kind_of_record_binds_a_pool_to_its_vendor(
    pool: LicensePool, foreign: Product
) -> None:
    elsewhere = PoolFactory(product=pool.product)
    feature = FeatureFactory(pool=pool)
    assert "CAD: 1 mapping, with" in moved(pool, product=foreign)
    row = feature.mappings.get()
    row.pool = elsewhere
    mapping.save_mapping(row, reason="Wrong pool.", code="wrong_mapping")
    pool.refresh_from_db()
    assert "CAD: 1 change of a mapping, with" in moved(pool, product=foreign)
    noted = PoolFactory(name="Noted", product=elsewhere.product)
    moments = {"starts": datetime(2026, 1, 1, tzinfo=UTC), "ends": datetime(2026, 1, 2, tzinfo=UTC)}
    OverUseNote.objects.create(pool=noted, cause="Launch", owner="Ada", **moments)
    assert "Noted: 1 note on over-use, with" in moved(noted, product=foreign)


def test_an_unsorted_pool_goes_to_its_vendor_until_rights_or_contracts_are_on_record(
    foreign: Product,
) -> None:
    server = FeatureFactory(daemon="brushd", name="OIL").server
    FeatureFactory(server=server, daemon="brushd", name="INK")
    oil, ink = mapping.create_pools(server)
    assert moved(oil, product=foreign) == ""
    EntitlementFactory(pool=ink, strength=Strength.CLAIMED)
    assert "1 entitlement, with the evidence of brushd" in moved(ink, product=foreign)
    other = mapping.create_pool_for(FeatureFactory(server=server, daemon="brushd", name="GUM"))
    Contract.objects.create(vendor=other.product.vendor, number="C-1")
    assert "1 mapping, with the evidence of brushd" in moved(other, product=foreign)


def test_a_pool_becomes_one_of_another_product_until_something_proves_its_rights(
    pool: LicensePool,
) -> None:
    other, third = (ProductFactory(vendor=pool.product.vendor) for _ in range(2))
    contract = Contract.objects.create(vendor=pool.product.vendor, number="C-1")
    FeatureFactory(pool=pool)
    line = EntitlementFactory(pool=pool, contract=contract, strength=Strength.CLAIMED)
    assert moved(pool, product=other) == ""
    prove([line], [Document.objects.create(contract=contract, kind="invoice", size=1)], user=None)
    said = moved(pool, product=third)
    assert f"CAD: 1 entitlement, and what proves it for {other}" in said
    judged = EntitlementFactory().pool
    said = moved(judged, product=ProductFactory(vendor=judged.product.vendor))
    assert "1 entitlement, and what proves it" in said


def test_also_a_right_that_was_taken_back_keeps_the_zone_of_its_pool(pool: LicensePool) -> None:
    """Reports as of before tell of it."""
    FeatureFactory(pool=pool)
    assert moved(pool, zone="Asia/Tokyo") == ""
    correct_right(EntitlementFactory(pool=pool), changes={}, reason="x", user=None, withdraw=True)
    assert "CAD: 2 entitlements, whose days" in moved(pool, zone="UTC")


def test_taking_a_move_back_is_bound_by_the_same_rule(pool: LicensePool, foreign: Product) -> None:
    user = User.objects.create_user("mara")
    done = change("pools", [pool], {"product": foreign}, user=user)
    EntitlementFactory(pool=LicensePool.objects.get(pk=pool.pk))
    with pytest.raises(ValidationError, match="1 entitlement, with the evidence of Brush"):
        undo(done, user=user)


def test_a_product_with_pools_stays_with_its_vendor(pool: LicensePool, foreign: Product) -> None:
    said = moved(pool.product, vendor=foreign.vendor)
    assert "Draw: 1 pool, with the evidence of Acme" in said and "Record a product" in said
    assert moved(ProductFactory(), vendor=foreign.vendor) == ""


@pytest.mark.parametrize("kind", ["entitlement", "document"])
def test_a_contract_with_lines_or_documents_stays_with_its_vendor(
    pool: LicensePool, foreign: Product, kind: str
) -> None:
    contract = Contract.objects.create(vendor=pool.product.vendor, number="C-1")
    assert moved(contract, vendor=foreign.vendor) == ""
    assert moved(contract, vendor=pool.product.vendor) == ""
    if kind == "entitlement":
        Entitlement.objects.create(
            pool=pool, contract=contract, quantity=1, valid_from=date(2026, 1, 1)
        )
    else:
        Document.objects.create(contract=contract, kind="invoice", size=1)
    said = moved(contract, vendor=Vendor.objects.get(name="Brush"))
    assert f"contract C-1: 1 {kind}. So it stays one with Acme" in said
