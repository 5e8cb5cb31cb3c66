"""Hourly figures of pools and their teams: which hours are to be counted again, and counting them.

Whoever writes facts calls `mark_dirty` in the same transaction. `drain` then makes the rows of
exactly those hours again from the facts, so that a crash, a second drain or late data change
nothing but the time at which the rows are right.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import NamedTuple

import numpy as np
from django.db import transaction
from django.db.models import Max, Min, Sum

from licenses.analysis import episodes, hour_rows, kept
from licenses.analysis.coverage import first_moments
from licenses.analysis.mappings import features, load_mappings, pools_fed_by
from licenses.analysis.prepared import Asked, Prepared
from licenses.analysis.rows import EVER, as_moment, insert, now_epoch, number, optional
from licenses.analysis.team_hours import count_teams, replace_hours
from licenses.analysis.usage import Figures, count_seats, load_facts
from licenses.concurrency.axis import Axis
from licenses.concurrency.intervals import Flags, IntervalSet, Ints
from licenses.concurrency.periods import HOUR_SECONDS
from licenses.models import Denial, DirtySpan, LicensePool

BATCH_HOURS = 400_000
"""Hours counted in one transaction: few enough that other writers need not wait for long, so many
that what a transaction costs does not count."""
BATCH_POOLS = 1_000
NEAR_HOURS = 48
"""Dirty hours of many pools are read in one go where all of them lie within this."""
BRIDGED_HOURS = 14 * 24
"""Dirty hours of one pool that are no further apart are read in one go: reading what lies between
them takes less time than asking again."""

Window = tuple[int, int]


class Hour(NamedTuple):
    """The stored figures of one UTC hour; None is not known."""

    hour: int
    peak: int | None
    peak_high: int | None
    peak_at: int | None
    seat_seconds: int
    full_seconds: int | None
    over_seconds: int | None
    observed_seconds: int
    checkouts: int
    denials: int
    limit: int | None


def mark_dirty(
    pool_ids: Iterable[int] = (),
    start: int | None = None,
    end: int | None = None,
    *,
    feature_ids: Collection[int] = (),
) -> None:
    """Have the hours that [start, end) touches counted again.

    start:        None: since a pool is first heard of.
    end:          None: until now.
    feature_ids:  stand for the pools that they feed in that time.

    Call it in the transaction that writes the facts. What is dirty already is marked once more:
    that costs a row, and looking first would cost a lock.
    """
    until = now_epoch() + 1 if end is None else end
    pools = set(pool_ids)
    if feature_ids:
        pools |= pools_fed_by(feature_ids, EVER if start is None else start, until)
    first = _first_heard(pools) if start is None else dict.fromkeys(pools, start)
    marked = np.array([pool for pool in sorted(pools) if first[pool] < until], dtype=np.int64)
    starts = np.array([first[pool] for pool in marked.tolist()], dtype=np.int64)
    names = ("pool_id", "starts", "ends", "marked_at")
    both = (np.full_like(starts, moment) for moment in (until, now_epoch()))
    insert(DirtySpan, names, [marked, starts, *both])


def drain(limit_seconds: float | None = None, after: Callable[[], object] | None = None) -> int:
    """Count the dirty hours again and return how many rows that wrote.

    limit_seconds:  stop between two transactions when this much time is over; None: until
                    nothing is dirty.
    after:          called after each transaction.

    Safe to run twice at once: each transaction takes pools that no other one holds, and the facts
    it reads include those of every mark that it takes away.
    """
    deadline = None if limit_seconds is None else time.monotonic() + limit_seconds
    written = 0
    # Asked first, since on SQLite a transaction keeps other writers waiting even for nothing.
    while DirtySpan.objects.exists() and (deadline is None or time.monotonic() < deadline):
        done = _drain_once()
        if done is None:
            break
        written += done
        if after is not None:
            after()
    return written


def rollup(pool: LicensePool, start: int, end: int) -> int:
    """Count the hours that [start, end) touches again, and return how many rows that wrote."""
    window = _full_hours(start, end)
    written = 0
    for part in _cut(window):
        with transaction.atomic():
            list(LicensePool.objects.select_for_update(no_key=True).filter(pk=pool.pk))
            written += _count_again([pool], part, {pool.pk: IntervalSet.of([part[0]], [part[1]])})
    return written


def hours(pool: LicensePool, start: int, end: int) -> list[Hour]:
    """Return the stored hours of a pool within [start, end), in order. One query.

    An hour is missing where nothing was observed and nothing held.
    """
    _pool, *table = hour_rows.read([pool.pk], IntervalSet.of([start], [end]))
    by_name = dict(zip(hour_rows.NAMES[1:], table, strict=True))
    columns = [optional(by_name[name]) for name in Hour._fields]
    return [Hour(*row) for row in zip(*columns, strict=True)]


def _first_heard(pool_ids: Collection[int]) -> dict[int, int]:
    """Return for each pool when it is first heard of, by a refusal too."""
    pools = list(LicensePool.objects.filter(pk__in=pool_ids))
    mappings = load_mappings([pool.pk for pool in pools])
    refused = dict(_REFUSED.rows(features(mappings)))
    return {
        pool: min(
            [first, *(max(refused[m.feature], m.start) for m in mappings[pool]
                      if m.feature in refused)]
        )
        for pool, first in first_moments(pools, mappings).items()
    }  # fmt: skip


@Prepared
def _REFUSED(feature_ids: Collection[int]) -> Asked:
    rows = Denial.objects.filter(feature__among=feature_ids).order_by().values("feature_id")
    return rows.annotate(first=Min(number("at"))), ("feature_id", "first")


def _full_hours(start: int, end: int) -> Window:
    return start // HOUR_SECONDS * HOUR_SECONDS, -(-end // HOUR_SECONDS) * HOUR_SECONDS


def _cut(window: Window) -> list[Window]:
    """Cut a window into parts that fit one transaction."""
    step = BATCH_HOURS * HOUR_SECONDS
    return [(since, min(since + step, window[1])) for since in range(*window, step)]


def _drain_once() -> int | None:
    """Count a batch of hours in one transaction; None where nothing is dirty that can be had.

    The marks of the batch's pools go; for what is left of them after BATCH_HOURS, new ones come.
    """
    with transaction.atomic():
        # Pools that another drain holds are left to it.
        free = LicensePool.objects.select_for_update(skip_locked=True, no_key=True)
        pools = {pool.pk: pool for pool in free.filter(pk__among=_waiting()).order_by("pk")}
        if not pools:
            return None
        rows = _MARKS.rows(pools)
        oldest = {pool: marked for _pk, pool, *_span, marked in reversed(rows)}
        written, room, left = 0, BATCH_HOURS, []
        for window, dirty in _jobs(rows):
            fitting = room // ((window[1] - window[0]) // HOUR_SECONDS)
            chosen = dict(list(dirty.items())[:fitting])
            room -= sum(spells.seconds for spells in chosen.values()) // HOUR_SECONDS
            if chosen:
                written += _count_again([pools[pool] for pool in chosen], window, chosen)
            left += [
                DirtySpan(
                    pool_id=pool,
                    starts=as_moment(start),
                    ends=as_moment(end),
                    marked_at=as_moment(oldest[pool]),
                )
                for pool, spells in dirty.items()
                if pool not in chosen
                for start, end in spells
            ]
        _MARKS_BY_ID.delete([row[0] for row in rows])
        DirtySpan.objects.bulk_create(left)
    return written


def _waiting() -> list[int]:
    """Return the first pools that are dirty, about as many as fit one transaction.

    Marks of more would be read, sorted and written back as often as the batch before has room.
    """
    found, room = [], BATCH_HOURS * HOUR_SECONDS
    for pool, first, last, total in _HULLS.rows():
        found.append(pool)
        room -= min(last - first, int(total)) + HOUR_SECONDS
        if room <= 0:
            break
    return found


@Prepared
def _MARKS(pool_ids: Collection[int]) -> Asked:
    marks = DirtySpan.objects.filter(pool__among=pool_ids).order_by("pool_id", "marked_at")
    return marks, ("pk", "pool_id", number("starts"), number("ends"), number("marked_at"))


@Prepared
def _MARKS_BY_ID(ids: Collection[int]) -> Asked:
    return DirtySpan.objects.filter(pk__among=ids), ("pk",)


@Prepared
def _HULLS() -> Asked:
    marks = DirtySpan.objects.order_by("pool_id").values("pool_id")
    hulls = marks.annotate(
        first=Min(number("starts")),
        last=Max(number("ends")),
        total=Sum(number("ends") - number("starts")),
    )
    return hulls[:BATCH_POOLS], ("pool_id", "first", "last", "total")


def _jobs(rows: Sequence[tuple[int, ...]]) -> list[tuple[Window, dict[int, IntervalSet]]]:
    """Return the windows to read at once, each with the dirty hours of each pool in it."""
    spans: dict[int, list[Window]] = {}
    for _pk, pool, start, end, _marked in rows:
        spans.setdefault(pool, []).append(_full_hours(start, end))
    # One object for pools that are dirty alike, as all of a poll are.
    alike = {key: IntervalSet.of_spans(key) for key in {tuple(each) for each in spans.values()}}
    dirty = {pool: alike[tuple(windows)] for pool, windows in spans.items()}
    dirty = {pool: spells for pool, spells in dirty.items() if len(spells)}
    if not dirty:
        return []
    hull = (
        min(int(spells.starts[0]) for spells in dirty.values()),
        max(int(spells.ends[-1]) for spells in dirty.values()),
    )
    if hull[1] - hull[0] <= NEAR_HOURS * HOUR_SECONDS:
        return [(hull, dirty)]
    jobs: dict[Window, dict[int, IntervalSet]] = {}
    for pool, spells in dirty.items():
        bridged = IntervalSet.of(spells.starts, spells.ends + BRIDGED_HOURS * HOUR_SECONDS)
        for start, end in bridged:
            inside = spells.clip(start, end)
            for part in _cut((start, int(inside.ends[-1]))):
                if len(mine := inside.clip(*part)):
                    jobs.setdefault(part, {})[pool] = mine
    return sorted(jobs.items(), key=lambda job: job[0])


def _count_again(
    pools: Sequence[LicensePool], window: Window, dirty: dict[int, IntervalSet]
) -> int:
    """Make the rows of the pools' dirty hours in the window again, and the episodes of refusals on
    which these hours bear; return how many hours of pools came out."""
    edges = np.arange(window[0], window[1] + 1, HOUR_SECONDS, dtype=np.int64)
    mappings = load_mappings([pool.pk for pool in pools])
    kept.forget(list(dirty), *window)
    known = load_facts(pools, *window, mappings=mappings)
    figures = count_seats(known, edges)
    axis = Axis(len(known), *window)
    wanted = axis.intervals([dirty[facts.pool.pk] for facts in known])
    hours = _table(
        np.repeat([facts.pool.pk for facts in known], len(edges) - 1),
        figures,
        (wanted.seconds_within(axis.edges(edges)) > 0) & _something_known(figures),
    )
    hour_rows.replace(dirty, hours)
    replace_hours(dirty, count_teams(known, *window, dirty))
    episodes.derive(pools, dirty, mappings)
    return len(hours[0])


def _table(pools: Ints, figures: Figures, wanted: Flags) -> hour_rows.Table:
    """Return the wanted hours as they are stored. pools: the one of each hour."""
    columns = [figures.stored(name, wanted) for name in hour_rows.STORED]
    return [pools[wanted], figures.start[wanted], *columns]


def _something_known(figures: Figures) -> Flags:
    known: Flags = (
        (figures.observed_seconds > 0)
        | (figures.peak > 0)
        | (figures.checkouts > 0)
        | (figures.denials > 0)
    )
    return known
