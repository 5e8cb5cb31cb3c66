"""What the database itself keeps of the rules of `fixed`: from a forgotten `update()`, from SQL."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import NamedTuple

from .fixed import READ_KINDS, READ_RESULTS, UNSORTED


class Fixed(NamedTuple):
    """A column that stays as it is while a condition on OLD and NEW holds."""

    name: str
    table: str
    column: str
    message: str
    when: str


def _any(table: str, column: str, more: str = "") -> str:
    return f"EXISTS (SELECT 1 FROM licenses_{table} WHERE {column} = OLD.id{more})"


def _listed(values: Collection[str]) -> str:
    return ", ".join(f"'{value}'" for value in values)


def _vendor_of(row: str) -> str:
    return f"(SELECT vendor_id FROM licenses_product WHERE id = {row}.product_id)"


_MOVED = f"{_vendor_of('OLD')} <> {_vendor_of('NEW')}"
_SORTED = (
    f"NOT EXISTS (SELECT 1 FROM licenses_product WHERE id = OLD.product_id AND name = '{UNSORTED}')"
    f" OR EXISTS (SELECT 1 FROM licenses_contract WHERE vendor_id = {_vendor_of('OLD')})"
)
_MAPPED = f"{_any('poolfeature', 'pool_id')} OR {_any('mappingchange', 'pool_id')}"
_PROVEN = (
    "EXISTS (SELECT 1 FROM licenses_entitlement AS line WHERE line.pool_id = OLD.id AND ("
    "EXISTS (SELECT 1 FROM licenses_proof WHERE entitlement_id = line.id) OR "
    "EXISTS (SELECT 1 FROM licenses_strengthoverride WHERE entitlement_id = line.id"
    " AND strength IS NOT NULL)))"
)

_TOLD = {
    column: f"NOT EXISTS (SELECT 1 FROM licenses_mappingchange AS told WHERE told.id = "
    "(SELECT MAX(id) FROM licenses_mappingchange WHERE pool_id = NEW.pool_id) AND "
    f"COALESCE(CAST(told.after ->> '{name}' AS bigint), -1) = COALESCE(NEW.{column}, -1))"
    for column, name in (("weight", "weight"), ("mapped_from", "from"), ("mapped_until", "until"))
}
"""What the newest change of a pool's mappings does not say of a column."""

FIXED = (
    *(
        Fixed(
            f"guard_mapping_{column}",
            "licenses_poolfeature",
            column,
            "A mapping becomes only what a change on record says.",
            untold,
        )
        for column, untold in _TOLD.items()
    ),
    Fixed(
        "guard_product_vendor",
        "licenses_product",
        "vendor_id",
        "A product that has pools stays with its vendor.",
        _any("licensepool", "product_id"),
    ),
    Fixed(
        "guard_contract_vendor",
        "licenses_contract",
        "vendor_id",
        "A contract that has entitlements or documents stays with its vendor.",
        f"{_any('entitlement', 'contract_id')} OR {_any('document', 'contract_id')}",
    ),
    Fixed(
        "guard_pool_vendor",
        "licenses_licensepool",
        "product_id",
        "A pool that has records stays with its vendor.",
        f"{_MOVED} AND ({_any('entitlement', 'pool_id')} OR {_any('overusenote', 'pool_id')}"
        f" OR (({_SORTED}) AND ({_MAPPED})))",
    ),
    Fixed(
        "guard_pool_product",
        "licenses_licensepool",
        "product_id",
        "A pool of which something proves the rights stays one of its product.",
        _PROVEN,
    ),
    Fixed(
        "guard_pool_zone",
        "licenses_licensepool",
        "zone",
        "A pool that has entitlements keeps its zone.",
        _any("entitlement", "pool_id"),
    ),
    Fixed(
        "guard_server_zone",
        "licenses_licenseserver",
        "zone",
        "A server of which texts were read keeps its zone.",
        "OLD.zone <> '' AND "
        + _any(
            "capture",
            "server_id",
            f" AND kind IN ({_listed(READ_KINDS)}) AND result IN ({_listed(READ_RESULTS)})",
        ),
    ),
)


def fixed(vendor: str, there: set[str]) -> Iterator[tuple[str, str]]:
    """Yield the statements that guard these columns, each with the one that takes it back.

    there: the tables of the database. A guard that asks another stands where that is.
    """
    for each in FIXED:
        if {each.table, *re.findall(r"licenses_\w+", each.when)} <= there:
            yield from _sqlite(each) if vendor == "sqlite" else _postgresql(each)


def _sqlite(each: Fixed) -> Iterator[tuple[str, str]]:
    column = each.column
    yield (
        f"CREATE TRIGGER IF NOT EXISTS {each.name} BEFORE UPDATE OF {column} ON {each.table} "
        f"WHEN OLD.{column} IS NOT NEW.{column} AND ({each.when}) "
        f"BEGIN SELECT RAISE(ABORT, '{each.message}'); END",
        f"DROP TRIGGER IF EXISTS {each.name}",
    )


def _postgresql(each: Fixed) -> Iterator[tuple[str, str]]:
    # The condition of a trigger cannot ask other tables: its function does.
    yield (
        f"CREATE OR REPLACE FUNCTION {each.name}() RETURNS trigger LANGUAGE plpgsql AS $$ "
        f"BEGIN IF {each.when} THEN RAISE EXCEPTION '{each.message}' "
        "USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN NEW; END $$",
        f"DROP FUNCTION IF EXISTS {each.name}() CASCADE",
    )
    column = each.column
    yield (
        f"CREATE OR REPLACE TRIGGER {each.name} BEFORE UPDATE OF {column} ON {each.table} "
        f"FOR EACH ROW WHEN (OLD.{column} IS DISTINCT FROM NEW.{column}) "
        f"EXECUTE FUNCTION {each.name}()",
        "",
    )
