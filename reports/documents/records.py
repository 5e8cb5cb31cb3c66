"""Pages on what people recorded, and on what contracts say of place, entity and version."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from zoneinfo import ZoneInfo

from django.utils.translation import gettext, gettext_lazy
from reportlab.platypus import Flowable

from itam.figures import number
from reports.datasets.changes import NOBODY, Change
from reports.datasets.coverage_by_source import SourceCoverage
from reports.datasets.pool_report import PoolReport
from reports.documents.words import UNKNOWN_SIGN, length, moment, percent
from reports.pdf import look
from reports.pdf.blocks import caption, heading
from reports.pdf.look import Tone
from reports.pdf.tables import Cell, Column, FastTable
from reports.pdf.text import prose

MOST_CHANGES: Final = 300
"""On paper, the newest; the data file has all."""
MOST_LINES: Final = 14
"""Of one cell: the longest text that is printed takes fewer in the narrowest of its columns."""
_KINDS: Final = {
    "added": gettext_lazy("added"),
    "corrected": gettext_lazy("corrected"),
    "withdrawn": gettext_lazy("withdrawn"),
    "proven": gettext_lazy("proven"),
    "judged": gettext_lazy("judged"),
    "mapped": gettext_lazy("mapped"),
    "remapped": gettext_lazy("mapping changed"),
    "explained": gettext_lazy("explained"),
    "retired": gettext_lazy("retired"),
    "restored": gettext_lazy("restored"),
}
"""In the reader's language; the data has the words of `reports.datasets.changes.Change`."""


def changes(rows: Sequence[Change], zone: ZoneInfo, title: str) -> list[Flowable]:
    """List what was recorded by hand or from files since the start of the period."""
    columns = [
        Column(gettext("Recorded"), 0.14),
        Column(gettext("Pool"), 0.12, lines=4),
        Column(gettext("What"), 0.14, lines=4),
        Column(gettext("Before"), 0.16, lines=MOST_LINES),
        Column(gettext("After"), 0.22, lines=MOST_LINES),
        Column(gettext("Reason"), 0.12, lines=MOST_LINES),
        Column(gettext("By"), 0.10, lines=4),
    ]
    shown = [
        (
            moment(row.at, zone),
            row.pool,
            f"{_KINDS.get(row.kind, row.kind)}: {row.what}",
            row.before or "–",
            row.after or "–",
            row.reason or "–",
            _by(row),
        )
        for row in rows[-MOST_CHANGES:]
    ]
    story: list[Flowable] = [
        *heading(title),
        FastTable(
            columns, shown, size=7, limit=240, empty=gettext("Nothing was recorded or corrected.")
        ),
    ]
    if len(rows) > MOST_CHANGES:
        words = gettext("The newest %(most_changes)s of %(rows)s; the data file has all.") % {
            "most_changes": MOST_CHANGES,
            "rows": number(len(rows)),
        }
        story.append(caption(words))
    story.append(
        prose(
            gettext(
                "From the start of the period to the as-of time; mappings and retirements that"
                " were recorded later, too, as figures rest on them. A dash under By: a file or"
                " the program. A correction counts from when it was recorded; where no second"
                " person is named, none had approved it by the as-of time, and whoever signs this"
                " report comments on it."
            ),
            look.SMALL,
        )
    )
    return story


def _by(row: Change) -> str:
    if row.approver == NOBODY:
        return row.author
    words = gettext("%(author)s; approved by %(approver)s")
    return words % {"author": row.author, "approver": row.approver}


def sources(rows: Sequence[SourceCoverage], title: str) -> list[Flowable]:
    """Say how much of the period each source vouches for."""
    shown = [
        (
            row.server,
            row.source,
            gettext("each event")
            if row.every_seconds is None
            else gettext("every %(every_seconds)s s")
            % {"every_seconds": number(row.every_seconds)},
            percent(row.share),
            length(row.seconds),
            f"{row.clock_steps:,}" if row.every_seconds is not None else UNKNOWN_SIGN,
        )
        for row in rows
    ]
    columns = [
        Column(gettext("Server"), 0.28),
        Column(gettext("Source"), 0.1),
        Column(gettext("Tells"), 0.16),
        Column(gettext("Of the period"), 0.14, "right"),
        Column(gettext("Vouched for"), 0.16, "right"),
        Column(gettext("Clock set back"), 0.16, "right"),
    ]
    return [
        *heading(title, 2),
        FastTable(columns, shown, size=7.5, empty=gettext("No source is on record.")),
        prose(
            gettext(
                "Of the period up to the as-of time; logs are dated by the servers' clocks,"
                " polls by ours. How far the two lie apart stands in the audit evidence, under"
                " Clock."
            ),
            look.SMALL,
        ),
    ]


def scope_rules(pools: Sequence[PoolReport], title: str) -> list[Flowable]:
    """Say how use stands to what the entitlements say of their scope."""
    columns = [
        Column(gettext("Pool"), 0.15, lines=2),
        Column(gettext("Line"), 0.06),
        Column(gettext("Scope, as written"), 0.2, lines=3),
        Column(gettext("Aspect"), 0.13, lines=2),
        Column(gettext("Checked"), 0.085, "right"),
        Column(gettext("Outside"), 0.085, "right"),
        Column(gettext("Unknown"), 0.09, "right"),
        Column("", 0.2, lines=4),
    ]
    rows = [
        (
            pool.position.pool,
            f"E{rule.line}",
            rule.text,
            rule.aspect,
            f"{rule.checked:,}",
            Cell(f"{rule.outside:,}", Tone.BAD) if rule.outside else "0",
            Cell(f"{rule.unknown:,}", Tone.UNKNOWN) if rule.unknown else "0",
            rule.words,
        )
        for pool in pools
        for rule in pool.scope_rules
    ]
    empty = gettext(
        "No entitlement on record says anything of territory, entity or version: not checked."
    )
    return [
        *heading(title),
        FastTable(columns, rows, size=7, limit=200, empty=empty),
        prose(
            gettext(
                "In sessions that began while the line was in force. What a licence server does"
                " not tell is unknown, never inside."
            ),
            look.SMALL,
        ),
    ]
