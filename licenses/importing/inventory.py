"""Import the inventory: vendors, products, teams, people, pools, contracts and rights, from CSV.

A file is stored whole or not at all. A row names what it is about by its key, so a second import of
the same file finds everything known. Rights are only ever added.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.db import models, transaction

from licenses.analysis import rollup
from licenses.concurrency.periods import local_midnight
from licenses.models import (
    Contract,
    Entitlement,
    Feature,
    Identity,
    LicensePool,
    LicenseServer,
    Membership,
    Person,
    PoolFeature,
    Product,
    Team,
    Vendor,
    pseudonym,
)

from .files import ImportRefused, server_for
from .inventory_csv import COLUMNS, LIMIT, METRICS, Problem, Refused, Row, Table, read
from .mapping import map_feature, save_mapping
from .rights import note_rights
from .teams import changing

SHOWN = 20
"""Errors told for one file; all are counted."""
RIGHT = (
    *("pool_id", "contract_id", "quantity", "metric", "valid_from", "valid_to", "overdraft"),
    *("unit_price", "currency", "purchase_order", "scope"),
)
assert set(METRICS) == set(Entitlement.Metric.values)


@dataclass(slots=True)
class Imported:
    """What became of one file. new, known, changed count rows; all are 0 where there are errors."""

    file: str
    kind: str
    rows: int = 0
    new: int = 0
    known: int = 0
    changed: int = 0
    problems: list[Problem] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        errors = [str(problem) for problem in sorted(self.problems)]
        if len(errors) > SHOWN:
            errors[SHOWN:] = [f"and {len(errors) - SHOWN} more"]
        counts = {name: getattr(self, name) for name in ("rows", "new", "known", "changed")}
        return {"file": self.file, "kind": self.kind, **counts, "errors": errors}

    @contextmanager
    def row(self, row: Row, columns: Mapping[str, str] | None = None) -> Any:
        """Keep what is wrong with a row. columns: field to column, where they differ."""
        try:
            yield
        except Refused as error:
            self.problems.append(Problem(row.line, error.column, str(error)))
        except ValidationError as error:
            names = columns or {}
            if not hasattr(error, "error_dict"):
                self.problems.append(Problem(row.line, names.get("", ""), " ".join(error.messages)))
                return
            for name, messages in error.message_dict.items():
                column = names.get(name, name) if name != "__all__" else names.get("", "")
                self.problems.append(Problem(row.line, column, " ".join(messages)))

    def count(self, *, new: bool, changed: bool) -> None:
        if new:
            self.new += 1
        elif changed:
            self.changed += 1
        else:
            self.known += 1


def import_inventory(paths: Iterable[Path]) -> list[Imported]:
    """Import files of any kinds, in the order in which they build on each other.

    Files with errors leave nothing behind; the others are stored all the same.
    """
    order = [*COLUMNS, ""]
    tables = []
    for path in paths:
        try:
            tables.append((path, _read(path)))
        except OSError as error:
            wrong = f"cannot be read: {error.strerror or error}"
            tables.append((path, Table("", problems=[Problem(0, "", wrong)])))
    tables.sort(key=lambda pair: order.index(pair[1].kind))
    return [import_table(path.name, table) for path, table in tables]


def _read(path: Path) -> Table:
    if path.stat().st_size > LIMIT:
        wrong = f"larger than {LIMIT // 2**20} MB, which no inventory file is"
        return Table("", problems=[Problem(1, "", wrong)])
    return read(path.read_bytes())


def import_table(name: str, table: Table) -> Imported:
    """Store one file that was read, in one transaction."""
    result = Imported(name, table.kind, len(table.rows), problems=list(table.problems))
    if table.kind:
        with changing() if table.kind in ("teams", "people") else transaction.atomic():
            _STORE[table.kind](table.rows, result)
            if result.problems:
                transaction.set_rollback(True)
    if result.problems:
        result.new = result.known = result.changed = 0
    return result


def _put(row: models.Model, values: Mapping[str, Any], result: Imported) -> bool:
    """Store a row if it is new or differs from values; return whether it was stored.

    Raises ValidationError. Does not look for other rows of the same key: the caller has.
    """
    new = row._state.adding
    changed = [name for name, value in values.items() if getattr(row, name) != value]
    for name in changed:
        setattr(row, name, values[name])
    if new or changed:
        row.clean_fields()
        row.clean()
        row.validate_constraints()
        row.save()
    result.count(new=new, changed=bool(changed))
    return new or bool(changed)


def _find(known: Mapping[str, Any], column: str, name: str, kind: str) -> Any:
    if name not in known:
        raise Refused(column, f"found {name!r}, expected the name of a known {kind}")
    return known[name]


def _vendors(rows: Sequence[Row], result: Imported) -> None:
    known = {vendor.name: vendor for vendor in Vendor.objects.all()}
    for row in rows:
        with result.row(row, {"name": "vendor"}):
            vendor = known.setdefault(row["vendor"], Vendor(name=row["vendor"]))
            _put(vendor, {"website": row["website"], "notes": row["notes"]}, result)


def _products(rows: Sequence[Row], result: Imported) -> None:
    vendors = {vendor.name: vendor for vendor in Vendor.objects.all()}
    known = {(product.vendor_id, product.name): product for product in Product.objects.all()}
    for row in rows:
        with result.row(row, {"name": "product"}):
            vendor = _find(vendors, "vendor", row["vendor"], "vendor")
            product = known.setdefault(
                (vendor.pk, row["product"]), Product(vendor=vendor, name=row["product"])
            )
            _put(product, {"category": row["category"]}, result)


def _teams(rows: Sequence[Row], result: Imported) -> None:
    """Store teams; a parent may stand below its children."""
    known = {team.name: team for team in Team.objects.all()}
    waiting = list(rows)
    coming = Counter(row["team"] for row in rows)
    while waiting:
        put_off = []
        for row in waiting:
            parent = row["parent"]
            if parent and parent not in known and coming[parent] and parent != row["team"]:
                put_off.append(row)
                continue
            with result.row(row, {"name": "team", "": "parent"}):
                above = _find(known, "parent", parent, "team") if parent else None
                team = known.get(row["team"]) or Team(name=row["team"])
                values = {name: row[name] for name in ("cost_center", "contact_email")}
                _put(team, {"parent_id": above and above.pk, **values}, result)
                known[row["team"]] = team
        if len(put_off) == len(waiting):
            for row in put_off:
                wrong = f"found {row['parent']!r}, expected a team that is not below this one"
                result.problems.append(Problem(row.line, "parent", wrong))
            return
        waiting = put_off


def _people(rows: Sequence[Row], result: Imported) -> None:
    """Store people and memberships: a few queries for all that are known already."""
    teams = {team.name: team for team in Team.objects.all()}
    codes = {row["login"]: pseudonym("person", row["login"]) for row in rows}
    persons = _by_pseudonym(set(codes.values()))
    ids = {person.pk: code for code, person in persons.items()}
    identities = {row.person_id: row for row in _in_batches(Identity, "person", list(ids))}
    members = {
        (row.person_id, row.team_id, row.valid_from): row
        for row in _in_batches(Membership, "person", list(ids))
    }
    columns = {"valid_from": "member_from", "valid_to": "member_to", "": "member_from"}
    for row in rows:
        with result.row(row, columns):
            team = _find(teams, "team", row["team"], "team") if row["team"] else None
            person = persons.get(codes[row["login"]])
            new = person is None
            if person is None:
                person = Person.objects.create(pseudonym=codes[row["login"]])
                persons[person.pseudonym] = person
            identity = identities.setdefault(person.pk, Identity(person=person, login=row["login"]))
            within = Imported("", "")
            if person.erased_at is None:
                _put(identity, {"name": row["name"], "email": row["email"]}, within)
            if team is not None:
                member = members.setdefault(
                    (person.pk, team.pk, row["member_from"]),
                    Membership(person=person, team=team, valid_from=row["member_from"]),
                )
                _put(member, {"valid_to": row["member_to"]}, within)
                new |= within.new > 0
            result.count(new=new, changed=bool(within.changed or within.new))


def _by_pseudonym(codes: set[str]) -> dict[str, Person]:
    return {row.pseudonym: row for row in _in_batches(Person, "pseudonym", sorted(codes))}


def _in_batches(model: Any, name: str, values: Sequence[Any]) -> list[Any]:
    found: list[Any] = []
    for start in range(0, len(values), 500):
        found += model.objects.filter(**{f"{name}__in": values[start : start + 500]})
    return found


def _pools(rows: Sequence[Row], result: Imported) -> None:
    products = {
        (product.vendor.name, product.name): product
        for product in Product.objects.select_related("vendor")
    }
    teams = {team.name: team for team in Team.objects.all()}
    pools = {pool.name: pool for pool in LicensePool.objects.all()}
    told: dict[str, Row] = {}
    columns = {"name": "pool", "": "feature"}
    for row in rows:
        with result.row(row, columns):
            first = told.setdefault(row["pool"], row)
            for column in ("vendor", "product", "zone", "owner_team"):
                if row[column] != first[column]:
                    expected = f"expected {first[column]!r} as in line {first.line}"
                    raise Refused(column, f"found {row[column]!r}, {expected}")
            if (row["vendor"], row["product"]) not in products:
                wrong = f"found {row['product']!r}, expected a known product of {row['vendor']!r}"
                raise Refused("product", wrong)
            owner = row["owner_team"] and _find(teams, "owner_team", row["owner_team"], "team")
            pool = pools.setdefault(row["pool"], LicensePool(name=row["pool"]))
            product = products[row["vendor"], row["product"]]
            within = Imported("", "")
            if (
                _put(pool, {"product_id": product.pk, "zone": row["zone"]}, within)
                and within.changed
            ):
                rollup.mark_dirty([pool.pk])  # its days begin at other moments
            if owner and not pool.owner_teams.filter(pk=owner.pk).exists():
                pool.owner_teams.add(owner)
                within.changed += 1
            new = _map(row, pool)
            result.count(new=new is True, changed=new is False or bool(within.changed))


def _map(row: Row, pool: LicensePool) -> bool | None:
    """Let a row's feature feed the pool: True where that is new, False where changed, or None."""
    try:
        server = server_for(row["server"])
    except ImportRefused as error:
        raise Refused("server", str(error)) from error
    feature = _feature(server, row["daemon"], row["feature"])
    begins = _midnight("mapped_from", row["mapped_from"], pool.tzinfo)
    last = row["mapped_until"]
    ends = _midnight("mapped_until", last and _next_day(last), pool.tzinfo)
    mapping = PoolFeature.objects.filter(pool=pool, feature=feature, mapped_from=begins).first()
    if mapping is None:
        map_feature(feature, pool, weight=row["weight"], mapped_from=begins, mapped_until=ends)
        return True
    if (mapping.weight, mapping.mapped_until) == (row["weight"], ends):
        return None
    mapping.weight, mapping.mapped_until = row["weight"], ends
    mapping.full_clean(exclude=["recorded_by"])
    save_mapping(mapping, reason="An inventory file says otherwise.")
    return False


def _feature(server: LicenseServer, daemon: str, name: str) -> Feature:
    """Return a server's feature; one that a status told of without its daemon gets it now."""
    found = Feature.objects.filter(server=server, name=name, daemon__in=(daemon, ""))
    feature = found.order_by("-daemon").first()
    if feature is None:
        feature = Feature(server=server, daemon=daemon, name=name)
    elif feature.daemon == daemon:
        return feature
    feature.daemon = daemon
    feature.full_clean()
    feature.save()
    return feature


def _next_day(day: date) -> date:
    if day == date.max:
        raise Refused("mapped_until", f"found {day}, expected an earlier day, or none")
    return day + timedelta(days=1)


def _midnight(column: str, day: date | None, zone: ZoneInfo) -> datetime | None:
    try:
        if day is None:
            return None
        return datetime.fromtimestamp(local_midnight(day, zone), UTC)
    except (ValueError, OverflowError) as error:
        raise Refused(column, f"found {day}, expected a day of this age") from error


def _contracts(rows: Sequence[Row], result: Imported) -> None:
    vendors = {vendor.name: vendor for vendor in Vendor.objects.all()}
    known = {(row.vendor_id, row.number): row for row in Contract.objects.all()}
    for row in rows:
        with result.row(row, {"number": "contract", "": "valid_to"}):
            vendor = _find(vendors, "vendor", row["vendor"], "vendor")
            contract = known.setdefault(
                (vendor.pk, row["contract"]), Contract(vendor=vendor, number=row["contract"])
            )
            _put(
                contract,
                {name: row[name] for name in COLUMNS["contracts"] if name not in _CONTRACT_KEY},
                result,
            )


_CONTRACT_KEY = ("contract", "vendor")


def _entitlements(rows: Sequence[Row], result: Imported) -> None:
    """Add the lines that are not on record. Equal lines are told apart by their number alone."""
    pools = {pool.name: pool for pool in LicensePool.objects.select_related("product__vendor")}
    contracts = {(row.vendor_id, row.number): row for row in Contract.objects.all()}
    recorded = recorded_rights()
    added: list[Entitlement] = []
    for row in rows:
        with result.row(row, {"": "valid_to"}):
            pool = _find(pools, "pool", row["pool"], "pool")
            contract = contracts.get((pool.product.vendor_id, row["contract"]))
            if row["contract"] and contract is None:
                expected = f"expected the number of a known contract with {pool.product.vendor}"
                raise Refused("contract", f"found {row['contract']!r}, {expected}")
            right = Entitlement(
                pool=pool, contract=contract, **{name: row[name] for name in RIGHT[2:]}
            )
            key = tuple(getattr(right, name) for name in RIGHT)
            if recorded[key]:
                recorded[key] -= 1
                result.known += 1
                continue
            right.clean_fields()
            right.clean()
            right.save()
            added.append(right)
            result.new += 1
    note_rights(added)


def recorded_rights() -> Counter[tuple[Any, ...]]:
    """Count the lines on record. One that was corrected counts under each form it ever had."""
    line_of: dict[int, int] = {}
    forms: set[tuple[int, tuple[Any, ...]]] = set()
    for pk, replaces, *values in Entitlement.objects.order_by("pk").values_list(
        "pk", "replaces_id", *RIGHT
    ):
        line_of[pk] = line_of.get(replaces, pk)
        forms.add((line_of[pk], tuple(values)))
    return Counter(form for _line, form in forms)


_STORE: Mapping[str, Callable[[Sequence[Row], Imported], None]] = {
    "vendors": _vendors,
    "products": _products,
    "teams": _teams,
    "people": _people,
    "pools": _pools,
    "contracts": _contracts,
    "entitlements": _entitlements,
}
