"""A pool at one moment of its history: who held seats then, and how well that is known."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

import numpy as np

from licenses.analysis.coverage import PoolGap, gaps, load_observed
from licenses.analysis.holder_pages import Place, page
from licenses.analysis.holdings import Holdings, load_holdings
from licenses.analysis.horizons import load_horizons
from licenses.analysis.mappings import load_mappings, servers
from licenses.analysis.rights import load_limits
from licenses.concurrency.periods import iso
from licenses.concurrency.timeline import UNKNOWN
from licenses.models import Checkout, LicensePool

NEARBY_SECONDS = 86_400
"""How far before and after a moment the neighbouring changes are looked for."""


@dataclass(frozen=True, slots=True)
class HeldThen:
    """Somebody who held seats at the moment, or may have.

    sure:            known to be held; else it lies between the bounds of its start or end.
    seats:           of the pool.
    name:            None unless names were asked for and one is known.
    taken_at, taken_by, returned_after, returned_at:  as of a Checkout; the last two are None while
                     it is out.
    """

    checkout: int
    label: str
    name: str | None
    host: str
    feature: str
    server: str
    seats: int
    sure: bool
    taken_at: int
    taken_by: int
    returned_after: int | None
    returned_at: int | None
    method: str


@dataclass(frozen=True, slots=True)
class Instant:
    """A pool at one second.

    in_use, possible:  seats known to be held, and those that may have been; None where nobody
                       looked and nobody is known to have held one.
    limit, allowed, issued:  None where not known.
    gap:               why nobody can vouch for the moment; None where somebody can.
    before, after:     the nearest moments at which the known use changed, within a day; None where
                       there is none.
    people, since:     how many people are known to hold a seat, and since when the longest does;
                       None where nobody is known to.
    holders:           those of one page. last: where it ends; None where no other follows.
    total, behind:     how many there are on all pages, and behind this one.
    """

    pool_id: int
    pool: str
    at: int
    in_use: int | None
    possible: int | None
    limit: int | None
    allowed: int | None
    issued: int | None
    observed: bool
    gap: PoolGap | None
    before: int | None
    after: int | None
    people: int
    since: int | None
    holders: list[HeldThen]
    last: Place | None
    total: int
    behind: int

    def as_dict(self, zone: tzinfo) -> dict[str, Any]:
        """Return the answer of the API, moments as ISO 8601 in the zone."""

        def moment(epoch: int | None) -> str | None:
            return None if epoch is None else iso(epoch, zone)

        gap = self.gap
        return {
            "pool": self.pool,
            "at": moment(self.at),
            "in_use": self.in_use,
            "possible": self.possible,
            "limit": self.limit,
            "allowed": self.allowed,
            "observed": self.observed,
            "gap": gap and {"cause": gap.cause, "detail": gap.detail},
            "before": moment(self.before),
            "after": moment(self.after),
            "total": self.total,
            "holders": [
                {
                    "person": row.label,
                    "name": row.name,
                    "host": row.host,
                    "feature": row.feature,
                    "server": row.server,
                    "seats": row.seats,
                    "sure": row.sure,
                    "taken_at": moment(row.taken_at),
                    "taken_by": moment(row.taken_by),
                    "returned_after": moment(row.returned_after),
                    "returned_at": moment(row.returned_at),
                    "method": row.method,
                }
                for row in self.holders
            ],
        }


def instant(
    pool: LicensePool,
    at: int,
    *,
    names: bool = False,
    now: int | None = None,
    behind: Place | None = None,
    most: int | None = None,
) -> Instant:
    """Return a pool as it was in the second of *at*. A constant number of queries.

    names:  tell names of people and hosts instead of pseudonyms. Ask for them only on behalf of
            readers who may see them.
    behind, most:  the page of holders that is asked for, as of `holder_pages.page`; all of them if
                   None. All else is told of all of them.
    """
    mappings = load_mappings([pool.pk])
    near = load_holdings(
        mappings, load_horizons(servers(mappings)), at - NEARBY_SECONDS, at + NEARBY_SECONDS
    )[pool.pk]
    held = near.where(near.maybe_within(at, at + 1))
    sure = (held.taken_by <= at) & (at < held.returned_after)
    bounds = load_limits([pool], mappings, at, at + 1)[pool.pk]
    seen = bool(load_observed(mappings, at, at + 1)[pool.pk].seconds)
    known = seen or bool(sure.any())
    blind = [] if seen else gaps(pool, at, at + 1, now=now)
    before, after = _changes(near, at)
    shown = page(held, sure=sure, behind=behind, most=most)
    return Instant(
        pool_id=pool.pk,
        pool=pool.name,
        at=at,
        in_use=int(held.seats[sure].sum()) if known else None,
        possible=int(held.seats.sum()) if known else None,
        limit=_known(bounds.limit.at(at)),
        allowed=_known(bounds.allowed.at(at)),
        issued=_known(bounds.issued.at(at)),
        observed=seen,
        gap=blind[0] if blind else None,
        before=before,
        after=after,
        people=len(np.unique(held.person[sure])),
        since=int(held.began[sure].min()) if sure.any() else None,
        holders=_told(held.where(np.array(shown.places, dtype=np.int64)), at, names),
        last=shown.last,
        total=len(held),
        behind=shown.after,
    )


def _changes(near: Holdings, at: int) -> tuple[int | None, int | None]:
    """Return the last moment before *at*, and the first after, at which known use changed."""
    real = near.taken_by < near.returned_after
    moments = np.unique(np.append(near.taken_by[real], near.returned_after[real]))
    moments = moments[np.abs(moments - at) <= NEARBY_SECONDS]
    earlier, later = moments[moments < at], moments[moments > at]
    return (
        int(earlier[-1]) if len(earlier) else None,
        int(later[0]) if len(later) else None,
    )


def _told(held: Holdings, at: int, names: bool) -> list[HeldThen]:
    """Return the holders in their order. One query."""
    ids = held.checkout.tolist()
    rows = Checkout.objects.select_related("person__identity", "host", "feature__server")
    found = {row.pk: row for row in rows.filter(pk__in=ids)}
    sure = (held.taken_by <= at) & (at < held.returned_after)
    return [
        _holder(found[pk], int(seats), bool(known), names)
        for pk, seats, known in zip(ids, held.seats, sure, strict=True)
    ]


def _holder(row: Checkout, seats: int, sure: bool, names: bool) -> HeldThen:
    identity = getattr(row.person, "identity", None) if names else None
    ends = (row.returned_after, row.returned_at)
    after, until = (None if each is None else int(each.timestamp()) for each in ends)
    return HeldThen(
        checkout=row.pk,
        label=row.person.label,
        name=str(identity) if identity else None,
        host=str(row.host) if names else row.host.label,
        feature=row.feature.name,
        server=row.feature.server.name,
        seats=seats,
        sure=sure,
        taken_at=int(row.taken_at.timestamp()),
        taken_by=int(row.taken_by.timestamp()),
        returned_after=after,
        returned_at=until,
        method=str(Checkout.Method(row.method).label),
    )


def _known(level: int) -> int | None:
    return None if level == UNKNOWN else level
