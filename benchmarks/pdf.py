"""Measure PDF tables and reports against reportlab's LongTable, in one run.

    .venv/bin/python benchmarks/pdf.py

Prints seconds (the best of three) and how many times faster the house table is. LongTable gets
fixed row heights, which is its fast way, and the same embedded font.
"""

import io
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from reportlab.lib.pagesizes import A4
from reportlab.platypus import Flowable, LongTable, SimpleDocTemplate

from reports.pdf import fonts
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


def long_table(data: list[list[str]]) -> None:
    """Print *data* with reportlab's own table."""
    style = [("FONT", (0, 0), (-1, -1), fonts.REGULAR, 8), ("ALIGN", (4, 0), (-1, -1), "RIGHT")]
    table = LongTable([HEAD, *data], WIDTHS, [14.0] * (len(data) + 1), repeatRows=1, style=style)
    document = SimpleDocTemplate(
        io.BytesIO(), pagesize=A4, invariant=1, initialFontName=fonts.REGULAR
    )
    document.build([table])


def fast_table(data: list[list[str]]) -> bytes:
    """Print *data* with the house table."""
    columns = [
        Column(title, width, "right" if place > 3 else "left")
        for place, (title, width) in enumerate(zip(HEAD, WIDTHS, strict=True))
    ]
    return build(MASTHEAD, [FastTable(columns, data)])


def report(pools: int) -> bytes:
    """Print a page a pool: a year's chart, twelve months and thirty rows, after one big table."""
    chance = random.Random(9)
    months = [Tick(n * 365 * DAY // 12, f"M{n + 1}") for n in range(12)]
    columns = [Column(str(n), 1, "right" if n else "left") for n in range(7)]
    listed = [[f"Pool {n}", "10", "10", "9", "100.00 %", "0", Cell("Proven", Tone.OK)]
              for n in range(pools)]  # fmt: skip
    story: list[Flowable] = [FastTable(columns, listed)]
    for number in range(pools):
        days = [Step(n * DAY, (n + 1) * DAY, chance.randint(0, 10)) for n in range(365)]
        use = Use(0, 365 * DAY, days, [Step(0, 365 * DAY, 10)], [Gap(60 * DAY, 62 * DAY)])
        year = [[f"Month {n}", *map(str, chance.choices(range(99), k=6))] for n in range(12)]
        story += [
            *turn("portrait"),
            *heading(f"Pool {number}"),
            StepChart(use, months),
            FastTable(columns, year),
            FastTable(columns, rows(20)),
        ]
    return build(MASTHEAD, story)


def best(work: Callable[[], object], times: int = 3) -> float:
    """Return the shortest of *times* runs in seconds."""
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return min(taken)


def main() -> None:
    """Run the measurements and print them."""
    data = rows(ROWS)
    fast = best(lambda: fast_table(data))
    slow = best(lambda: long_table(data), times=2)
    print(f"{ROWS:,} rows: LongTable {slow:.2f} s, FastTable {fast:.2f} s, {slow / fast:.1f}x")
    same = fast_table(data) == fast_table(data)
    print(f"same bytes twice: {same}")
    one, many = best(lambda: report(1)), best(lambda: report(POOLS), times=1)
    print(f"report of 1 pool {one * 1000:.0f} ms, of {POOLS} pools {many:.2f} s")
    paired = rows(POOLS * 33)
    table = best(lambda: long_table(paired), times=1)
    print(
        f"LongTable of the report's {len(paired):,} rows alone {table:.2f} s, {table / many:.1f}x"
    )


if __name__ == "__main__":
    main()
