"""Read an inventory file: which kind it is, and its cells as values. Columns:
docs/inventory-csv.md."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from licenses.models import zone_names

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "vendors": ("vendor", "website", "notes"),
    "products": ("vendor", "product", "category"),
    "teams": ("team", "parent", "cost_center", "contact_email"),
    "people": ("login", "name", "email", "team", "member_from", "member_to"),
    "pools": (
        *("pool", "vendor", "product", "zone", "owner_team", "server", "daemon", "feature"),
        *("weight", "mapped_from", "mapped_until"),
    ),
    "contracts": (
        *("contract", "vendor", "title", "valid_from", "valid_to", "notice_days", "renews"),
        *("cost", "currency", "owner"),
    ),
    "entitlements": (
        *("pool", "contract", "quantity", "metric", "valid_from", "valid_to", "overdraft"),
        *("unit_price", "currency", "purchase_order", "scope"),
    ),
}
"""Kind to columns, in the order in which the files can be read."""
LIMIT = 64 * 2**20
METRICS = ("concurrent", "token", "named", "node", "site")
_NUMBER = re.compile(r"[0-9]{1,9}", re.ASCII)
_MONEY = re.compile(r"[0-9]{1,12}(\.[0-9]{1,2})?", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """What is wrong in a file. line counts from 1; column: "" where the whole line is meant."""

    line: int
    column: str
    message: str

    def __str__(self) -> str:
        column = f", column {self.column}" if self.column else ""
        return f"line {self.line}{column}: {self.message}"


class Refused(ValueError):
    """One cell cannot be used."""

    def __init__(self, column: str, message: str) -> None:
        super().__init__(message)
        self.column = column


@dataclass(slots=True)
class Row:
    """One row. values: column to value; None where the cell is empty and may be."""

    line: int
    values: dict[str, Any]

    def __getitem__(self, column: str) -> Any:
        return self.values[column]


@dataclass(slots=True)
class Table:
    """A file as read. kind: "" where the header is of none. Rows with problems are left out."""

    kind: str
    rows: list[Row] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def read(data: bytes) -> Table:
    """Read one file. Never raises for what stands in it: that is in `problems`."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        found = f"found the byte 0x{data[error.start]:02x}, expected UTF-8 text"
        return Table("", problems=[Problem(line, "", found)])
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    table, header, line = Table(""), None, 1
    try:
        for cells in reader:
            if header is None:
                header = [cell.strip() for cell in cells]
                table.kind, wrong = _kind(header)
                if wrong:
                    table.problems.append(Problem(line, "", wrong))
                    return table
            elif any(cell.strip() for cell in cells):
                _read_row(table, header, line, cells)
            line = reader.line_num + 1
    except csv.Error as error:
        table.problems.append(Problem(line, "", f"not readable as comma-separated: {error}"))
    if header is None:
        table.problems.append(Problem(1, "", "found nothing, expected a header row"))
    return table


def _kind(header: list[str]) -> tuple[str, str]:
    """Return the kind whose header this is, or what is wrong with it."""
    for kind, columns in COLUMNS.items():
        if sorted(header) == sorted(columns):
            return kind, ""
    shared = {kind: len(set(header) & set(columns)) for kind, columns in COLUMNS.items()}
    nearest = max(shared, key=lambda kind: shared[kind])
    found = f"found the header {','.join(header)[:300]!r}"
    if not shared[nearest]:
        return "", f"{found}, expected that of {', '.join(COLUMNS)}, joined by commas"
    return "", f"{found}, expected {','.join(COLUMNS[nearest])!r} ({nearest})"


def _read_row(table: Table, header: list[str], line: int, cells: list[str]) -> None:
    if len(cells) != len(header):
        wrong = f"found {len(cells)} values, expected {len(header)}"
        table.problems.append(Problem(line, "", wrong))
        return
    values, sound = {}, True
    for column, cell in zip(header, cells, strict=True):
        try:
            values[column] = _value(table.kind, column, cell.strip())
        except Refused as error:
            sound = False
            table.problems.append(Problem(line, column, str(error)))
    if sound:
        table.rows.append(Row(line, values))


def _value(kind: str, column: str, text: str) -> Any:
    if "\0" in text:
        raise Refused(column, "found a NUL character, expected text")
    if not text and (kind, column) in _NEEDED:
        raise Refused(column, "found nothing, expected a value")
    return _READERS.get(column, _text)(column, text)


def _text(_column: str, text: str) -> str:
    return text


def _day(column: str, text: str) -> date | None:
    if not text:
        return None
    try:
        if len(text) != len("2026-01-31"):
            raise ValueError
        return date.fromisoformat(text)
    except ValueError as error:
        raise Refused(column, f"found {text!r}, expected a day such as 2026-01-31") from error


def _number(column: str, text: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise Refused(column, f"found {text!r}, expected a whole number, 0 or more")
    return int(text)


def _weight(column: str, text: str) -> int:
    number = _number(column, text or "1")
    if number < 1:
        raise Refused(column, f"found {text!r}, expected 1 or more")
    return number


def _none_or_number(column: str, text: str) -> int:
    return _number(column, text or "0")


def _money(column: str, text: str) -> Decimal | None:
    if not text:
        return None
    try:
        if not _MONEY.fullmatch(text):
            raise InvalidOperation
        return Decimal(text).quantize(Decimal("0.01"))
    except InvalidOperation as error:
        expected = "expected an amount such as 1250.00, with a point and no thousands separator"
        raise Refused(column, f"found {text!r}, {expected}") from error


def _currency(column: str, text: str) -> str:
    if not text:
        return "EUR"
    if not re.fullmatch(r"[A-Z]{3}", text):
        raise Refused(column, f"found {text!r}, expected three capital letters such as EUR")
    return text


def _yes_or_no(column: str, text: str) -> bool:
    if text not in ("yes", "no", ""):
        raise Refused(column, f"found {text!r}, expected yes or no")
    return text == "yes"


def _zone(column: str, text: str) -> str:
    if text not in zone_names():
        raise Refused(column, f"found {text!r}, expected a zone such as Europe/Berlin or UTC")
    return text


def _metric(column: str, text: str) -> str:
    if text not in METRICS:
        raise Refused(column, f"found {text!r}, expected one of {', '.join(METRICS)}")
    return text


_READERS: Mapping[str, Callable[[str, str], Any]] = {
    **dict.fromkeys(
        ("member_from", "member_to", "mapped_from", "mapped_until", "valid_from", "valid_to"), _day
    ),
    "zone": _zone,
    "weight": _weight,
    "notice_days": _none_or_number,
    "overdraft": _none_or_number,
    "quantity": _number,
    "renews": _yes_or_no,
    "cost": _money,
    "unit_price": _money,
    "currency": _currency,
    "metric": _metric,
}
_NEEDED = frozenset(
    {
        ("vendors", "vendor"),
        *(("products", name) for name in ("vendor", "product")),
        ("teams", "team"),
        ("people", "login"),
        *(("pools", name) for name in ("pool", "vendor", "product", "zone", "server", "feature")),
        *(("contracts", name) for name in ("contract", "vendor")),
        *(("entitlements", name) for name in ("pool", "quantity", "metric", "valid_from")),
    }
)
