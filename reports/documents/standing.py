"""The sign-off of a report, and its page of differences from the version before."""

from __future__ import annotations

from typing import Any, Final
from zoneinfo import ZoneInfo

from django.utils.translation import gettext, gettext_lazy
from reportlab.platypus import Flowable

from reports.datasets.standing import Standing
from reports.documents.words import UNKNOWN_SIGN, VERDICTS, hours, moment
from reports.pdf import look
from reports.pdf.blocks import Signature, SignOff, heading
from reports.pdf.look import Tone
from reports.pdf.tables import Cell, Column, FastTable
from reports.pdf.text import lines as in_lines
from reports.pdf.text import prose

STEPS: Final = {
    "prepared": gettext_lazy("Prepared"),
    "reviewed": gettext_lazy("Reviewed"),
    "approved": gettext_lazy("Approved"),
}

FIGURES: Final = {
    "verdict": gettext_lazy("Verdict"),
    "allowed": gettext_lazy("Allowed"),
    "peak": gettext_lazy("Peak"),
    "coverage": gettext_lazy("Coverage"),
    "over_seconds": gettext_lazy("Hours over"),
    "in the report": gettext_lazy("In the report"),
}


def sign_off(standing: Standing, zone: ZoneInfo, title: str = "") -> list[Flowable]:
    """Return the lines to sign on; steps not taken yet are left to be filled in by hand."""
    taken = {step.step: step for step in standing.signed}
    lines = []
    for key, words in STEPS.items():
        found, step = taken.get(key), str(words)
        if found is None:
            lines.append(Signature(step))
            continue
        name = f"{found.name}, {found.role}" if found.role else found.name
        lines.append(Signature(step, name, moment(found.at, zone), found.comment))
    story = [*heading(title or gettext("Sign-off"), 2, room=140), SignOff(lines)]
    story += [prose(str(each), look.BODY) for each in standing.beside]
    if standing.certificate:
        story.append(
            prose(
                gettext(
                    "This file carries a digital signature (PAdES) by the certificate with the"
                    " SHA-256 {digest}. Ask for that certificate by another way; then any PDF"
                    " reader, or pdfsig, says whether a byte of the file was changed since."
                ),
                look.BODY,
                digest=standing.certificate,
            )
        )
    for each in standing.signed:  # the lines cut long comments; nobody's words are lost
        if each.comment:
            told = gettext("Comment of %(each)s (%(step)s): %(comment)s") % {
                "each": each.name,
                "step": str(STEPS.get(each.step, each.step)),
                "comment": each.comment,
            }
            # One paragraph, so that no line of a comment looks like a sentence of ours.
            story += in_lines(" ".join(told.split()), look.BODY)
    return story


def recounted(standing: Standing) -> list[Flowable]:
    """Say what came of counting the figures again from the entries of the evidence log alone."""
    story = heading(gettext("Figures counted again from the evidence log"), 2, room=80)
    if standing.status != "signed":
        words = gettext(
            "This file is not signed: take it for a draft. Its figures are those of the database."
            " Before a report is signed they are counted again from the entries of the evidence"
            " log, and the signed file says what came of it. On any machine, recompute.py in a"
            " pack of the vendor does the same."
        )
        return [*story, prose(words, look.BODY)]
    if standing.differs is None:
        words = gettext(
            "The figures had not been counted again from the entries of the evidence log when this"
            " was signed: recompute.py, in a pack of the vendor, does that."
        )
        return [*story, prose(words, look.BODY)]
    if not standing.differs:
        words = gettext(
            "Counted from the entries up to the as-of time alone, no figure and no verdict differs."
        )
        return [*story, prose(words, look.BODY)]
    told = gettext(
        "Problem: the entries of the evidence log give other figures. Records may have been changed"
        " past the program. Whoever signs it all the same says why in the sign-off."
    )
    rows = [(Cell(words, Tone.BAD),) for words in standing.differs]
    columns = [Column(gettext("What differs"), 1.0, lines=2)]
    return [*story, prose(told, look.BODY), FastTable(columns, rows, size=7.5, limit=240)]


def differences(standing: Standing) -> list[Flowable]:
    """Return what differs from the version before; nothing for a first version."""
    if not standing.supersedes:
        return []
    story = [
        *heading(gettext("Differences from %(supersedes)s") % {"supersedes": standing.supersedes})
    ]
    if standing.differences is None:
        words = gettext(
            "The numbers of %(supersedes)s are no longer kept: nothing was compared."
        ) % {"supersedes": standing.supersedes}
        return [*story, prose(words, look.BODY)]
    rows = [
        (
            row.pool,
            row.month[:7],
            str(FIGURES[row.what]),
            *(shown(row.what, v) for v in (row.before, row.after)),
        )
        for row in standing.differences
    ]
    columns = [
        Column(gettext("Pool"), 0.32, lines=2),
        Column(gettext("Month"), 0.12),
        Column(gettext("Figure"), 0.16),
        Column(gettext("Before"), 0.2, lines=2),
        Column(gettext("Now"), 0.2, lines=2),
    ]
    empty = gettext("No verdict, limit, peak, coverage or over-use of any month differs.")
    return [*story, FastTable(columns, rows, empty=empty)]


def shown(what: str, value: Any) -> str:
    """Return one of the FIGURES in words, from what the JSON of a report says."""
    if what == "over_seconds":
        return hours(value)
    if what == "verdict":
        return str(VERDICTS.get(value, value))
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    return UNKNOWN_SIGN if value is None else str(value)
