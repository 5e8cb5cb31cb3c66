"""Whether the use of a pool stayed within what is allowed: a verdict for each month, and why."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from enum import StrEnum
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from django.utils.translation import gettext_lazy

from itam.said import said
from licenses.analysis import verdict_words
from licenses.analysis.bounds import PoolBounds, load_bounds
from licenses.analysis.coverage import PoolCoverage, load_coverage, nothing_expected
from licenses.analysis.mappings import Mappings, load_mappings
from licenses.analysis.usage import PoolFacts, load_facts
from licenses.concurrency.intervals import IntervalSet, Ints
from licenses.concurrency.measures import OverUse, episodes, measure, over_seconds
from licenses.concurrency.periods import periods
from licenses.concurrency.timeline import UNKNOWN
from licenses.concurrency.timeline import usage as in_use
from licenses.models import LicensePool, Strength

FLOOR = Fraction(95, 100)
"""The least share of the expected time that must have been observed."""
BATCH_POOLS = 25
"""Pools whose holdings are in memory at one time."""


class Verdict(StrEnum):
    """What can be said of a pool and a month; the worst comes last.

    PROVEN: over-use was impossible at every moment, also where nobody looked.
    NOT_IN_USE: nothing was expected, so nothing is judged.
    """

    NOT_IN_USE = "not_in_use"
    PROVEN = "proven"
    AS_OBSERVED = "as_observed"
    NOT_DETERMINABLE = "not_determinable"
    OVER_USE = "over_use"


VERDICT_WORDS = {
    Verdict.NOT_IN_USE: gettext_lazy("not in use"),
    Verdict.PROVEN: gettext_lazy("proven"),
    Verdict.AS_OBSERVED: gettext_lazy("as observed"),
    Verdict.NOT_DETERMINABLE: gettext_lazy("not determinable"),
    Verdict.OVER_USE: gettext_lazy("over use"),
}
_RANK = {verdict: rank for rank, verdict in enumerate(Verdict)}


@dataclass(frozen=True, slots=True)
class MonthVerdict:
    """What can be said of a pool over [start, end), and the figures it rests on.

    reason:             one sentence for people, with figures.
    coverage:           observed / expected time, exactly; None where nothing was expected.
    peak, peak_at:      of what is known to have been held; None where nothing is known.
    allowed:            in the last second; None where nobody knows.
    over_seconds, over_seat_seconds, over_episodes, longest_over_seconds, largest_excess:
                        of known use above what is allowed.
    sampled:            a part of it was seen by polls alone: use between two polls is not in it; or
                        it was told by a log that may mean either of two times.
    bounded_seconds:    of the time that nobody observed, that in which the servers could not issue
                        more than what is proven.
    proven_seconds:     of the expected time, that in which over-use was impossible.
    """

    start: int
    end: int
    verdict: Verdict
    reason: str
    coverage: Fraction | None
    expected_seconds: int
    observed_seconds: int
    peak: int | None
    peak_at: int | None
    allowed: int | None
    over_seconds: int
    over_seat_seconds: int
    over_episodes: int
    longest_over_seconds: int
    largest_excess: int
    sampled: bool
    bounded_seconds: int
    proven_seconds: int


@dataclass(frozen=True, slots=True)
class PeriodVerdict:
    """The verdict of several months: that of the worst, with its reason."""

    verdict: Verdict
    reason: str
    worst: MonthVerdict | None


class Judged(NamedTuple):
    """The verdicts of one pool, and what they rest on: facts that span all months."""

    facts: PoolFacts
    coverage: PoolCoverage
    bounds: PoolBounds
    months: list[MonthVerdict]


class JudgedBatch(NamedTuple):
    """Some pools with the features that feed them, and what was judged of each."""

    pools: list[LicensePool]
    mappings: Mappings
    judged: list[Judged]


def months(start: int, end: int, zone: tzinfo) -> list[tuple[int, int]]:
    """Return the months of a zone in [start, end), the first and last cut there."""
    return list(pairwise(periods(start, end, zone, "month").tolist()))


def verdicts(
    pool: LicensePool,
    months: Sequence[tuple[int, int]],
    *,
    floor: Fraction = FLOOR,
    as_of: datetime | None = None,
    now: int | None = None,
    zone: tzinfo | None = None,
    proven_from: int = Strength.PROVEN,
) -> list[MonthVerdict]:
    """Return the verdict of each month, in the order given. A constant number of queries.

    zone:         of the moments in the reasons; the pool's own if None.
    proven_from:  the least strength of an entitlement that counts as proven.
    """
    found = load_verdicts(
        [pool], months, floor=floor, as_of=as_of, now=now, zone=zone, proven_from=proven_from
    )
    return found[pool.pk]


def load_verdicts(
    pools: Collection[LicensePool],
    months: Sequence[tuple[int, int]],
    *,
    floor: Fraction = FLOOR,
    as_of: datetime | None = None,
    now: int | None = None,
    zone: tzinfo | None = None,
    proven_from: int = Strength.PROVEN,
) -> dict[int, list[MonthVerdict]]:
    """Return the verdicts of each pool. A constant number of queries for every 25 pools.

    zone:         of the moments in the reasons; each pool's own if None.
    proven_from:  the least strength of an entitlement that counts as proven.

    Raises ValueError unless the months are in time order and do not overlap.
    """
    if not months:
        return {pool.pk: [] for pool in pools}
    batches = load_judged(
        pools, months, floor=floor, as_of=as_of, now=now, zone=zone, proven_from=proven_from
    )
    return {each.facts.pool.pk: each.months for batch in batches for each in batch.judged}


def load_judged(
    pools: Collection[LicensePool],
    months: Sequence[tuple[int, int]],
    *,
    floor: Fraction = FLOOR,
    as_of: datetime | None = None,
    now: int | None = None,
    zone: tzinfo | None = None,
    proven_from: int = Strength.PROVEN,
) -> Iterator[JudgedBatch]:
    """Yield what `load_verdicts` returns with what it rests on, 25 pools at a time.

    Raises ValueError unless there are months, in time order, that do not overlap.
    """
    moments = [moment for month in months for moment in month]
    if not moments or moments != sorted(moments):
        raise ValueError(f"expected months in time order that do not overlap, found {months}")
    window = min(start for start, _ in months), max(end for _, end in months)
    waiting = list(pools)
    for place in range(0, len(waiting), BATCH_POOLS):
        batch = waiting[place : place + BATCH_POOLS]
        mappings = load_mappings([pool.pk for pool in batch])
        coverage = load_coverage(batch, mappings, *window, now=now, as_of=as_of)
        facts = load_facts(batch, *window, as_of=as_of, proven_from=proven_from, mappings=mappings)
        held = {each.pool.pk: each.holdings for each in facts}
        bounds = load_bounds(batch, mappings, *window, held)
        judged = []
        for each in facts:
            rests_on = each, coverage[each.pool.pk], bounds[each.pool.pk]
            judge = _Judge(*rests_on, months, floor, zone)
            judged.append(Judged(*rests_on, judge.verdicts()))
        yield JudgedBatch(batch, mappings, judged)


def period_verdict(months: Sequence[MonthVerdict]) -> PeriodVerdict:
    """Return the verdict over months: the worst of them, never an average."""
    if not months:
        none = said(verdict_words.no_time)
        return PeriodVerdict(Verdict.NOT_IN_USE, none, None)
    worst = max(
        months,
        key=lambda month: (
            _RANK[month.verdict],
            month.over_seat_seconds,
            -(month.coverage if month.coverage is not None else 1),
        ),
    )
    return PeriodVerdict(worst.verdict, worst.reason, worst)


class _Judge:
    """Judges the months of one pool from facts that span all of them."""

    def __init__(
        self,
        facts: PoolFacts,
        coverage: PoolCoverage,
        bounds: PoolBounds,
        months: Sequence[tuple[int, int]],
        floor: Fraction,
        zone: tzinfo | None,
    ) -> None:
        self.facts, self.coverage, self.floor = facts, coverage, floor
        self.bounds = bounds
        self.zone: tzinfo = zone or facts.pool.tzinfo
        rows = facts.holdings
        self.unsure = rows.where(~rows.certain)
        self.used = in_use(rows.taken_by, rows.returned_after, rows.seats, facts.start, facts.end)
        self.allowed = facts.limits.allowed
        self.silent = self.allowed.where(self.allowed.levels == UNKNOWN)
        # One pass over all months: between months that do not touch lies one more period.
        edges = np.unique(np.array(months, dtype=np.int64))
        places = np.searchsorted(edges, [start for start, _ in months]).tolist()
        self.months = dict(zip(places, months, strict=True))
        self.figures = measure(self.used, edges, allowed=self.allowed)
        self.proven = facts.limits.proven
        # Use of rights that no document proves.
        self.claimed = over_seconds(self.used, edges, self.proven).tolist()
        self.expected = coverage.expected.seconds_within(edges).tolist()
        self.observed = coverage.seen.seconds_within(edges).tolist()
        self._bound(edges)
        self.unknown = self.silent.intersection(coverage.expected).seconds_within(edges).tolist()
        unmeasured = bounds.uncounted.intersection(coverage.expected)
        self.unmeasured = unmeasured.seconds_within(edges).tolist()

    def _bound(self, edges: Ints) -> None:
        """Find what rests on the servers' own bounds, on logs, and on neither."""
        rows, expected = self.facts.holdings, self.coverage.expected
        safe = self.bounds.within(self.proven)
        logged = expected.intersection(self.bounds.exact).subtract(safe)
        # In logs, too, a holding may have lasted longer than is known.
        possible = self.used
        if len(self.unsure):
            possible = in_use(rows.earliest, rows.latest, rows.seats, edges[0], edges[-1])
        self.doubtful = over_seconds(possible, edges, self.proven.only_within(logged))
        self.bare = expected.subtract(safe).subtract(logged).seconds_within(edges).tolist()
        blind = self.coverage.missing
        self.sheltered = expected.intersection(safe).subtract(self.bounds.exact)
        self.bounded = blind.intersection(safe).seconds_within(edges).tolist()
        self._prove(edges, logged, expected.intersection(safe))

    def _prove(self, edges: Ints, logged: IntervalSet, safe: IntervalSet) -> None:
        """Find the time for which a proof holds: what logs tell in full, and what servers bound."""
        unknown = self.proven.where(self.proven.levels == UNKNOWN)
        told = logged.subtract(unknown).seconds_within(edges)
        # A server may have issued more than it said it could.
        beyond = over_seconds(self.used, edges, self.proven.only_within(safe))
        found = told - self.doubtful + safe.seconds_within(edges) - beyond
        self.shown = found.tolist()

    def verdicts(self) -> list[MonthVerdict]:
        return [self._verdict(place, start, end) for place, (start, end) in self.months.items()]

    def _verdict(self, place: int, start: int, end: int) -> MonthVerdict:
        figures = self.figures
        expected, observed = self.expected[place], self.observed[place]
        share = Fraction(observed, expected) if expected else None
        peak, last = int(figures.peak[place]), int(figures.allowed[place])
        known = peak > 0 or observed > 0
        over = []
        if figures.over_seconds[place]:
            over = episodes(self.used.clip(start, end), self.allowed.clip(start, end))
        verdict, reason = self._judged(place, over, share)
        return MonthVerdict(
            start=start,
            end=end,
            verdict=verdict,
            reason=reason,
            coverage=share,
            expected_seconds=expected,
            observed_seconds=observed,
            peak=peak if known else None,
            peak_at=int(figures.peak_at[place]) if known else None,
            allowed=None if last == UNKNOWN else last,
            over_seconds=int(figures.over_seconds[place]),
            over_seat_seconds=int(figures.over_seat_seconds[place]),
            over_episodes=len(over),
            longest_over_seconds=max((row.end - row.start for row in over), default=0),
            largest_excess=max((row.excess for row in over), default=0),
            sampled=self._sampled(start, end),
            bounded_seconds=self.bounded[place],
            proven_seconds=self.shown[place],
        )

    def _sampled(self, start: int, end: int) -> bool:
        return bool(self.unsure.maybe_within(start, end).any())

    def _judged(
        self, place: int, over: list[OverUse], share: Fraction | None
    ) -> tuple[Verdict, str]:
        if over:
            return Verdict.OVER_USE, self._over_use(over, self._month(place))
        if share is None:
            return Verdict.NOT_IN_USE, said(nothing_expected)
        doubt = self._doubt(place)
        if doubt:
            return Verdict.NOT_DETERMINABLE, doubt
        if not self.bare[place] and not self.doubtful[place]:
            return Verdict.PROVEN, self._rests_on(place)
        month = self._month(place)
        if share < self.floor:
            return Verdict.NOT_DETERMINABLE, said(
                verdict_words.too_little, share, self.floor, month
            )
        peak, at = int(self.figures.peak[place]), int(self.figures.peak_at[place])
        if not peak:
            return Verdict.AS_OBSERVED, said(verdict_words.no_use, share, month)
        return Verdict.AS_OBSERVED, said(
            verdict_words.as_observed, share, month, peak, self.allowed.at(at), self._when(at)
        )

    def _over_use(self, over: list[OverUse], month: str) -> str:
        worst = max(over, key=lambda row: row.excess)
        used = self.used.clip(worst.start, worst.end)
        allowed = self.allowed.clip(worst.start, worst.end)
        side = used.cut_at(allowed.times, worst.start, worst.end)
        at = int(side.times[np.argmax(side.levels - allowed.on(side.times))])
        total = sum(row.end - row.start for row in over)
        return said(verdict_words.above, used.at(at), allowed.at(at), self._when(at), total, month)

    def _unproven(self, start: int, end: int) -> str:
        rows = episodes(self.used.clip(start, end), self.proven.clip(start, end))
        first = rows[0].start
        return said(
            verdict_words.claimed, self.used.at(first), self._when(first), self.proven.at(first)
        )

    def _rests_on(self, place: int) -> str:
        """Return on what a proof rests, in one sentence."""
        start, end = self.months[place]
        sheltered = self.sheltered.clip(start, end)
        if not len(sheltered):
            return said(verdict_words.logs_tell)
        most, right = self.bounds.tightest(sheltered, self.proven)
        blind = self.coverage.missing.clip(start, end).seconds
        filed = sheltered.intersection(self.bounds.by_file).seconds
        return said(verdict_words.bounded, most, right, blind, bool(filed), self._month(place))

    def _doubt(self, place: int) -> str:
        """Return why nothing can be said though no over-use is known; "" if something can."""
        if self.unknown[place]:
            uncounted = self.facts.limits.uncounted
            if self.unknown[place] >= self.expected[place]:
                return said(verdict_words.nothing_allowed, bool(uncounted), "")
            # Only before the first line is it unknown, so there is one end.
            until = self._when(int(self.silent.ends[-1]))
            return said(verdict_words.nothing_allowed, bool(uncounted), until)
        if self.unmeasured[place]:
            return said(verdict_words.unmeasured)
        if self.claimed[place]:
            return self._unproven(*self.months[place])
        return ""

    def _month(self, place: int) -> str:
        return f"{datetime.fromtimestamp(self.months[place][0], self.zone):%Y-%m}"

    def _when(self, moment: int) -> str:
        return f"{datetime.fromtimestamp(moment, self.zone):%Y-%m-%d %H:%M}"
