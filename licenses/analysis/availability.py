"""How many seats somebody could take now, and how far that can be relied on."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from django.db.models import (
    BigIntegerField,
    Case,
    ExpressionWrapper,
    F,
    Max,
    OuterRef,
    Q,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Coalesce
from django.db.models.lookups import GreaterThanOrEqual

from licenses.analysis.prepared import Asked, Prepared
from licenses.analysis.rows import now_epoch, number
from licenses.models import LicensePool, LicenseServer, PoolFeature, PoolNow, servable

FRESH, LATE, STALE, NONE = "fresh", "late", "stale", "none"
SHORTEST_SECONDS = 30
"""Of the intervals at which servers may be polled."""
UNPOLLED_SECONDS = 3600
"""What is expected of a server that nobody polls: its logs come in pieces."""


def freshness(age_seconds: int | None, interval_seconds: int | None) -> str:
    """Judge the age of a figure by the interval at which news is expected.

    Up to two intervals (and a minute) is fresh, up to six late, beyond that stale.

    interval_seconds:  None where nothing is polled.
    """
    if age_seconds is None:
        return NONE
    interval = interval_seconds or UNPOLLED_SECONDS
    if age_seconds <= 2 * interval + 60:
        return FRESH
    return LATE if age_seconds <= relied_seconds(interval_seconds) else STALE


def relied_seconds(interval_seconds: int | None) -> int:
    """Return up to which age a figure says something of now."""
    return 6 * (interval_seconds or UNPOLLED_SECONDS) + 60


def is_of_now(judged: str) -> bool:
    """Tell whether a figure that `freshness` judged so says something of now."""
    return judged in (FRESH, LATE)


_EXPECTED = Case(
    When(feature__server__polling=LicenseServer.Polling.OFF, then=Value(UNPOLLED_SECONDS)),
    default=F("feature__server__poll_seconds"),
    output_field=BigIntegerField(),
)
"""How often news is expected of the server of a mapping."""


def longest_interval() -> Subquery:
    """Return, of pools, the longest interval at which news is expected of a server; null where no
    feature feeds it."""
    feeding = PoolFeature.objects.filter(mapped_until=None, pool=OuterRef("pk"))
    slowest = feeding.annotate(every=_EXPECTED).order_by("-every")
    return Subquery(slowest.values("every")[:1])


def longest_intervals(pool_ids: Collection[int]) -> dict[int, int]:
    """Return the same of each pool that a feature feeds. One query."""
    return dict(_INTERVALS.rows(pool_ids))


@Prepared
def _INTERVALS(pool_ids: Collection[int]) -> Asked:
    rows = PoolFeature.objects.filter(mapped_until=None, pool__among=pool_ids)
    slowest = rows.order_by().values("pool_id").annotate(longest=Max(_EXPECTED))
    return slowest, ("pool_id", "longest")


def said_of_now(moment: int, surely: int) -> Q:
    """Return which pools' newest figures say something of now, as `is_of_now` tells it.

    surely:  from when on they do, however often a server is polled, as of `surely_since`: no
             intervals are looked for of these.
    """
    interval = Coalesce(longest_interval(), UNPOLLED_SECONDS)
    until = number("now__at") + interval * 6 + 60
    relied = GreaterThanOrEqual(ExpressionWrapper(until, output_field=BigIntegerField()), moment)
    return Q(now__at__gte=surely) | (Q(now__at__lt=surely) & Q(relied))


def surely_since(moment: int) -> int:
    """Return from when on any figure says something of a moment."""
    return moment - relied_seconds(SHORTEST_SECONDS)


@dataclass(frozen=True, slots=True)
class Availability:
    """The seats of one pool as somebody who wants one meets them. None: not known, never zero.

    seats:          that can be in use at once: the fewer of what is allowed and what is served.
    free_then:      seats that nobody held and that were kept for nobody, as of `at`.
    reserved_idle:  seats that the server keeps for others and that nobody uses.
    at:             epoch seconds as of when the figures hold, the oldest of its servers'.
    relied_seconds: up to which age they say something of now.
    freshness:      fresh, late, stale, or none where nobody ever looked.
    source:         polls or log; "" where nobody ever looked.
    """

    pool_id: int
    seats: int | None
    in_use: int | None
    free_then: int | None
    reserved_idle: int
    queued: int
    at: int | None
    age_seconds: int | None
    freshness: str
    source: str
    relied_seconds: int

    @property
    def free(self) -> int | None:
        """Return the free seats where the figure is young enough to say something of now."""
        return self.free_then if is_of_now(self.freshness) else None


def load_availability(
    pools: Iterable[LicensePool], now: int | None = None
) -> dict[int, Availability]:
    """Return how many seats could be taken in each pool, by its id. Two queries."""
    moment = now_epoch(now)
    ids = [pool.pk for pool in pools]
    known = {row.pool_id: row for row in PoolNow.objects.filter(pool__in=ids)}
    intervals = longest_intervals(ids)
    return {pk: _of(pk, known.get(pk), intervals.get(pk), moment) for pk in ids}


def poll_seconds(pool_ids: list[int]) -> dict[int, int]:
    """Return the longest interval at which a server of the pool is polled. One query."""
    polled = PoolFeature.objects.filter(pool__in=pool_ids, mapped_until=None).exclude(
        feature__server__polling=LicenseServer.Polling.OFF
    )
    rows = polled.order_by().values_list("pool_id")
    return dict(rows.annotate(longest=Max("feature__server__poll_seconds")))


def _of(pool_id: int, row: PoolNow | None, interval: int | None, moment: int) -> Availability:
    if row is None:
        return Availability(pool_id, None, None, None, 0, 0, None, None, NONE, "", 0)
    at = None if row.at is None else int(row.at.timestamp())
    age = None if at is None else max(0, moment - at)
    return Availability(
        pool_id=pool_id,
        seats=servable(row.limit, row.issued),
        in_use=row.in_use,
        free_then=row.free,
        reserved_idle=row.reserved_idle,
        queued=row.queued,
        at=at,
        age_seconds=age,
        freshness=freshness(age, interval),
        source=row.source,
        relied_seconds=relied_seconds(interval),
    )
