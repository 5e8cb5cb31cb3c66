"""What we can vouch for, what we cannot, and why not."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from django.db.models import F, OuterRef, Q, Subquery
from django.utils.translation import gettext

from itam import figures
from itam.said import said
from licenses.analysis.gap_reasons import (
    Reason,
    noted_gaps,
    times_answered,
    times_down,
    times_unlisted,
)
from licenses.analysis.mappings import (
    Daemon,
    Mapping,
    Mappings,
    features,
    load_mappings,
    servers,
)
from licenses.analysis.prepared import Asked, Prepared
from licenses.analysis.rights import load_rights
from licenses.analysis.rows import now_epoch, number
from licenses.analysis.vouched import (
    Vouched,
    begins,
    first_held,
    observed_time,
    parts_of,
    told_by,
    vouched_for,
    vouched_rows,
)
from licenses.concurrency.intervals import IntervalSet
from licenses.concurrency.timeline import OPEN
from licenses.models import (
    Checkout,
    Coverage,
    Feature,
    Gap,
    LicensePool,
    LicenseServer,
    longest_step,
)


class PoolGap(NamedTuple):
    """Time of a pool that nobody can vouch for, with one cause.

    bounded_seconds:  time of it in which the servers could not issue more than what is proven;
                      `bounds.bounded_gaps` tells it.
    bound:            the most seats that they could issue then; None where nothing is bounded.
    bound_basis:      "status": a licence file and the servers' own totals before and after;
                      "file": a file alone for a part of it; "" where nothing is bounded.
    """

    start: int
    end: int
    cause: str
    cause_label: str
    detail: str
    bounded_seconds: int = 0
    bound: int | None = None
    bound_basis: str = ""


@dataclass(frozen=True, slots=True)
class PoolCoverage:
    """What was expected to be seen of a pool over a window, and what was.

    observed:  every feature that feeds the pool was vouched for, expected or not.
    expected:  the pool existed, and no poll that is not due yet may still vouch for the time.
    """

    observed: IntervalSet
    expected: IntervalSet

    @property
    def share(self) -> Fraction | None:
        """Return observed / expected time, exactly; None where nothing was expected."""
        total = self.expected.seconds
        return Fraction(self.seen.seconds, total) if total else None

    @property
    def seen(self) -> IntervalSet:
        """Return the expected time that was observed."""
        return self.expected.intersection(self.observed)

    @property
    def missing(self) -> IntervalSet:
        """Return the expected time that was not observed."""
        return self.expected.subtract(self.observed)


def observed(pool: LicensePool, start: int, end: int) -> IntervalSet:
    """Return the time of [start, end) in which all features of a pool were vouched for."""
    return load_observed(load_mappings([pool.pk]), start, end)[pool.pk]


def expected(pool: LicensePool, start: int, end: int, *, now: int | None = None) -> IntervalSet:
    """Return the time of [start, end) in which the pool existed: what lies ahead is not expected.

    From its first entitlement, observation or holding on, whichever came first, until it retired.
    Time since a poll is not expected before the next poll is overdue.
    """
    return load_coverage([pool], load_mappings([pool.pk]), start, end, now=now)[pool.pk].expected


def coverage_share(
    pool: LicensePool, start: int, end: int, *, now: int | None = None
) -> Fraction | None:
    """Return the observed share of the expected time, exactly; None where nothing was expected."""
    return load_coverage([pool], load_mappings([pool.pk]), start, end, now=now)[pool.pk].share


def percent_down(share: Fraction) -> str:
    """Return a share as a percentage with two decimals, rounded down: 100.00 % only if whole."""
    whole, rest = divmod(share.numerator * 10_000 // share.denominator, 100)
    return f"{figures.number(Decimal(f'{whole}.{rest:02d}'), 2)} %"


def nothing_expected() -> str:
    """Say why nothing can be said of time in which nothing was expected of a pool."""
    return gettext("The pool was not in use then: nothing was expected of it.")


def load_coverage(
    pools: Collection[LicensePool],
    mappings: Mappings,
    start: int,
    end: int,
    *,
    now: int | None = None,
    as_of: datetime | None = None,
) -> dict[int, PoolCoverage]:
    """Return the coverage of each pool. Five queries at most.

    as_of:  rights count as they were on record then; None: as they are.
    """
    moment = now_epoch(now)
    view = _look(mappings, start, end, moment)
    first = first_moments(pools, mappings, as_of)
    return _coverage(pools, mappings, view, first, start, end, moment)


class _View(NamedTuple):
    """What was vouched for over a window, and what may still be."""

    spans: Vouched
    waits: dict[int, Wait]
    held: dict[int, int]

    def unseen(self, mapping: Mapping, start: int, end: int) -> IntervalSet:
        """Return the time in which a feature fed its pool and was not vouched for."""
        span = IntervalSet.of([mapping.start], [mapping.end]).clip(start, end)
        return span.subtract(self.spans.of(mapping))

    def blind(self, mapping: Mapping, start: int, end: int) -> IntervalSet:
        """Return the unseen time for which no poll is waited for."""
        unseen = self.unseen(mapping, start, end)
        wait = self.waits.get(mapping.server)
        return unseen.subtract(wait.of(mapping.daemon)) if wait else unseen


def _look(mappings: Mappings, start: int, end: int, now: int) -> _View:
    ids = servers(mappings)
    held = first_held(mappings, start)
    return _View(vouched_for(ids, start, end), load_waits(ids, now), held)


def _coverage(
    pools: Collection[LicensePool],
    mappings: Mappings,
    view: _View,
    first: dict[int, int],
    start: int,
    end: int,
    now: int,
) -> dict[int, PoolCoverage]:
    until = min(end, now)
    found = {}
    for pool in pools:
        maps = mappings[pool.pk]
        retired = OPEN if pool.retired_at is None else int(pool.retired_at.timestamp())
        time = IntervalSet.of([max(first[pool.pk], start)], [min(until, retired)])
        if any(mapping.server in view.waits for mapping in maps):
            time = time.subtract(_undecided(maps, view, start, until))
        seen = observed_time(parts_of(maps, view.spans, view.held), start, end)
        found[pool.pk] = PoolCoverage(seen, time)
    return found


def _undecided(maps: Iterable[Mapping], view: _View, start: int, end: int) -> IntervalSet:
    """Return the unobserved time of a pool that becomes observed if all polls come in time."""
    unseen = blind = IntervalSet.empty()
    for mapping in maps:
        unseen = unseen.union(view.unseen(mapping, start, end))
        blind = blind.union(view.blind(mapping, start, end))
    return unseen.subtract(blind)


@dataclass(frozen=True, slots=True)
class Wait:
    """A server answered at *since*, and its next poll is not overdue at *now*.

    failing:  daemons ("" is the whole server) whose last answer did not count: not waited for.
    """

    since: int
    now: int
    failing: frozenset[str]

    def of(self, daemon: str) -> IntervalSet:
        """Return the time for which the next poll may still vouch."""
        if self.failing.intersection(("", daemon)):
            return IntervalSet.empty()
        return IntervalSet.of([self.since], [self.now])


def load_waits(server_ids: Collection[int], now: int) -> dict[int, Wait]:
    """Return the servers whose next poll is waited for at *now*, with their wait. Two queries."""
    polled = LicenseServer.objects.filter(
        pk__in=server_ids, enabled=True, poll_state__last_parsed_at__lt=now
    ).exclude(polling=LicenseServer.Polling.OFF)
    since = {
        pk: last
        for pk, interval, last in polled.order_by().values_list(
            "pk", "poll_seconds", number("poll_state__last_parsed_at")
        )
        if now - last <= longest_step(interval)
    }
    failing: dict[int, set[str]] = {pk: set() for pk in since}
    if since:
        gaps = Gap.objects.filter(server__in=since, ends=None)
        for pk, daemon in gaps.order_by().values_list("server_id", "daemon"):
            failing[pk].add(daemon)
    return {pk: Wait(last, now, frozenset(failing[pk])) for pk, last in since.items()}


def load_observed(mappings: Mappings, start: int, end: int) -> dict[int, IntervalSet]:
    """Return the observed time of each pool. One query."""
    return _of_pools(mappings, vouched_for(servers(mappings), start, end), start, end)


def load_logged(mappings: Mappings, start: int, end: int) -> dict[int, IntervalSet]:
    """Return the time of each pool of which logs tell. Polls tell of no refusals: of other time
    nobody knows whether there were any. One query."""
    spans = vouched_for(servers(mappings), start, end, Coverage.Source.LOG)
    return _of_pools(mappings, spans, start, end)


def load_told(mappings: Mappings, start: int, end: int) -> dict[int, Told]:
    """Return what was observed of each pool, and what of it logs tell. One query."""
    rows = list(vouched_rows(None).rows(servers(mappings), start, end))
    told = told_by(rows, start, end)
    seen, logged = (
        _of_pools(mappings, each, start, end) for each in (told, Vouched(told.logs, told.logs))
    )
    return {pool: Told(seen[pool], logged[pool]) for pool in mappings}


class Told(NamedTuple):
    """observed: time in which all that feeds a pool was vouched for. logged: by logs."""

    observed: IntervalSet
    logged: IntervalSet


def _of_pools(mappings: Mappings, spans: Vouched, start: int, end: int) -> dict[int, IntervalSet]:
    # Most pools are fed by one daemon, and many by the same.
    alike: dict[tuple[tuple[int | str | None, ...], ...], IntervalSet] = {}
    held = first_held(mappings, start)
    found = {}
    for pool, maps in mappings.items():
        key = tuple(
            (
                *(m.server, m.daemon, max(m.start, start), min(m.end, end)),
                *(max(m.since, start), min(m.listed, end), m.unlisted, held.get(m.feature)),
            )
            for m in maps
        )
        if key not in alike:
            alike[key] = observed_time(parts_of(maps, spans, held), start, end)
        found[pool] = alike[key]
    return found


def gaps(
    pool: LicensePool,
    start: int,
    end: int,
    *,
    now: int | None = None,
    as_of: datetime | None = None,
) -> list[PoolGap]:
    """Return the expected but unobserved time of a pool, in time order, each part with its cause.

    A gap with several causes is several rows. Where two servers are blind at once, the cause that
    somebody noted goes before one that is inferred. Ten queries at most.
    """
    maps = load_mappings([pool.pk])
    return load_gaps([pool], maps, start, end, now=now, as_of=as_of)[pool.pk]


def load_gaps(
    pools: Collection[LicensePool],
    mappings: Mappings,
    start: int,
    end: int,
    *,
    now: int | None = None,
    as_of: datetime | None = None,
) -> dict[int, list[PoolGap]]:
    """Return the gaps of each pool, as `gaps` does. Nine queries at most."""
    moment = now_epoch(now)
    view = _look(mappings, start, end, moment)
    first = first_moments(pools, mappings, as_of)
    missing = {
        pk: seen.missing
        for pk, seen in _coverage(pools, mappings, view, first, start, end, moment).items()
    }
    blind = {pk: mappings[pk] for pk, time in missing.items() if len(time)}
    if not blind:
        return {pk: [] for pk in missing}
    noted, down = noted_gaps(servers(blind), start, end), times_down(servers(blind), start, end)
    answered = times_answered(servers(blind), start, end)
    rows = LicenseServer.objects.filter(pk__in=servers(blind))
    polled = {pk for pk, how in rows.values_list("pk", "polling") if how != rows.model.Polling.OFF}
    found: dict[int, list[PoolGap]] = {pk: [] for pk in missing}
    for pk, maps in blind.items():
        layers: list[list[Reason]] = [[], [], []]
        for mapping in maps:
            dark = view.blind(mapping, start, end)
            layers[0] += _within(dark, [r for k in _keys(mapping) for r in noted.get(k, ())])
            layers[1] += _within(dark, [r for k in _keys(mapping) for r in down.get(k, ())])
            by_poll = mapping.server in polled
            cause = Gap.Cause.COLLECTOR_DOWN if by_poll else Gap.Cause.LOG_MISSING
            named = [r for k in _keys(mapping) for r in answered.get(k, ())]
            layers[1] += _within(dark, times_unlisted(mapping, named))
            others = [r for k, rows in answered.items() if k[0] == mapping.server for r in rows]
            layers[1] += _within(dark, others)
            layers[2] += [Reason(a, b, cause.value, "") for a, b in dark]
        unfed = Reason(start, end, Gap.Cause.LOG_MISSING.value, said(_unfed))
        found[pk] = _labelled(missing[pk], [*layers[0], *layers[1], *layers[2], unfed])
    return found


def _unfed() -> str:
    return gettext("No feature fed the pool.")


def _cause(cause: str) -> str:
    return str(Gap.Cause(cause).label)


def _labelled(missing: IntervalSet, reasons: Iterable[Reason]) -> list[PoolGap]:
    """Return missing time with its causes: what one reason explains, no later one does."""
    labelled: list[PoolGap] = []
    left = missing
    for reason in reasons:
        if not len(left):
            break
        span = left.clip(reason.start, reason.end)
        if not len(span):
            continue
        label = said(_cause, reason.cause)
        labelled += [PoolGap(a, b, reason.cause, label, reason.detail) for a, b in span]
        left = left.subtract(span)
    return _merged(sorted(labelled))


def _keys(mapping: Mapping) -> set[Daemon]:
    return {(mapping.server, ""), (mapping.server, mapping.daemon)}


def _within(time: IntervalSet, reasons: Iterable[Reason]) -> list[Reason]:
    return [
        reason._replace(start=start, end=end)
        for reason in reasons
        for start, end in time.clip(reason.start, reason.end)
        if reason.start < reason.end
    ]


def _merged(rows: list[PoolGap]) -> list[PoolGap]:
    """Make one of neighbours that touch and have the same cause and detail."""
    merged: list[PoolGap] = []
    for row in rows:
        if merged and merged[-1].end == row.start and merged[-1][2:] == row[2:]:
            merged[-1] = merged[-1]._replace(end=row.end)
        else:
            merged.append(row)
    return merged


@Prepared
def _HEARD(feature_ids: Collection[int]) -> Asked:
    holding = Checkout.objects.taken().filter(feature=OuterRef("pk")).order_by("taken_at")
    vouched = Coverage.objects.filter(
        Q(daemon="") | Q(daemon=OuterRef("daemon")), server=OuterRef("server")
    ).order_by("starts")
    rows = Feature.objects.filter(pk__among=feature_ids).order_by()
    # One look into an index for each feature; a Min over all rows would read them.
    rows = rows.annotate(
        first_held=Subquery(holding.values("taken_at")[:1]),
        first_seen=Subquery(vouched.values(first=begins())[:1]),
    )
    return rows, (F("pk"), number("first_held", OPEN), number("first_seen", OPEN))


@Prepared
def _LOGGED(feature_ids: Collection[int]) -> Asked:
    logs = Coverage.objects.filter(
        Q(daemon="") | Q(daemon=OuterRef("daemon")),
        server=OuterRef("server"),
        source=Coverage.Source.LOG,
    ).order_by("starts")
    rows = Feature.objects.filter(pk__among=feature_ids).order_by()
    rows = rows.annotate(first_seen=Subquery(logs.values("starts")[:1]))
    return rows, (F("pk"), number("first_seen", OPEN))


def first_moments(
    pools: Collection[LicensePool], mappings: Mappings, as_of: datetime | None = None
) -> dict[int, int]:
    """Return for each pool when it is first heard of; OPEN where it never is. Three queries at
    most.

    as_of:  by the rights that were on record then; None: by those of today.
    """
    rights = load_rights(pools, as_of)
    since = {m.feature: m.since for maps in mappings.values() for m in maps}
    rows = _HEARD.rows(features(mappings))
    # Answers that do not list a feature yet tell nothing of it; a log does.
    unlisted = {pk for pk, _held, seen in rows if seen < since[pk]}
    logged = dict(_LOGGED.rows(unlisted)) if unlisted else {}
    heard = {
        pk: min(held, seen if pk not in unlisted else min(logged[pk], since[pk]))
        for pk, held, seen in rows
    }
    return {
        pool.pk: min(
            [right.start for right in rights[pool.pk]]
            + [max(heard[m.feature], m.start) for m in mappings[pool.pk]],
            default=OPEN,
        )
        for pool in pools
    }
