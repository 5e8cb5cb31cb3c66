"""A year of a large pool from a dozen rows, not from tens of thousands.

Time is cut into parts of equal length. Of a part that is over, each pool with many holdings in it
has them kept as columns, those that were given back, cut to the part; and the sums of its teams'
stored hours. Counting an hour of a part again takes the part away, and it is not read while one
waits to be counted: whatever changes a holding marks its whole span, so what is read is always
what the rows tell.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from itertools import chain, pairwise
from typing import Any, TypeVar

import numpy as np
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from licenses.analysis.holdings import (
    Holdings,
    counts_packages,
    joined,
    load_closed,
    load_holdings,
    load_open,
)
from licenses.analysis.horizons import Horizons, load_horizons
from licenses.analysis.mappings import Mapping, Mappings, load_mappings, servers
from licenses.analysis.rows import EVER, now_epoch
from licenses.analysis.team_sums import TeamSums, stored_sums
from licenses.concurrency.intervals import Ints
from licenses.concurrency.timeline import OPEN
from licenses.models import DirtySpan, KeptPart, LicensePool

T = TypeVar("T")

PART_SECONDS = 10 * 86_400
PARTS = 40
"""Parts before the present one that are kept: 12 months and what begins before them."""
FEWEST = 200
"""Holdings of a part from which on it is kept: fewer are read within a millisecond."""
SETTLED_SECONDS = 86_400
"""A part is kept from so long after its end on: before, much of it is counted again."""
BATCH_POOLS = 50
"""Pools of one transaction: others write in between."""

_FORMAT = 5
_SHORT = np.dtype("<i4")
_LONG = np.dtype("<i8")
_BYTE = np.dtype("u1")
_NEVER = -(2**31)
_TIMES = ("taken_at", "taken_by", "returned_after", "returned_at", "began")
_EDGES = ("earliest", "latest")
"""They are kept of those alone of which they are not what is told."""
_NUMBERS = ("feature", "person", "host", "seats")
_FLAGS = ("exact", "fresh", "logged", "second")


def load_held(mappings: Mappings, horizons: Horizons, start: int, end: int) -> dict[int, Holdings]:
    """Return the holdings of each pool that touch [start, end), as `load_holdings` does.

    Of a single pool and more than one part, they may come in pieces: cut where a part begins, the
    first piece alone `fresh`. Every figure is the same. Nine queries at most.
    """
    if len(mappings) != 1 or end - start <= PART_SECONDS:
        return load_holdings(mappings, horizons, start, end)
    (pool,) = mappings
    rows = _stored(pool, _basis(mappings[pool]), start // PART_SECONDS, (end - 1) // PART_SECONDS)
    numbers, parts = _longest_run(rows.exclude(holdings=b"").values_list("part", "holdings"))
    if not parts or counts_packages(mappings):
        return load_holdings(mappings, horizons, start, end)
    first, last = numbers[0] * PART_SECONDS, (numbers[-1] + 1) * PART_SECONDS
    kept = [_decoded(number, bytes(part)) for number, part in zip(numbers, parts, strict=True)]
    if first < start:  # what begins later is not over before the window
        early = kept[0]
        kept[0] = early.where((early.latest > start) | (early.fresh & (early.taken_at >= start)))
    pieces = []
    if start < first:
        pieces.append(_within(load_closed(mappings, horizons, start, first)[pool], EVER, first))
    pieces += kept
    if last < end:
        pieces.append(_within(load_closed(mappings, horizons, last, end)[pool], last, OPEN))
    pieces.append(load_open(mappings, horizons, start, end)[pool])
    return {pool: _ordered(joined(pieces))}


def team_sums(pool_id: int, start: int, end: int) -> dict[int | None, TeamSums]:
    """Return what the stored hours of a pool that begin in [start, end) come to, by team; None is
    use by nobody's team. Seven queries at most."""
    first, last = -(-start // PART_SECONDS), end // PART_SECONDS - 1
    rows = _stored(pool_id, _basis(None), first, last).exclude(teams=None)
    numbers, parts = _longest_run(rows.values_list("part", "teams") if first <= last else ())
    spans = [(start, end)]
    if numbers:
        spans = [(start, numbers[0] * PART_SECONDS), ((numbers[-1] + 1) * PART_SECONDS, end)]
    told: list[Iterable[Sequence[Any]]] = [part or () for part in parts]
    told += [
        [(team, *sums) for _, team, *sums in stored_sums([pool_id], *span)]
        for span in spans
        if span[0] < span[1]
    ]
    found: dict[int | None, list[int]] = {}
    for team, hours, peak, seat_seconds, checkouts, denials in chain.from_iterable(told):
        sums = found.get(team)
        if sums is None:
            sums = found[team] = [0, 0, 0, 0, 0]
        sums[0] += hours
        sums[1] = max(sums[1], peak)
        sums[2] += seat_seconds
        sums[3] += checkouts
        sums[4] += denials
    return {team: TeamSums(*sums) for team, sums in found.items()}


def forget(pool_ids: Collection[int], start: int, end: int) -> None:
    """Take away what is kept of the hours in [start, end). Call it where they are counted again,
    in the same transaction. One query."""
    KeptPart.objects.filter(
        pool__among=pool_ids,
        part__gte=start // PART_SECONDS,
        part__lte=(end - 1) // PART_SECONDS,
    ).delete()


def keep(now: int | None = None, *, limit_seconds: float = 20.0) -> int:
    """Keep what is over and not kept yet, the newest first; drop what is too old to be asked for.

    Return how many parts of pools were looked at. Each in a transaction that holds its pool, as
    counting hours does. Stops when the time is over; safe to run twice.
    """
    begun, done = time.monotonic(), 0
    present = (now_epoch(now) - SETTLED_SECONDS) // PART_SECONDS
    KeptPart.objects.filter(part__lt=present - PARTS).delete()
    for part in range(present - 1, present - PARTS - 1, -1):
        known = KeptPart.objects.filter(part=part).values("pool")
        ids = LicensePool.objects.exclude(pk__in=known).order_by("pk").values_list("pk", flat=True)
        waiting = list(ids)
        for place in range(0, len(waiting), BATCH_POOLS):
            if time.monotonic() - begun > limit_seconds:
                return done
            done += _keep(waiting[place : place + BATCH_POOLS], part)
    return done


def _keep(pool_ids: Sequence[int], part: int) -> int:
    start, end = part * PART_SECONDS, (part + 1) * PART_SECONDS
    with transaction.atomic():
        free = LicensePool.objects.select_for_update(skip_locked=True, no_key=True)
        held = free.filter(pk__among=pool_ids).order_by("pk").values_list("pk", flat=True)
        dirty = DirtySpan.objects.filter(starts__lt=end, ends__gt=start, pool__among=pool_ids)
        waiting = set(dirty.order_by().values_list("pool_id", flat=True))
        ids = [pk for pk in held if pk not in waiting]
        mappings = load_mappings(ids)
        found = load_closed(mappings, load_horizons(servers(mappings)), start, end)
        teams = _sums_by_pool(ids, start, end)
        rows = [
            KeptPart(
                pool_id=pk,
                part=part,
                basis=_basis(mappings[pk]),
                holdings=_encoded(_within(found[pk], start, end), start),
                teams=teams.get(pk),
            )
            for pk in ids
        ]
        # Of another basis there may be one.
        KeptPart.objects.bulk_create(rows, ignore_conflicts=True)
    return len(rows)


def _sums_by_pool(pool_ids: Collection[int], start: int, end: int) -> dict[int, list[list[Any]]]:
    """Return what is kept of the teams of each pool, of those alone for which it pays."""
    found: dict[int, list[list[Any]]] = {}
    for pool, *sums in stored_sums(pool_ids, start, end):
        found.setdefault(pool, []).append(sums)
    return {pool: rows for pool, rows in found.items() if sum(row[1] for row in rows) >= FEWEST}


def _stored(pool: int, basis: str, first: int, last: int) -> QuerySet[KeptPart]:
    """Return what is kept of the parts from *first* to *last* and may be read.

    It is one query, so that nothing is learned between looking for it and for what waits to be
    counted again.
    """
    part = OuterRef("part")
    changed = DirtySpan.objects.filter(
        pool=pool, starts__lt=(part + 1) * PART_SECONDS, ends__gt=part * PART_SECONDS
    )
    return KeptPart.objects.filter(
        ~Exists(changed), pool=pool, part__gte=first, part__lte=last, basis__startswith=basis
    )


def _longest_run(rows: Iterable[tuple[int, T]]) -> tuple[list[int], list[T]]:
    """Return the longest stretch of parts without a hole, of several the newest; none of none."""
    found = dict(rows)
    if not found:
        return [], []
    numbers = sorted(found)
    breaks = [place for place, (a, b) in enumerate(pairwise(numbers), 1) if b != a + 1]
    runs = [numbers[a:b] for a, b in pairwise([0, *breaks, len(numbers)])]
    longest = max(runs, key=lambda run: (len(run), run[-1:]))
    return longest, [found[number] for number in longest]


def _basis(mappings: Sequence[Mapping] | None) -> str:
    """Return a fingerprint of what decides which rows are a pool's, and with what weight; with None
    how the fingerprint of any mappings begins."""
    form = f"{_FORMAT} {PART_SECONDS} "
    if mappings is None:
        return form
    told = repr([row[:7] for row in mappings])
    return form + hashlib.sha256(told.encode()).hexdigest()[:40]


def _within(rows: Holdings, start: int, end: int) -> Holdings:
    """Return the pieces of the holdings that lie in [start, end)."""
    cut = replace(
        rows,
        taken_at=np.maximum(rows.taken_at, start),
        taken_by=np.maximum(rows.taken_by, start),
        returned_after=np.minimum(rows.returned_after, end),
        returned_at=np.minimum(rows.returned_at, end),
        earliest=np.maximum(rows.earliest, start),
        latest=np.minimum(rows.latest, end),
        fresh=rows.fresh & (rows.taken_at >= start) & (rows.taken_at < end),
    )
    return cut.where((cut.earliest < cut.latest) | cut.fresh)


def _ordered(rows: Holdings) -> Holdings:
    """Return them by feature, then start, as they are loaded from their own rows."""
    order = np.lexsort((rows.taken_at, rows.feature))
    return rows if (order[1:] > order[:-1]).all() else rows.where(order)


def _encoded(rows: Holdings, start: int) -> bytes:
    """Return the holdings as columns, one after the other; b"" where they are not to be kept."""
    if len(rows) < FEWEST:
        return b""
    wide = (rows.earliest != rows.taken_at) | (rows.latest != rows.returned_at)
    numbers = [np.array([len(rows)]), *(getattr(rows, name) for name in _NUMBERS)]
    times = [_from(start, getattr(rows, name)) for name in _TIMES]
    edges = [_from(start, getattr(rows, name)[wide]) for name in _EDGES if wide.any()]
    short = [*numbers, *times, *edges]
    if any(column.min() < _NEVER or column.max() >= 2**31 for column in short):
        return b""
    flags = np.zeros(len(rows), dtype=np.uint8)
    for place, told in enumerate([*(getattr(rows, name) for name in _FLAGS), wide]):
        flags |= told.astype(np.uint8) << place
    columns = [(numbers + times, _SHORT), ([rows.checkout], _LONG), ([flags], _BYTE)]
    columns.append((edges, _SHORT))
    return b"".join(each.astype(kind).tobytes() for some, kind in columns for each in some)


def _decoded(part: int, data: bytes) -> Holdings:
    start, at = part * PART_SECONDS, 0

    def following(kind: np.dtype[Any], count: int) -> Ints:
        nonlocal at
        column = np.frombuffer(data, kind, count, at)
        at += column.nbytes
        return column.astype(np.int64)

    (count,) = following(_SHORT, 1).tolist()
    table: dict[str, Any] = {name: following(_SHORT, count) for name in _NUMBERS}
    table |= {name: _since(start, following(_SHORT, count)) for name in _TIMES}
    table["checkout"] = following(_LONG, count)
    flags = following(_BYTE, count)
    table |= {name: flags & 1 << place != 0 for place, name in enumerate(_FLAGS)}
    wide = flags & 1 << len(_FLAGS) != 0
    for name, told in zip(_EDGES, ("taken_at", "returned_at"), strict=True):
        table[name] = table[told]
        if wide.any():
            table[name] = table[told].copy()
            table[name][wide] = _since(start, following(_SHORT, int(wide.sum())))
    return Holdings(**table)


def _from(start: int, moments: Ints) -> Ints:
    return np.where(moments == EVER, _NEVER, moments - start)


def _since(start: int, moments: Ints) -> Ints:
    return np.where(moments == _NEVER, EVER, moments + start)
