"""Which features feed which pools, from when to when, and with what weight."""

from __future__ import annotations

import json
from collections.abc import Collection
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from django.db.models import BigIntegerField, Case, Exists, OuterRef, Q, Value, When

from licenses.analysis.prepared import Asked, Prepared
from licenses.analysis.rows import EVER, grouped, number
from licenses.concurrency.intervals import Flags, Ints
from licenses.concurrency.timeline import OPEN
from licenses.models import PoolFeature, StatusScope

Daemon = tuple[int, str]
"""Server and daemon; the daemon "" is the whole server."""


class Mapping(NamedTuple):
    """A feature of a server feeds a pool over [start, end); EVER and OPEN where it has no such.

    longest:  no holding of the feature that was given back lasted longer, in seconds.
    since:    when the first complete answer was given that listed the feature; where none ever
              did, OPEN, and EVER where it is not known what answers listed.
    listed:   when the newest such answer was given; where none ever did, EVER, and OPEN where it is
              not known.
    unlisted: spans before that in which answers did not list it, as JSON; "" without any.
    shared:   whose checkouts may share a seat, as `Feature.duplicate_group` says; "" for nobody's.
    """

    feature: int
    server: int
    daemon: str
    name: str
    weight: int
    start: int
    end: int
    longest: int
    since: int
    listed: int
    shared: str = ""
    unlisted: str | None = ""

    @property
    def cuts(self) -> list[tuple[int, int]]:
        """Spans in which answers did not list it, though they did before and after."""
        return [(start, end) for start, end in json.loads(self.unlisted or "[]")]


Mappings = dict[int, list[Mapping]]


class Fed(NamedTuple):
    """Rows of features and the mappings by which they feed pools, one entry for each such pair,
    by pool and in its mappings' order.

    rows:                 places of the rows.
    start, end, weight, server:  of the mapping.
    edges:                by the pools' places: those of the first are [edges[0], edges[1]).
    """

    rows: Ints
    start: Ints
    end: Ints
    weight: Ints
    server: Ints
    edges: Ints

    def kept(self, flags: Flags) -> list[slice]:
        """Return which of the flagged entries are each pool's, among these alone."""
        edges = np.append(0, np.cumsum(flags))[self.edges].tolist()
        return [slice(*span) for span in pairwise(edges)]


def feeding(mappings: Mappings, features: Ints) -> Fed:
    """Return which rows feed which pools. features: of the rows, in rising order."""
    flat = [mapping for maps in mappings.values() for mapping in maps]
    feature, start, end, weight, server = (
        np.array([getattr(m, name) for m in flat], dtype=np.int64)
        for name in ("feature", "start", "end", "weight", "server")
    )
    heads = np.searchsorted(features, feature)
    counts = np.searchsorted(features, feature, side="right") - heads
    ends = np.append(0, np.cumsum(counts))
    rows = np.repeat(heads - ends[:-1], counts) + np.arange(ends[-1], dtype=np.int64)
    last = np.append(0, np.cumsum([len(maps) for maps in mappings.values()], dtype=np.int64))
    start, end, weight, server = (np.repeat(c, counts) for c in (start, end, weight, server))
    return Fed(rows, start, end, weight, server, ends[last])


def load_mappings(pool_ids: Collection[int]) -> Mappings:
    """Return the mappings of each pool, an empty list for a pool without any. One query."""
    rows = grouped(_MAPPED.rows(pool_ids))
    return {pool: [Mapping(*row) for row in rows.get(pool, ())] for pool in pool_ids}


def pools_fed_by(feature_ids: Collection[int], start: int, end: int) -> set[int]:
    """Return the ids of the pools that these features feed at some moment of [start, end)."""
    return {pool for (pool,) in _FED.rows(feature_ids, start, end)}


def features(mappings: Mappings) -> set[int]:
    """Return the ids of all features in the mappings."""
    return {mapping.feature for rows in mappings.values() for mapping in rows}


def servers(mappings: Mappings) -> set[int]:
    """Return the ids of all servers in the mappings."""
    return {mapping.server for rows in mappings.values() for mapping in rows}


def current(mappings: Mappings, moment: int) -> Mappings:
    """Keep the mappings in force at *moment*."""
    return {pool: [m for m in maps if m.start <= moment < m.end] for pool, maps in mappings.items()}


# Of what no answer ever listed no answer tells.
_ASKED = Exists(StatusScope.objects.filter(server=OuterRef("feature__server")))


def _told(name: str, unknown: int, never: int) -> Case:
    return Case(
        When(feature__now__isnull=False, then=number(name, unknown)),
        When(_ASKED, then=Value(never)),
        default=Value(unknown),
        output_field=BigIntegerField(),
    )


_SINCE = _told("feature__now__since", EVER, OPEN)
_LISTED = _told("feature__now__at", OPEN, EVER)


def _mapped(pool_ids: Collection[int]) -> Asked:
    rows = PoolFeature.objects.filter(pool__among=pool_ids)
    return rows.order_by("pool_id", "feature_id", "mapped_from"), (
        "pool_id",
        "feature_id",
        "feature__server_id",
        "feature__daemon",
        "feature__name",
        "weight",
        number("mapped_from", EVER),
        number("mapped_until", OPEN),
        "feature__max_duration",
        _SINCE,
        _LISTED,
        "feature__duplicate_group",
        "feature__now__unlisted",
    )


def _fed(feature_ids: Collection[int], start: int, end: int) -> Asked:
    begun = Q(mapped_from=None) | Q(mapped_from__lt=end)
    lasting = Q(mapped_until=None) | Q(mapped_until__gt=start)
    rows = PoolFeature.objects.filter(begun, lasting, feature__among=feature_ids)
    return rows.order_by(), ("pool_id",)


_MAPPED = Prepared(_mapped)
_FED = Prepared(_fed)
