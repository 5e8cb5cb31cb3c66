"""Licence servers: bytes in, records out. No Django and no database here."""

from __future__ import annotations

from licenses.sources.base import DateNeeded, Format, Kind, NotRecognised, SourceError
from licenses.sources.flexnet import FLEXNET
from licenses.sources.flexnet.detection import refuse_foreign

__all__ = ["KINDS", "DateNeeded", "Format", "Kind", "NotRecognised", "SourceError", "detect"]

KINDS: dict[str, Kind] = {
    "flexnet": FLEXNET,
}
"""One line for each kind of licence server."""


def detect(kind: str, head: bytes) -> str:
    """Return the name of the format of a text, from its first 64 KB or so.

    Raises NotRecognised, which says what was found and what is read, and KeyError for an unknown
    kind.
    """
    formats = KINDS[kind].formats
    expected = ", ".join(each.label for each in formats[:-1]) + f" or {formats[-1].label}"
    refuse_foreign(head, expected)
    for each in formats:
        if each.detect(head):
            return each.name
    raise NotRecognised("text in another format", expected)
