"""The sign-off of a report, and its page of differences from the version before."""

from __future__ import annotations

from typing import Any, Final
from zoneinfo import ZoneInfo

from reportlab.platypus import Flowable

from reports.datasets.standing import Standing
from reports.documents.words import UNKNOWN_SIGN, VERDICTS, hours, moment
from reports.pdf import look
from reports.pdf.blocks import Signature, SignOff, heading
from reports.pdf.tables import Column, FastTable
from reports.pdf.text import prose

STEPS: Final = ("Prepared", "Reviewed", "Approved")

FIGURES: Final = {
    "verdict": "Verdict",
    "allowed": "Allowed",
    "peak": "Peak",
    "coverage": "Coverage",
    "over_seconds": "Hours over",
    "in the report": "In the report",
}


def sign_off(standing: Standing, zone: ZoneInfo, title: str = "Sign-off") -> list[Flowable]:
    """Return the lines to sign on; steps not taken yet are left to be filled in by hand."""
    taken = {step.step: step for step in standing.signed}
    lines = []
    for step in STEPS:
        found = taken.get(step.lower())
        if found is None:
            lines.append(Signature(step))
            continue
        name = f"{found.name}, {found.role}" if found.role else found.name
        lines.append(Signature(step, name, moment(found.at, zone), found.comment))
    story = [*heading(title, 2, room=140), SignOff(lines)]
    if standing.certificate:
        story.append(
            prose(
                "This file carries a digital signature (PAdES) by the certificate with the SHA-256 "
                "{digest}. Ask for that certificate by another way; then any PDF reader, or "
                "pdfsig, says whether a byte of the file was changed since.",
                look.BODY,
                digest=standing.certificate,
            )
        )
    for each in standing.signed:  # the lines cut long comments; nobody's words are lost
        if each.comment:
            words = f"Comment of {each.name} ({each.step}): {each.comment}"
            story.append(prose(words, look.BODY))
    return story


def differences(standing: Standing) -> list[Flowable]:
    """Return what differs from the version before; nothing for a first version."""
    if not standing.supersedes:
        return []
    story = [*heading(f"Differences from {standing.supersedes}")]
    if standing.differences is None:
        words = f"The numbers of {standing.supersedes} are no longer kept: nothing was compared."
        return [*story, prose(words, look.BODY)]
    rows = [
        (
            row.pool,
            row.month[:7],
            FIGURES[row.what],
            *(shown(row.what, v) for v in (row.before, row.after)),
        )
        for row in standing.differences
    ]
    columns = [
        Column("Pool", 0.32, lines=2),
        Column("Month", 0.12),
        Column("Figure", 0.16),
        Column("Before", 0.2, lines=2),
        Column("Now", 0.2, lines=2),
    ]
    empty = "No verdict, limit, peak, coverage or over-use of any month differs."
    return [*story, FastTable(columns, rows, empty=empty)]


def shown(what: str, value: Any) -> str:
    """Return one of the FIGURES in words, from what the JSON of a report says."""
    if what == "over_seconds":
        return hours(value)
    if what == "verdict":
        return VERDICTS.get(value, str(value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return UNKNOWN_SIGN if value is None else str(value)
