"""What `report.json` of a pack holds, as JSON Schema: made from the shapes of the numbers."""

from __future__ import annotations

import types
import typing
from dataclasses import fields, is_dataclass
from fractions import Fraction
from typing import Any

from reports.datasets.compliance import Compliance
from reports.datasets.plain import MOMENTS

_TEXTS = {"floor": "A share, as n/d.", "coverage": "A percentage, rounded down."}


def report_schema() -> dict[str, Any]:
    """Return the schema; the same whatever the numbers."""
    schema = object_of(Compliance)
    found = schema["properties"]
    del found["integrity"]
    found |= {
        "report": {"const": "compliance"},
        "id": {"type": "string", "pattern": "^C-[0-9a-f]{16}$"},
        "vendor": {"type": "string"},
        "counts": {"type": "object", "additionalProperties": {"type": "integer"}},
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "The figures of a pack",
        "description": "null is not known, never zero. Moments are ISO 8601 with an offset.",
        **schema,
        "required": sorted(found),
    }


def object_of(kind: Any) -> dict[str, Any]:
    """Return the schema of a dataset as JSON knows it."""
    hints = typing.get_type_hints(kind)
    names = [field.name for field in fields(kind)] if is_dataclass(kind) else kind._fields
    return {
        "type": "object",
        "properties": {name: _of(hints[name], name) for name in names},
        "required": names,
        "additionalProperties": False,
    }


def _columns(kind: Any) -> dict[str, Any]:
    """Return the schema of many rows that are written as a list for each field."""
    found = object_of(kind)
    return {**found, "properties": {name: _list(of) for name, of in found["properties"].items()}}


def _list(of: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": of}


def _of(hint: Any, name: str) -> dict[str, Any]:
    if typing.get_origin(hint) in (types.UnionType, typing.Union):
        kinds = [_of(each, name) for each in typing.get_args(hint) if each is not types.NoneType]
        return {"anyOf": [*kinds, {"type": "null"}]}
    if name in MOMENTS and hint is int:
        return {"type": "string", "format": "date-time"}
    if hint is Fraction:
        return {"type": "string", "description": _TEXTS.get(name, "A share.")}
    if is_dataclass(hint) or hasattr(hint, "_fields"):
        return object_of(hint)
    if typing.get_origin(hint) is tuple:
        item = typing.get_args(hint)[0]
        return _columns(item) if getattr(item, "columnar", False) else _list(_of(item, ""))
    if hint is Any:
        return {"description": "Any value, null for none."}
    names = {int: "integer", bool: "boolean", str: "string"}
    return {"type": names[hint]}
