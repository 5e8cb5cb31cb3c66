"""Pages on where the numbers of an audit come from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final
from zoneinfo import ZoneInfo

from reportlab.platypus import Flowable

from reports.datasets.audit import Audit
from reports.datasets.audit_sources import Sources
from reports.documents.words import UNKNOWN_SIGN, figure, moment
from reports.pdf import fonts, look
from reports.pdf.blocks import KeyValues, caption, heading
from reports.pdf.tables import Column, FastTable, Group
from reports.pdf.text import prose

MOST_FILES: Final = 400
"""On paper; sources.csv has all."""


def systems(found: Sources, zone: ZoneInfo) -> list[Flowable]:
    """List the licence servers with what they were asked and the files that they had."""
    columns = [
        Column("Server", 0.15, lines=2),
        Column("Kind, zone", 0.17, lines=2),
        Column("Address", 0.18, lines=2),
        Column("Daemons", 0.14, lines=2),
        Column("How it is read", 0.24, lines=3),
        Column("Serves others", 0.12),
    ]
    rows = [
        (
            each.name,
            f"{each.kind} {each.manager}, {each.zone}".replace(" ,", ","),
            each.address or UNKNOWN_SIGN,
            ", ".join(each.daemons),
            each.asked,
            "yes" if each.shared else "no",
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
        *heading("2 Systems"),
        FastTable(columns, rows, size=7, limit=200),
        prose(
            "Versions are those that a server stated in its newest full answer whose text is kept; "
            "where none is shown, it is not recorded. Host ids are not recorded. Seats that a "
            "server serves to other publishers are no part of this report.",
            look.SMALL,
        ),
        *heading("Licence and options files over time", 2),
        FastTable(
            [
                Column("First read", 0.14),
                Column("Kind", 0.11),
                Column("File", 0.2, lines=2),
                Column("Bytes", 0.08, "right"),
                Column("SHA-256", 0.47, font=fonts.MONO, lines=2),
            ],
            files,
            size=7,
            empty="None was read.",
        ),
    ]


def definition(data: Audit, zone: ZoneInfo, report_id: str) -> list[Flowable]:
    """Say how the report was made, from which files, with row counts and totals."""
    judged, made = data.judged, data.software
    facts = [
        ("Report", report_id),
        ("Data cut-off", moment(judged.as_of, zone)),
        ("Rules", f"compliance {judged.logic_version}, audit {data.logic_version}"),
        ("Database schema", ", ".join(made.schema)),
        ("Program, SHA-256 of its source", made.source),
    ]
    found = data.sources
    return [
        *heading("3 Report definition"),
        KeyValues(facts, columns=2, lines=2),
        prose(
            "Filter: what the features listed below logged or showed while they fed a pool of "
            "this publisher, within the period. Nothing else is left out or added. Who ran the "
            "report, and when, stands in the sign-off.",
            look.BODY,
        ),
        *heading("Row counts by feature", 2),
        _features(found, zone),
        *heading("Files read", 2),
        *_files(found, zone),
        *heading("Polls", 2),
        FastTable(
            [
                Column("Server", 0.4),
                Column("Result", 0.3),
                Column("Polls", 0.15, "right"),
                Column("Bytes", 0.15, "right"),
            ],
            [(row.server, row.result, f"{row.polls:,}", f"{row.bytes:,}") for row in found.polls],
            total=("All", "", f"{sum(row.polls for row in found.polls):,}", "")
            if found.polls
            else None,
            size=7.5,
            empty="No poll falls into the period.",
        ),
    ]


def _features(found: Sources, zone: ZoneInfo) -> FastTable:
    def edge(at: int | None, none: str) -> str:
        return none if at is None else moment(at, zone)

    rows = [
        (
            f"{row.feature}, {row.daemon or 'unknown daemon'}",
            row.server,
            row.pool,
            f"{row.weight:,}",
            f"{edge(row.mapped_from, 'ever')} to {edge(row.mapped_until, 'now')}",
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
            Column("Feature, daemon", 0.2, lines=2),
            Column("Server", 0.12, lines=2),
            Column("Pool", 0.14, lines=2),
            Column("Weight", 0.07, "right"),
            Column("Feeds the pool", 0.2, lines=2),
            Column("OUT", 0.09, "right"),
            Column("IN", 0.09, "right"),
            Column("DENIED", 0.09, "right"),
        ],
        rows,
        total=("All, each feature once", "", "", "", "", *(f"{each:,}" for each in sums)),
        size=7,
    )


def _files(found: Sources, zone: ZoneInfo) -> Iterator[Flowable]:
    columns = [
        Column("Server, file", 0.195, lines=2),
        Column("Tells of", 0.17, lines=2),
        Column("Pieces", 0.07, "right"),
        Column("Bytes", 0.095, "right"),
        Column("Lines", 0.075, "right"),
        Column("New", 0.07, "right"),
        Column("Known", 0.075, "right"),
        Column("Un- read", 0.055, "right"),
        Column("SHA-256", 0.195, font=fonts.MONO, lines=4),
    ]
    rows = [
        (
            f"{row.server}, {row.file}",
            f"{moment(row.first_at, zone)} to {moment(row.last_at, zone)}",
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
        f"{len(found.files):,} files",
        "",
        f"{sum(row.pieces for row in found.files):,}",
        f"{sum(row.bytes for row in found.files):,}",
        *sums,
        "",
    )
    yield FastTable(
        columns, rows, total=total if rows else None, size=6.5, empty="No log tells of the period."
    )
    words = (
        "New and known: events stored from the file, and those that were there already. Of several "
        "pieces the SHA-256 is that over their hashes, one a line, in their order."
    )
    if len(told) < len(found.files):
        words += (
            " A dash: the server serves other publishers too, so names and lines of its files are "
            "not told."
        )
    if len(found.files) > MOST_FILES:
        words += f" The first {MOST_FILES} are listed; sources.csv has all."
    yield caption(words)
