"""What binds a report's records, printed: the signed head, its code, and the files inside."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import UTC
from typing import Final

from django.utils.translation import gettext, gettext_lazy, ngettext
from reportlab.platypus import Flowable

from itam import figures
from licenses.evidence.anchors import NONE
from licenses.evidence.checks import Found
from reports.datasets.integrity import Integrity
from reports.documents.words import moment
from reports.pdf import fonts, look
from reports.pdf.blocks import Columns, KeyValues, heading
from reports.pdf.codes import Code
from reports.pdf.files import Attachment
from reports.pdf.tables import Column, FastTable
from reports.pdf.text import lines, prose

PROVES: Final = gettext_lazy(
    "This proves that the records are the ones recorded on the days shown, that none"
    " was changed, added or removed since the last anchor, and that the day list is complete."
)
PROVES_NOTHING_BACK: Final = gettext_lazy(
    "Without an outside anchor this proves only that the records are those of the"
    " signed head, not that whoever holds the key did not make all of it anew. This"
    " page, handed out, is an anchor for all later ones."
)


def head_words(found: Integrity) -> str:
    """Return the signed head as the title block says it."""
    return (
        f"{figures.days(found.days)}, {short_root(found)}"
        if found.days
        else gettext("not sealed yet")
    )


def short_root(found: Integrity) -> str:
    """Return the first 16 hex digits of the root: short enough to be read out and compared."""
    return base64.b64decode(found.root).hex()[:16]


def integrity(found: Integrity, files: Sequence[Attachment] = ()) -> list[Flowable]:
    """Say which signed head binds the records, whether one is outside our hands, and what that
    proves."""
    anchor = prose("{words}.", look.BODY, words=found.anchor[0].upper() + found.anchor[1:])
    lost = [part for words in found.losses for part in lines(words, look.BODY)]
    story = heading(gettext("Integrity of the records"), 2, room=210)
    if not found.days:
        nothing = prose(gettext("Not sealed yet."), look.BODY)
        return [*story, nothing, anchor, *lost, *checked(found), *inside(files)]
    facts = KeyValues(
        [
            (
                gettext("Days sealed"),
                gettext("%(days)s, the last %(day)s (UTC)")
                % {"days": figures.number(found.days), "day": found.day},
            ),
            (gettext("Root, base64"), found.root),
            (gettext("Root, first 16 hex digits"), short_root(found)),
            (gettext("Public key"), found.key or "–"),
            (gettext("Its SHA-256"), found.fingerprint or "–"),
        ],
        columns=1,
        lines=3,
    )
    return [
        *story,
        Columns([facts, Code(found.checkpoint)], shares=(0.72, 0.28)),
        anchor,
        *lost,
        prose(
            gettext(
                "The code holds the signed head. Its text, saved as a file, is an anchor:"
                " verify.py takes it with an evidence pack, and says whether the days before it"
                " are the same."
            ),
            look.SMALL,
        ),
        prose(str(PROVES_NOTHING_BACK if found.anchor == NONE else PROVES), look.SMALL),
        prose(
            gettext(
                "It does not prove that the licence server reported truthfully, that nothing"
                " happened while no observation was possible, or anything recorded after the"
                " head."
            ),
            look.SMALL,
        ),
        *checked(found),
        *inside(files),
    ]


def checked(found: Integrity) -> list[Flowable]:
    """Say how often the evidence was checked since the period began, and list what did not fit."""
    story = heading(gettext("Checks of the evidence since the period began"), 2)
    if not found.checked:
        return [*story, prose(gettext("None is on record."), look.BODY)]
    told = {"checks": figures.number(found.checked), "found": figures.number(len(found.found))}
    if not found.found:
        words = ngettext(
            "%(checks)s check: all fitted.", "%(checks)s checks: each time all fitted.",
            found.checked,
        ) % told  # fmt: skip
        return [*story, prose("{words}", look.BODY, words=words)]
    words = ngettext(
        "%(checks)s check; in %(found)s not all fitted.",
        "%(checks)s checks; in %(found)s not all fitted.",
        found.checked,
    )
    columns = [
        Column(gettext("Ended (UTC)"), 0.17),
        Column(gettext("Days sealed"), 0.12, "right"),
        Column(gettext("Entries computed again"), 0.16, "right", lines=2),
        Column(gettext("What did not fit"), 0.55, lines=14),
    ]
    rows = [
        (
            moment(each.at, UTC),
            figures.number(each.days),
            figures.number(each.entries),
            _misfits(each),
        )
        for each in found.found
    ]
    return [
        *story,
        prose("{words}", look.BODY, words=words % told),
        FastTable(columns, rows, size=7, limit=1000),
    ]


def _misfits(check: Found) -> str:
    words = list(check.set_back)
    if check.others:
        others = ngettext(
            "%(count)s thing that may name others: see the record of the installation.",
            "%(count)s things that may name others: see the record of the installation.",
            check.others,
        )
        words.append(others % {"count": figures.number(check.others)})
    return " ".join(words)


def inside(files: Sequence[Attachment]) -> list[Flowable]:
    """List the files that lie inside the PDF, with their hashes."""
    if not files:
        return []
    columns = [
        Column(gettext("File"), 0.14),
        Column(gettext("What it is"), 0.25, lines=2),
        Column(gettext("Bytes"), 0.11, "right"),
        Column("SHA-256", 0.5, font=fonts.MONO, lines=2),
    ]
    rows = [(file.name, file.about, f"{len(file.content):,}", file.sha256) for file in files]
    return [*heading(gettext("Files inside this PDF"), 2), FastTable(columns, rows, size=7)]
