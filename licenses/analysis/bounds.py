"""What the servers could have issued at most while nobody looked: time that is bounded.

Where a server could not hand out more seats than documents prove, over-use was impossible, seen or
not. `docs/counting.md` says it for people.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from licenses.analysis import coverage
from licenses.analysis.coverage import PoolGap
from licenses.analysis.holdings import Holdings, load_holdings
from licenses.analysis.horizons import load_horizons
from licenses.analysis.mappings import (
    Daemon,
    Mapping,
    Mappings,
    features,
    load_mappings,
    servers,
)
from licenses.analysis.rights import load_rights, proven_from_rights
from licenses.analysis.rows import EVER, number
from licenses.analysis.sights import Sights, load_sights, whole_log
from licenses.analysis.statements import Statement, in_force, load_statements
from licenses.analysis.vouched import Part, observed_time
from licenses.concurrency.intervals import IntervalSet
from licenses.concurrency.timeline import OPEN, UNKNOWN, Steps, merged_times
from licenses.concurrency.timeline import usage as in_use
from licenses.models import (
    FeatureNow,
    IssuedCount,
    LicensePool,
    Strength,
)


@dataclass(frozen=True, eq=False, slots=True)
class PoolBounds:
    """What bounds the use of a pool over a window, whether or not anybody looked.

    capacity:  the most seats that its servers could have issued; UNKNOWN where that cannot be told.
    by_file:   the time in which a licence file alone says so, and no answers of the server around.
    exact:     logs tell of every holding then, also of those taken before the log began.
    uncounted: a server serves seats without a number: whoever uses one need not ask for it.
    """

    capacity: Steps
    by_file: IntervalSet
    exact: IntervalSet
    uncounted: IntervalSet

    def within(self, proven: Steps) -> IntervalSet:
        """Return the time in which the servers could not issue more than what is proven."""
        grid = merged_times([self.capacity.times, proven.times], proven.start, proven.end)
        most, right = self.capacity.on(grid), proven.on(grid)
        return IntervalSet.of(grid[:-1], grid[1:]).subtract(
            Steps(grid, most).where((most == UNKNOWN) | (most > right))
        )

    def tightest(self, time: IntervalSet, proven: Steps) -> tuple[int, int]:
        """Return (capacity, what is proven) where the two are nearest; the time is not empty, and
        the capacity is known in all of it."""
        pairs: list[tuple[int, int]] = []
        for first, last in time:
            grid = merged_times([self.capacity.times, proven.times], first, last)
            most = self.capacity.clip(first, last).on(grid).tolist()
            pairs += zip(most, proven.clip(first, last).on(grid).tolist(), strict=True)
        return min(pairs, key=lambda pair: (pair[1] - pair[0], -pair[0]))

    def most(self, time: IntervalSet) -> int:
        """Return the highest known capacity in a time; UNKNOWN if there is none."""
        parts = [self.capacity.clip(first, last).levels for first, last in time]
        return max((int(part.max()) for part in parts if len(part)), default=UNKNOWN)


def load_bounds(
    pools: Collection[LicensePool],
    mappings: Mappings,
    start: int,
    end: int,
    held: dict[int, Holdings],
) -> dict[int, PoolBounds]:
    """Return what bounds the use of each pool over [start, end). Eight queries.

    held:  the holdings of that time, by pool: what they refute bounds nothing.
    """
    sights = load_sights(mappings, start, end)
    statements = load_statements(features(mappings))
    told = dict(
        FeatureNow.objects.filter(feature__in=features(mappings))
        .order_by()
        .values_list("feature_id", number("at"))
    )
    daemons = {(each.server, each.daemon): each for maps in mappings.values() for each in maps}
    logs = {daemon: whole_log(each, sights) for daemon, each in daemons.items()}
    return {
        pool.pk: _of_pool(
            mappings[pool.pk], statements, sights, logs, told, held[pool.pk], start, end
        )
        for pool in pools
    }


def bounded_gaps(
    pool: LicensePool,
    start: int,
    end: int,
    *,
    now: int | None = None,
    as_of: datetime | None = None,
    proven_from: int = Strength.PROVEN,
) -> list[PoolGap]:
    """Return the gaps of a pool as `coverage.gaps` does, each with how much of it is bounded.

    as_of, proven_from:  as for verdicts. Twenty-four queries at most.
    """
    rows = coverage.gaps(pool, start, end, now=now, as_of=as_of)
    if not rows:
        return rows
    maps = load_mappings([pool.pk])
    held = load_holdings(maps, load_horizons(servers(maps)), start, end)
    bounds = load_bounds([pool], maps, start, end, held)[pool.pk]
    rights = load_rights([pool], as_of, proven_from)[pool.pk]
    safe = bounds.within(proven_from_rights(rights, start, end))
    return [bounded(row, bounds, safe) for row in rows]


def bounded(gap: PoolGap, bounds: PoolBounds, safe: IntervalSet) -> PoolGap:
    """Return a gap with how much of it is bounded. safe: what `bounds.within` gives."""
    inside = safe.clip(gap.start, gap.end)
    if not len(inside):
        return gap
    by_file = inside.intersection(bounds.by_file).seconds > 0
    return gap._replace(
        bounded_seconds=inside.seconds,
        bound=bounds.most(inside),
        bound_basis=IssuedCount.Source.FILE.value if by_file else IssuedCount.Source.STATUS.value,
    )


def _of_pool(
    maps: Sequence[Mapping],
    statements: dict[int, list[Statement]],
    sights: Sights,
    logs: dict[Daemon, IntervalSet],
    told: dict[int, int],
    held: Holdings,
    start: int,
    end: int,
) -> PoolBounds:
    capacity = Steps.constant(0, start, end)
    mapped = silent = by_file = uncounted = IntervalSet.empty()
    exact = []
    for mapping in maps:
        span = IntervalSet.of([mapping.start], [mapping.end]).clip(start, end)
        if not len(span):
            continue
        mapped = mapped.union(span)
        exact.append(Part(mapping, logs[mapping.server, mapping.daemon]))
        rows = statements.get(mapping.feature, ())
        uncounted = uncounted.union(_uncounted(rows, span))
        most, told_by_server, told_by_file = _of_feature(mapping, rows, sights, told, start, end)
        refuted = _refuted(mapping, rows, held, span, start, end)
        told_by_server = told_by_server.subtract(refuted)
        told_by_file = told_by_file.subtract(refuted)
        silent = silent.union(span.subtract(told_by_server).subtract(told_by_file))
        by_file = by_file.union(span.intersection(told_by_file).subtract(told_by_server))
        # A component is a part of its package, so the sum bounds what counts once, too.
        capacity = capacity.plus(_weighted(most, mapping.weight, span))
    known = mapped.subtract(silent)
    return PoolBounds(
        capacity.only_within(known),
        by_file.intersection(known),
        observed_time(exact, start, end).subtract(uncounted),
        uncounted,
    )


def _uncounted(rows: Sequence[Statement], span: IntervalSet) -> IntervalSet:
    """Return the time of a span in which what is stated of a feature holds no number."""
    if all(row.seats is not None for row in rows):
        return IntervalSet.empty()
    cells = (cell for first, last in span for cell in in_force(rows, first, last))
    return IntervalSet.of_spans((c.start, c.end) for c in cells if c.source and c.seats is None)


def _refuted(
    mapping: Mapping,
    rows: Sequence[Statement],
    held: Holdings,
    span: IntervalSet,
    start: int,
    end: int,
) -> IntervalSet:
    """Return the time in which statements are in force that known use is once above: the server
    handed out more, so it had read something else."""
    own = held.feature == mapping.feature
    if not rows or not own.any():
        return IntervalSet.empty()
    used = in_use(held.taken_by[own], held.returned_after[own], held.seats[own], start, end)
    files = [row for row in rows if row.source == IssuedCount.Source.FILE]
    overdraft = _summed(files, "overdraft", start, end)
    refuted = []
    for stated in (files, [row for row in rows if row.source == IssuedCount.Source.STATUS]):
        most = _summed(stated, "seats", start, end).plus(overdraft)
        above = used.above(Steps(most.times, most.levels * mapping.weight)).intersection(span)
        if len(above):
            refuted += [row for row in stated if len(above.clip(row.start, row.end))]
    return IntervalSet.of_spans((row.start, row.end) for row in refuted)


def _beyond(total: Statement, files: Sequence[Statement]) -> bool:
    """Tell whether an answer tells of more seats than the lines of files in force then."""
    lines = [row.seats or 0 for row in files if row.start <= total.start < row.end]
    return (total.seats or 0) > sum(lines)


def _weighted(most: Steps, weight: int, span: IntervalSet) -> Steps:
    """Return the seats of the pool that a feature could take while it feeds it; 0 where not."""
    inside = most.only_within(span)
    levels = inside.levels.copy()
    levels[levels == UNKNOWN] = 0
    return Steps(inside.times, levels * weight).joined()


def _of_feature(
    mapping: Mapping,
    rows: Sequence[Statement],
    sights: Sights,
    told: dict[int, int],
    start: int,
    end: int,
) -> tuple[Steps, IntervalSet, IntervalSet]:
    """Return (most seats that a feature could have out, when the server's own answers on both
    sides say so, when a licence file that stays the same says so)."""
    window = IntervalSet.of([start], [end])
    files = [row for row in rows if row.source == IssuedCount.Source.FILE]
    totals = [row for row in rows if row.source == IssuedCount.Source.STATUS]
    uncounted = IntervalSet.of_spans((row.start, row.end) for row in rows if row.seats is None)
    overdraft = _summed(files, "overdraft", start, end)
    filed, stated = _summed(files, "seats", start, end), _summed(totals, "seats", start, end)
    # Only a file tells how many more than its total a server lends: none does that tells of fewer.
    unfiled = stated.above(filed)
    by_server, changed = _from_answers(mapping, totals, sights, told.get(mapping.feature, EVER))
    by_file = _from_files(mapping, files, sights)
    if totals and _beyond(totals[0], files):
        # The server had read another file by its first answer, and nobody knows since when.
        by_file = by_file.subtract(IntervalSet.of([EVER], [totals[0].start]))
    return (
        filed.plus(overdraft),
        window.intersection(by_server).subtract(unfiled).subtract(uncounted),
        window.intersection(by_file).subtract(changed).subtract(unfiled).subtract(uncounted),
    )


def _from_answers(
    mapping: Mapping, totals: Sequence[Statement], sights: Sights, last_told: int
) -> tuple[IntervalSet, IntervalSet]:
    """Return (the time between answers of one and the same total, that between answers that
    differ). After the last answer there is neither."""
    answers = sights.of(sights.polls, mapping)
    begins, ends = answers.starts.tolist(), answers.ends.tolist()
    same, changed = [], []
    for place, row in enumerate(totals):
        if row.end == OPEN:
            same.append((row.start, max(row.start, last_told)))
            continue
        at = bisect_left(ends, row.end)
        before = row.start
        if at < len(begins) and begins[at] < row.end:
            # The change was found by an answer within a span: the one before it is near.
            near = sights.steps[mapping.server].earliest_before(row.end)
            before = max(before, begins[at], near)
        elif at:
            before = max(before, ends[at - 1])
        same.append((row.start, before))
        following = totals[place + 1] if place + 1 < len(totals) else None
        if following is None or following.seats != row.seats:
            changed.append((before, row.end))
    return IntervalSet.of_spans(same), IntervalSet.of_spans(changed)


def _from_files(mapping: Mapping, files: Sequence[Statement], sights: Sights) -> IntervalSet:
    """Return the time in which lines of a licence file are in force, between two readings of all of
    them; not the time without any sight of the server in which the lines change, nor that after the
    last sight."""
    lines = IntervalSet.of_spans((row.start, row.end) for row in files)
    unread = [(row.start, min(row.end, row.read_from)) for row in files]
    unread += [(max(row.start, row.read_until), row.end) for row in files]
    lines = lines.subtract(IntervalSet.of_spans(unread))
    newest = max(
        sights.newest.get((mapping.server, mapping.daemon), EVER),
        sights.newest.get((mapping.server, ""), EVER),
    )
    seen = sights.of(sights.logs, mapping).union(sights.of(sights.polls, mapping))
    dark = seen.complement(EVER, OPEN)
    starts = dark.starts.tolist()
    spoiled = []
    for moment in sorted({m for row in files for m in (row.start, row.end)} - {EVER, OPEN}):
        place = bisect_right(starts, moment) - 1
        if place >= 0 and moment < int(dark.ends[place]):
            spoiled.append((starts[place], int(dark.ends[place])))
    return lines.clip(EVER, newest).subtract(IntervalSet.of_spans(spoiled))


def _summed(rows: Sequence[Statement], name: str, start: int, end: int) -> Steps:
    amounts = [getattr(row, name) or 0 for row in rows]
    starts, ends = [row.start for row in rows], [row.end for row in rows]
    return Steps.from_spans(starts, ends, amounts, start, end)
