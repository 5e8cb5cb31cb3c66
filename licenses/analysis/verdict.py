"""Whether the use of a pool stayed within what is allowed: a verdict for each month, and why."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from enum import StrEnum
from fractions import Fraction
from itertools import pairwise

from licenses.analysis.coverage import PoolCoverage, load_coverage, percent_down
from licenses.analysis.mappings import load_mappings
from licenses.analysis.usage import PoolFacts, load_facts
from licenses.concurrency.measures import OverUse, episodes, measure
from licenses.concurrency.periods import periods
from licenses.concurrency.timeline import UNKNOWN, Steps
from licenses.concurrency.timeline import usage as in_use
from licenses.models import LicensePool

FLOOR = Fraction(95, 100)
"""The least share of the expected time that must have been observed."""
BATCH_POOLS = 25
"""Pools whose holdings are in memory at one time."""


class Verdict(StrEnum):
    """What can be said of a pool and a month; the worst comes last.

    PROVEN is not given yet: it needs bounded gaps and proven entitlements.
    NOT_IN_USE: nothing was expected, so nothing is judged.
    """

    NOT_IN_USE = "not_in_use"
    PROVEN = "proven"
    AS_OBSERVED = "as_observed"
    NOT_DETERMINABLE = "not_determinable"
    OVER_USE = "over_use"


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
    sampled:            a part of it was seen by polls alone: use between two polls is not in it.
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


@dataclass(frozen=True, slots=True)
class PeriodVerdict:
    """The verdict of several months: that of the worst, with its reason."""

    verdict: Verdict
    reason: str
    worst: MonthVerdict | None


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
) -> list[MonthVerdict]:
    """Return the verdict of each month, in the order given. A constant number of queries."""
    return load_verdicts([pool], months, floor=floor, as_of=as_of, now=now)[pool.pk]


def load_verdicts(
    pools: Collection[LicensePool],
    months: Sequence[tuple[int, int]],
    *,
    floor: Fraction = FLOOR,
    as_of: datetime | None = None,
    now: int | None = None,
    zone: tzinfo | None = None,
) -> dict[int, list[MonthVerdict]]:
    """Return the verdicts of each pool. A constant number of queries for every 25 pools.

    zone:  of the moments in the reasons; each pool's own if None.
    """
    if not months:
        return {pool.pk: [] for pool in pools}
    window = min(start for start, _ in months), max(end for _, end in months)
    found: dict[int, list[MonthVerdict]] = {}
    waiting = list(pools)
    for place in range(0, len(waiting), BATCH_POOLS):
        batch = waiting[place : place + BATCH_POOLS]
        mappings = load_mappings([pool.pk for pool in batch])
        coverage = load_coverage(batch, mappings, *window, now=now)
        for facts in load_facts(batch, *window, as_of=as_of):
            seen = coverage[facts.pool.pk]
            judge = _Judge(facts, seen, floor, zone)
            found[facts.pool.pk] = [judge.verdict(start, end) for start, end in months]
    return found


def period_verdict(months: Sequence[MonthVerdict]) -> PeriodVerdict:
    """Return the verdict over months: the worst of them, never an average."""
    if not months:
        return PeriodVerdict(Verdict.NOT_IN_USE, "No time was asked for.", None)
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
        self, facts: PoolFacts, coverage: PoolCoverage, floor: Fraction, zone: tzinfo | None
    ) -> None:
        self.facts, self.coverage, self.floor = facts, coverage, floor
        self.seen = coverage.seen
        self.zone: tzinfo = zone or facts.pool.tzinfo
        rows = facts.holdings
        self.used = in_use(rows.taken_by, rows.returned_after, rows.seats, facts.start, facts.end)

    def verdict(self, start: int, end: int) -> MonthVerdict:
        used = self.used.clip(start, end)
        allowed = self.facts.limits.allowed.clip(start, end)
        expected = self.coverage.expected.clip(start, end)
        observed = self.seen.clip(start, end)
        share = Fraction(observed.seconds, expected.seconds) if len(expected) else None
        figures = measure(used, [start, end], allowed=allowed)
        over = episodes(used, allowed)
        peak = int(figures.peak[0])
        known = peak > 0 or len(observed) > 0
        last = int(figures.allowed[0])
        verdict, reason = self._judged(used, allowed, over, start, end, share)
        rows = self.facts.holdings
        sampled = ~rows.exact & (rows.taken_at < end) & (rows.returned_at > start)
        return MonthVerdict(
            start=start,
            end=end,
            verdict=verdict,
            reason=reason,
            coverage=share,
            expected_seconds=expected.seconds,
            observed_seconds=observed.seconds,
            peak=peak if known else None,
            peak_at=int(figures.peak_at[0]) if known else None,
            allowed=None if last == UNKNOWN else last,
            over_seconds=int(figures.over_seconds[0]),
            over_seat_seconds=int(figures.over_seat_seconds[0]),
            over_episodes=len(over),
            longest_over_seconds=max((row.end - row.start for row in over), default=0),
            largest_excess=max((row.excess for row in over), default=0),
            sampled=bool(sampled.any()),
        )

    def _judged(
        self,
        used: Steps,
        allowed: Steps,
        over: list[OverUse],
        start: int,
        end: int,
        share: Fraction | None,
    ) -> tuple[Verdict, str]:
        if over:
            return Verdict.OVER_USE, self._over_use(used, allowed, over)
        if share is None:
            return Verdict.NOT_IN_USE, "The pool was not in use then: nothing was expected of it."
        doubt = self._doubt(allowed, start, end, share)
        if doubt:
            return Verdict.NOT_DETERMINABLE, doubt
        peak = int(used.levels.max())
        at = int(used.times[int(used.levels.argmax())])
        most = f"most in use {peak} of {allowed.at(at)} on {self._when(at)}" if peak else "no use"
        return Verdict.AS_OBSERVED, (
            f"Never above what is allowed in the {percent_down(share)} of the time that was "
            f"observed; {most}."
        )

    def _over_use(self, used: Steps, allowed: Steps, over: list[OverUse]) -> str:
        worst = max(over, key=lambda row: row.excess)
        at = next(
            moment
            for moment in sorted({worst.start, *used.times.tolist(), *allowed.times.tolist()})
            if worst.start <= moment < worst.end
            and used.at(moment) - allowed.at(moment) == worst.excess
        )
        total = sum(row.end - row.start for row in over)
        return (
            f"In use {used.at(at)} of {allowed.at(at)} allowed on {self._when(at)}, "
            f"{duration(total)} above in all."
        )

    def _doubt(self, allowed: Steps, start: int, end: int, share: Fraction) -> str:
        """Return why nothing can be said though no over-use is known; "" if something can."""
        expected = self.coverage.expected.clip(start, end)
        silent = allowed.where(allowed.levels == UNKNOWN).intersection(expected)
        if len(silent):
            why = "no entitlement says what is allowed"
            if self.facts.limits.uncounted:
                why = f"the server issues seats without a number, and {why}"
            if silent.seconds < expected.seconds:
                why = f"until {self._when(int(silent.ends[-1]))}, {why}"
            return f"{why[0].upper()}{why[1:]}."
        if share < self.floor:
            return (
                f"Observed {percent_down(share)} of the time, less than the "
                f"{percent_down(self.floor)} that a statement needs."
            )
        return ""

    def _when(self, moment: int) -> str:
        return f"{datetime.fromtimestamp(moment, self.zone):%Y-%m-%d %H:%M}"


def duration(seconds: int) -> str:
    """Return a length of time for people, cut to whole units: 45 seconds, 38 minutes, 61 hours."""
    for size, unit in ((3600, "hour"), (60, "minute")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}s"
    return f"{seconds} second{'' if seconds == 1 else 's'}"
