"""Refusals as columns for the maths, each with when it was served after all."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from typing import Self

import numpy as np
from django.db.models import BigIntegerField, Case, Value, When

from licenses.analysis.holdings import Holdings
from licenses.analysis.mappings import Mapping, Mappings, features
from licenses.analysis.rows import columns, number
from licenses.concurrency.denials import UNSERVED, Requests, served
from licenses.concurrency.intervals import Flags, Ints
from licenses.models import Denial
from licenses.sources.flexnet.denials import DenialClass

CLASSES = tuple(DenialClass)


@dataclass(frozen=True, eq=False, slots=True)
class Refusals:
    """Refusals of one pool, one entry a logged line, in any order.

    seats:      of the pool, so times the weight of the feature.
    kind:       its class, as a place in CLASSES.
    capacity:   it was for want of seats.
    stored_at:  when it was served after all, as the row says; UNSERVED where it says nothing.
    served_at:  the same as the rules say; UNSERVED until `judged`.
    """

    row: Ints
    at: Ints
    person: Ints
    host: Ints
    server: Ints
    seats: Ints
    kind: Ints
    capacity: Flags
    stored_at: Ints
    served_at: Ints

    def __len__(self) -> int:
        return len(self.at)

    def where(self, flags: Flags | Ints) -> Self:
        """Keep the flagged refusals, or those at the places, in that order."""
        if not len(self):
            return self
        return replace(self, **{f.name: getattr(self, f.name)[flags] for f in fields(self)})

    @property
    def blocking(self) -> Self:
        """Keep those that kept somebody from work: not served after all."""
        return self.where(self.served_at == UNSERVED)


def load_refusals(
    mappings: Mappings, start: int, end: int, *, capacity_only: bool = False
) -> dict[int, Refusals]:
    """Return the refusals of each pool in [start, end). One query."""
    rows = Denial.objects.filter(feature__in=features(mappings), at__gte=start, at__lt=end)
    if capacity_only:
        rows = rows.filter(capacity=True)
    table = columns(
        rows.order_by(),
        "feature_id",
        "pk",
        number("at"),
        "person_id",
        "host_id",
        "seats",
        _KIND,
        "capacity",
        number("served_at", UNSERVED),
    )
    order = np.lexsort((table[1], table[2], table[0]))
    feature, *rest = (column[order] for column in table)
    return {pool: _of_pool(feature, rest, maps) for pool, maps in mappings.items()}


def judged(refusals: Refusals, held: Holdings, maps: Iterable[Mapping]) -> Refusals:
    """Return the refusals with the moments at which they were served after all.

    held:  the holdings of the pool from a tolerance before the first refusal to one after the last.
           Seats of which polls tell no more than the minute serve nothing: five seconds cannot be
           told from fifty.
    """
    if not len(refusals) or not len(held):
        return refusals
    server_of = {mapping.feature: mapping.server for mapping in maps}
    exact = held.where(held.fresh & (held.taken_at == held.taken_by))
    servers = np.array([server_of[feature] for feature in exact.feature.tolist()], dtype=np.int64)
    refused = Requests(refusals.at, refusals.person, refusals.host, refusals.server)
    granted = Requests(exact.taken_at, exact.person, exact.host, servers)
    return replace(refusals, served_at=served(refused, granted))


def _of_pool(feature: Ints, table: list[Ints], maps: list[Mapping]) -> Refusals:
    row, at, person, host, seats, kind, capacity, stored = table
    weight, server = np.zeros_like(at), np.zeros_like(at)
    for mapping in maps:
        head, tail = np.searchsorted(feature, [mapping.feature, mapping.feature + 1])
        times = at[head:tail]
        inside = (times >= mapping.start) & (times < mapping.end)
        weight[head:tail][inside] = mapping.weight
        server[head:tail][inside] = mapping.server
    found = Refusals(
        row=row,
        at=at,
        person=person,
        host=host,
        server=server,
        seats=seats * weight,
        kind=kind,
        capacity=capacity != 0,
        stored_at=stored,
        served_at=np.full(len(at), UNSERVED, dtype=np.int64),
    )
    return found.where(weight > 0)


_KIND = Case(
    *(When(reason_class=str(each), then=Value(place)) for place, each in enumerate(CLASSES)),
    default=Value(CLASSES.index(DenialClass.OTHER)),
    output_field=BigIntegerField(),
)
