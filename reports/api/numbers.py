"""What the numbers of a report hold, for the schema: the file whole, and what its row tells."""

from __future__ import annotations

from typing import Any

from reports.datasets.audit import Audit
from reports.datasets.pool_report import Position
from reports.datasets.standing import Standing
from reports.delivery import LONG
from reports.packs.schema import object_of, report_schema

_ID = {"type": "string", "pattern": "^[AC]-[0-9a-f]{16}$"}
_AUDIT = ("letter", "sources", "uses", "people_count", "proof", "logic_version")


def _top() -> dict[str, Any]:
    """Return what stands at the top of the numbers of any report; `software` of an audit alone."""
    audit = object_of(Audit)["properties"]
    found: dict[str, Any] = report_schema()["properties"]
    del found["vendor"]
    found |= {
        "report": {"type": "string", "enum": ["audit", "compliance"]},
        "id": _ID,
        "integrity": audit["judged"]["properties"]["integrity"],
        "software": audit["software"],
        "standing": object_of(Standing),
    }
    return found


def numbers() -> dict[str, Any]:
    """Return the schema of all numbers of a report, as they lie in its file."""
    audit = object_of(Audit)["properties"]
    parts = {name: audit[name] for name in _AUDIT}
    about = {"type": "object", "properties": parts, "required": sorted(parts)}
    return _object(_top() | {"audit": about}, optional={"audit", "software"})


def in_row() -> dict[str, Any]:
    """Return the schema of what the row of a report that is done says of them."""
    found = {name: part for name, part in _top().items() if name not in LONG}
    found |= {
        "positions": {"type": "array", "items": object_of(Position)},
        "undetermined": {"type": "integer"},
    }
    return _object(found, optional={"software"})


def _object(parts: dict[str, Any], *, optional: set[str]) -> dict[str, Any]:
    return {"type": "object", "properties": parts, "required": sorted(parts.keys() - optional)}
