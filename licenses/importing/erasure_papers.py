"""Stored documents that may name a person: what erasing a name does not reach, and says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from django.utils.translation import gettext

from licenses.models import Checkout, Document, Person
from licenses.sources.text import decode

from .erasure_names import Needles

SEARCHED = frozenset({"txt", "eml", "csv", "lic"})
"""Endings of documents that are text; names in others, such as scans, cannot be looked for."""
MOST_BYTES = 20_000_000


class Paper(NamedTuple):
    """A document to be looked at by somebody.

    named:  the name stands in it; False: it cannot be searched, and belongs to a vendor whose
            licences the person used.
    """

    document: int
    contract: str
    title: str
    named: bool

    @property
    def words(self) -> str:
        """Return it in a sentence, without the name."""
        told = {"number": self.document, "contract": self.contract, "title": self.title}
        if self.named:
            return (
                gettext("document %(number)s of contract %(contract)s, %(title)s: holds the name")
                % told
            )
        return (
            gettext(
                "document %(number)s of contract %(contract)s, %(title)s: may hold the name: it "
                "cannot be searched"
            )
            % told
        )


def papers(person: Person, needles: Needles) -> list[Paper]:
    """Return the stored documents that hold the name or may hold it, by their number."""
    return list(_papers(person, needles))


def _papers(person: Person, needles: Needles) -> Iterator[Paper]:
    used = Checkout.objects.filter(person=person).order_by()
    vendors = set(used.values_list("feature__mappings__pool__product__vendor", flat=True))
    for row in Document.objects.select_related("contract").order_by("pk"):
        text = _text(row)
        if text is None:
            if row.contract.vendor_id in vendors:
                yield Paper(row.pk, row.contract.number, row.title, named=False)
        elif needles.within(text):
            yield Paper(row.pk, row.contract.number, row.title, named=True)


def _text(document: Document) -> str | None:
    """Return what a document says; None where it cannot be searched."""
    if document.file_name.rpartition(".")[2].lower() not in SEARCHED or document.size > MOST_BYTES:
        return None
    try:
        with document.file.open("rb") as file:
            return decode(file.read())
    except OSError:
        return None
