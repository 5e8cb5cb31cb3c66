"""Refusals as columns for the maths, each with when it was served after all."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, fields, replace
from typing import Self

import numpy as np
from django.db.models import BigIntegerField, Case, QuerySet, Value, When

from licenses.analysis.holdings import Holdings
from licenses.analysis.mappings import Mapping, Mappings, features, feeding
from licenses.analysis.prepared import Asked, Prepared
from licenses.analysis.rows import number
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

    def where(self, flags: Flags | Ints | slice) -> Self:
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
    table = (_OF_CAPACITY if capacity_only else _OF_ANY).columns(features(mappings), start, end)
    if not len(table[0]):
        return dict.fromkeys(mappings, _NONE)
    order = np.lexsort((table[1], table[2], table[0]))
    feature, *rest = (column[order] for column in table)
    fed = feeding(mappings, feature)
    row, at, person, host, seats, kind, capacity, stored = (column[fed.rows] for column in rest)
    found = Refusals(
        row=row,
        at=at,
        person=person,
        host=host,
        server=fed.server,
        seats=seats * fed.weight,
        kind=kind,
        capacity=capacity != 0,
        stored_at=stored,
        served_at=np.full(len(at), UNSERVED, dtype=np.int64),
    )
    kept = (at >= fed.start) & (at < fed.end)
    found = found.where(kept)
    return {
        pool: found.where(span) if span.start < span.stop else _NONE
        for pool, span in zip(mappings, fed.kept(kept), strict=True)
    }


def judged(refusals: Refusals, held: Holdings, maps: Iterable[Mapping]) -> Refusals:
    """Return the refusals with the moments at which they were served after all.

    held:  the holdings of the pool from a tolerance before the first refusal to one after the last.
           Seats of which polls tell no more than the minute serve nothing: five seconds cannot be
           told from fifty.
    """
    if not len(refusals) or not len(held):
        return refusals
    server_of = {mapping.feature: mapping.server for mapping in maps}
    asked = np.isin(held.person, refusals.person)
    exact = held.where(asked & held.fresh & (held.logged | (held.taken_at == held.taken_by)))
    servers = np.array([server_of[feature] for feature in exact.feature.tolist()], dtype=np.int64)
    refused = Requests(refusals.at, refusals.person, refusals.host, refusals.server)
    granted = Requests(exact.taken_at, exact.person, exact.host, servers)
    return replace(refusals, served_at=served(refused, granted))


def refusals_known(count: int, logged_seconds: int) -> int | None:
    """Return how many refusals are known of a time of which logs told so long.

    None is *not known*: polls tell of no refusals. Where logs told of a part of the time, or some
    refusal is known all the same, there were at least so many.
    """
    return count if count or logged_seconds else None


_NOTHING: Ints = np.empty(0, dtype=np.int64)
_NONE = Refusals(
    row=_NOTHING,
    at=_NOTHING,
    person=_NOTHING,
    host=_NOTHING,
    server=_NOTHING,
    seats=_NOTHING,
    kind=_NOTHING,
    capacity=_NOTHING != 0,
    stored_at=_NOTHING,
    served_at=_NOTHING,
)

_KIND = Case(
    *(When(reason_class=str(each), then=Value(place)) for place, each in enumerate(CLASSES)),
    default=Value(CLASSES.index(DenialClass.OTHER)),
    output_field=BigIntegerField(),
)


def _refused(rows: QuerySet[Denial], feature_ids: Collection[int], start: int, end: int) -> Asked:
    return rows.filter(feature__among=feature_ids, at__gte=start, at__lt=end).order_by(), (
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


_OF_ANY = Prepared(lambda *asked: _refused(Denial.objects.all(), *asked))
_OF_CAPACITY = Prepared(lambda *asked: _refused(Denial.objects.filter(capacity=True), *asked))
