"""The newest that is known: seats in use per pool, and who holds them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from django.db import transaction
from django.db.models import Max

from licenses.analysis.holder_pages import Place, page
from licenses.analysis.holdings import load_open
from licenses.analysis.horizons import Horizons, load_horizons
from licenses.analysis.mappings import Mapping, current, features, load_mappings, servers
from licenses.analysis.prepared import Asked, Prepared
from licenses.analysis.rights import YEAR_SECONDS, load_limits
from licenses.analysis.rows import EVER, as_moment, now_epoch
from licenses.analysis.suspects import suspects
from licenses.concurrency.marks import Mark
from licenses.concurrency.periods import DAY_SECONDS, HOUR_SECONDS
from licenses.concurrency.timeline import UNKNOWN
from licenses.models import Checkout, FeatureNow, LicensePool, PoolHour, PoolNow

RECENT_SECONDS = 2 * 86400


class HolderRow(NamedTuple):
    """Someone who holds seats of a pool. name: only where names were asked for and one is known.

    marks:  what is odd about it, as of `suspects`.
    """

    label: str
    name: str | None
    host: str
    seats: int
    since: int
    state: str
    method: int
    display: str
    feature: str
    server: str
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class HoldersNow:
    """Who holds seats of a pool, as of the oldest of its servers' newest answers.

    at, age_seconds:  None where nobody ever looked.
    rows:             those of one page, the longest first.
    last:             where the page ends; None where no other follows.
    more:             how many stand behind the page. total: of all pages.
    """

    at: int | None
    age_seconds: int | None
    rows: list[HolderRow]
    last: Place | None
    more: int
    total: int


def refresh(pool_ids: Collection[int], now: int | None = None, *, year: bool = False) -> None:
    """Write the newest figures of these pools. A constant number of queries; safe to run twice.

    year:  look for the highest peak through all hours of 12 months, as is needed once a day and
           after an import of old data. Otherwise, and much faster, the known one is only raised.

    Run it after the hours are counted, as peaks come from them. Limits are those at the moment
    that the figures are of.
    """
    if not pool_ids:
        return
    moment = now_epoch(now)
    with transaction.atomic():
        pools: list[LicensePool] = _LOCKED.objects(pool_ids)
        PoolNow.objects.bulk_create(
            _figures(pools, moment, _peaks([pool.pk for pool in pools], moment, year)),
            update_conflicts=True,
            unique_fields=["pool"],
            update_fields=[f.name for f in PoolNow._meta.fields if f.name not in ("id", "pool")],
        )


def holders(
    pool: LicensePool,
    *,
    names: bool = False,
    now: int | None = None,
    behind: Place | None = None,
    most: int | None = None,
) -> HoldersNow:
    """Return who holds seats of a pool, the longest first. A constant number of queries.

    names:  tell names of people, hosts and displays instead of pseudonyms. Ask for them only on
            behalf of readers who may see them.
    behind, most:  the page that is asked for, as of `holder_pages.page`; all of them if None.
    """
    moment = now_epoch(now)
    mappings = current(load_mappings([pool.pk]), moment)
    horizons = load_horizons(servers(mappings))
    held = load_open(mappings, horizons)[pool.pk]
    shown = page(held, behind=behind, most=most)
    seats = dict(zip(held.checkout[shown.places].tolist(), held.seats[shown.places], strict=True))
    rows = list(
        Checkout.objects.filter(pk__in=list(seats))
        .select_related("person__identity", "host", "sighting", "feature__server")
        .order_by("taken_at", "pk")
    )
    odd = suspects({pool.pk: pool.tzinfo}, mappings, {pool.pk: held}, rows, moment)
    at = _as_of(mappings[pool.pk], horizons)
    return HoldersNow(
        at=at,
        age_seconds=None if at is None else max(0, moment - at),
        rows=[_holder(row, int(seats[row.pk]), names, odd[row.pk]) for row in rows],
        last=shown.last,
        more=shown.after,
        total=len(held),
    )


def taken_last(pool: LicensePool, now: int | None = None) -> dict[int, int]:
    """Return when each person who holds seats of a pool took the last of them, by its id. A
    constant number of queries, whatever the number of holders."""
    mappings = current(load_mappings([pool.pk]), now_epoch(now))
    held = load_open(mappings, load_horizons(servers(mappings)))[pool.pk]
    order = np.argsort(held.began, kind="stable")  # the last of each person stays
    return dict(zip(held.person[order].tolist(), held.began[order].tolist(), strict=True))


def _holder(row: Checkout, seats: int, names: bool, marks: tuple[Mark, ...]) -> HolderRow:
    identity = getattr(row.person, "identity", None)
    return HolderRow(
        label=row.person.label,
        name=str(identity) if names and identity else None,
        host=str(row.host) if names else row.host.label,
        seats=seats,
        since=int(row.began.timestamp()),
        state=row.sighting.state if row.sighting else row.state,
        method=row.method,
        display=row.sighting.display if names and row.sighting else "",
        feature=row.feature.name,
        server=row.feature.server.name,
        marks=marks,
    )


def _figures(
    pools: Collection[LicensePool], moment: int, peaks: dict[int, int | None]
) -> list[PoolNow]:
    mappings = current(load_mappings([pool.pk for pool in pools]), moment)
    horizons = load_horizons(servers(mappings))
    held = load_open(mappings, horizons)
    told = {row.feature_id: row for row in _NEWEST.objects(features(mappings))}
    times = {pool.pk: _as_of(mappings[pool.pk], horizons) for pool in pools}
    first = min((at for at in times.values() if at is not None), default=moment)
    limits = load_limits(pools, mappings, min(first, moment), moment + 1)
    rows = []
    for pool in pools:
        pk, at = pool.pk, times[pool.pk]
        maps, bounds = mappings[pk], limits[pk]
        when = moment if at is None else min(at, moment)
        rows.append(
            PoolNow(
                pool=pool,
                at=None if at is None else as_moment(at),
                in_use=None if at is None else int(held[pk].seats.sum()),
                limit=_known(bounds.limit.at(when)),
                allowed=_known(bounds.allowed.at(when)),
                issued=_known(bounds.issued.at(when)),
                reserved_idle=_told(maps, told, "reserved_idle"),
                borrowed=_told(maps, told, "borrowed"),
                queued=_told(maps, told, "queued"),
                source=_source(maps, horizons),
                peak_12_months=peaks[pk],
            )
        )
    return rows


def _peaks(pool_ids: Collection[int], moment: int, year: bool) -> dict[int, int | None]:
    """Return the highest peak of each pool in the last 12 months; None where none is known."""
    known: dict[int, int] = dict(_KNOWN_PEAKS.rows(pool_ids))
    whole = [pk for pk in pool_ids if year or pk not in known]
    found: dict[int, int | None] = dict.fromkeys(pool_ids)
    last = -(-(moment + 1) // HOUR_SECONDS) * HOUR_SECONDS
    for pools, since in ((whole, YEAR_SECONDS), (set(known) - set(whole), RECENT_SECONDS)):
        if pools:
            first = -(-(moment - since) // HOUR_SECONDS) * HOUR_SECONDS
            found |= dict(_PEAKS.rows(pools, first, last, first // DAY_SECONDS * DAY_SECONDS))
    for pk, peak in known.items():
        if pk not in whole:
            found[pk] = max(peak, found[pk] or 0)
    return found


@Prepared
def _LOCKED(pool_ids: Collection[int]) -> Asked:
    rows = LicensePool.objects.select_for_update(no_key=True).filter(pk__among=pool_ids)
    return rows.order_by("pk"), ()


@Prepared
def _NEWEST(wanted: Collection[int]) -> Asked:
    return FeatureNow.objects.filter(feature__among=wanted).order_by(), ()


@Prepared
def _KNOWN_PEAKS(pool_ids: Collection[int]) -> Asked:
    rows = PoolNow.objects.filter(pool__among=pool_ids, peak_12_months__isnull=False)
    return rows.order_by(), ("pool_id", "peak_12_months")


@Prepared
def _PEAKS(pool_ids: Collection[int], first: int, last: int, day: int) -> Asked:
    hours = PoolHour.objects.filter(pool__among=pool_ids).of_hours(first, last, day)
    highest = hours.order_by().values("pool_id").annotate(highest=Max("peak"))
    return highest, ("pool_id", "highest")


def _as_of(maps: Collection[Mapping], horizons: Horizons) -> int | None:
    """Return the oldest of the newest moments; None where a server was never heard."""
    oldest = min((horizons.newest(m.server, m.daemon) for m in maps), default=EVER)
    return oldest if oldest > EVER else None


def _source(maps: Collection[Mapping], horizons: Horizons) -> str:
    newest = [(horizons.log(m.server, m.daemon), horizons.poll(m.server, m.daemon)) for m in maps]
    if not any(max(pair) > EVER for pair in newest):
        return ""
    return "polls" if any(polls > log for log, polls in newest) else "log"


def _told(maps: Iterable[Mapping], told: dict[int, FeatureNow], state: str) -> int:
    return sum(getattr(told[m.feature], state) * m.weight for m in maps if m.feature in told)


def _known(level: int) -> int | None:
    return None if level == UNKNOWN else level
