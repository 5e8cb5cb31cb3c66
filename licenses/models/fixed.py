"""What of a row stays as it is once others rest on it: a vendor's evidence and packs hold all of
its pools, contracts and lines, and nothing of another's; what a server wrote stays at its moments.

Here it is said with what to do instead; the database refuses the same (`fixed_guards`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils.translation import gettext, ngettext_lazy

if TYPE_CHECKING:
    from .contracts import Contract
    from .inventory import Product
    from .pools import LicensePool
    from .servers import LicenseServer

UNSORTED: Final = "Unsorted"
"""The product of pools that were made before anybody said whose their features are."""

READ_KINDS: Final = ("debug-log", "lmstat")
READ_RESULTS: Final = ("parsed", "partial")
"""Of texts of which each event has a moment in the zone of their server."""

_POOLS: Final = ngettext_lazy("%(count)s pool", "%(count)s pools", "count")
_LINES: Final = ngettext_lazy("%(count)s entitlement", "%(count)s entitlements", "count")
_DOCUMENTS: Final = ngettext_lazy("%(count)s document", "%(count)s documents", "count")
_NOTES: Final = ngettext_lazy("%(count)s note on over-use", "%(count)s notes on over-use", "count")
_TEXTS: Final = ngettext_lazy("%(count)s text", "%(count)s texts", "count")
_MAPPINGS: Final = ngettext_lazy("%(count)s mapping", "%(count)s mappings", "count")
_CHANGES: Final = ngettext_lazy(
    "%(count)s change of a mapping", "%(count)s changes of mappings", "count"
)

_HANDED_OUT: Final[list[tuple[Any, Callable[[LicensePool], Any]]]] = []
"""What was handed out of a pool: in words, and its rows."""


def also(words: Any, rows: Callable[[LicensePool], Any]) -> None:
    """Have what was handed out of a pool, by what is above this layer, keep it with its vendor."""
    _HANDED_OUT.append((words, rows))


def check_product(product: Product) -> None:
    """Refuse another vendor for a product that has pools."""
    before = _stored(product)
    if before is not None and before.vendor_id != product.vendor_id:
        _refuse({"vendor": _why_products_vendor(before)})


def check_contract(contract: Contract) -> None:
    """Refuse another vendor for a contract that has lines or documents."""
    before = _stored(contract)
    if before is not None and before.vendor_id != contract.vendor_id:
        _refuse({"vendor": _why_contracts_vendor(before)})


def check_pool(pool: LicensePool) -> None:
    """Refuse another product or zone for a pool of which too much is on record for that."""
    before = _stored(pool)
    if before is None:
        return
    wrong = {}
    if pool.product_id and pool.product_id != before.product_id:
        elsewhere = before.product.vendor_id != pool.product.vendor_id
        wrong["product"] = (_why_this_vendor if elsewhere else _why_this_product)(before)
    if pool.zone != before.zone:
        wrong["zone"] = _why_this_zone(before)
    _refuse(wrong)


def check_server(server: LicenseServer) -> None:
    """Refuse another zone for a server of which texts were read: read once more, each of their
    events would be at another moment, and its use would count twice."""
    before = _stored(server)
    if before is not None and server.zone != before.zone:
        _refuse({"zone": _why_servers_zone(before)})


def why_fixed(row: Any) -> dict[str, str]:
    """Return why columns of a stored row stay as they are, and what to do instead, by their names;
    nothing of those that may still be changed."""
    asked: dict[str, dict[str, Callable[[Any], str]]] = {
        "contract": {"vendor": _why_contracts_vendor},
        "licensepool": {
            "product": lambda pool: _why_this_vendor(pool) or _why_this_product(pool),
            "zone": _why_this_zone,
        },
        "licenseserver": {"zone": _why_servers_zone},
        "product": {"vendor": _why_products_vendor},
    }
    found = {name: why(row) for name, why in asked.get(row._meta.model_name, {}).items()}
    return {name: words for name, words in found.items() if words}


def _refuse(wrong: dict[str, str]) -> None:
    if said := {name: words for name, words in wrong.items() if words}:
        raise ValidationError(said)


def _why_products_vendor(product: Product) -> str:
    found = _counted((_POOLS, product.pools))
    said = gettext(
        "On record of %(product)s: %(found)s, with the evidence of %(vendor)s. So it stays a"
        " product of that vendor. Record a product of the other vendor, and pools of it."
    )
    return said % {"product": product, "found": found, "vendor": product.vendor} if found else ""


def _why_contracts_vendor(contract: Contract) -> str:
    found = _counted((_LINES, contract.entitlements), (_DOCUMENTS, contract.documents))
    said = gettext(
        "On record of contract %(contract)s: %(found)s. So it stays one with %(vendor)s. Record"
        " a contract with the other vendor, and correct the lines that belong to it."
    )
    told = {"contract": contract.number, "found": found, "vendor": contract.vendor}
    return said % told if found else ""


def _why_servers_zone(server: LicenseServer) -> str:
    read = server.captures.filter(kind__in=READ_KINDS, result__in=READ_RESULTS)
    found = _counted((_TEXTS, read)) if server.zone else ""
    said = gettext(
        "On record of %(server)s: %(found)s, whose times were read in the zone %(zone)s. So it"
        " keeps that zone. Record another server with the right zone, hand in the texts there,"
        " and correct the mappings of these features."
    )
    return said % {"server": server, "found": found, "zone": server.zone} if found else ""


def _why_this_vendor(pool: LicensePool) -> str:
    """Return why a pool cannot become one of another vendor; "" where it can."""
    kinds: list[tuple[Any, Any]] = [(_LINES, pool.entitlements), (_NOTES, pool.over_use_notes)]
    if not _unsorted(pool.product):
        kinds += [(_MAPPINGS, pool.mappings), (_CHANGES, pool.mapping_changes)]
    found = _counted(*kinds, *((words, rows(pool)) for words, rows in _HANDED_OUT))
    said = gettext(
        "On record of %(pool)s: %(found)s, with the evidence of %(vendor)s. So it stays a pool"
        " of that vendor. Make a pool of the other product, and correct the lines and mappings"
        " that belong to it."
    )
    return said % {"pool": pool, "found": found, "vendor": pool.product.vendor} if found else ""


def _why_this_product(pool: LicensePool) -> str:
    """Return why a pool cannot become one of another product of its vendor; "" where it can."""
    proven = Q(proofs__isnull=False) | Q(strength_overrides__strength__isnull=False)
    found = _counted((_LINES, pool.entitlements.filter(proven).distinct()))
    said = gettext(
        "On record of %(pool)s: %(found)s, and what proves it for %(product)s. So it stays a"
        " pool of that product. Make a pool of the other one, and correct the lines that belong"
        " to it."
    )
    return said % {"pool": pool, "found": found, "product": pool.product} if found else ""


def _unsorted(product: Product) -> bool:
    """Tell whether nobody said yet whose features are in the pools of a product, and nobody has a
    contract with the vendor that the program named after their daemon: no auditor asks for it."""
    return product.name == UNSORTED and not product.vendor.contracts.exists()


def _why_this_zone(pool: LicensePool) -> str:
    """Return why a pool's days cannot begin at other moments; "" where they can. Days of rights do,
    in reports on the past, too: what was over-use could become none."""
    found = _counted((_LINES, pool.entitlements))
    said = gettext(
        "On record of %(pool)s: %(found)s, whose days begin at midnight in the zone %(zone)s, in"
        " the past, too. So it keeps that zone. Make a pool in the right zone, and correct the"
        " lines and mappings that belong to it."
    )
    return said % {"pool": pool, "found": found, "zone": pool.zone} if found else ""


def _counted(*kinds: tuple[Any, Any]) -> str:
    counts = [(words, rows.count()) for words, rows in kinds]
    return ", ".join(str(words % {"count": count}) for words, count in counts if count)


def _stored(row: Any) -> Any:
    """Return a row as the database has it; None for a new one."""
    return type(row)._default_manager.filter(pk=row.pk).first() if row.pk else None
