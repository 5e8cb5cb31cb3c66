"""Datasets as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from datetime import tzinfo
from fractions import Fraction
from typing import Any

from licenses.analysis.coverage import percent_down
from licenses.concurrency.periods import iso

MOMENTS = frozenset(
    {
        "at",
        "start",
        "end",
        "peak_at",
        "tightest_at",
        "as_of",
        "first_at",
        "last_at",
        "mapped_from",
        "mapped_until",
    }
)
"""Names of fields that hold epoch seconds."""


def plain(value: Any, zone: tzinfo, name: str = "") -> Any:
    """Return a dataset as what JSON knows.

    Moments become ISO 8601 in the zone, shares a percentage rounded down; None is *not known*.
    """
    if name in MOMENTS and isinstance(value, int):
        return iso(value, zone)
    if isinstance(value, Fraction):
        return percent_down(value)
    if is_dataclass(value):
        names = [field.name for field in fields(value)]
        return {key: plain(getattr(value, key), zone, key) for key in names}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(item, zone) for item in value]
    return value
