"""When what is known of each day was recorded: late data show by it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from django.db.models import BigIntegerField, Case, Max, Min, Q, Value, When
from django.db.models.expressions import Combinable
from django.db.models.functions import Greatest
from django.db.models.lookups import LessThan

from licenses.analysis.mappings import Mapping
from licenses.analysis.rows import NONE, number
from licenses.concurrency.intervals import Ints
from licenses.concurrency.timeline import OPEN
from licenses.models import Capture


class Recorded(NamedTuple):
    """The first and the last time at which a text that tells of a day was recorded, for each day;
    OPEN and NONE where there is no such text."""

    first: Ints
    last: Ints


def load_recorded(server_ids: Collection[int], edges: Ints) -> dict[int, Recorded]:
    """Return when the pieces of logs and the answers to polls that tell of the days
    [edges[i], edges[i+1]) were recorded, by server. One query, and few rows of the database: polls
    are summed up there."""
    days = len(edges) - 1
    first_edge = int(edges[0])
    told = Capture.objects.filter(
        # What ends on the edge vouches for the day before, unless all of it is that second.
        Q(ends__gt=first_edge) | Q(starts__gte=first_edge),
        server__in=server_ids,
        kind__in=(Capture.Kind.LOG, Capture.Kind.STATUS),
        result__in=(Capture.Result.PARSED, Capture.Result.PARTIAL),
        starts__lt=int(edges[-1]),
    )
    # A piece of a log vouches up to its end, and not for that second; an answer for its own one.
    last_second = Greatest(number("starts"), number("ends") - _whole(1))
    rows = (
        told.order_by()
        .annotate(begins=_place(number("starts"), edges), ends_on=_place(last_second, edges))
        .values("server_id", "begins", "ends_on")
        .annotate(first=Min("recorded_at"), last=Max("recorded_at"))
    )
    found = {
        pk: Recorded(np.full(days, OPEN, np.int64), np.full(days, NONE, np.int64))
        for pk in server_ids
    }
    for row in rows:
        part = slice(row["begins"], row["ends_on"] + 1)
        first, last = found[row["server_id"]]
        first[part] = np.minimum(first[part], int(row["first"].timestamp()))
        last[part] = np.maximum(last[part], int(row["last"].timestamp()))
    return found


def of_pool(maps: Iterable[Mapping], by_server: dict[int, Recorded], edges: Ints) -> Recorded:
    """Return the same of a pool: of the servers that fed it on the day."""
    first = np.full(len(edges) - 1, OPEN, np.int64)
    last = np.full(len(edges) - 1, NONE, np.int64)
    for server, start, end in {(m.server, m.start, m.end) for m in maps}:
        fed = (start < edges[1:]) & (end > edges[:-1])
        told = by_server[server]
        first = np.where(fed, np.minimum(first, told.first), first)
        last = np.where(fed, np.maximum(last, told.last), last)
    return Recorded(first, last)


def _place(moment: Combinable, edges: Ints) -> Case:
    """Return on which of the days a moment lies, the first or last one for those beyond them.

    Days of one length in a row take one division; a year has five such runs at most, as clocks
    change twice.
    """
    lengths = np.diff(edges)
    heads = [0, *(np.flatnonzero(np.diff(lengths)) + 1).tolist(), len(lengths)]
    before = When(LessThan(moment, _whole(edges[0])), then=_whole(0))
    runs = [
        When(
            LessThan(moment, _whole(edges[until])),
            then=(moment - _whole(edges[head])) / _whole(lengths[head]) + _whole(head),
        )
        for head, until in pairwise(heads)
    ]
    return Case(before, *runs, default=_whole(len(lengths) - 1))


def _whole(value: int) -> Value:
    return Value(int(value), output_field=BigIntegerField())
