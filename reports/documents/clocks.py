"""How the clocks stood: the readings of each day in sum, and the times that ours showed twice."""

from __future__ import annotations

from decimal import Decimal
from zoneinfo import ZoneInfo

from django.utils.translation import gettext, pgettext
from reportlab.platypus import Flowable

from itam.figures import number
from reports.datasets.audit_proof import AuditProof
from reports.datasets.clocks import Clocks
from reports.documents.words import UNKNOWN_SIGN, moment_exact
from reports.pdf import look
from reports.pdf.blocks import heading
from reports.pdf.tables import Cell, Column, FastTable
from reports.pdf.text import prose


def clock(found: AuditProof, zone: ZoneInfo) -> list[Flowable]:
    columns = [
        Column(gettext("Server"), 0.16, lines=2),
        Column(gettext("Days read"), 0.08, "right"),
        Column(gettext("Days without"), 0.09, "right"),
        Column(gettext("Our clock is kept right, readings"), 0.17, lines=3),
        Column(gettext("Network ahead of us by"), 0.13, "right", lines=2),
        Column(gettext("We were off by at most"), 0.11, "right", lines=2),
        Column(gettext("Server ahead of us by"), 0.12, "right", lines=2),
        Column(pgettext("of a clock", "Steps"), 0.05, "right"),
        Column(gettext("Largest"), 0.09, "right"),
    ]
    return [
        *heading(gettext("8 Clock")),
        FastTable(columns, [_row(each) for each in found.clocks], size=7),
        prose(
            gettext(
                "A reading is made with the first complete answer of each day (UTC) to a poll, as"
                " the kernel of our machine tells it and the server's text prints its time: to the"
                " minute, so its distance lies between the two figures. A server of which logs"
                " alone tell has none. Steps are those of our clock, seen at polls, and of the"
                " clocks that logs are dated by. A dash is not known. clock.csv of an evidence"
                " pack has each reading and step."
            ),
            look.SMALL,
        ),
        *heading(gettext("Times that our clock showed twice"), 2),
        _twice(found, zone),
    ]


def _row(found: Clocks) -> tuple[str | Cell, ...]:
    kept = [
        (found.kept, gettext("yes: %(count)s")),
        (found.loose, gettext("no: %(count)s")),
        (found.untold, gettext("not told: %(count)s")),
        (found.stalled, gettext("did not run on: %(count)s")),
    ]
    said = ", ".join(words % {"count": number(count)} for count, words in kept if count)
    return (
        found.server,
        number(found.days - found.without),
        number(found.without),
        said or UNKNOWN_SIGN,
        _span(_milliseconds(found.ntp_from_us), _milliseconds(found.ntp_to_us), "ms"),
        _span(_milliseconds(found.ntp_error_us), None, "ms"),
        _span(_whole(found.server_from), _whole(found.server_to), "s"),
        number(found.steps),
        UNKNOWN_SIGN if found.step is None else f"{'+' * (found.step > 0)}{number(found.step)} s",
    )


def _span(begin: str | None, end: str | None, unit: str) -> str:
    """Return the two figures between which something lies, or the one."""
    if begin is None:
        return UNKNOWN_SIGN
    if end is None or end == begin:
        return f"{begin} {unit}"
    return gettext("%(begin)s to %(end)s %(unit)s") % {"begin": begin, "end": end, "unit": unit}


def _milliseconds(microseconds: int | None) -> str | None:
    return None if microseconds is None else number(Decimal(microseconds) / 1000, 3)


def _whole(seconds: int | None) -> str | None:
    return None if seconds is None else number(seconds)


def _twice(found: AuditProof, zone: ZoneInfo) -> FastTable:
    rows = [
        (
            row.server,
            moment_exact(row.start, zone),
            UNKNOWN_SIGN if row.end is None else moment_exact(row.end, zone),
            row.detail,
        )
        for row in found.clock
    ]
    columns = [
        Column(gettext("Server"), 0.2),
        Column(gettext("From"), 0.2),
        Column(gettext("To"), 0.2),
        Column(gettext("What"), 0.4, lines=2),
    ]
    return FastTable(columns, rows, size=7.5, empty=gettext("Our clock was never seen to go back."))
