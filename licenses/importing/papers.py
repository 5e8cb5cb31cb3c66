"""Papers that prove something: checked and hashed when they come in, never swapped."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection, Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from itam import figures
from itam.acting import who
from licenses.evidence import entries, stock
from licenses.evidence.reads import note_read
from licenses.evidence.stored import open_recorded
from licenses.models import Document, Entitlement, Proof

MOST_BYTES = 25_000_000


# What a file must begin with to be what its name says. Text
# formats have no such mark and must be text.
_MARKS = {
    "pdf": (b"%PDF-",),
    "png": (b"\x89PNG\r\n\x1a\n",),
    "jpg": (b"\xff\xd8\xff",),
    "jpeg": (b"\xff\xd8\xff",),
    "docx": (b"PK\x03\x04",),
    "xlsx": (b"PK\x03\x04",),
}
_PDF_END = re.compile(rb"startxref\s+(\d+)\s+%%EOF")
_TAIL = 2048
"""So near its end, in bytes, a PDF says where its table is. Readers allow 1,024 after that."""


def checked_document(file: Any) -> str:
    """Refuse a file that is too large, cut, or not what its name says; return its SHA-256."""
    if file.size > MOST_BYTES:
        raise ValidationError(
            _("%(file)s has %(size)s MB: expected %(most)s MB at most.")
            % {
                "file": file.name,
                "size": figures.number(file.size / 1e6, 1),
                "most": MOST_BYTES // 10**6,
            }
        )
    ending = file.name.rsplit(".", 1)[-1].lower()
    digest = hashlib.sha256()
    head = tail = b""
    for chunk in file.chunks():
        head = head or chunk[:4096]
        tail = (tail + chunk[-_TAIL:])[-_TAIL:]
        digest.update(chunk)
    file.seek(0)
    marks = _MARKS.get(ending)
    if marks and not head.startswith(marks):
        told = _("%(file)s does not begin as a file of the kind %(ending)s does.")
        raise ValidationError(told % {"file": file.name, "ending": ending})
    if ending == "pdf" and not _is_whole_pdf(tail, file.size):
        told = _("%(file)s is not whole: a PDF file ends otherwise. Hand it in once more.")
        raise ValidationError(told % {"file": file.name})
    if not marks and b"\0" in head:
        told = _("%(file)s is not a text file, as its name says.")
        raise ValidationError(told % {"file": file.name})
    return digest.hexdigest()


def _is_whole_pdf(tail: bytes, size: int) -> bool:
    """Tell whether a PDF ends as one does. What is cut ends nowhere, or where an earlier state of
    the file did; one that is made for the web has such an end near its head, which names no place.
    """
    return any(0 < int(place) < size for place in _PDF_END.findall(tail))


def record_document(
    save: Callable[[], Any], document: Document, *, proves: Collection[Entitlement], user: Any
) -> None:
    """Store a paper of a contract, and which of its lines it proves.

    save:  stores *document*.
    """
    with transaction.atomic():
        save()
        prove(proves, [document], user=user)


def prove(
    lines: Collection[Entitlement],
    documents: Collection[Document],
    *,
    user: Any,
    seats: int | None = None,
) -> int:
    """Record that somebody read the product, metric and seats of each of the lines in each of the
    documents, with its evidence; return how often that is new.

    seats:  so many of each line can be read there; None: all of them.
    Raises ValidationError where a document is of another contract than a line, a line no longer
    counts, or has fewer seats, or a document would prove more seats at one time than are in it.
    """
    with transaction.atomic():
        made = tie(whole(lines, documents, seats), user=user)
        proven: dict[Document, list[Proof]] = {}
        for row in made:
            proven.setdefault(row.document, []).append(row)
        for document, of_it in proven.items():
            _note(document, of_it, user)
        stock.tell({row.entitlement.pool_id for row in made})
    return len(made)


Tie = tuple[Entitlement, Document, int]
"""A line, a document, and how many seats of the line can be read in it."""


def whole(
    lines: Iterable[Entitlement], documents: Collection[Document], seats: int | None = None
) -> list[Tie]:
    """Return that each document proves so many seats of each line; None: all of them."""
    return [
        (line, document, line.quantity if seats is None else seats)
        for line in lines
        for document in documents
    ]


def tie(ties: Collection[Tie], *, user: Any, at: datetime | None = None) -> list[Proof]:
    """Store what `prove` does without its evidence, for who writes that with the line itself.

    at:  when it was recorded; None: now.
    """
    if not ties:
        return []  # of most lines that are corrected, of thousands at once
    now = timezone.now() if at is None else at
    ids = {line.pk for line, _document, _seats in ties}
    standing = set(Entitlement.objects.as_of().filter(pk__in=ids).values_list("pk", flat=True))
    for line, document, seats in ties:
        if line.pk not in standing:
            raise ValidationError(
                _("%(line)s no longer counts. Choose the newer line.") % {"line": line}
            )
        if document.contract_id != line.contract_id:
            raise ValidationError(
                _("%(document)s is a document of contract %(contract)s, %(line)s is not of it.")
                % {"document": document, "contract": document.contract.number, "line": line}
            )
        if not min(line.quantity, 1) <= seats <= line.quantity:
            said = _("%(line)s: expected 1 to %(most)s seats that are proven, found %(seats)s.")
            raise ValidationError(said % {"line": line, "most": line.quantity, "seats": seats})
    papers = {document.pk for _line, document, _seats in ties}
    # Whoever ties it to another line at this moment waits, so that no two overdraw it.
    held = list(Document.objects.select_for_update().filter(pk__in=papers).order_by("pk"))
    known = set(
        Proof.objects.filter(entitlement__in=ids, document__in=papers).values_list(
            "entitlement", "document"
        )
    )
    made = Proof.objects.bulk_create(
        (
            Proof(
                entitlement=line,
                document=document,
                quantity=seats,
                recorded_at=now,
                recorded_by=user,
            )
            for line, document, seats in ties
            if (line.pk, document.pk) not in known
        ),
        ignore_conflicts=True,  # a form may be sent twice
    )
    for document in held:
        _not_overdrawn(document, document.quantity)
    return made


def state_seats(document: Document, seats: int, *, user: Any) -> None:
    """Record how many seats can be read in a document of which nobody said that yet.

    Raises ValidationError where somebody did, and where lines claim more of it at one time.
    """
    with transaction.atomic():
        held = Document.objects.select_for_update().get(pk=document.pk)
        if held.quantity is not None:
            said = _("On record of %(document)s: %(seats)s. That stays as it is.")
            seats_said = figures.seats(held.quantity)
            raise ValidationError(said % {"document": held, "seats": seats_said})
        _not_overdrawn(held, seats)
        held.quantity = document.quantity = seats
        held.save(update_fields=["quantity"])


def _not_overdrawn(document: Document, seats: int | None) -> None:
    """Refuse that a document proves more seats at one time than can be read in it."""
    if seats is None:
        return
    claimed = document.proofs.standing().seats_at_once()
    if claimed > seats:
        said = _(
            "%(document)s is about %(seats)s, and would prove %(claimed)s at one time. Say how many"
            " of each line it proves; where it was said of too many, correct a line first."
        )
        told = {"seats": figures.seats(seats), "claimed": figures.seats(claimed)}
        raise ValidationError(said % {"document": document, **told})


def _note(document: Document, proofs: Collection[Proof], user: Any) -> None:
    seats = {row.entitlement_id: row.quantity for row in proofs}
    body = {
        "author": user.get_username() if user is not None else who() or "",
        "document": document.pk,
        "lines": sorted(seats),
        "seats": [seats[line] for line in sorted(seats)],
        "sha256": document.sha256,
        "what": "lines proven by a document",
    }
    entry = entries.draft("entitlement", int(timezone.now().timestamp()), body)
    entries.append(entries.contract_stream(document.contract), [entry], source="rights")


def open_document(document: Document, user: Any) -> Any:
    """Return the file of a document for reading, after writing who takes it.

    The caller has checked that the user may. Raises FileNotFoundError where it is missing, or
    another file lies in its place.
    """
    stream = open_recorded(Path(document.file.path), document.sha256)
    about: dict[str, str | int] = {"document": document.pk, "sha256": document.sha256}
    note_read(user, "export", "document of a contract", 1, **about)
    return stream


def tidy_name(name: str) -> str:
    """Return a file name as it may be stored and sent back: no path, no control or direction
    characters.
    """
    name = re.split(r"[/\\]", name)[-1]
    kept = "".join(char for char in name if char.isprintable() and char not in "\"'<>|:*?")
    return kept[-200:].strip(". ") or "file"
