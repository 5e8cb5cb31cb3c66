"""Each page says what it belongs to, and the same input gives the same bytes."""

import io
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pypdf
import pytest
from reportlab.lib.pagesizes import A4
from reportlab.platypus import PageBreak, Spacer

from reports.pdf import look
from reports.pdf.axes import Gap, Step, Tick
from reports.pdf.bars import Bar, HorizontalBars, Right, RightsTimeline
from reports.pdf.blocks import (
    Badge,
    Columns,
    KeyValues,
    Note,
    Signature,
    SignOff,
    caption,
    heading,
)
from reports.pdf.calendars import CalendarMonth, CompletenessCalendar
from reports.pdf.charts import LoadCurve, Small, StepChart, Use, small_multiples
from reports.pdf.look import Tone
from reports.pdf.page import BOTTOM, TOP, Masthead, build, turn
from reports.pdf.tables import Cell, Column, FastTable
from reports.pdf.text import P, lines, prose

ROOT = Path(__file__).parents[3]


def everything() -> list:
    """Return a story with each block that there is."""
    use = Use(0, 1_000, [Step(0, 500, 3), Step(500, 1_000, 4)], [Step(0, 1_000, 5)], [Gap(10, 90)])
    ticks = [Tick(0, "Nov"), Tick(500, "Dec")]
    return [
        *heading("Results"),
        P("Zoë, Σίγμα, Жук, 日本", look.BODY),
        prose("Pool {name} is within its rights.", look.BODY, name="<CAD>"),
        *lines("one\ntwo", look.SMALL),
        FastTable([Column("A", 1), Column("B", 1, "right")], [["a", Cell("1", Tone.WARN)]] * 3),
        StepChart(use, ticks),
        caption("Figure 1."),
        Columns([LoadCurve([1, 0.5, 0.2], 2), LoadCurve([1.0])]),
        *heading("Details", 2),
        *small_multiples([Small("Pool", "Proven", Tone.OK, use)] * 5),
        CompletenessCalendar([CalendarMonth("Nov", [1, 0.5, 0, None], "75 %")]),
        RightsTimeline([Right("Invoice", -5, None, "+5"), Right("X", 5, 7, "+1", False)], 0, 9, []),
        HorizontalBars([Bar("a", 3, "3", 2, Tone.BAD), Bar("b", 0, "0")]),
        *turn("landscape"),
        Badge(Tone.UNKNOWN, "Not determinable", "No observation."),
        KeyValues([("Hash", "9f86d081884c7d659a2feaa0c55ad015")]),
        Note("text", "title", Tone.WARN),
        SignOff([Signature("Prepared", "A. Person"), Signature("Approved")]),
    ]  # fmt: skip


def test_each_page_says_which_it_is_of_how_many(masthead: Masthead, read_back) -> None:
    reader = read_back([P("one", look.BODY), *turn("portrait"), *everything()])
    texts = [page.extract_text() for page in reader.pages]
    assert len(texts) >= 4
    for number, text in enumerate(texts, start=1):
        assert f"Page {number} of {len(texts)}" in text
        assert masthead.report_id in text
        assert f"as of {masthead.as_of_text}" in text
        assert masthead.zone in text


def test_the_title_block_states_what_the_report_is(masthead: Masthead, read_back) -> None:
    text = " ".join(read_back([]).pages[0].extract_text().split())
    for value in (
        masthead.entity, masthead.title, masthead.verdict, masthead.status, masthead.version,
        "tree 4,211, 9f86d081884c7d65", "Supersedes none",
    ):  # fmt: skip
        assert value in text


def test_pages_turn(read_back) -> None:
    sizes = [page.mediabox.width > page.mediabox.height for page in read_back(everything()).pages]
    assert sizes[0] is False
    assert sizes[-1] is True


def test_a_whole_report_can_lie_on_its_side(read_back) -> None:
    page = read_back([P("one", look.BODY)], landscape=True).pages[0]
    assert page.mediabox.width > page.mediabox.height


def test_headings_lead_to_their_pages(read_back) -> None:
    reader = read_back(
        [*heading("First"), *turn("portrait"), *heading("Second"), *heading("Sub", 2)]
    )
    first, second, below = reader.outline
    assert (first.title, second.title, below[0].title) == ("First", "Second", "Sub")
    assert [reader.get_destination_page_number(d) for d in (first, second, below[0])] == [0, 1, 1]


@pytest.mark.parametrize(
    ("free", "begins_on"),
    [
        pytest.param(350, 1, id="half a page is free"),
        pytest.param(120, 2, id="little is free"),
    ],
)
def test_a_table_that_one_page_would_hold_leaves_no_half_of_a_page_empty(
    free: int, begins_on: int, read_back
) -> None:
    table = FastTable([Column("Pool", 1)], [[f"pool {number}"] for number in range(40)])
    above = [PageBreak(), Spacer(1, A4[1] - TOP - BOTTOM - free)]
    texts = [page.extract_text() for page in read_back([*above, *heading("Rows"), table]).pages]
    headed = [number for number, text in enumerate(texts) if "Rows" in text]
    begun = [number for number, text in enumerate(texts) if "pool 0" in text]
    assert headed == begun == [begins_on]
    assert sum(len(re.findall(r"pool \d+", text)) for text in texts) == 40


def test_the_file_is_dated_as_of(masthead: Masthead, read_back, monkeypatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1")
    meta = read_back([]).metadata
    assert meta.creation_date.timestamp() == masthead.as_of
    assert meta.modification_date.timestamp() == masthead.as_of
    assert meta.title == f"{masthead.title}, {masthead.entity}"


def test_every_font_is_embedded(read_back) -> None:
    reader = read_back(everything())
    found = set()
    for page in reader.pages:
        for font in page["/Resources"]["/Font"].values():
            descriptor = font.get_object()["/FontDescriptor"].get_object()
            assert "/FontFile2" in descriptor
            found.add(re.sub(r"^/[A-Z]{6}\+", "", font.get_object()["/BaseFont"]))
    assert found == {"NotoSans-Regular", "NotoSans-Bold", "JetBrainsMonoRoman-Regular"}


PROGRAM = """
import hashlib, sys, tests.reports.pdf.test_page as t
from reports.pdf.look import Tone
from reports.pdf.page import Masthead, build
m = Masthead("T", "E", "P", "Z", 1_793_514_360, "now", "ID", "1", "Draft", "V", Tone.OK)
print(hashlib.sha256(build(m, t.everything())).hexdigest())
"""


def test_the_bytes_are_the_same_in_another_process_at_another_time() -> None:
    digests = set()
    for seed, epoch in (("1", "0"), ("2", "1000000000"), ("random", "")):
        environment = os.environ | {
            "PYTHONHASHSEED": seed,
            "SOURCE_DATE_EPOCH": epoch,
            "TZ": "Asia/Tokyo",
        }
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM],
            cwd=ROOT, env=environment, capture_output=True, text=True, check=True,
        )  # fmt: skip
        digests.add(done.stdout.strip())
    assert len(digests) == 1


def test_the_same_process_writes_the_same_bytes_twice(masthead: Masthead) -> None:
    assert build(masthead, everything()) == build(masthead, everything())


def test_another_as_of_is_another_file(masthead: Masthead) -> None:
    later = replace(masthead, as_of=masthead.as_of + 1)
    assert build(masthead, everything()) != build(later, everything())


@pytest.mark.parametrize("field", ["title", "entity", "report_id", "verdict", "zone", "software"])
def test_a_hostile_masthead_is_printed_as_data(masthead: Masthead, field: str) -> None:
    hostile = replace(masthead, **{field: "<img src='/etc/passwd'> \u202e\ud800 " + "w" * 500})
    text = pypdf.PdfReader(io.BytesIO(build(hostile, []))).pages[0].extract_text()
    if field != "software":
        assert "<img" in text
