"""What pools rest on, as tables: their entitlements by line and day, and their gaps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final
from zoneinfo import ZoneInfo

from django.utils.translation import gettext, ngettext
from reportlab.platypus import Flowable

from itam import figures
from reports.datasets.compliance import Gap, Line, PoolReport
from reports.documents.words import day, length, moment_exact, signed
from reports.pdf import look
from reports.pdf.blocks import caption, heading
from reports.pdf.look import Tone
from reports.pdf.tables import Cell, Column, FastTable, Group, Row
from reports.pdf.text import prose

LONGEST_GAPS: Final = 10


def rights(pools: Sequence[PoolReport], proven_from: int) -> list[Flowable]:
    """Return the entitlements of pools, and what they allow by day; of several, pool by pool."""
    return [
        *heading(gettext("Entitlements"), 2),
        FastTable(
            [
                Column(gettext("Line"), 0.07),
                Column(gettext("Seats"), 0.08, "right"),
                Column(gettext("Over- draft"), 0.07, "right"),
                Column(gettext("Metric"), 0.11),
                Column(gettext("First day"), 0.11),
                Column(gettext("Last day"), 0.13),
                Column(gettext("Contract, order"), 0.17, lines=2),
                Column(gettext("Strength of proof"), 0.26, lines=3),
            ],
            _by_pool(pools, lambda pool: [_line(line, proven_from) for line in pool.lines]),
            empty=gettext("None is on record."),
            size=7.5,
        ),
        *heading(gettext("What is allowed, by day"), 2),
        FastTable(
            [
                Column(gettext("From"), 0.14),
                Column(gettext("Change"), 0.12, "right"),
                Column(gettext("Seats"), 0.12, "right"),
                Column(gettext("Overdraft"), 0.12, "right"),
                Column(gettext("Allowed"), 0.12, "right"),
                Column(gettext("Lines in force"), 0.38),
            ],
            _by_pool(pools, _steps),
            empty=gettext("Nothing that bounds the seats in use."),
            size=7.5,
        ),
    ]


def _by_pool(pools: Sequence[PoolReport], rows: Callable[[PoolReport], list[Row]]) -> list[Row]:
    """Return the rows of pools; of several, those of each under its name."""
    if len(pools) == 1:
        return rows(pools[0])
    found: list[Row] = []
    for pool in pools:
        own = rows(pool)
        name = pool.position.pool
        found.append(Group(name if own else gettext("%(pool)s: none") % {"pool": name}))
        found += own
    return found


def _steps(pool: PoolReport) -> list[Row]:
    zone = ZoneInfo(pool.zone)
    changes: list[Row] = []
    before = 0
    for step in pool.rights:
        changes.append(
            (
                day(step.start, zone),
                signed(step.allowed - before),
                f"{step.quantity:,}",
                f"{step.overdraft:,}",
                f"{step.allowed:,}",
                ", ".join(f"E{number}" for number in step.lines) or gettext("none in force"),
            )
        )
        before = step.allowed
    return changes


def _line(line: Line, proven_from: int) -> tuple[str | Cell, ...]:
    papers = ", ".join(part for part in (line.contract, line.purchase_order) if part)
    whole = line.strength >= proven_from and line.proven == line.quantity
    proof = _proven_by(line, proven_from)
    if line.strength_reason:
        proof = gettext("%(split)s, judged: %(strength_reason)s") % {
            "split": line.strength_label.split(":")[0],
            "strength_reason": line.strength_reason,
        }
    return (
        f"E{line.number}",
        f"{line.quantity:,}",
        f"{line.overdraft:,}",
        line.metric,
        line.first,
        line.last or gettext("no end"),
        papers or "–",
        Cell(proof, Tone.PLAIN if whole else Tone.WARN),
    )


def _proven_by(line: Line, proven_from: int) -> str:
    """Say how well how much of a line is proven, and by which document; of several, by that which
    proves most as well as counts, or best."""
    if not line.documents:
        return line.strength_label
    more = len(line.documents) - 1
    paper = max(
        reversed(line.documents),
        key=lambda each: (min(each.strength, proven_from), each.quantity),
    )
    strength = line.strength_label.split(":")[0]
    strength = f"{strength} {figures.part(line.proven, line.quantity)}".strip()
    words = f"{strength}: {paper.title} (SHA-256 {paper.sha256[:12]}…)"
    if paper.taken_over:
        words = gettext("%(document)s, taken over") % {"document": words}
    return f"{words}, " + gettext("%(count)s more") % {"count": more} if more else words


def gaps(pool: PoolReport, zone: ZoneInfo, most: int) -> list[Flowable]:
    """Return so many of the longest gaps of a pool, and what all of them come to."""
    if not pool.gaps:
        return [prose(gettext("There is no gap."), look.BODY)]
    return [_gap_table(_gap_rows(pool, zone, most)), caption(_gap_words(pool, most))]


def all_gaps(pools: Sequence[PoolReport], zone: ZoneInfo) -> list[Flowable]:
    """Return the longest gaps of each pool under its name."""
    rows: list[Row] = []
    for pool in pools:
        words = _gap_sum(pool) if pool.gaps else gettext("There is no gap.")
        if len(pool.gaps) > LONGEST_GAPS:
            words += _longest_listed(LONGEST_GAPS)
        rows.append(Group(f"{pool.position.pool}: {words}"))
        rows += _gap_rows(pool, zone, LONGEST_GAPS)
    return [*heading(gettext("Gaps"), 2), _gap_table(rows)]


def _gap_table(rows: Sequence[Row]) -> FastTable:
    columns = [
        Column(gettext("From"), 0.19),
        Column(gettext("To"), 0.19),
        Column(gettext("Lasted"), 0.13),
        Column(gettext("Cause"), 0.19, lines=2),
        Column(gettext("Bounded"), 0.12, lines=4),
        Column(gettext("Detail"), 0.18, lines=2),
    ]
    return FastTable(columns, rows, size=7.5)


def _gap_rows(pool: PoolReport, zone: ZoneInfo, most: int) -> list[Row]:
    longest = sorted(pool.gaps, key=lambda gap: (gap.start - gap.end, gap.start))[:most]
    return [
        (
            moment_exact(gap.start, zone),
            moment_exact(gap.end, zone),
            length(gap.end - gap.start),
            gap.cause_label,
            _bound(gap),
            gap.detail or "–",
        )
        for gap in sorted(longest, key=lambda gap: gap.start)
    ]


def _gap_words(pool: PoolReport, most: int) -> str:
    text = _gap_sum(pool)
    if any(gap.bounded_seconds for gap in pool.gaps):
        bounded = length(sum(gap.bounded_seconds for gap in pool.gaps))
        text += gettext(
            " For %(bounded)s of it the servers could not issue more than what is proven:"
            " that time is bounded."
        ) % {"bounded": bounded}
    return text + _longest_listed(most) if len(pool.gaps) > most else text


def _gap_sum(pool: PoolReport) -> str:
    whole = length(sum(gap.end - gap.start for gap in pool.gaps))
    told = ngettext(
        "%(count)s gap, %(whole)s in all.", "%(count)s gaps, %(whole)s in all.", len(pool.gaps)
    )
    return told % {"count": figures.number(len(pool.gaps)), "whole": whole}


def _longest_listed(most: int) -> str:
    return gettext(" The %(most)s longest are listed; the data file has all.") % {"most": most}


def _bound(gap: Gap) -> str:
    if not gap.bounded_seconds:
        return gettext("no")
    most = gettext("at most %(bound)s") % {"bound": gap.bound}
    if gap.bounded_seconds < gap.end - gap.start:
        return gettext("%(most)s, for %(length)s") % {
            "most": most,
            "length": length(gap.bounded_seconds),
        }
    return most
