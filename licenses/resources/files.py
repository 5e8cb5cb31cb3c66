"""Rows as a file, however many: CSV piece by piece, XLSX by way of a file on disk."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from typing import IO, Any

from openpyxl import Workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

Page = Iterable[Sequence[Any]]
"""Some rows, in cells that are disarmed."""

TYPES = {
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
MOST_OF_A_SHEET = 1_048_576
"""Lines that a sheet holds, its head among them."""


def csv_pieces(pages: Iterable[Page]) -> Iterator[bytes]:
    """Yield rows as CSV, a piece a page."""
    for page in pages:
        out = io.StringIO()
        csv.writer(out).writerows(page)
        yield out.getvalue().encode()


def xlsx_file(pages: Iterable[Page]) -> IO[bytes]:
    """Return an XLSX file at its beginning. It is gone from the disk once it is closed.

    The library writes its rows to disk, too: the memory that it takes does not hang on how many.
    """
    book = Workbook(write_only=True)
    sheet = book.create_sheet()
    for page in pages:
        for row in page:
            sheet.append([_without_controls(value) for value in row])
    out = tempfile.TemporaryFile()  # noqa: SIM115  # closed by whoever sends it
    book.save(out)
    out.seek(0)
    return out


def _without_controls(value: Any) -> Any:
    """Return a cell without characters that XML cannot hold."""
    if isinstance(value, str):
        return ILLEGAL_CHARACTERS_RE.sub("\N{REPLACEMENT CHARACTER}", value)
    return value
