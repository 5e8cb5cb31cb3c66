"""A masthead, and reading back what was written."""

import io
from collections.abc import Callable

import pypdf
import pytest
from reportlab.platypus import Flowable

from reports.pdf.look import Tone
from reports.pdf.page import Masthead, build


@pytest.fixture
def masthead() -> Masthead:
    return Masthead(
        title="Licence compliance, twelve months",
        entity="Example Works",
        period="2025-11-01 to 2026-10-31",
        zone="Europe/Berlin",
        as_of=1_793_514_360,
        as_of_text="2026-11-01 06:26 UTC",
        report_id="CR-2026-0142",
        version="1",
        status="Draft",
        verdict="Proven for all pools",
        verdict_tone=Tone.OK,
        evidence="tree 4,211, 9f86d081884c7d65",
        software="itam 0.1.0",
    )


@pytest.fixture
def read_back(masthead: Masthead) -> Callable[..., pypdf.PdfReader]:
    """Return a function that builds a story and opens the file."""

    def read(story: list[Flowable], **options: bool) -> pypdf.PdfReader:
        return pypdf.PdfReader(io.BytesIO(build(masthead, story, **options)))

    return read
