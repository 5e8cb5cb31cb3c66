"""Operators reach the page as they were drawn."""

import gc
import io
import weakref

import pypdf
import pytest
from reportlab.pdfgen.canvas import Canvas

from reports.pdf import fonts, look
from reports.pdf.ink import Ink
from reports.pdf.text import safe


@pytest.fixture
def canvas() -> Canvas:
    return Canvas(io.BytesIO(), initialFontName=fonts.REGULAR, pageCompression=0, invariant=1)


def content(canvas: Canvas) -> pypdf.PageObject:
    canvas.save()
    return pypdf.PdfReader(canvas._filename).pages[0]


def test_what_is_flushed_is_on_the_page_and_leaves_no_trace_in_the_state(canvas: Canvas) -> None:
    ink = Ink(canvas)
    ink.line((1, 2), (3, 4), look.INK)
    ink.flush()
    assert ink.operators == []
    drawn = content(canvas).get_contents().get_data().decode()
    assert "q\n0.173 0.333 0.439 RG 0.50 w [] 0 d 1.00 2.00 m 3.00 4.00 l S\nQ" in drawn


@pytest.mark.parametrize("text", ["(a) \\ b", "Ελληνικά", "Жёлтый äöü", "≥ 10 → 11", "ǅ" * 3])
@pytest.mark.parametrize("font", [fonts.REGULAR, fonts.BOLD])
def test_text_reads_back_as_it_was(canvas: Canvas, text: str, font: str) -> None:
    ink = Ink(canvas)
    ink.text(50, 50, safe(text), font, 9, look.TEXT)
    ink.flush()
    assert content(canvas).extract_text().strip() == text


def test_more_characters_than_one_subset_holds_read_back(canvas: Canvas) -> None:
    letters = "".join(
        map(
            chr,
            [
                *range(0x100, 0x180),
                *range(0x391, 0x3A2),
                *range(0x400, 0x482),
                *range(0x48A, 0x500),
            ],
        )
    )
    shown = safe(letters, limit=2_000)
    assert "\\u" not in shown
    ink = Ink(canvas)
    for number in range(0, len(shown), 40):
        ink.text(50, 800 - number, safe(shown[number : number + 40]), fonts.REGULAR, 9, look.TEXT)
    ink.flush()
    assert content(canvas).extract_text().replace("\n", "") == shown


@pytest.mark.parametrize(("align", "start"), [("left", 100.0), ("right", 82.84), ("center", 91.42)])
def test_text_is_aligned_by_its_width(canvas: Canvas, align: str, start: float) -> None:
    ink = Ink(canvas)
    ink.text(100, 50, safe("123"), fonts.REGULAR, 10, look.TEXT, align)
    assert f"1 0 0 1 {start:.2f} 50.00 Tm" in ink.operators[0]


def test_hatching_stays_within_its_rectangle(canvas: Canvas) -> None:
    ink = Ink(canvas)
    ink.hatch(10, 20, 7, 30, look.GAP, look.GAP_LINE)
    words = ink.operators[1].split(" d ")[1].split()
    pairs = [(float(words[i]), float(words[i + 1])) for i in range(0, len(words) - 1, 3)]
    assert len(pairs) > 10
    assert all(9.99 <= x <= 17.01 and 19.99 <= y <= 50.01 for x, y in pairs)


def test_a_finished_document_is_freed() -> None:
    canvas = Canvas(io.BytesIO(), initialFontName=fonts.REGULAR)
    ink = Ink(canvas)
    ink.text(1, 1, safe("Жук"), fonts.REGULAR, 9, look.TEXT)
    ink.flush()
    canvas.save()
    document = weakref.ref(canvas._doc)
    del canvas, ink
    gc.collect()
    assert document() is None
