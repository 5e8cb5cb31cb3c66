"""Rows as a file, piece by piece and however many: CSV, and XLSX as ECMA-376 has it."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any
from xml.sax.saxutils import escape

Page = Iterable[Sequence[Any]]
"""Some rows, in cells that are disarmed."""

TYPES = {
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
MOST_OF_A_SHEET = 1_048_576
"""Lines that a sheet holds, its head among them."""
MOST_OF_A_CELL = 32_767
"""Characters that a cell of a sheet holds."""
_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_KIND = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_RELATED = (
    f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="r1" Type="{_OFFICE}/{{}}"'
    ' Target="{}"/></Relationships>'
)
_PARTS = {
    "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types">'
    '<Default Extension="rels"'
    ' ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{_KIND}.sheet.main+xml"/>'
    f'<Override PartName="/xl/sheet.xml" ContentType="{_KIND}.worksheet+xml"/></Types>',
    "_rels/.rels": _RELATED.format("officeDocument", "xl/workbook.xml"),
    "xl/_rels/workbook.xml.rels": _RELATED.format("worksheet", "sheet.xml"),
    "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>'
    '<sheet name="Sheet" sheetId="1" r:id="r1"/></sheets></workbook>',
}
_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'


def csv_pieces(pages: Iterable[Page]) -> Iterator[bytes]:
    """Yield rows as CSV, a piece a page."""
    for page in pages:
        out = io.StringIO()
        csv.writer(out).writerows(page)
        yield out.getvalue().encode()


def xlsx_pieces(pages: Iterable[Page]) -> Iterator[bytes]:
    """Yield rows as a book of one sheet, a piece a page: no more of it is held than that.

    Without the longer sizes of ZIP files, which Excel does not read where they come behind the
    data: a sheet of 2 GiB of XML ends in an error.
    """
    out = _Stream()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as book:
        for name, text in _PARTS.items():
            book.writestr(name, _XML + text)
        with book.open("xl/sheet.xml", "w") as sheet:
            sheet.write(f'{_XML}<worksheet xmlns="{_MAIN}"><sheetData>'.encode())
            for page in pages:
                sheet.write("".join(map(_row, page)).encode())
                yield out.taken()
            sheet.write(b"</sheetData></worksheet>")
    yield out.taken()


def _row(cells: Sequence[Any]) -> str:
    return f"<row>{''.join(map(_cell, cells))}</row>"


def _cell(value: Any) -> str:
    """Return a cell as XML: a number, or a text that no spreadsheet looks for a formula in."""
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return f"<c><v>{value}</v></c>"
    if value == "" or value is None:
        return "<c/>"
    text = _NO_XML.sub("\N{REPLACEMENT CHARACTER}", str(value))
    if len(text) > MOST_OF_A_CELL:
        text = text[: MOST_OF_A_CELL - 1] + "…"
    return f'<c t="inlineStr"><is><t xml:space="preserve">{escape(text)}</t></is></c>'


class _Stream(io.RawIOBase):
    """Takes what is written until somebody takes it away; a ZIP file sees that it cannot go back
    in it."""

    def __init__(self) -> None:
        super().__init__()
        self.held = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        self.held += data
        return len(data)

    def taken(self) -> bytes:
        found, self.held = bytes(self.held), bytearray()
        return found
