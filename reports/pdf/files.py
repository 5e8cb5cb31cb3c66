"""Put files into a PDF, as data that belong to it (ISO 32000-2, 7.11.4 and 14.13).

Any reader lists them, and `pdfdetach` takes them out. The same files give the same bytes.
"""

from __future__ import annotations

import hashlib
import re
import time
import zlib
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Final

from reportlab.pdfbase.pdfdoc import (
    PDFArray,
    PDFDictionary,
    PDFDocument,
    PDFName,
    PDFStream,
    PDFString,
)

LEVEL: Final = 1
"""Of zlib. Numbers repeat so much that level 6 costs three times the time for a quarter of size."""
_NAME = re.compile(r"[A-Za-z0-9._-]{1,60}")


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file inside the PDF.

    name:   ASCII letters, digits, dots and dashes; anything else raises ValueError.
    kind:   its MIME type.
    about:  what it is, in words.
    packed: what `pack` makes of the content, where a thread does that while pages are drawn.
    """

    name: str
    content: bytes
    kind: str
    about: str
    packed: Future[tuple[bytes, bytes]] | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"the name {self.name!r} is not one for a file in a PDF")

    @property
    def sha256(self) -> str:
        """Return the hash of the content, as it prints beside the name."""
        return hashlib.sha256(self.content).hexdigest()


def pack(content: bytes) -> tuple[bytes, bytes]:
    """Return what a PDF holds of a file: its checksum and its packed content."""
    return hashlib.md5(content, usedforsecurity=False).digest(), zlib.compress(content, LEVEL)


def attach(document: PDFDocument, files: Sequence[Attachment], moment: int) -> None:
    """Put *files* into the document, dated *moment* (epoch seconds). To be called once."""
    if not files:
        return
    inside = {file.name: _specification(document, file, moment) for file in files}
    if len(inside) != len(files):
        raise ValueError("two files of one PDF have the same name")
    names: list[object] = []
    for name in sorted(inside):  # a name tree is searched by halves
        names += [PDFString(name), inside[name]]
    catalog = document.Catalog
    catalog.Names = PDFDictionary({"EmbeddedFiles": PDFDictionary({"Names": PDFArray(names)})})
    # reportlab writes those entries of the catalogue that it knows; /AF is younger than its list.
    catalog.AF = PDFArray([inside[file.name] for file in files])
    catalog.__NoDefault__ = [*catalog.__NoDefault__, "AF"]


def _specification(document: PDFDocument, file: Attachment, moment: int) -> object:
    stamp = PDFString(time.strftime("D:%Y%m%d%H%M%SZ", time.gmtime(moment)))
    checksum, packed = file.packed.result() if file.packed else pack(file.content)
    stream = PDFStream(
        PDFDictionary(
            {
                "Type": PDFName("EmbeddedFile"),
                # As it is written: PDFName would escape the # and leave the / alone.
                "Subtype": f"/{file.kind.replace('/', '#2F')}",
                "Filter": PDFName("FlateDecode"),
                "Params": PDFDictionary(
                    {
                        "Size": len(file.content),
                        "CheckSum": PDFString(checksum, enc="raw"),
                        "ModDate": stamp,
                    }
                ),
            }
        ),
        packed,
    )
    held = document.Reference(stream)
    return document.Reference(
        PDFDictionary(
            {
                "Type": PDFName("Filespec"),
                "F": PDFString(file.name),
                "UF": PDFString(file.name),
                "Desc": PDFString(file.about),
                "AFRelationship": PDFName("Data"),
                "EF": PDFDictionary({"F": held, "UF": held}),
            }
        )
    )
