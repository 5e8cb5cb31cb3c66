"""Write the company's inventory as CSV: what `import_inventory` reads, one file per kind. Columns:
docs/inventory-csv.md."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path
from typing import NamedTuple

from .entities import World

Row = tuple[object, ...]

HEADERS = {
    "vendors": "vendor,website,notes",
    "products": "vendor,product,category",
    "teams": "team,parent,cost_center,contact_email",
    "people": "login,name,email,team,member_from,member_to",
    "pools": "pool,vendor,product,zone,owner_team,server,daemon,feature,weight,mapped_from,"
    "mapped_until",
    "contracts": "contract,vendor,title,valid_from,valid_to,notice_days,renews,cost,currency,owner",
    "entitlements": "pool,contract,quantity,metric,valid_from,valid_to,overdraft,unit_price,"
    "currency,purchase_order,scope",
}
"""Kind -> header row, in the order in which the files can be read."""


def cell(value: object) -> str:
    """Return a value as the files write it: days as YYYY-MM-DD, money with a point and two places,
    empty for none."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case date():
            return value.isoformat()
        case float():
            return f"{value:.2f}"
        case _:
            return str(value)


def inventory_texts(world: World) -> dict[str, str]:
    """Return the seven files: kind -> text."""
    rows: dict[str, Callable[[World], Iterable[Row]]] = {
        "vendors": lambda w: ((v.name, v.website, v.notes) for v in w.vendors),
        "products": product_rows,
        "teams": lambda w: ((t.name, t.parent, t.cost_center, t.contact_email) for t in w.teams),
        "people": people_rows,
        "pools": pool_rows,
        "contracts": contract_rows,
        "entitlements": entitlement_rows,
    }
    texts = {}
    for kind, header in HEADERS.items():
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(header.split(","))
        for row in rows[kind](world):
            writer.writerow([cell(value) for value in row])
        texts[kind] = out.getvalue()
    return texts


def product_rows(world: World) -> Iterable[Row]:
    return dict.fromkeys(
        (pool.vendor, pool.product, pool.category) for pool in world.pools.values()
    )


def people_rows(world: World) -> Iterable[Row]:
    """Yield one row per membership."""
    for person in world.people:
        for member in person.memberships:
            yield (
                person.login,
                person.name,
                person.email,
                member.team,
                member.member_from,
                member.member_to,
            )


def pool_rows(world: World) -> Iterable[Row]:
    """Yield one row per feature of a pool; a package's components feed the same pool and count once
    with it."""
    for pool in world.pools.values():
        for source in pool.sources:
            supply = source.supply
            for feature in (supply.feature, *supply.components):
                yield (
                    pool.name,
                    pool.vendor,
                    pool.product,
                    pool.zone,
                    pool.owner_team,
                    supply.server,
                    supply.daemon,
                    feature,
                    source.weight,
                    source.mapped_from,
                    source.mapped_until,
                )


def contract_rows(world: World) -> Iterable[Row]:
    for c in world.contracts:
        cost = float(c.cost)
        yield (
            c.number,
            c.vendor,
            c.title,
            c.valid_from,
            c.valid_to,
            c.notice_days,
            c.renews,
            cost,
            c.currency,
            c.owner,
        )


def entitlement_rows(world: World) -> Iterable[Row]:
    for e in world.entitlements:
        yield (
            e.pool,
            e.contract,
            e.quantity,
            e.metric,
            e.valid_from,
            e.valid_to,
            e.overdraft,
            float(e.unit_price),
            e.currency,
            e.purchase_order,
            e.scope,
        )


def write_inventory(world: World, folder: Path) -> list[Path]:
    """Write the files into a folder and return them in the order in which they can be read."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for kind, text in inventory_texts(world).items():
        path = folder / f"{kind}.csv"
        path.write_text(text, encoding="utf-8", newline="\n")
        paths.append(path)
    return paths


class Bill(NamedTuple):
    """An invoice: it proves the lines of its contract that are in force on its day."""

    contract: str
    file_name: str
    day: date
    text: str


def invoices(world: World) -> list[Bill]:
    """Return every invoice: the papers that prove what was bought."""
    papers = []
    for contract in world.contracts:
        lines = [e for e in world.entitlements if e.contract == contract.number]
        for invoice in contract.invoices:
            day = invoice.issued_on
            items = [
                f"  {line.quantity:>5} x {line.pool:<34} {line.unit_price:>12,.2f}"
                f"  {line.purchase_order}"
                for line in lines
                if line.valid_from <= day and (line.valid_to is None or line.valid_to >= day)
            ]
            text = "\n".join(
                [
                    f"INVOICE {invoice.number}",
                    f"{contract.vendor} (a vendor that does not exist)",
                    "",
                    f"Date      {invoice.issued_on.isoformat()}",
                    f"Contract  {contract.number}: {contract.title}",
                    "",
                    *items,
                    "",
                    f"Total     {invoice.amount:,.2f} {invoice.currency}",
                    "",
                ]
            )
            name = f"{invoice.number.replace('/', '-')}.txt"
            papers.append(Bill(contract.number, name, day, text))
    return papers
