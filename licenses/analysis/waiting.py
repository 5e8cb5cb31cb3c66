"""Hours that wait to be counted again: how many, of how many pools, and since when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from licenses.analysis.rows import as_moment, columns, number
from licenses.concurrency.intervals import IntervalSet
from licenses.concurrency.periods import HOUR_SECONDS
from licenses.models import DirtySpan

MOST_MARKS = 20_000
"""Read for one answer: imports that go on for long may leave more."""
_APART = 1 << 40
"""Seconds between the hours of two pools, so that those of all are added up at once."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """What is shown of these hours is what was known before.

    hours, pools:  how many; at least so many where this is not *exact*.
    since:         since when the first of them waits; None: none does.
    """

    hours: int
    pools: int
    since: datetime | None
    exact: bool = True


def waiting(pools: Any = None) -> Waiting:
    """Return what waits of some pools (a queryset, or ids); None: of all. One query."""
    marks = DirtySpan.objects.order_by("marked_at", "pk")
    if pools is not None:
        marks = marks.filter(pool__in=pools)
    names = ("pool_id", number("starts"), number("ends"), number("marked_at"))
    pool, start, end, marked = columns(marks[: MOST_MARKS + 1], *names)
    if not len(pool):
        return Waiting(0, 0, None)
    known, rank = np.unique(pool, return_inverse=True)
    hours = IntervalSet.of(
        start // HOUR_SECONDS * HOUR_SECONDS + rank * _APART,
        -(-end // HOUR_SECONDS) * HOUR_SECONDS + rank * _APART,
    )
    return Waiting(
        hours.seconds // HOUR_SECONDS,
        len(known),
        as_moment(int(marked.min())),
        exact=len(pool) <= MOST_MARKS,
    )
