"""What the compliance report says of one pool: the shapes of its numbers, and their reader."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np

from itam.said import label_of, said
from licenses.analysis.bounds import bounded
from licenses.analysis.coverage import PoolGap
from licenses.analysis.denials import Blocked
from licenses.analysis.over_use import Note, note_on
from licenses.analysis.refusals import refusals_known
from licenses.analysis.rights import COUNTED_METRICS, RightsStep
from licenses.analysis.usage import count
from licenses.analysis.verdict import Judged, period_verdict
from licenses.concurrency.intervals import IntervalSet
from licenses.concurrency.measures import OverUse as Excess
from licenses.concurrency.measures import episodes, level_within, load_duration, measure
from licenses.concurrency.periods import periods
from licenses.concurrency.timeline import OPEN, UNKNOWN, Steps, merged_times
from licenses.concurrency.timeline import usage as in_use
from licenses.models import Entitlement, LicensePool, Proof, Strength
from licenses.models.documents import worth
from reports.datasets.pool_days import Day, Rights, Told, days, extremes
from reports.datasets.scope_rules import ScopeRule, scope_rules

P999 = Fraction(999, 1000)


@dataclass(frozen=True, slots=True)
class Position:
    """One pool in one line.

    entitled, proven, overdraft:  seats in force in the last second of the window that is not in
                  the future; proven are those that a document proves.
    peak_exact:   False where the use may have been higher between two polls, or as a log may mean
                  either of two times.
    p999:         the lowest number of seats that was not exceeded in 99.9 % of the observed time,
                  for information; a lower bound where the peak is. None where nothing was observed.
    spare:        the least of allowed minus in use, at any moment for which allowed is known;
                  below 0 it is over-use. tightest_at: its first moment.
    over_seconds, over_seat_seconds:  time above what is allowed, and its integral over seats; None
                  where it was never known what is allowed, or nothing of the use.
    denials:      refusals for want of seats, as logged; None where no log tells of the time. A
                  lower bound unless logged_seconds are the expected ones.
    logged_seconds:  of the time observed, that of which logs told.
    """

    pool: str
    pool_id: int
    vendor: str
    product: str
    metric: str
    entitled: int | None
    proven: int | None
    overdraft: int | None
    issued: int | None
    peak: int | None
    peak_exact: bool
    peak_at: int | None
    p999: int | None
    spare: int | None
    tightest_at: int | None
    over_seconds: int | None
    over_seat_seconds: int | None
    denials: int | None
    logged_seconds: int
    expected_seconds: int
    observed_seconds: int
    coverage: Fraction | None
    verdict: str
    reason: str


@dataclass(frozen=True, slots=True)
class Month:
    """One month of a pool, cut at the window; None is *not known*, never zero.

    denials, denial_episodes:  lower bounds unless logged_seconds are the expected ones.
    logged_seconds:   of the time observed, that of which logs told: polls tell of no refusals.
    bounded_seconds:  of the time not observed, that in which over-use was impossible.
    """

    start: int
    end: int
    verdict: str
    reason: str
    allowed: int | None
    peak: int | None
    peak_high: int | None
    peak_at: int | None
    full_seconds: int | None
    over_seconds: int | None
    over_seat_seconds: int | None
    over_episodes: int | None
    largest_excess: int | None
    denials: int | None
    denial_episodes: int | None
    logged_seconds: int
    expected_seconds: int
    observed_seconds: int
    bounded_seconds: int
    coverage: Fraction | None


@dataclass(frozen=True, slots=True)
class Level:
    """A number of seats that holds over [start, end)."""

    start: int
    end: int
    seats: int


@dataclass(frozen=True, slots=True)
class OverUse:
    """An unbroken time above what is allowed. excess: the most seats above it.

    cause, resolution, owner:  why it came about, what was done, who sees to it; "" where nobody
                               said so.
    """

    start: int
    end: int
    peak: int
    excess: int
    cause: str = ""
    resolution: str = ""
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Gap:
    """Time that nobody can vouch for, with its cause.

    bounded_seconds:  time of it in which the servers could not issue more than what is proven.
    bound:            the most that they could issue then. bound_basis: "status", where their own
                      totals before and after agree with their licence file, or "file", by that
                      alone; "" where not bounded.
    """

    start: int
    end: int
    cause: str
    cause_label: str
    detail: str
    bounded_seconds: int
    bound: int | None
    bound_basis: str


@dataclass(frozen=True, slots=True)
class LinePaper:
    """A document that proves so many seats of a line, so well. taken_over: nobody has said so
    (`licenses.models.Proof`)."""

    title: str
    sha256: str
    strength: int
    quantity: int
    taken_over: bool


@dataclass(frozen=True, slots=True)
class Line:
    """One entitlement on record. first, last: days of the pool's zone; last "" is without an end.

    proven: of how many seats there is proof that counts.
    strength: from 1, claimed, to 4, proven; strength_reason: why somebody set it by hand, or "".
    """

    number: int
    quantity: int
    proven: int
    overdraft: int
    metric: str
    first: str
    last: str
    contract: str
    purchase_order: str
    strength: int
    strength_label: str
    strength_reason: str
    scope: str
    reason: str
    documents: tuple[LinePaper, ...] = ()


@dataclass(frozen=True, slots=True)
class RightsChange:
    """What is allowed from *start* on until *end*, and the numbers of the lines it rests on."""

    start: int
    end: int | None
    quantity: int
    overdraft: int
    allowed: int
    lines: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Load:
    """For how many seconds of the observed time at least so many seats were in use."""

    seats: int
    seconds: int


@dataclass(frozen=True, slots=True)
class PoolReport:
    """All that the report says of one pool. blocked: None where no log tells of the time."""

    position: Position
    zone: str
    months: tuple[Month, ...]
    days: tuple[Day, ...]
    allowed: tuple[Level, ...]
    over_use: tuple[OverUse, ...]
    rights: tuple[RightsChange, ...]
    lines: tuple[Line, ...]
    gaps: tuple[Gap, ...]
    load: tuple[Load, ...]
    blocked: Blocked | None
    scope_rules: tuple[ScopeRule, ...]


def load_lines(
    pools: Sequence[LicensePool], as_of: datetime, proven_from: int
) -> dict[int, tuple[Line, ...]]:
    """Return the entitlements on record of each pool. Two queries."""
    rows = (
        Entitlement.objects.as_of(as_of)
        .with_proof(as_of)
        .with_seats_proven(proven_from, as_of)
        .filter(pool__in=[pool.pk for pool in pools])
        .select_related("contract")
        .order_by("valid_from", "pk")
    )
    papers: dict[int, list[LinePaper]] = {}
    tied = Proof.objects.filter(entitlement__pool__in=pools, recorded_at__lte=as_of)
    named = tied.order_by("document__recorded_at", "document").select_related("document")
    for proof in named:
        paper = proof.document
        strength = int(worth(paper.kind, for_group=paper.for_group))
        papers.setdefault(proof.entitlement_id, []).append(
            LinePaper(paper.title, paper.sha256, strength, proof.quantity, proof.taken_over)
        )
    found: dict[int, list[Line]] = {}
    for row in rows:
        found.setdefault(row.pool_id, []).append(
            Line(
                number=row.pk,
                quantity=row.quantity,
                proven=max(row.seats_proven, 0),
                overdraft=row.overdraft,
                metric=row.metric,
                first=row.valid_from.isoformat(),
                last=row.valid_to.isoformat() if row.valid_to else "",
                contract=row.contract.number if row.contract else "",
                purchase_order=row.purchase_order,
                strength=row.proof,
                strength_label=said(label_of, Strength, row.proof),
                strength_reason=row.proof_reason,
                scope=row.scope,
                reason=row.reason,
                documents=tuple(papers.get(row.pk, ())),
            )
        )
    return {pool: tuple(lines) for pool, lines in found.items()}


class PoolReader:
    """Makes the report of one pool from facts that span the window."""

    def __init__(
        self,
        judged: Judged,
        zone: ZoneInfo,
        as_of: datetime,
        *,
        lines: Sequence[Line],
        rights: Sequence[RightsStep],
        blocked: Blocked,
        gaps: Sequence[PoolGap],
        told: Told,
        notes: Sequence[Note] = (),
    ) -> None:
        self.facts, self.seen, self.bounds, self.judged = judged
        self.zone, self.as_of = zone, as_of
        self.lines, self.rights = tuple(lines), rights
        self.blocked, self.gaps, self.told, self.notes = blocked, gaps, told, notes
        facts = self.facts
        self.safe = self.bounds.within(facts.limits.proven)
        self.logged = facts.logged.intersection(self.seen.seen)
        self.start, self.end = facts.start, facts.end
        rows = facts.holdings
        self.used = in_use(rows.taken_by, rows.returned_after, rows.seats, self.start, self.end)
        self.load = load_duration(self.used, self.seen.seen)

    def report(self) -> PoolReport:
        allowed = self.facts.limits.allowed
        return PoolReport(
            position=self._position(),
            zone=self.facts.pool.zone,
            months=self._months(),
            days=self._days(),
            allowed=tuple(
                Level(int(a), int(b), int(level))
                for (a, b), level in zip(
                    pairwise(allowed.times.tolist()), allowed.levels.tolist(), strict=True
                )
                if level != UNKNOWN
            ),
            over_use=tuple(map(self._over_use, episodes(self.used, allowed))),
            rights=tuple(
                RightsChange(s.start, s.end, s.quantity, s.overdraft, s.allowed, s.entitlement_ids)
                for s in self.rights
            ),
            lines=self.lines,
            gaps=tuple(Gap(*bounded(row, self.bounds, self.safe)) for row in self.gaps),
            load=tuple(Load(*row) for row in zip(*(c.tolist() for c in self.load), strict=True)),
            blocked=self.blocked if self.blocked.episodes or self.logged.seconds else None,
            scope_rules=scope_rules(self.facts, self.lines),
        )

    def _over_use(self, row: Excess) -> OverUse:
        note = note_on(self.notes, row.start, row.end)
        said = () if note is None else (note.cause, note.resolution, note.owner)
        return OverUse(*row, *said)

    def _position(self) -> Position:
        pool, facts = self.facts.pool, self.facts
        edges = np.array([self.start, self.end], dtype=np.int64)
        total = count(facts, edges).rows()[0]
        figures = measure(self.used, edges, allowed=facts.limits.allowed)
        last = max(self.start, min(self.end, int(self.as_of.timestamp())) - 1)
        held = self._in_force(last)
        known = facts.limits.allowed.at(last) != UNKNOWN
        judged = total.peak is not None and extremes(facts.limits.allowed, edges)[1] != [None]
        verdict = period_verdict(self.judged)
        spare, tightest_at = _spare(self.used, facts.limits.allowed)
        issued = facts.limits.issued.at(last)
        seen = self.seen
        return Position(
            pool=pool.name,
            pool_id=pool.pk,
            vendor=pool.product.vendor.name,
            product=pool.product.name,
            metric=", ".join(sorted({line.metric for line in self.lines})),
            entitled=sum(line.quantity for line in held) if known else None,
            proven=sum(line.proven for line in held) if known else None,
            overdraft=sum(line.overdraft for line in held) if known else None,
            issued=None if issued == UNKNOWN else int(issued),
            peak=total.peak,
            peak_exact=not any(month.sampled for month in self.judged),
            peak_at=total.peak_at,
            p999=level_within(*self.load, P999),
            spare=spare,
            tightest_at=tightest_at,
            over_seconds=int(figures.over_seconds[0]) if judged else None,
            over_seat_seconds=int(figures.over_seat_seconds[0]) if judged else None,
            denials=refusals_known(total.denials or 0, self.logged.seconds),
            logged_seconds=self.logged.seconds,
            expected_seconds=seen.expected.seconds,
            observed_seconds=seen.seen.seconds,
            coverage=seen.share,
            verdict=verdict.verdict.value,
            reason=verdict.reason,
        )

    def _in_force(self, moment: int) -> list[Line]:
        """Return the counted lines that hold on the pool's day of *moment*."""
        day = datetime.fromtimestamp(moment, self.facts.pool.tzinfo).date().isoformat()
        return [
            line
            for line in self.lines
            if line.metric in COUNTED_METRICS and line.first <= day <= (line.last or day)
        ]

    def _months(self) -> tuple[Month, ...]:
        edges = periods(self.start, self.end, self.zone, "month")
        rows = count(self.facts, edges).rows()
        _least, most = extremes(self.facts.limits.allowed, edges)
        judged = [
            row.peak is not None and known is not None
            for row, known in zip(rows, most, strict=True)
        ]
        return tuple(
            Month(
                start=month.start,
                end=month.end,
                verdict=month.verdict.value,
                reason=month.reason,
                allowed=month.allowed,
                peak=row.peak,
                peak_high=row.peak_high,
                peak_at=row.peak_at,
                full_seconds=row.full_seconds,
                over_seconds=month.over_seconds if over else None,
                over_seat_seconds=month.over_seat_seconds if over else None,
                over_episodes=month.over_episodes if over else None,
                largest_excess=month.largest_excess if over else None,
                denials=refusals_known(row.denials or 0, logged),
                denial_episodes=refusals_known(row.denial_episodes or 0, logged),
                logged_seconds=logged,
                expected_seconds=month.expected_seconds,
                observed_seconds=month.observed_seconds,
                bounded_seconds=month.bounded_seconds,
                coverage=month.coverage,
            )
            for month, row, over, logged in zip(
                self.judged,
                rows,
                judged,
                self.logged.seconds_within(edges).tolist(),
                strict=True,
            )
        )

    def _days(self) -> tuple[Day, ...]:
        starts = [month.start for month in self.judged]

        def sampled(moment: int) -> bool:
            return self.judged[bisect_right(starts, moment) - 1].sampled

        return days(
            self.facts, self.seen, self.safe, self._entitled(), self.told, self.zone, sampled
        )

    def _entitled(self) -> Rights:
        """Return what the lines in force are for, and of how many of that there is proof."""
        proven = {line.number: line.proven for line in self.lines}
        starts = [step.start for step in self.rights]
        ends = [OPEN if step.end is None else step.end for step in self.rights]
        known = IntervalSet.of(starts, ends)
        seats = (
            [step.quantity for step in self.rights],
            [sum(proven.get(n, 0) for n in step.entitlement_ids) for step in self.rights],
        )
        entitled, vouched = (
            Steps.from_spans(starts, ends, each, self.start, self.end).only_within(known)
            for each in seats
        )
        return Rights(entitled, vouched)


def _spare(used: Steps, allowed: Steps) -> tuple[int | None, int | None]:
    """Return the least of allowed minus in use, and when first; None where allowed is unknown."""
    grid = merged_times([used.times, allowed.times], used.start, used.end)
    levels, bound = used.on(grid), allowed.on(grid)
    known = np.flatnonzero(bound != UNKNOWN)
    if not len(known):
        return None, None
    spare = (bound - levels)[known]
    place = int(spare.argmin())
    return int(spare[place]), int(grid[known[place]])
