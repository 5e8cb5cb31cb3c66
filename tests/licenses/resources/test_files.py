"""Rows as files: what stands in a cell comes out of it, piece by piece, and no cell is run."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from openpyxl import load_workbook

from licenses.resources.files import MOST_OF_A_CELL, csv_pieces, xlsx_pieces

ROWS = [
    ["id", "text", "none"],
    [1, "a < b & c > \"d\" 'e'", None],
    [-2.5, "  kept \t blanks\nand lines ", ""],
    [Decimal("1250.50"), "Ελληνικά, кириллица, عربي, 漢字 😀", "0012"],
]


def read(data: bytes, **how: Any) -> list[list[Any]]:
    sheet = load_workbook(io.BytesIO(data), **how).active
    return [list(row) for row in sheet.iter_rows(values_only=True)]


@pytest.mark.parametrize("how", [{}, {"read_only": True, "data_only": True}], ids=["all", "rows"])
def test_a_sheet_says_what_was_written(how: dict[str, Any]) -> None:
    found = read(b"".join(xlsx_pieces([ROWS[:2], [], ROWS[2:]])), **how)
    assert [[cell or None for cell in row] for row in found] == [
        [float(cell) if isinstance(cell, Decimal) else cell or None for cell in row] for row in ROWS
    ]
    assert [type(row[0]) for row in found[1:]] == [int, float, float]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("bell\x07 and \x00", "bell� and �", id="controls"),
        pytest.param("half \ud800 a pair, \ufffe", "half � a pair, �", id="no-characters"),
        pytest.param("a" * 40_000, "a" * (MOST_OF_A_CELL - 1) + "…", id="too-long"),
        pytest.param("'=1+1", "'=1+1", id="disarmed"),
        pytest.param("=1+1", "=1+1", id="a-text-and-no-formula"),
    ],
)
def test_no_text_breaks_a_sheet_or_is_run_in_it(text: str, expected: str) -> None:
    book = b"".join(xlsx_pieces([[[text]]]))
    assert read(book) == [[expected]]
    with zipfile.ZipFile(io.BytesIO(book)) as parts:
        assert parts.testzip() is None
        assert b"<f>" not in parts.read("xl/sheet.xml")


@pytest.mark.parametrize("pieces", [csv_pieces, xlsx_pieces])
def test_a_piece_is_there_before_the_next_page_is_asked_for(pieces: Any) -> None:
    asked = []

    def pages() -> Iterator[list[list[Any]]]:
        for number in range(3):
            asked.append(number)
            yield [[number, "text"]]

    coming = pieces(pages())
    first = next(coming)
    assert first and asked == [0]
    whole = first + b"".join(coming)
    found = read(whole) if pieces is xlsx_pieces else list(csv.reader(io.StringIO(whole.decode())))
    assert [str(row[0]) for row in found] == ["0", "1", "2"]
