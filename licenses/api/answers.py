"""The shape of an answer that is not a row: for the schema, from the dataclass that holds it."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from typing import Any, NewType

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

Moment = NewType("Moment", str)
"""ISO 8601 with an offset. Dataclasses hold epoch seconds."""


@dataclass(frozen=True, slots=True)
class Sometimes:
    """A part that is there for some readers, or where it was asked for."""

    kind: Any


@dataclass(frozen=True, slots=True)
class Nullable:
    """A part that may be null."""

    kind: Any


Parts = Mapping[str, Any]


class AnyValue(serializers.JSONField):
    """A part that may be any value: told as None in a shape."""


_PLAIN: dict[Any, Any] = {
    int: serializers.IntegerField,
    float: serializers.FloatField,
    bool: serializers.BooleanField,
    str: serializers.CharField,
    Moment: serializers.DateTimeField,
    datetime: serializers.DateTimeField,
    None: AnyValue,
}
SPAN: Parts = {"from": Moment, "to": Moment}
POOL: Parts = {"pool": str}
POOL_SPAN: Parts = {**POOL, "zone": str, **SPAN}


def shape(name: str, *parts: Any, without: tuple[str, ...] = ()) -> Any:
    """Return a serializer under a name. parts: dataclasses, and mappings of names to what they
    hold; the last one that tells of a name counts."""
    told: dict[str, Any] = {}
    for part in parts:
        told |= _hints(part)
    made = {key: _field(kind) for key, kind in told.items() if key not in without}
    docs = next((part.__doc__ for part in parts if isinstance(part, type)), "")
    return type(name, (serializers.Serializer,), {**made, "__doc__": docs})


def in_json(kind: Any) -> Any:
    """Return a field for a value that lies as JSON in a column. kind: as of a part of a shape, or
    the schema itself."""
    field = type("InJson", (serializers.JSONField,), {})
    told = kind if isinstance(kind, dict) else _field(kind)
    return extend_schema_field(told)(field)(read_only=True)


def _hints(part: Any) -> Parts:
    if isinstance(part, Mapping):
        return part
    hints = typing.get_type_hints(part)
    names = [each.name for each in fields(part)] if is_dataclass(part) else part._fields
    return {name: hints[name] for name in names}


def _field(kind: Any, **options: Any) -> Any:
    if isinstance(kind, Sometimes):
        return _field(kind.kind, required=False, **options)
    if isinstance(kind, Nullable):
        return _field(kind.kind, allow_null=True, **options)
    if isinstance(kind, list):
        return _many(kind[0], **options)
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        (kind,) = [each for each in inner if each is not types.NoneType]
        return _field(kind, allow_null=True, **options)
    if origin in (list, tuple):
        return _many(inner[0], **options)
    if origin is dict:
        return serializers.DictField(child=_field(inner[1]), **options)
    if isinstance(kind, type) and issubclass(kind, serializers.Serializer):
        return kind(**options)
    if is_dataclass(kind):
        return shape(getattr(kind, "__name__", ""), kind)(**options)
    return _PLAIN[kind](**options)


def _many(kind: Any, **options: Any) -> Any:
    one = _field(kind)
    if isinstance(one, serializers.Serializer):
        return type(one)(many=True, **options)
    return serializers.ListField(child=one, **options)
