"""Who held seats of a pool, when, and how well that is known."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields, replace
from typing import Self

import numpy as np
from django.db.models import BigIntegerField, Value

from licenses.analysis.continued import began
from licenses.analysis.counted_once import counted_once, shared
from licenses.analysis.horizons import Horizons, load_horizons
from licenses.analysis.mappings import Mappings, features, feeding, load_mappings, servers
from licenses.analysis.packages import load_packages
from licenses.analysis.prepared import Asked, Prepared
from licenses.analysis.rows import EVER, now_epoch, number
from licenses.analysis.told_twice import around_all, known, possible
from licenses.concurrency.intervals import Flags, Ints
from licenses.concurrency.timeline import OPEN
from licenses.models import LONG_SECONDS, TAKEN_BY, Checkout, LicensePool


@dataclass(frozen=True, eq=False, slots=True)
class Holdings:
    """Holdings of one pool, one entry each, by feature, then start.

    seats:                       of the pool, so times the weight of the feature.
    taken_by, returned_after:    known to be held in this span; empty where the end is not later.
    taken_at, returned_at:       possibly held in this span, as it is told. What is still out ends
                                 with the last moment that somebody looked.
    earliest, latest:            possibly held in this span, as a log that tells a time twice may
                                 mean either. One of which only this lies where somebody asked, or
                                 where the feature feeds the pool, has the others empty there.
    checkout:                    id of the row.
    exact:                       the first two spans are the same.
    fresh:                       it began here: not cut off by the start of a mapping, not the
                                 second part of one that answers dispute, nor one of which a log
                                 tells the return alone, nor a component that its package counts.
    began:                       when somebody took it, also where taken_at was cut off, or where it
                                 is a second part.
    second:                      the second part of one that answers dispute begins here.
    logged:                      a log tells of it; of one that is fresh, that it was taken then.
    """

    feature: Ints
    person: Ints
    host: Ints
    seats: Ints
    taken_at: Ints
    taken_by: Ints
    returned_after: Ints
    returned_at: Ints
    earliest: Ints
    latest: Ints
    checkout: Ints
    exact: Flags
    fresh: Flags
    began: Ints
    second: Flags
    logged: Flags

    def __len__(self) -> int:
        return len(self.feature)

    def where(self, flags: Flags | Ints | slice) -> Self:
        """Keep the flagged holdings, or those at the places, in that order."""
        return replace(self, **{f.name: getattr(self, f.name)[flags] for f in fields(self)})

    @property
    def given(self) -> Ints:
        """When each was taken: as a log says or, where polls alone tell, at the latest."""
        return np.where(self.logged, self.taken_at, self.taken_by)

    @property
    def certain(self) -> Flags:
        """Tell of each whether all three spans are the same."""
        same = (self.earliest == self.taken_at) & (self.latest == self.returned_at)
        return self.exact & same

    def maybe_within(self, start: int, end: int) -> Flags:
        """Tell of each whether it was possibly held at some moment of [start, end)."""
        return (self.earliest < end) & (self.latest > start)

    def held_at(self, moment: int) -> Self:
        """Keep the holdings that are known to be held at *moment*."""
        return self.where(self.known_at(moment))

    def known_at(self, moment: int) -> Flags:
        """Tell of each whether it is known to be held at *moment*."""
        return (self.taken_by <= moment) & (moment < self.returned_after)


def holdings(pool: LicensePool, start: int, end: int) -> Holdings:
    """Return the holdings of a pool that touch [start, end), whole. Six queries at most."""
    mappings = load_mappings([pool.pk])
    horizons = load_horizons(servers(mappings))
    return load_holdings(mappings, horizons, start, end)[pool.pk]


def load_holdings(
    mappings: Mappings, horizons: Horizons, start: int, end: int
) -> dict[int, Holdings]:
    """Return the holdings of each pool that may touch [start, end). Three queries.

    They are whole but for what lies outside the mapping of their feature. One that was given back
    in the second in which it was taken is there too: nobody saw it held, but somebody took it.
    """
    since, until = around_all(horizons.twice, mappings, start, end)
    closed = _closed(mappings, horizons, since, until)
    rows = joined([closed, _open(mappings, horizons, until)])
    return _by_pool(rows, mappings, horizons, start, end)


def load_open(
    mappings: Mappings, horizons: Horizons, start: int = EVER, end: int = OPEN
) -> dict[int, Holdings]:
    """Return the holdings of each pool that are still out and may touch [start, end): all of them
    unless the caller says otherwise. Two queries."""
    _since, until = around_all(horizons.twice, mappings, start, end)
    return _by_pool(_open(mappings, horizons, until), mappings, horizons, start, end)


def load_closed(
    mappings: Mappings, horizons: Horizons, start: int, end: int
) -> dict[int, Holdings]:
    """Return the holdings of each pool that were given back and may touch [start, end). Two
    queries.

    With `load_open` of the same window they are those of `load_holdings`, unless a pool maps a
    package and its components, or a feature of shared seats (`counts_packages`).
    """
    rows = _closed(mappings, horizons, *around_all(horizons.twice, mappings, start, end))
    return _by_pool(rows, mappings, horizons, start, end)


def counts_packages(mappings: Mappings) -> bool:
    """Tell whether a pool maps a package and a component of it, or a feature whose checkouts may
    share a seat, so that one holding bears on another. One query."""
    if any(m.shared for maps in mappings.values() for m in maps):
        return True
    named = {(m.server, m.daemon, m.name) for maps in mappings.values() for m in maps}
    return any(
        (server, daemon, package) in named and (server, daemon, component) in named
        for server, daemon, package, component in load_packages(servers(mappings))
    )


def _by_pool(
    rows: Holdings, mappings: Mappings, horizons: Horizons, start: int, end: int
) -> dict[int, Holdings]:
    if not len(rows):
        return dict.fromkeys(mappings, _NONE)
    rows = possible(rows, mappings, horizons.twice) if horizons.wide else rows
    rows = rows.where(np.lexsort((rows.person, rows.taken_at, rows.feature)))
    fed = feeding(mappings, rows.feature)
    rows = rows.where(fed.rows)
    # Each is cut at the mapping of its feature.
    here = (rows.taken_at >= fed.start) & (rows.taken_at < fed.end)
    cut = replace(
        rows,
        seats=rows.seats * fed.weight,
        taken_at=np.maximum(rows.taken_at, fed.start),
        taken_by=np.maximum(rows.taken_by, fed.start),
        returned_after=np.minimum(rows.returned_after, fed.end),
        returned_at=np.minimum(rows.returned_at, fed.end),
        earliest=np.maximum(rows.earliest, fed.start),
        latest=np.minimum(rows.latest, fed.end),
        fresh=rows.fresh & here,
        second=rows.second & here,
    )
    touches = cut.maybe_within(start, end) & (cut.earliest < cut.latest)
    # One that was given back in the second in which it was taken has no length, but it was taken.
    kept = touches | (here & (cut.taken_at >= start) & (cut.taken_at < end))
    cut = cut.where(kept)
    packages = load_packages(servers(mappings))
    return {
        pool: shared(counted_once(_part(cut, span), mappings[pool], packages), mappings[pool])
        for pool, span in zip(mappings, fed.kept(kept), strict=True)
    }


def _part(rows: Holdings, span: slice) -> Holdings:
    return rows.where(span) if span.start < span.stop else _NONE


# A sum keeps a database from choosing the index of that column.
_NOTHING = Value(0, output_field=BigIntegerField())
_BEGINS = number("taken_at") + _NOTHING
_ENDS = number("returned_at") + _NOTHING


def _closed(mappings: Mappings, horizons: Horizons, start: int, end: int) -> Holdings:
    """Return what was given back at *start* or later and taken before *end*.

    No holding lasted longer than its feature's longest one, so none that began earlier than that
    before the window reaches into it.

    The index by start reads all that began from the longest before it to *end*. Where that is
    months, the newest hours are read by those that lasted long and ended since *start*, and the
    others that began shortly before.
    """
    wanted = features(mappings)
    longest = max((m.longest for maps in mappings.values() for m in maps), default=0)
    if longest <= LONG_SECONDS or end + longest < now_epoch():
        taken = _BY_START.columns(wanted, start - longest, end, start)
    else:
        taken = _CLOSED_SINCE.columns(wanted, start, end)
    exact = (taken[4] == taken[5]) & (taken[6] == taken[7])
    return known(_made(taken, exact), mappings, horizons.twice)


_CLOSED = (
    "feature_id",
    "person_id",
    "host_id",
    "seats",
    number("taken_at"),
    TAKEN_BY,
    number("returned_after", EVER),
    number("returned_at"),
    "pk",
    "method",
)


@Prepared
def _BY_START(wanted: Collection[int], earliest: int, end: int, start: int) -> Asked:
    rows = Checkout.objects.filter(feature__among=wanted).annotate(ends=_ENDS)
    return rows.filter(taken_at__gte=earliest, taken_at__lt=end, ends__gte=start), _CLOSED


@Prepared
def _CLOSED_SINCE(wanted: Collection[int], start: int, end: int) -> Asked:
    return Checkout.objects.closed(wanted, start, end), _CLOSED


@Prepared
def _STILL_OUT(wanted: Collection[int], end: int) -> Asked:
    rows = Checkout.objects.annotate(begins=_BEGINS)
    return rows.filter(feature__among=wanted, returned_at=None, begins__lt=end), (
        "feature_id",
        "person_id",
        "host_id",
        "seats",
        number("taken_at"),
        TAKEN_BY,
        "pk",
        "method",
        number("sighting__last_seen", EVER),
        number("sighting__gone_at", EVER),
        number("returned_after", EVER),
    )


def _open(mappings: Mappings, horizons: Horizons, end: int) -> Holdings:
    """Return what is still out, ended where nobody looked any further.

    What may have been returned unseen has an earlier end up to which it is known. So has what
    answers that list its feature no more do not show.
    """
    *taken, row_ids, method, last_seen, gone_at, bounded = _STILL_OUT.columns(
        features(mappings), end
    )
    places = {m.feature: m for maps in mappings.values() for m in maps}
    owners = [places[feature] for feature in taken[0].tolist()]
    logged, polled, listed = (
        np.array(column, dtype=np.int64)
        for column in (
            [horizons.logged(m.server, m.daemon) for m in owners],
            [horizons.poll(m.server, m.daemon) for m in owners],
            [m.listed + 1 for m in owners],
        )
    )
    # What has a sighting that is not gone is in the last complete answer that names its daemon.
    sampled = method != Checkout.Method.EVENT
    shown = (last_seen != EVER) & (gone_at == EVER)
    seen = np.where(last_seen == EVER, EVER, last_seen + 1)
    # The line that showed it vouches for its own second, unless that may be of either of two hours;
    # so does a poll, unless that may be of any second of a minute.
    own = np.where(sampled | (taken[4] == taken[5]), taken[5] + 1, taken[5])
    told = np.where(sampled, seen, np.maximum(seen, logged))
    sure = np.where(sampled & (last_seen != EVER), taken[5], own)
    by_poll = shown | (sampled & (last_seen == EVER))
    sure, maybe = (
        np.where(by_poll, np.maximum(until, least), least)
        for until, least in (
            (np.minimum(polled, listed), np.maximum(told, sure)),
            (polled, np.maximum(told, own)),
        )
    )
    unbounded = bounded == EVER
    exact = (taken[4] == taken[5]) & ~sampled & unbounded & (sure == maybe)
    # What is still out by the last line was out in the last pass.
    rows = _made([*taken, np.where(unbounded, EVER, bounded), maybe, row_ids, method], exact)
    after = np.where(unbounded, sure, known(rows, mappings, horizons.twice).returned_after)
    return replace(rows, returned_after=after)


def _made(numbers: Sequence[Ints], exact: Flags) -> Holdings:
    """Return holdings from their columns in the order of the class, and how they are known."""
    *numbers, method = numbers
    feature, person, host, seats, taken_at, taken_by, returned_after, returned_at, row = numbers
    second = method == Checkout.Method.CONTINUED
    alone = method == Checkout.Method.RETURNED
    return Holdings(
        feature,
        person,
        host,
        seats,
        taken_at,
        taken_by,
        returned_after,
        returned_at,
        taken_at,
        returned_at,
        row,
        exact & ~alone,
        ~(second | alone),
        began(taken_at, row, method),
        second,
        alone | (method == Checkout.Method.EVENT),
    )


def joined(parts: Sequence[Holdings]) -> Holdings:
    """Return the holdings of all parts, in their order. There is at least one part."""
    names = [field.name for field in fields(Holdings)]
    return Holdings(**{n: np.concatenate([getattr(part, n) for part in parts]) for n in names})


_NONE = _made([np.empty(0, dtype=np.int64)] * 10, np.empty(0, dtype=np.bool_))
