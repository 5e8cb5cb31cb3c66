"""Pages on where the numbers of an audit come from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.utils.translation import gettext
from reportlab.platypus import Flowable

from itam import figures
from licenses.analysis.server_facts import fact_words
from licenses.models import Capture
from reports.datasets.audit import Audit
from reports.datasets.audit_sources import Sources
from reports.documents.words import UNKNOWN_SIGN, figure, moment
from reports.pdf import fonts, look
from reports.pdf.blocks import KeyValues, caption, heading
from reports.pdf.tables import Column, FastTable, Group
from reports.pdf.text import prose

MOST_FILES: Final = 400
"""On paper; sources.csv has all."""
MOST_FACTS: Final = 400
"""Lines on paper; servers.csv has all."""


def systems(found: Sources, zone: ZoneInfo) -> list[Flowable]:
    """List the licence servers with what they were asked and the files that they had."""
    columns = [
        Column(gettext("Server"), 0.15, lines=2),
        Column(gettext("Kind, zone"), 0.17, lines=2),
        Column(gettext("Address"), 0.18, lines=2),
        Column(gettext("Daemons"), 0.14, lines=2),
        Column(gettext("How it is read"), 0.24, lines=3),
        Column(gettext("Serves others"), 0.12),
    ]
    rows = [
        (
            each.name,
            f"{each.kind}, {each.zone}",
            each.address or UNKNOWN_SIGN,
            ", ".join(each.daemons),
            each.asked,
            gettext("yes") if each.shared else gettext("no"),
        )
        for each in found.systems
    ]
    files: list[Any] = []
    for each in found.systems:
        files += [Group(each.name)] if each.files else []
        files += [
            (moment(file.at, zone), file.kind, file.source, f"{file.bytes:,}", file.sha256)
            for file in each.files
        ]
    return [
        *heading(gettext("2 Systems")),
        FastTable(columns, rows, size=7, limit=200),
        prose(
            gettext("Seats that a server serves to other vendors are no part of this report."),
            look.SMALL,
        ),
        *_stated(found, zone),
        *heading(gettext("Licence and options files over time"), 2),
        FastTable(
            [
                Column(gettext("First read"), 0.14),
                Column(gettext("Kind"), 0.11),
                Column(gettext("File"), 0.2, lines=2),
                Column(gettext("Bytes"), 0.08, "right"),
                Column("SHA-256", 0.47, font=fonts.MONO, lines=2),
            ],
            files,
            size=7,
            empty=gettext("None was read."),
        ),
    ]


def _stated(found: Sources, zone: ZoneInfo) -> Iterator[Flowable]:
    """List names, host ids and versions, and when each was other than before."""
    rows: list[Any] = []
    for each in found.systems:
        rows += [Group(each.name)] if each.facts else []
        rows += [
            (
                fact_words(fact.what, fact.daemon, fact.host),
                fact.value,
                moment(fact.at, zone),
                UNKNOWN_SIGN if fact.until is None else moment(fact.until, zone),
                str(Capture.Kind(fact.source).label),
            )
            for fact in each.facts
        ]
    yield from heading(gettext("What the servers state of themselves"), 2)
    yield FastTable(
        [
            Column(gettext("What"), 0.28, lines=2),
            Column(gettext("Stated"), 0.31, font=fonts.MONO, lines=3),
            Column(gettext("First read"), 0.14),
            Column(gettext("Another one"), 0.14),
            Column(gettext("Stated by"), 0.13, lines=2),
        ],
        rows[:MOST_FACTS],
        size=7,
        empty=gettext("No host id and no version is recorded."),
    )
    words = gettext(
        "A row for each host id, name and version, and one more from when another was stated. A"
        " licence file says for which host its licences are; the log of a daemon, which ids the"
        " machine has."
    )
    if len(rows) > MOST_FACTS:
        words += gettext(" The first %(count)s lines are shown; servers.csv has all.") % {
            "count": MOST_FACTS
        }
    yield caption(words)


def definition(data: Audit, zone: ZoneInfo, report_id: str) -> list[Flowable]:
    """Say how the report was made, from which files, with row counts and totals."""
    judged, made = data.judged, data.software
    facts = [
        (gettext("Report"), report_id),
        (gettext("Data cut-off"), moment(judged.as_of, zone)),
        (
            gettext("Rules"),
            gettext("compliance %(logic_version)s, audit %(logic_version_2)s")
            % {"logic_version": judged.logic_version, "logic_version_2": data.logic_version},
        ),
        (gettext("Database schema"), ", ".join(made.schema)),
        (gettext("Program, SHA-256 of its source"), made.source),
    ]
    found = data.sources
    return [
        *heading(gettext("3 Report definition")),
        KeyValues(facts, columns=2, lines=2),
        prose(
            gettext(
                "Filter: what the features listed below logged or showed while they fed a pool"
                " of this vendor, within the period. Nothing else is left out or added. Who"
                " ran the report, and when, stands in the sign-off."
            ),
            look.BODY,
        ),
        *heading(gettext("Row counts by feature"), 2),
        _features(found, zone),
        *heading(gettext("Files read"), 2),
        *_files(found, zone),
        *heading(gettext("Polls"), 2),
        FastTable(
            [
                Column(gettext("Server"), 0.4),
                Column(gettext("Result"), 0.3),
                Column(gettext("Polls"), 0.15, "right"),
                Column(gettext("Bytes"), 0.15, "right"),
            ],
            [(row.server, row.result, f"{row.polls:,}", f"{row.bytes:,}") for row in found.polls],
            total=(gettext("All"), "", f"{sum(row.polls for row in found.polls):,}", "")
            if found.polls
            else None,
            size=7.5,
            empty=gettext("No poll falls into the period."),
        ),
    ]


def _features(found: Sources, zone: ZoneInfo) -> FastTable:
    def edge(at: int | None, none: str) -> str:
        return none if at is None else moment(at, zone)

    rows = [
        (
            f"{row.feature}, {row.daemon or gettext('unknown daemon')}",
            row.server,
            row.pool,
            f"{row.weight:,}",
            gettext("%(edge)s to %(edge_2)s")
            % {
                "edge": edge(row.mapped_from, gettext("ever")),
                "edge_2": edge(row.mapped_until, gettext("now")),
            },
            f"{row.taken:,}",
            f"{row.returned:,}",
            f"{row.refused:,}",
        )
        for row in found.features
    ]
    # A feature that fed two pools in turn stands twice, with the same counts.
    once = {(row.server, row.daemon, row.feature): row for row in found.features}.values()
    sums = [sum(getattr(row, name) for row in once) for name in ("taken", "returned", "refused")]
    return FastTable(
        [
            Column(gettext("Feature, daemon"), 0.2, lines=2),
            Column(gettext("Server"), 0.12, lines=2),
            Column(gettext("Pool"), 0.14, lines=2),
            Column(gettext("Weight"), 0.07, "right"),
            Column(gettext("Feeds the pool"), 0.2, lines=2),
            Column("OUT", 0.09, "right"),
            Column("IN", 0.09, "right"),
            Column("DENIED", 0.09, "right"),
        ],
        rows,
        total=(gettext("All, each feature once"), "", "", "", "", *(f"{each:,}" for each in sums)),
        size=7,
    )


def _files(found: Sources, zone: ZoneInfo) -> Iterator[Flowable]:
    columns = [
        Column(gettext("Server, file"), 0.195, lines=2),
        Column(gettext("Tells of"), 0.17, lines=2),
        Column(gettext("Pieces"), 0.07, "right"),
        Column(gettext("Bytes"), 0.095, "right"),
        Column(gettext("Lines"), 0.075, "right"),
        Column(gettext("New"), 0.07, "right"),
        Column(gettext("Known"), 0.075, "right"),
        Column(gettext("Un- read"), 0.055, "right"),
        Column("SHA-256", 0.195, font=fonts.MONO, lines=4),
    ]
    rows = [
        (
            f"{row.server}, {row.file}",
            gettext("%(moment)s to %(moment_2)s")
            % {"moment": moment(row.first_at, zone), "moment_2": moment(row.last_at, zone)},
            f"{row.pieces:,}",
            f"{row.bytes:,}",
            *(figure(each) for each in (row.lines, row.new, row.known, row.unreadable)),
            row.digest,
        )
        for row in found.files[:MOST_FILES]
    ]
    told = [row for row in found.files if row.lines is not None]
    sums = [
        figure(sum(getattr(row, name) for row in told) if told else None)
        for name in ("lines", "new", "known", "unreadable")
    ]
    total = (
        figures.files(len(found.files)),
        "",
        f"{sum(row.pieces for row in found.files):,}",
        f"{sum(row.bytes for row in found.files):,}",
        *sums,
        "",
    )
    yield FastTable(
        columns,
        rows,
        total=total if rows else None,
        size=6.5,
        empty=gettext("No log tells of the period."),
    )
    words = gettext(
        "New and known: events stored from the file, and those that were there already."
        " Of several pieces the SHA-256 is that over their hashes, one a line, in their"
        " order."
    )
    if len(told) < len(found.files):
        words += gettext(
            " A dash: the server serves other vendors too, so names and lines of its"
            " files are not told."
        )
    if len(found.files) > MOST_FILES:
        words += gettext(" The first %(most_files)s are listed; sources.csv has all.") % {
            "most_files": MOST_FILES
        }
    yield caption(words)
