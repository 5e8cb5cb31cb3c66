"""Marks of the holdings that are still out: what is odd about each, and what that rests on."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import tzinfo

from django.db.models import Max
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from licenses.analysis.coverage import load_observed
from licenses.analysis.holdings import Holdings, load_open
from licenses.analysis.horizons import load_horizons
from licenses.analysis.mappings import Mappings, current, load_mappings, servers
from licenses.analysis.rows import EVER, now_epoch, number
from licenses.concurrency.intervals import IntervalSet
from licenses.concurrency.marks import (
    SILENT_SECONDS,
    Mark,
    Out,
    last_night,
    marks,
    may_be_gone,
    on_several_hosts,
)
from licenses.models import Checkout, Denial, LicensePool, Sighting, tells_apart

WORDS: Mapping[Mark, str | Promise] = {
    Mark.LONG: gettext_lazy("more than a day"),
    Mark.OVERNIGHT: gettext_lazy("overnight"),
    Mark.TWO_HOSTS: gettext_lazy("two hosts"),
    Mark.HOST_GONE: gettext_lazy("host gone?"),
}
RESTS_ON: Mapping[Mark, str | Promise] = {
    Mark.LONG: gettext_lazy("Taken more than a day ago and not returned since."),
    Mark.OVERNIGHT: gettext_lazy(
        "Known to be out through all of the last night, from midnight to 5:00 by the pool's clock."
    ),
    Mark.TWO_HOSTS: gettext_lazy(
        "The same person holds seats of this pool on two machines or more."
    ),
    Mark.HOST_GONE: gettext_lazy(
        "Out for more than three days, in which the servers of this pool saw nothing else of the"
        " machine: nothing taken, nothing returned, nothing refused. It may be off, or one program"
        " may simply be left open."
    ),
}
SEEN_SHARE = 0.9
"""Of the time in which nothing is seen of a machine, so much must have been watched."""


def suspects(
    zones: Mapping[int, tzinfo],
    mappings: Mappings,
    held: Mapping[int, Holdings],
    rows: Sequence[Checkout],
    moment: int,
) -> dict[int, tuple[Mark, ...]]:
    """Return the marks of holdings that are still out, by their id. Two queries at most.

    zones:     of the pools in question, by id. mappings: those in force of these.
    held:      all that is out of these.
    rows:      the holdings that are asked about, with their sightings; those of other pools, or no
               longer out, are left out.
    """
    asked = {row.pk: row for row in rows}
    out: dict[int, dict[int, Out]] = {}
    for pool, mine in held.items():
        known = zip(mine.checkout.tolist(), mine.returned_after.tolist(), strict=True)
        out[pool] = {pk: _out(asked[pk], min(until, moment)) for pk, until in known if pk in asked}
    silent = _silent(out, mappings)
    found: dict[int, tuple[Mark, ...]] = {}
    for pool, holdings in out.items():
        mine = held[pool]
        sure = mine.returned_after == mine.returned_at
        several = on_several_hosts(mine.person[sure], mine.host[sure]) if tells_apart() else ()
        night = last_night(moment, zones[pool])
        for pk, each in holdings.items():
            found[pk] = marks(
                each, moment=moment, night=night, several=several, silent=silent[pool]
            )
    return found


def suspects_among(rows: Sequence[Checkout], now: int | None = None) -> dict[int, tuple[Mark, ...]]:
    """Return the marks of those of some holdings, of any pools, that are still out, by their id.
    A constant number of queries."""
    moment = now_epoch(now)
    still = [row for row in rows if row.returned_at is None]
    pools = LicensePool.objects.filter(mappings__feature__in={row.feature_id for row in still})
    zones = {pool.pk: pool.tzinfo for pool in pools.distinct()} if still else {}
    mappings = current(load_mappings(list(zones)), moment)
    held = load_open(mappings, load_horizons(servers(mappings)))
    return suspects(zones, mappings, held, still, moment)


def _out(row: Checkout, known: int) -> Out:
    state = row.sighting.state if row.sighting else row.state
    return Out(
        person=row.person_id,
        host=row.host_id,
        began=int(row.began.timestamp()),
        known=known,
        away=state == Sighting.State.BORROWED,
    )


def _silent(out: Mapping[int, Mapping[int, Out]], mappings: Mappings) -> dict[int, set[int]]:
    """Return by pool the machines of holdings of which its servers saw nothing lately, though they
    were watched. Two queries; none where nothing is out for so long."""
    asked = {
        pool: [each for each in holdings.values() if may_be_gone(each)]
        for pool, holdings in out.items()
    }
    ends = {pool: max(each.known for each in mine) for pool, mine in asked.items() if mine}
    silent: dict[int, set[int]] = {pool: set() for pool in out}
    if not ends:
        return silent
    first, last = min(ends.values()) - SILENT_SECONDS, max(ends.values())
    observed = load_observed({pool: mappings[pool] for pool in ends}, first, last)
    hosts = {each.host for mine in asked.values() for each in mine}
    seen = _last_seen(hosts, servers({pool: mappings[pool] for pool in ends}), first)
    for pool, end in ends.items():
        start = end - SILENT_SECONDS
        watched = observed[pool].intersection(IntervalSet.of([start], [end])).seconds
        if watched < SEEN_SHARE * SILENT_SECONDS:
            continue
        mine = {m.server for m in mappings[pool]}
        silent[pool] = {
            each.host
            for each in asked[pool]
            if all(seen.get((server, each.host), EVER) < start for server in mine)
        }
    return silent


def _last_seen(
    hosts: Collection[int], server_ids: Collection[int], since: int
) -> dict[tuple[int, int], int]:
    """Return when, from a moment on, each of some servers last had a machine take or return
    something, or be refused: by (server, machine). One query."""
    # What a server takes back by itself is no sign of the machine.
    by_itself = Checkout.EndReason.RETURNED, Checkout.EndReason.NOT_SEEN
    held = Checkout.objects.all()
    signs = (
        (held.filter(taken_at__gte=since), "taken_at"),
        (held.filter(returned_at__gte=since, end_reason__in=by_itself), "returned_at"),
        (Denial.objects.filter(at__gte=since), "at"),
    )
    told = [
        rows.filter(feature__server__in=list(server_ids), host__in=list(hosts))
        .order_by()
        .values_list("feature__server_id", "host_id")
        .annotate(latest=Max(number(name)))
        for rows, name in signs
    ]
    found: dict[tuple[int, int], int] = {}
    for server, host, latest in told[0].union(*told[1:]):
        found[server, host] = max(latest, found.get((server, host), EVER))
    return found
