"""Datasets as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from datetime import tzinfo
from fractions import Fraction
from functools import lru_cache
from operator import attrgetter
from typing import Any

from licenses.analysis.coverage import percent_down
from licenses.concurrency.periods import iso

MOMENTS = frozenset(
    {
        "at",
        "start",
        "end",
        "peak_at",
        "first_recorded_at",
        "last_recorded_at",
        "tightest_at",
        "as_of",
        "first_at",
        "last_at",
        "mapped_from",
        "mapped_until",
        "until",
    }
)
"""Names of fields that hold epoch seconds."""


def plain(value: Any, zone: tzinfo, name: str = "") -> Any:
    """Return a dataset as what JSON knows.

    Moments become ISO 8601 in the zone, shares a percentage rounded down; None is *not known*. Many
    rows of a class that says so (`columnar`) become one list for each of its fields.
    """
    kind = type(value)
    if kind is str or value is None or kind is bool:
        return value
    if kind is int:
        return _moment(value, zone) if name in MOMENTS else value
    if isinstance(value, str):
        return str(value)  # of an enumeration
    if kind is Fraction:
        return percent_down(value)
    names = _fields(kind)
    if names:
        return {key: plain(getattr(value, key), zone, key) for key in names}
    if isinstance(value, Sequence):
        if value and getattr(value[0], "columnar", False):
            return _columns(value, zone)
        return [plain(item, zone) for item in value]
    return value


def _columns(rows: Sequence[Any], zone: tzinfo) -> dict[str, list[Any]]:
    names = _fields(type(rows[0]))
    columns = zip(*map(attrgetter(*names), rows), strict=True)
    return {
        name: list(_moments(column, zone) if name in MOMENTS else column)
        for name, column in zip(names, columns, strict=True)
    }


# The days of hundreds of pools begin and end at the same moments.
@lru_cache(maxsize=16)
def _moments(column: tuple[int | None, ...], zone: tzinfo) -> list[str | None]:
    return [None if at is None else iso(at, zone) for at in column]


def _fields(kind: Any) -> tuple[str, ...]:
    names = _known.get(kind)
    if names is None:
        names = tuple(field.name for field in fields(kind)) if is_dataclass(kind) else ()
        _known[kind] = names
    return names


_known: dict[type, tuple[str, ...]] = {}


# The months of all pools of a report begin at the same moments.
_moment = lru_cache(maxsize=8_192)(iso)
