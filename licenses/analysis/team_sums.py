"""What the stored hours of teams come to."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from django.db.models import Count, Max, Sum

from licenses.analysis import hour_rows
from licenses.analysis.prepared import Asked, Prepared
from licenses.analysis.rows import number
from licenses.concurrency.intervals import IntervalSet
from licenses.concurrency.periods import HOUR_SECONDS
from licenses.models import TeamHour

_SUMMED = ("seat_seconds", "checkouts", "denials")


class TeamSums(NamedTuple):
    """What hours of a team come to: how many, the highest peak, and sums."""

    hours: int
    peak: int
    seat_seconds: int
    checkouts: int
    denials: int


def stored_sums(pool_ids: Collection[int], start: int, end: int) -> Iterator[Sequence[Any]]:
    """Yield pool, team (None is nobody's) and figures of `TeamSums` of the stored hours that begin
    in [start, end); nobody's may come in two parts. Three queries."""
    for pool, team, *sums in _TEAM_HOURS.rows(pool_ids, start, end):
        yield pool, team, *map(int, sums)  # a sum may be a Decimal
    for pool, *sums in _of_nobody(pool_ids, start, end):
        yield pool, None, *sums


@Prepared
def _TEAM_HOURS(pool_ids: Collection[int], start: int, end: int) -> Asked:
    rows = (
        TeamHour.objects.filter(pool__among=pool_ids, hour__gte=start, hour__lt=end)
        .order_by()
        .values("pool_id", "team_id")
        .annotate(Count("hour"), Max("peak"), Sum("seat_seconds"), Sum("checkouts"), Sum("denials"))
    )
    names = ("hour__count", "peak__max", "seat_seconds__sum", "checkouts__sum", "denials__sum")
    return rows, ("pool_id", "team_id", *names)


@Prepared
def _TOLD(pool_ids: Collection[int], start: int, end: int) -> Asked:
    rows = TeamHour.objects.filter(pool__among=pool_ids, hour__gte=start, hour__lt=end)
    return rows.order_by().distinct(), ("pool_id", number("hour"))


def _of_nobody(
    pool_ids: Collection[int], start: int, end: int
) -> Iterator[tuple[int, int, int, int, int, int]]:
    """Yield for each pool the sums of its hours in [start, end) that only nobody's team used: the
    pool, how many hours, the highest peak, seat-seconds, checkouts and refusals. Two queries.
    """
    hours = dict(
        zip(hour_rows.NAMES, hour_rows.read(pool_ids, IntervalSet.of([start], [end])), strict=True)
    )
    count = (end - start) // HOUR_SECONDS + 1
    slots, told = (
        pool * count + (hour - start) // HOUR_SECONDS
        for pool, hour in ((hours["pool_id"], hours["hour"]), _TOLD.columns(pool_ids, start, end))
    )
    peak = np.maximum(hours["peak"], 0)  # NONE is below
    used = (peak > 0) | (hours["checkouts"] > 0) | (hours["denials"] > 0)
    mine = np.flatnonzero(used & ~np.isin(slots, told))
    pools, heads, lengths = np.unique(hours["pool_id"][mine], return_index=True, return_counts=True)
    if not len(pools):
        return
    sums = (np.add.reduceat(hours[name][mine], heads) for name in _SUMMED)
    peaks = np.maximum.reduceat(peak[mine], heads)
    yield from zip(*(each.tolist() for each in (pools, lengths, peaks, *sums)), strict=True)
