"""Episodes of refusals as they are kept: made again for the people and times that something
touched, and no others."""

from __future__ import annotations

from collections.abc import Collection
from itertools import chain
from typing import Any

from django.db import connection

from licenses.analysis.chains import (
    REACH_SECONDS,
    Episode,
    Found,
    Who,
    Zones,
    find,
    gap_of,
    heard_until,
)
from licenses.analysis.horizons import load_horizons
from licenses.analysis.mappings import Mappings, load_mappings, servers
from licenses.analysis.prepared import Asked, Prepared
from licenses.analysis.rows import grouped, number
from licenses.concurrency.denials import RULES, UNSERVED
from licenses.concurrency.intervals import IntervalSet
from licenses.models import DenialEpisode, LicensePool

BATCH = 5000

_FIELDS = ["person_id", *Episode._fields[1:]]
_MOMENTS = ("starts", "last", "granted_at")
_KEY = ["pool", "starts", "person", "capacity"]


def derive(pools: Collection[LicensePool], touched: Zones, mappings: Mappings | None = None) -> int:
    """Make the episodes again on which the touched time bears, and return how many those are.

    touched:   by pool; what lies outside is taken to be derived already.
    mappings:  of the pools, where the caller has them.

    Runs in the caller's transaction and writes only what differs. A constant number of queries,
    four where nobody was refused; some more where a chain lasts for hours.
    """
    mappings = load_mappings([pool.pk for pool in pools]) if mappings is None else mappings
    zones = _zones(pools, mappings, touched)
    found = find(pools, mappings, zones)
    _keep(found, zones)
    _keep_served(found)
    return sum(len(each.episodes) for each in found.values())


def _zones(pools: Collection[LicensePool], mappings: Mappings, touched: Zones) -> Zones:
    """Return the time in which refusals may come out otherwise than they are kept.

    That is what was touched, with as much around it as chains reach; and the episodes whose end
    was open and can now be told, wherever they are.
    """
    waiting = grouped(_OPEN.rows(mappings))
    some = {pool: mappings[pool] for pool in waiting}
    horizons = load_horizons(servers(some)) if waiting else None
    zones = {}
    around: dict[tuple[int, int], IntervalSet] = {}
    for pool in pools:
        gap, spans = gap_of(pool), touched[pool.pk]
        key = gap, id(spans)  # pools that were touched alike share one
        if key not in around:
            reach = gap + REACH_SECONDS
            around[key] = IntervalSet.of(spans.starts - reach, spans.ends + reach)
        zone = around[key]
        if horizons is not None:
            told = [
                (first, last + 1)
                for first, last in waiting.get(pool.pk, ())
                if heard_until(mappings[pool.pk], horizons, first, last + gap) > last + gap
            ]
            zone = zone.union(IntervalSet.of_spans(told))
        zones[pool.pk] = zone
    return zones


def _keep(found: dict[int, Found], zones: Zones) -> None:
    """Store the episodes, and take away those that are none any more."""
    known = _known(found, zones)
    wrong: list[int] = []
    fresh: list[DenialEpisode] = []
    for pool, each in found.items():
        rows = {row[:3]: row for row in each.episodes}
        kept = set()
        for pk, rules, *values in known.get(pool, ()):
            row = Episode(*values)
            key = row[:3]
            if rows.get(key) == row and rules == RULES:
                kept.add(key)
            elif key not in rows and _replaced(row, each, zones[pool]):
                wrong.append(pk)
        fresh += [_as_model(pool, row) for key, row in rows.items() if key not in kept]
    for start in range(0, len(wrong), BATCH):
        DenialEpisode.objects.filter(pk__in=wrong[start : start + BATCH]).delete()
    DenialEpisode.objects.bulk_create(
        fresh,
        batch_size=BATCH,
        update_conflicts=True,
        unique_fields=_KEY,
        update_fields=[*_FIELDS[3:], "rules"],
    )


def _known(found: dict[int, Found], zones: Zones) -> dict[int, list[tuple[Any, ...]]]:
    """Return the kept episodes that may have to go, by pool: id, rules, and an Episode's values.

    An episode that something touched starts in the zone, or in a chain that reaches into it.
    """
    starts = [int(zone.starts[0]) for zone in zones.values() if len(zone)]
    ends = [int(zone.ends[-1]) for zone in zones.values() if len(zone)]
    spans = [span for each in found.values() for spans in each.spans.values() for span in spans]
    if not starts:
        return {}
    first = min(chain(starts, (first for first, _ in spans)))
    last = max(chain(ends, (last for _, last in spans)))
    return grouped(_STARTED.rows(found, first, last))


@Prepared
def _OPEN(pool_ids: Collection[int]) -> Asked:
    rows = DenialEpisode.objects.filter(pool__among=pool_ids, outcome=DenialEpisode.Outcome.OPEN)
    return rows.order_by(), ("pool_id", number("starts"), number("last"))


@Prepared
def _STARTED(pool_ids: Collection[int], first: int, last: int) -> Asked:
    rows = DenialEpisode.objects.filter(
        pool__among=pool_ids, starts__gte=first, starts__lte=last
    ).order_by()
    names = [number(name) if name in _MOMENTS else name for name in _FIELDS]
    return rows, ("pool_id", "pk", "rules", *names)


def _replaced(row: Episode, found: Found, zone: IntervalSet) -> bool:
    """Tell whether a kept episode lies where all was made again."""
    if zone.clip(row.starts, row.last + 1).seconds:
        return True
    who: Who = (row.person, row.capacity)
    return any(row.starts <= last and first <= row.last for first, last in found.spans.get(who, ()))


def _as_model(pool: int, row: Episode) -> DenialEpisode:
    values = dict(zip(_FIELDS, row, strict=True))
    return DenialEpisode(pool_id=pool, rules=RULES, **values)


def _keep_served(found: dict[int, Found]) -> None:
    """Write when refusals were served after all, where the rows say something else."""
    changes: list[tuple[int | None, int]] = []
    for each in found.values():
        differ = each.refusals.where(each.refusals.served_at != each.refusals.stored_at)
        moments = [None if at == UNSERVED else at for at in differ.served_at.tolist()]
        changes += zip(moments, differ.row.tolist(), strict=True)
    if changes:
        with connection.cursor() as cursor:
            cursor.executemany("UPDATE licenses_denial SET served_at = %s WHERE id = %s", changes)
