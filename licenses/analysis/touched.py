"""The hours that a change of teams touches: those with use that was taken while it was in force."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import date, tzinfo
from typing import NamedTuple, TypeGuard
from zoneinfo import ZoneInfo

import numpy as np
from django.db.models import Q

from licenses.analysis import continued
from licenses.analysis.rows import EVER, as_moment, columns, now_epoch, number
from licenses.analysis.teams import FEW, Member, end_moment, first_moment, spans, within
from licenses.concurrency.intervals import IntervalSet, Ints
from licenses.concurrency.periods import HOUR_SECONDS
from licenses.concurrency.timeline import OPEN
from licenses.models import Checkout, Denial, DirtySpan, PoolFeature

MOST_NAMED = 10_000
"""Ids that one query may name: SQLite takes 32,766 parameters at most."""

Days = tuple[date | None, date | None]
"""First and last day, both included; None has no such end."""


class Fitting(NamedTuple):
    """Uses by these people on these hosts in a span of days; None is any of them."""

    people: Collection[int] | None
    hosts: Collection[int] | None
    days: Days


class _Uses(NamedTuple):
    """Holdings and refusals: who took seats where and when, and until when they touch hours."""

    feature: Ints
    person: Ints
    host: Ints
    began: Ints
    end: Ints


class _Fed(NamedTuple):
    pool: int
    zone: str
    feature: int
    start: int
    end: int


def mark_touched(members: Sequence[Member], fitting: Sequence[Fitting]) -> None:
    """Have those hours counted again that hold use of the members on their days, or fitting use.

    The team of a member does not matter here. Queries: two for every 500 people, two for each
    entry of *fitting*, and two more.
    """
    fed = _fed()
    if not fed or not (members or fitting):
        return
    zones = {row.zone: ZoneInfo(row.zone) for row in fed}
    touched: dict[int, list[tuple[Ints, Ints]]] = {}
    for batch in _by_person(members):
        uses = _load(Q(person__in=sorted({row.person for row in batch})))
        flags = {name: _of_members(uses, batch, zone) for name, zone in zones.items()}
        _collect(uses, flags, fed, touched)
    for what in fitting:
        uses = _fitting_uses(what)
        flags = {name: _on_days(uses, what.days, zone) for name, zone in zones.items()}
        _collect(uses, flags, fed, touched)
    DirtySpan.objects.bulk_create(
        DirtySpan(pool_id=pool, starts=as_moment(start), ends=as_moment(end))
        for pool, parts in sorted(touched.items())
        for start, end in IntervalSet.of(*map(np.concatenate, zip(*parts, strict=True)))
    )


def _fed() -> list[_Fed]:
    rows = PoolFeature.objects.order_by("pool_id", "feature_id").values_list(
        "pool_id",
        "pool__zone",
        "feature_id",
        number("mapped_from", EVER),
        number("mapped_until", OPEN),
    )
    return [_Fed(*row) for row in rows]


def _by_person(members: Sequence[Member]) -> Iterator[list[Member]]:
    people = sorted({row.person for row in members})
    for start in range(0, len(people), FEW):
        chosen = set(people[start : start + FEW])
        yield [row for row in members if row.person in chosen]


def _fitting_uses(what: Fitting) -> _Uses:
    """Return the uses by the people on the hosts, on whatever day."""
    asked = {"person": what.people, "host": what.hosts}
    named = {f"{name}__in": sorted(ids) for name, ids in asked.items() if _few(ids)}
    uses = _load(Q(**named))
    fits = np.ones(len(uses.began), dtype=np.bool_)
    for column, ids in ((uses.person, what.people), (uses.host, what.hosts)):
        if ids is not None and not _few(ids):
            fits &= np.isin(column, list(ids))
    return _Uses(*(column[fits] for column in uses))


def _few(ids: Collection[int] | None) -> TypeGuard[Collection[int]]:
    return ids is not None and len(ids) <= MOST_NAMED


def _load(condition: Q) -> _Uses:
    """Return the uses of features that feed a pool at any time. Two queries."""
    # By feature and person there is an index; by person alone there is none.
    mapped = Q(feature__in=PoolFeature.objects.order_by().values("feature"))
    held = columns(
        Checkout.objects.filter(mapped, condition),
        "feature_id",
        "person_id",
        "host_id",
        number("taken_at"),
        number("returned_at", now_epoch() + 1),
        "pk",
        "method",
    )
    *held, row_ids, method = held
    held[3] = continued.began(held[3], row_ids, method)
    refused = columns(
        Denial.objects.filter(mapped, condition, capacity=True),
        "feature_id",
        "person_id",
        "host_id",
        number("at"),
        number("at"),
    )
    feature, person, host, began, end = (
        np.append(*pair) for pair in zip(held, refused, strict=True)
    )
    # Also what was given back in its own second, or refused, touches the hour of that second.
    return _Uses(feature, person, host, began, np.maximum(end, began + 1))


def _of_members(uses: _Uses, members: Sequence[Member], zone: tzinfo) -> Ints:
    holders = np.array([row.person for row in members], dtype=np.int64)
    firsts, lasts = ([getattr(row, name) for row in members] for name in ("first", "last"))
    starts, ends = spans(firsts, lasts, zone)
    return np.unique(within(uses.person, uses.began, holders, starts, ends)[0])


def _on_days(uses: _Uses, days: Days, zone: tzinfo) -> Ints:
    start, end = first_moment(days[0], zone), end_moment(days[1], zone)
    return np.flatnonzero((uses.began >= start) & (uses.began < end))


def _collect(
    uses: _Uses,
    chosen: dict[str, Ints],
    fed: Sequence[_Fed],
    touched: dict[int, list[tuple[Ints, Ints]]],
) -> None:
    """Add the hours of the uses chosen for a pool's zone, within the mappings of the pool."""
    features = {zone: uses.feature[places] for zone, places in chosen.items()}
    for row in fed:
        mine = chosen[row.zone][features[row.zone] == row.feature]
        starts = np.maximum(uses.began[mine], row.start)
        ends = np.minimum(uses.end[mine], row.end)
        real = starts < ends
        if real.any():
            touched.setdefault(row.pool, []).append(
                (
                    starts[real] // HOUR_SECONDS * HOUR_SECONDS,
                    -(-ends[real] // HOUR_SECONDS) * HOUR_SECONDS,
                )
            )
