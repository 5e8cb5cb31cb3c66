"""Pages of the audit evidence report that the compliance report does not have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.utils.translation import gettext, gettext_lazy
from reportlab.platypus import Flowable

from itam import figures
from itam.figures import number
from reports.datasets.audit import Audit
from reports.datasets.audit_proof import AuditProof, Paper
from reports.datasets.audit_use import Peak, PoolUse
from reports.documents.words import (
    UNKNOWN_SIGN,
    length,
    moment,
    moment_exact,
    peak_words,
    unlogged,
)
from reports.pdf import fonts, look
from reports.pdf.blocks import KeyValues, Note, caption, heading
from reports.pdf.tables import Cell, Column, FastTable, Group
from reports.pdf.text import prose

NOT_SAID: Final = gettext_lazy("not stated")
SESSIONS: Final = 30
MOST_LINES: Final = 12
"""Of one peak on paper; sessions.csv has all."""
A_LINE: Final = 6
"""Pseudonyms side by side."""
MOST_PEOPLE: Final = 3_000


def letter(data: Audit) -> list[Flowable]:
    """Say on which occasion the report was made, and what is in it and what is not."""
    said = data.letter
    judged = data.judged
    facts = [
        (gettext("Vendor"), said.vendor),
        (gettext("Contract"), said.contract or str(NOT_SAID)),
        (gettext("Clause"), said.clause or str(NOT_SAID)),
        (gettext("Asked for by"), said.asked_by or str(NOT_SAID)),
        (gettext("Confidentiality agreement"), said.nda or str(NOT_SAID)),
        (gettext("Basis for names"), said.basis or gettext("none: no name is given")),
    ]
    which = gettext("All pools") if said.whole else gettext("Some of the pools")
    names = ", ".join(pool.position.pool for pool in judged.pools)
    story: list[Flowable] = [
        *heading(gettext("1 Scope")),
        KeyValues(facts, columns=3),
        prose(
            gettext(
                "Included: {which} of this vendor ({count}: {names}), the rights on record"
                " for them, the licence servers that fed them, their use and refusals, every"
                " gap, and what people changed."
            ),
            look.BODY,
            which=which.lower(),
            count=f"{len(judged.pools):,}",
            names=names,
        ),
        prose(
            gettext(
                "Not included: products of other vendors, names of people and machines, the"
                " raw logs, and use that reached no licence server listed here."
            ),
            look.BODY,
        ),
    ]
    if said.note:
        story.append(Note(said.note, gettext("Note of whoever asked for this report")))
    return story


def documents(found: AuditProof, zone: ZoneInfo) -> list[Flowable]:
    """List the papers behind the entitlements, with their hashes."""
    columns = [
        Column(gettext("Contract"), 0.11, lines=2),
        Column(gettext("Kind"), 0.1, lines=2),
        Column(gettext("Title"), 0.15, lines=2),
        Column(gettext("Seats"), 0.06, "right"),
        Column(gettext("Proves"), 0.13, lines=3),
        Column(gettext("Recorded"), 0.15),
        Column(gettext("Bytes"), 0.06, "right"),
        Column("SHA-256", 0.24, font=fonts.MONO, lines=3),
    ]
    rows = [
        (
            row.contract,
            row.kind if row.ours else gettext("%(kind)s, another entity's") % {"kind": row.kind},
            row.title,
            "–" if row.quantity is None else f"{row.quantity:,}",
            _proven_lines(row),
            moment(row.at, zone),
            f"{row.bytes:,}",
            row.sha256,
        )
        for row in found.documents
    ]
    return [
        *heading(gettext("4 Documents behind the entitlements")),
        FastTable(columns, rows, size=7, empty=gettext("None is on record.")),
    ]


def _proven_lines(row: Paper) -> str:
    """Name the lines that a document proves and how many seats of each, as far as there is room."""
    if not row.lines:
        return gettext("no line")
    said = []
    for line, seats in zip(row.lines[:MOST_LINES], row.seats, strict=False):
        words = f"E{line}: {number(seats)}"
        if line in row.taken_over:
            words = gettext("%(line)s (taken over)") % {"line": words}
        said.append(words)
    more = len(row.lines) - len(said)
    return ", ".join(said + ([gettext("%(count)s more") % {"count": more}] if more else []))


def peaks(use: PoolUse, zone: ZoneInfo) -> list[Flowable]:
    """List the days of highest use with the sessions behind each, and refusals by code."""
    rows: list[Any] = []
    cut = False
    for peak in use.peaks:
        rows.append(Group(_peak_words(peak, zone)))
        rows += [
            (
                row.person,
                row.host,
                gettext("%(feature)s at %(server)s")
                % {"feature": row.feature, "server": row.server},
                f"{row.seats:,}",
                moment_exact(row.start, zone),
                gettext("still out") if row.end is None else moment_exact(row.end, zone),
                row.method,
            )
            for row in peak.sessions[:SESSIONS]
        ]
        cut = cut or len(peak.sessions) > SESSIONS
    columns = [
        Column(gettext("Person"), 0.12),
        Column(gettext("Machine"), 0.12),
        Column(gettext("Feature"), 0.26, lines=2),
        Column(gettext("Seats"), 0.06, "right"),
        Column(gettext("Held from"), 0.17),
        Column(gettext("Until"), 0.17),
        Column(gettext("From"), 0.1),
    ]
    story: list[Flowable] = [
        *heading(gettext("Highest days, and who held seats then"), 2),
        FastTable(
            columns,
            rows,
            size=7,
            zebra=False,
            empty=gettext("Nobody is known to have held a seat."),
        ),
    ]
    if cut:
        words = gettext("The first %(sessions)s sessions of each; sessions.csv has all.") % {
            "sessions": SESSIONS
        }
        story.append(caption(words))
    return [*story, *heading(gettext("Refusals by code"), 2), *_refusals(use)]


def _peak_words(peak: Peak, zone: ZoneInfo) -> str:
    seats = peak_words(peak.seats, peak.exact)
    words = gettext("%(seats)s on %(moment_exact)s, for %(length)s of the day") % {
        "seats": seats,
        "moment_exact": moment_exact(peak.at, zone),
        "length": length(peak.seconds),
    }
    if peak.allowed is not None:
        allowed = gettext("%(allowed)s allowed") % {"allowed": number(peak.allowed)}
        words = f"{words}; {allowed}"
    total = sum(row.seats for row in peak.sessions)
    return gettext("%(words)s; %(sessions)s with %(seats)s") % {
        "words": words,
        "sessions": figures.sessions(len(peak.sessions)),
        "seats": figures.seats(total),
    }


def _refusals(use: PoolUse) -> list[Flowable]:
    unknown = unlogged(use.logged_seconds, use.expected_seconds)
    if unknown and not use.refusals:
        return [prose(unknown, look.BODY)]
    columns = [
        Column(gettext("Code"), 0.08, "right"),
        Column(gettext("Meaning"), 0.5, lines=2),
        Column(gettext("Refusals"), 0.12, "right"),
        Column(gettext("People"), 0.12, "right"),
        Column(gettext("Served within seconds"), 0.18, "right"),
    ]
    rows = [
        (
            str(row.code or UNKNOWN_SIGN),
            row.words,
            *(peak_words(count, not unknown) for count in (row.refusals, row.people, row.served)),
        )
        for row in use.refusals
    ]
    refused = peak_words(sum(row.refusals for row in use.refusals), not unknown)
    table = FastTable(
        columns,
        rows,
        total=("", gettext("All"), refused, "", "") if rows else None,
        size=7.5,
        empty=gettext("Nobody was refused a seat."),
    )
    return [table, caption(unknown)] if unknown else [table]


def people(data: Audit) -> list[Flowable]:
    """Count the people, and list them as pseudonyms."""
    counts = [(use.pool, f"{use.people_count:,}", f"{use.holdings:,}") for use in data.uses]
    story: list[Flowable] = [
        *heading(gettext("6 Users")),
        FastTable(
            [
                Column(gettext("Pool"), 0.6),
                Column(gettext("Different people"), 0.2, "right"),
                Column(gettext("Sessions"), 0.2, "right"),
            ],
            counts,
            total=(gettext("All pools, each person once"), f"{data.people_count:,}", ""),
            size=7.5,
        ),
    ]
    known = sorted({person for use in data.uses for person in use.people})
    if not known:
        words = gettext(
            "The installation keeps counts only, or nobody held a seat: there is no list."
        )
        return [*story, prose(words, look.BODY)]
    shown = known[:MOST_PEOPLE]
    shown += [""] * (-len(shown) % A_LINE)
    rows = [shown[place : place + A_LINE] for place in range(0, len(shown), A_LINE)]
    if len(known) > MOST_PEOPLE:
        story.append(
            caption(
                gettext("The first %(most_people)s of %(known)s; report.json has all.")
                % {"most_people": number(MOST_PEOPLE), "known": number(len(known))}
            )
        )
    return [
        *story,
        FastTable([Column("", 1 / A_LINE)] * A_LINE, rows, size=7),
        prose(
            gettext(
                "Pseudonyms are keyed hashes, the same for one person in all pools and periods."
                " Names are given only on a stated basis, to whom a second person approves;"
                " this report holds none."
            ),
            look.SMALL,
        ),
    ]


def proof(data: Audit, zone: ZoneInfo) -> list[Flowable]:
    """List the streams of the evidence log, the anchors, and how to verify them."""
    found = data.proof
    streams: Sequence[Sequence[str | Cell]] = [
        (row.of, row.name, f"{row.entries:,}") for row in found.streams
    ]
    anchors = [
        (moment(row.at, zone), row.kind, row.place, f"{row.days:,}") for row in found.anchors
    ]
    return [
        *heading(gettext("Streams of the evidence log"), 2),
        FastTable(
            [
                Column(gettext("Of"), 0.25, lines=2),
                Column(gettext("Stream"), 0.63, font=fonts.MONO, lines=2),
                Column(gettext("Entries"), 0.12, "right"),
            ],
            streams,
            size=7,
        ),
        *heading(gettext("Anchors outside"), 2),
        FastTable(
            [
                Column(gettext("When"), 0.16),
                Column(gettext("Kind"), 0.1),
                Column(gettext("Where"), 0.6, lines=2),
                Column(gettext("Days"), 0.14, "right"),
            ],
            anchors,
            size=7.5,
            empty=gettext("No outside anchor: a roll-back cannot be excluded."),
        ),
        prose(
            gettext(
                "To verify: ask for the evidence pack of this vendor and this period, and"
                " for the public key by another way. Then: python3 verify.py PACK.zip 'PUBLIC"
                " KEY' ANCHOR.txt"
            ),
            look.BODY,
        ),
    ]


def distribution(data: Audit) -> list[Flowable]:
    """List who is to get the report."""
    rows = [(name,) for name in data.letter.recipients]
    return [
        *heading(gettext("Distribution"), 2),
        FastTable(
            [Column(gettext("To"), 1.0, lines=2)], rows, size=8, empty=gettext("Nobody was named.")
        ),
        prose(
            gettext(
                "Each download and each mail of this file is an entry of the evidence log, with"
                " the account and the SHA-256 of the file."
            ),
            look.SMALL,
        ),
    ]
