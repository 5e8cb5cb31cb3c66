"""A paper that proves something is taken whole, or not at all."""

from __future__ import annotations

import hashlib
import io
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from reportlab.pdfgen.canvas import Canvas

from licenses.importing.papers import checked_document


def bill() -> bytes:
    made = io.BytesIO()
    canvas = Canvas(made, pageCompression=1)
    for page in range(1, 60):
        canvas.drawString(72, 720, f"Page {page}: 25 seats")
        canvas.showPage()
    canvas.save()
    return made.getvalue()


def refused(data: bytes) -> bool:
    try:
        checked_document(SimpleUploadedFile("bill.pdf", data))
    except ValidationError as error:
        assert error.messages == [
            "bill.pdf is not whole: a PDF file ends otherwise. Hand it in once more."
        ]
        return True
    return False


@pytest.mark.parametrize("after", [b"", b"\r\n\r\n", b"\0" * 1000])
def test_a_whole_pdf_is_taken(after: bytes) -> None:
    data = bill() + after
    paper = SimpleUploadedFile("bill.pdf", data)
    assert checked_document(paper) == hashlib.sha256(data).hexdigest()


def test_a_pdf_cut_anywhere_is_refused() -> None:
    data = bill()
    assert all(refused(data[:size]) for size in range(9, data.rindex(b"%%EOF") + 5, 101))


def test_an_end_between_two_chunks_is_found(monkeypatch: Any) -> None:
    data = bill()
    for back in range(1, 30):
        monkeypatch.setattr(SimpleUploadedFile, "DEFAULT_CHUNK_SIZE", len(data) - back)
        assert not refused(data)


def test_what_is_cut_behind_the_first_end_of_a_pdf_for_the_web_is_refused() -> None:
    assert refused(b"%PDF-1.7\n" + b"x" * 200 + b"\nstartxref\r\n0\r\n%%EOF\r\n" + b"y" * 500)


def test_an_end_that_names_a_place_behind_it_is_refused() -> None:
    assert refused(b"%PDF-1.7\n" + b"x" * 200 + b"\nstartxref\n90000\n%%EOF\n")
