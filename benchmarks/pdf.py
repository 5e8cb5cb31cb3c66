"""Measure PDF tables and reports against reportlab's LongTable, in one run.

    .venv/bin/python benchmarks/pdf.py

Prints seconds of processor time (the best of three) and how many times faster the house table is.
LongTable gets fixed row heights, which is its fast way, and the same embedded font. Where pages of
reports are compared, both have the same headings, outline, header and footer.
"""

import io
import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from common import Line, show
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, LongTable, PageBreak, Paragraph, SimpleDocTemplate

from reports.pdf import fonts, look
from reports.pdf.axes import Gap, Step, Tick
from reports.pdf.blocks import heading
from reports.pdf.charts import StepChart, Use
from reports.pdf.look import Tone
from reports.pdf.page import Masthead, build, turn
from reports.pdf.tables import Cell, Column, FastTable

ROWS = 10_000
POOLS = 500
DAY = 86_400
HEAD = ["User", "Host", "Feature", "Start", "Length", "Seats", "Share"]
WIDTHS = [70, 70, 80, 100, 55, 45, 60]
MASTHEAD = Masthead(
    "Benchmark", "Example Works", "2025-11-01 to 2026-10-31", "UTC", 1_793_514_360,
    "2026-11-01 06:26 UTC", "B-1", "1", "Draft", "Proven", Tone.OK,
)  # fmt: skip


def rows(count: int) -> list[list[str]]:
    """Return *count* rows such as a list of check-outs has."""
    chance = random.Random(8)
    return [
        [
            f"user{chance.randint(1, 300)}",
            f"host-{chance.randint(1, 900)}",
            f"feature_{chance.randint(1, 40)}",
            f"2026-{chance.randint(1, 12):02d}-{chance.randint(1, 28):02d} "
            f"{chance.randint(0, 23):02d}:{chance.randint(0, 59):02d}",
            f"{chance.randint(0, 9)}:{chance.randint(0, 59):02d}",
            str(chance.randint(1, 50)),
            f"{chance.random() * 100:.2f} %",
        ]
        for _ in range(count)
    ]


def platypus_table(data: list[list[str]]) -> LongTable:
    """Return *data* as reportlab's own table."""
    style = [("FONT", (0, 0), (-1, -1), fonts.REGULAR, 8), ("ALIGN", (4, 0), (-1, -1), "RIGHT")]
    return LongTable([HEAD, *data], WIDTHS, [14.0] * (len(data) + 1), repeatRows=1, style=style)


class UsualDocument(SimpleDocTemplate):
    """reportlab's own template, with headings put into the outline."""

    def afterFlowable(self, flowable: Flowable) -> None:
        if isinstance(flowable, Paragraph):
            key = flowable.getPlainText()
            self.canv.bookmarkPage(key)
            self.canv.addOutlineEntry(key, key)


def furnish(canvas: Canvas, document: UsualDocument) -> None:
    """Draw header and footer the usual way."""
    canvas.setFont(fonts.REGULAR, 7)
    canvas.drawString(51, A4[1] - 38, f"{MASTHEAD.entity} · {MASTHEAD.title}")
    canvas.drawRightString(A4[0] - 51, A4[1] - 38, f"{MASTHEAD.report_id} · {MASTHEAD.status}")
    canvas.drawString(51, 30, f"{MASTHEAD.period} ({MASTHEAD.zone}) · {MASTHEAD.as_of_text}")
    canvas.drawRightString(A4[0] - 51, 30, f"Page {document.page}")
    canvas.line(51, A4[1] - 44, A4[0] - 51, A4[1] - 44)
    canvas.line(51, 42, A4[0] - 51, 42)


def platypus_build(story: list[Flowable], furnished: bool = False) -> None:
    """Write *story* with reportlab's own template."""
    document = UsualDocument(io.BytesIO(), pagesize=A4, invariant=1, initialFontName=fonts.REGULAR)
    each = {"onFirstPage": furnish, "onLaterPages": furnish} if furnished else {}
    document.build(story, **each)


def fast_table(data: list[list[str]]) -> bytes:
    """Print *data* with the house table."""
    return build(MASTHEAD, [FastTable(COLUMNS, data)])


@dataclass(frozen=True)
class Pool:
    """What one page of the report shows."""

    use: Use
    year: list[list[str]]
    listed: list[list[str]]


def pools(count: int) -> list[Pool]:
    """Return *count* pools, each with 365 days, 12 months and 20 further rows."""
    chance = random.Random(9)
    allowed, gaps = [Step(0, 365 * DAY, 10)], [Gap(60 * DAY, 62 * DAY)]
    return [
        Pool(
            Use(
                0,
                365 * DAY,
                [Step(n * DAY, (n + 1) * DAY, chance.randint(0, 10)) for n in range(365)],
                allowed,
                gaps,
            ),
            [[f"Month {n}", *map(str, chance.choices(range(99), k=6))] for n in range(12)],
            rows(20),
        )
        for _ in range(count)
    ]


COLUMNS = [
    Column(title, width, "right" if place > 3 else "left")
    for place, (title, width) in enumerate(zip(HEAD, WIDTHS, strict=True))
]


def report(data: list[Pool], charts: bool = True) -> bytes:
    """Print a list of all pools, then a page a pool: the year's chart and two tables."""
    months = [Tick(n * 365 * DAY // 12, f"M{n + 1}") for n in range(12)]
    listed = [
        [f"Pool {n}", "10", "10", "9", "100.00 %", "0", Cell("Proven", Tone.OK)]
        for n in range(len(data))
    ]
    story: list[Flowable] = [FastTable(COLUMNS, listed)]
    for number, pool in enumerate(data):
        story += [*turn("portrait"), *heading(f"Pool {number}")]
        story += [StepChart(pool.use, months)] if charts else []
        story += [FastTable(COLUMNS, pool.year), FastTable(COLUMNS, pool.listed)]
    return build(MASTHEAD, story)


def platypus_report(data: list[Pool]) -> None:
    """Print the pages of `report` the usual way, without its charts."""
    listed = [[f"Pool {n}", "10", "10", "9", "100.00 %", "0", "Proven"] for n in range(len(data))]
    story: list[Flowable] = [platypus_table(listed)]
    for number, pool in enumerate(data):
        story += [PageBreak(), Paragraph(f"Pool {number}", look.HEADINGS[0])]
        story += [platypus_table(pool.year), platypus_table(pool.listed)]
    platypus_build(story, furnished=True)


def best(work: Callable[[], object], times: int = 3) -> float:
    """Return the shortest of *times* runs in seconds of processor time."""
    taken = []
    for _ in range(times):
        began = time.process_time()
        work()
        taken.append(time.process_time() - began)
    return min(taken)


def main() -> None:
    """Run the measurements and print them."""
    data = rows(ROWS)
    fast = best(lambda: fast_table(data))
    slow = best(lambda: platypus_build([platypus_table(data)]), times=2)
    same = fast_table(data) == fast_table(data)
    one, many = pools(1), pools(POOLS)
    full, bare = best(lambda: report(many)), best(lambda: report(many, charts=False))
    usual = best(lambda: platypus_report(many), times=1)
    single = best(lambda: report(one))
    show(
        [
            Line(
                f"PDF table of {ROWS:,} rows", f"{fast:.2f} s", slow / fast,
                "at least 10x reportlab's LongTable, same bytes twice",
                slow >= 10 * fast and same,
            ),
            Line(
                f"PDF of {POOLS} pools: a chart and two tables each", f"{full:.2f} s", usual / full,
                "at most 5 s (ratio: LongTables on the same pages, without charts)", full <= 5,
            ),
            Line(
                "the same without charts", f"{bare:.2f} s", usual / bare,
                "at least 10x LongTables on the same pages", usual >= 10 * bare,
            ),
            Line("PDF of one pool", f"{single:.2f} s", None, "at most 0.3 s", single <= 0.3),
        ]
    )  # fmt: skip


if __name__ == "__main__":
    main()
