"""Whether the use of pools stayed within what is allowed: the numbers of the compliance report."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from itam import figures
from itam.said import said
from licenses.analysis import coverage as coverages
from licenses.analysis.denials import blocked_by_pool
from licenses.analysis.over_use import load_notes
from licenses.analysis.rights import load_entitlement_steps
from licenses.analysis.verdict import FLOOR, Verdict, load_judged, months
from licenses.models import LicensePool, Strength
from reports.datasets.changes import Change, load_changes
from reports.datasets.coverage_by_source import SourceCoverage, load_source_coverage
from reports.datasets.files import Numbers, identified
from reports.datasets.integrity import Integrity, load_integrity
from reports.datasets.kept import kept
from reports.datasets.late import Late, load_late
from reports.datasets.method import method
from reports.datasets.plain import plain
from reports.datasets.pool_days import Day, daily_csv, load_told
from reports.datasets.pool_report import (
    Gap,
    Level,
    Line,
    Load,
    Month,
    OverUse,
    PoolReader,
    PoolReport,
    Position,
    RightsChange,
    load_lines,
)

__all__ = [
    "Compliance",
    "Day",
    "Gap",
    "Level",
    "Line",
    "Load",
    "Month",
    "OverUse",
    "PoolReport",
    "Position",
    "RightsChange",
    "compliance",
]

LOGIC_VERSION = "8"
"""Goes up whenever the same facts would give other figures."""


@dataclass(frozen=True, slots=True)
class Compliance:
    """The compliance of pools over [start, end) in *zone*, as known at *as_of*.

    entity:   the legal entity whose use is judged; "" where nobody stated it.
    scope:    whose pools these are, in words.
    proven_from:  the least strength of an entitlement that counts as proven.
    verdict:  that of the worst pool, with its reason.
    counts:   how many pools have which verdict.
    unexplained:  over-use episodes of which nobody recorded why they came about.
    sources:  what each log, and the polls of each server, vouch for.
    changes:  what people recorded on the pools from the start of the period on.
    late:     what all this rests on though it was recorded after *as_of*.
    integrity:  what binds the records that all this rests on.
    """

    entity: str
    scope: str
    zone: str
    start: int
    end: int
    as_of: int
    floor: Fraction
    proven_from: int
    logic_version: str
    verdict: str
    reason: str
    expected_seconds: int
    observed_seconds: int
    coverage: Fraction | None
    counts: tuple[tuple[str, int], ...]
    unexplained: int
    pools: tuple[PoolReport, ...]
    sources: tuple[SourceCoverage, ...]
    changes: tuple[Change, ...]
    late: Late
    method: tuple[str, ...]
    integrity: Integrity

    def as_json(self) -> Numbers:
        """Return all numbers as JSON, with the id under which the report is printed."""
        return identified("compliance", "C", self.content())

    def tables(self) -> dict[str, bytes]:
        """Return the tables that go with the numbers, by the name of their file."""
        pools = ((pool.position.pool, pool.days) for pool in self.pools)
        return {"daily.csv": daily_csv(pools, ZoneInfo(self.zone))}

    @property
    def report_id(self) -> str:
        """Return an id made of the numbers: another number, another id."""
        return str(self.as_json()["id"])

    def content(self) -> dict[str, Any]:
        """Return all numbers as JSON knows them, without an id."""
        content: dict[str, Any] = plain(self, ZoneInfo(self.zone))
        content["counts"] = dict(self.counts)
        return content


def compliance(
    pools: Iterable[LicensePool],
    *,
    start: int,
    end: int,
    zone: ZoneInfo,
    as_of: datetime,
    scope: str = "",
    entity: str = "",
    floor: Fraction = FLOOR,
    proven_from: int = Strength.PROVEN,
) -> Compliance:
    """Return the numbers of the report for *pools* over [start, end).

    as_of:  judge by the rights on record then; time after it is not expected to be observed. All
            else counts as it is known now, and `late` says how much of it was not known then.

    Raises ValueError without a pool, and unless start < end.
    """
    chosen = sorted({pool.pk: pool for pool in pools}.values(), key=lambda p: (p.name, p.pk))
    if not chosen:
        raise ValueError("a compliance report is about at least one pool, found none")
    if start >= end:
        raise ValueError(f"the window [{start}, {end}) is empty: expected its end after its start")
    now = int(as_of.timestamp())
    spans = months(start, end, zone)
    judging = load_judged(
        chosen, spans, floor=floor, as_of=as_of, now=now, zone=zone, proven_from=proven_from
    )
    lines = load_lines(chosen, as_of, proven_from)
    notes = load_notes([pool.pk for pool in chosen], as_of)
    rights = load_entitlement_steps(chosen, as_of)
    reports: list[PoolReport] = []
    for batch in judging:
        gaps = coverages.load_gaps(batch.pools, batch.mappings, start, end, now=now, as_of=as_of)
        blocked = blocked_by_pool([pool.pk for pool in batch.pools], start, end)
        told = load_told(batch.mappings, start, end, zone)
        for judged in batch.judged:
            pk = judged.facts.pool.pk
            reader = PoolReader(
                judged,
                zone,
                as_of,
                lines=lines.get(pk, ()),
                rights=rights[pk],
                blocked=blocked[pk],
                gaps=gaps[pk],
                told=told[pk],
                notes=notes.get(pk, ()),
            )
            reports.append(reader.report())
    worst = _worst(reports)
    expected = sum(report.position.expected_seconds for report in reports)
    observed = sum(report.position.observed_seconds for report in reports)
    verdicts = [report.position.verdict for report in reports]
    return Compliance(
        entity=entity,
        scope=scope or said(figures.pools, len(reports)),
        zone=str(zone),
        start=start,
        end=end,
        as_of=now,
        floor=floor,
        proven_from=int(proven_from),
        logic_version=LOGIC_VERSION,
        verdict=worst.position.verdict,
        reason=worst.position.reason,
        expected_seconds=expected,
        observed_seconds=observed,
        coverage=Fraction(observed, expected) if expected else None,
        counts=tuple((v.value, verdicts.count(v.value)) for v in Verdict if v.value in verdicts),
        unexplained=sum(not row.cause for report in reports for row in report.over_use),
        pools=tuple(reports),
        sources=load_source_coverage(chosen, start, end, as_of),
        changes=load_changes(chosen, start, end, as_of),
        late=load_late(chosen, start, end, as_of),
        method=(
            *method(),
            kept({pool.product.vendor_id for pool in chosen}, as_of),
        ),
        integrity=load_integrity(datetime.fromtimestamp(start, UTC), as_of),
    )


def _worst(reports: Sequence[PoolReport]) -> PoolReport:
    """Return the first of the pools with the worst verdict; among those, the most over-use."""
    rank = {verdict.value: place for place, verdict in enumerate(Verdict)}
    return max(reports, key=lambda r: (rank[r.position.verdict], r.position.over_seat_seconds or 0))
