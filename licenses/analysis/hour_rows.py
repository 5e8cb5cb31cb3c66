"""Stored hours of pools: runs of alike hours of a UTC day as one row, written and read as columns.

Most hours of most pools say the same as the hour before: nights, weekends, a level that does not
move. One row for a run of them makes the table several times smaller, and counting a year again is
mostly the writing of rows. Runs end at midnight UTC, so that a row belongs to one day.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from itertools import chain
from typing import Final

import numpy as np
from django.db.models import Q

from licenses.analysis.prepared import Asked, Prepared
from licenses.analysis.rows import NONE, insert, number
from licenses.concurrency.intervals import IntervalSet, Ints
from licenses.concurrency.periods import HOUR_SECONDS
from licenses.models import PoolHour

DAY_SECONDS: Final = 24 * HOUR_SECONDS
STORED: Final = (
    "peak",
    "peak_high",
    "peak_at",
    "seat_seconds",
    "full_seconds",
    "over_seconds",
    "observed_seconds",
    "checkouts",
    "denials",
    "limit",
)
NAMES: Final = ("pool_id", "hour", *STORED)
_HOUR, _PEAK_AT = NAMES.index("hour"), NAMES.index("peak_at")

Table = list[Ints]
"""A column for each of NAMES, an entry for each hour of a pool; NONE is not known."""
Spans = tuple[tuple[int, int], ...]


def replace(dirty: Mapping[int, IntervalSet], table: Table) -> int:
    """Put hours in the place of all that is stored of the dirty ones; return how many rows came.

    dirty:  by pool, in full UTC hours.
    table:  hours that lie in them, in any order, none twice.

    The rows depend on the hours alone, not on the order in which they came: days that are dirty in
    part are read, and made again whole. Up to two queries for each set of spans that differs.
    """
    kept: list[Table] = []
    for spans, pools in same_spans(dirty).items():
        if not spans:
            continue
        mine = IntervalSet.of_spans(spans)
        whole = IntervalSet.of(_day(mine.starts), -_day(-mine.ends))
        days = {int(day) for day in _day(np.append(mine.starts, mine.ends - 1))}
        torn = IntervalSet.of_spans((day, day + DAY_SECONDS) for day in days).subtract(mine)
        if len(torn):
            kept.append(read(pools, torn))
        _of_spans(len(whole)).delete(pools, *_moments(whole))
    if kept:
        table = [np.concatenate(column) for column in zip(table, *kept, strict=True)]
    rows = runs(table)
    insert(PoolHour, (*NAMES, "hours"), rows)
    return len(rows[0])


def read(pool_ids: Collection[int], spans: IntervalSet) -> Table:
    """Return the stored hours of pools that begin in any of the spans, each hour by itself,
    in the order of pools and time. One query."""
    if not len(spans):
        return [np.empty(0, dtype=np.int64) for _ in NAMES]
    touched = IntervalSet.of(_day(spans.starts), spans.ends)
    *table, lengths = _of_spans(len(touched)).columns(pool_ids, *_moments(touched))
    step = (np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)) * (
        HOUR_SECONDS
    )
    table = [np.repeat(column, lengths) for column in table]
    table[_HOUR] = table[_HOUR] + step
    table[_PEAK_AT] = np.where(table[_PEAK_AT] == NONE, NONE, table[_PEAK_AT] + step)
    hours = table[_HOUR]
    inside = spans.seconds_before(hours + 1) > spans.seconds_before(hours)
    return [column[inside] for column in table]


def runs(table: Table) -> Table:
    """Join alike hours that follow each other: the table of their first hours, in the order of
    pools and time, and a column of how many hours each stands for.

    Alike are hours of one pool and UTC day of which every figure is the same, the moment of the
    peak counted from the hour's start.
    """
    pools, hours = table[0], table[_HOUR]
    # As they are counted, they are in order: putting them there takes as long as joining them.
    later = (pools[1:] > pools[:-1]) | ((pools[1:] == pools[:-1]) & (hours[1:] > hours[:-1]))
    if not later.all():
        order = np.lexsort((hours, pools))
        table = [column[order] for column in table]
        hours = table[_HOUR]
    follows = np.diff(hours) == HOUR_SECONDS
    follows &= _day(hours[1:]) == _day(hours[:-1])
    for place, column in enumerate(table):
        if place == _HOUR:
            continue
        if place == _PEAK_AT:
            column = np.where(column != NONE, column - hours, NONE)
        follows &= column[1:] == column[:-1]
    first = np.flatnonzero(np.append(np.ones(min(len(hours), 1), dtype=np.bool_), ~follows))
    return [*(column[first] for column in table), np.diff(np.append(first, len(hours)))]


def same_spans(dirty: Mapping[int, IntervalSet]) -> dict[Spans, list[int]]:
    """Return the pools by their spans: what is the same for many is asked once."""
    found: dict[Spans, list[int]] = {}
    told = {id(spells): tuple(spells) for spells in dirty.values()}
    for pool, spells in dirty.items():
        found.setdefault(told[id(spells)], []).append(pool)
    return found


def _day(moments: Ints) -> Ints:
    return moments // DAY_SECONDS * DAY_SECONDS


@lru_cache(maxsize=64)
def _of_spans(count: int) -> Prepared:
    """Return the query of the rows of pools that begin in any of so many spans: the ids, and the
    start and end of each span."""

    def rows(pool_ids: Collection[int], *moments: int) -> Asked:
        wanted = Q(pool__in=[])
        for start, end in zip(moments[::2], moments[1::2], strict=True):
            wanted |= Q(hour__gte=start, hour__lt=end)
        found = PoolHour.objects.filter(wanted, pool__among=pool_ids)
        names = [number(name, NONE) if name != "pool_id" else name for name in NAMES]
        return found.order_by("pool_id", "hour"), (*names, "hours")

    return Prepared(rows)


def _moments(spans: IntervalSet) -> Iterable[int]:
    return chain.from_iterable(spans)
