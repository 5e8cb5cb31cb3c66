"""Charts never draw use where there was no observation, and never hide over-use."""

import io
import re
from itertools import pairwise

import pypdf
import pytest
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable

from reports.pdf import fonts, look
from reports.pdf.axes import Gap, Plot, Span, Step, Tick
from reports.pdf.calendars import CalendarMonth, CompletenessCalendar
from reports.pdf.charts import LEAST_GAP, LoadCurve, StepChart, Use, draw_use
from reports.pdf.ink import Color, Ink, rgb

DAY = 86_400
YEAR = 365 * DAY
PLOT = Plot(left=0, bottom=0, width=365, height=100, start=0, end=YEAR, top=10)
DAYS = [Step(n * DAY, (n + 1) * DAY, 5 + n % 2) for n in range(365)]


def drawn(use: Use) -> list[str]:
    ink = Ink(Canvas(io.BytesIO(), initialFontName=fonts.REGULAR))
    draw_use(ink, PLOT, use)
    return ink.operators


def strokes(operators: list[str], color: Color) -> list[list[tuple[float, float]]]:
    """Return the lines drawn in *color*, as points."""
    return [
        [(float(x), float(y)) for x, y in re.findall(r"([-\d.]+) ([-\d.]+) [ml]\b", operator)]
        for operator in operators
        if operator.startswith(f"{rgb(color)} RG") and operator.endswith("S")
    ]


@pytest.mark.parametrize(
    "gap",
    [
        pytest.param(Gap(60 * DAY, 67 * DAY), id="a-week"),
        pytest.param(Gap(100 * DAY + 3_600, 100 * DAY + 3_900), id="five-minutes"),
        pytest.param(Gap(0, 10 * DAY), id="at-the-start"),
        pytest.param(Gap(300 * DAY, YEAR), id="at-the-end"),
    ],
)
def test_no_line_of_use_crosses_a_gap(gap: Gap) -> None:
    operators = drawn(Use(0, YEAR, DAYS, gaps=[gap]))
    left, right = PLOT.x(gap.start), PLOT.x(gap.end)
    lines = strokes(operators, look.INK)
    assert lines
    for line in lines:
        for (x1, _), (x2, _) in pairwise(line):
            assert x2 <= left + 0.01 or x1 >= right - 0.01
    assert len(lines) == (1 if gap.start == 0 or gap.end == YEAR else 2)
    ground = [op for op in operators if op.startswith(f"{rgb(look.GAP)} rg") and "re f" in op]
    assert len(ground) == 1
    assert float(ground[0].split()[6]) >= LEAST_GAP - 0.011


def test_the_area_under_the_use_leaves_gaps_out_too() -> None:
    operators = drawn(Use(0, YEAR, DAYS, gaps=[Gap(60 * DAY, 67 * DAY)]))
    areas = [op for op in operators if op.startswith(f"{rgb(look.INK_TINT)} rg")]
    assert len(areas) == 2
    for area in areas:
        xs = [float(x) for x in re.findall(r"([-\d.]+) [-\d.]+ [ml]\b", area)]
        assert max(xs) <= 60.01 or min(xs) >= 66.99


def test_a_year_without_observation_has_no_line() -> None:
    assert strokes(drawn(Use(0, YEAR, DAYS, gaps=[Gap(0, YEAR)])), look.INK) == []


def test_time_without_a_known_limit_has_no_limit_line() -> None:
    allowed = [Step(0, 100 * DAY, 5), Step(200 * DAY, YEAR, 8)]
    lines = strokes(drawn(Use(0, YEAR, DAYS, allowed)), look.LIMIT)
    assert lines == [[(0, 50), (100, 50)], [(200, 80), (365, 80)]]


def test_the_limit_is_the_one_in_force_at_each_moment() -> None:
    allowed = [Step(0, 100 * DAY, 5), Step(100 * DAY, YEAR, 8)]
    assert strokes(drawn(Use(0, YEAR, DAYS, allowed)), look.LIMIT) == [
        [(0, 50), (100, 50), (100, 80), (365, 80)]
    ]


def over_bars(operators: list[str]) -> list[list[float]]:
    return [
        [float(word) for word in rectangle]
        for operator in operators
        if operator.startswith(f"{rgb(look.OVER)} rg")
        for rectangle in re.findall(r"([-\d.]+) ([-\d.]+) ([-\d.]+) ([-\d.]+) re", operator)
    ]


def test_over_use_of_a_minute_is_wide_enough_to_see() -> None:
    use = Use(0, YEAR, DAYS, [Step(0, YEAR, 4)], over=[Span(50 * DAY + 60, 50 * DAY + 120)])
    ((x, low, width, height),) = over_bars(drawn(use))
    assert (low, height) == (40, 10)
    assert width == 2.0
    assert x < 50.1 < x + width


def test_over_use_is_what_the_caller_says_and_not_guessed() -> None:
    assert over_bars(drawn(Use(0, YEAR, DAYS, [Step(0, YEAR, 4)]))) == []


def test_over_use_beside_a_gap_is_drawn_although_the_gap_is_widened() -> None:
    at = 50 * DAY
    use = Use(0, YEAR, DAYS, [Step(0, YEAR, 4)], [Gap(at, at + 60)], [Span(at + 60, at + 120)])
    assert len(over_bars(drawn(use))) == 1


def text_of(flowable: Flowable) -> str:
    target = io.BytesIO()
    canvas = Canvas(target, initialFontName=fonts.REGULAR, invariant=1)
    flowable.wrap(490, 700)
    flowable.drawOn(canvas, 50, 50)
    canvas.save()
    return pypdf.PdfReader(target).pages[0].extract_text()


def test_the_legend_names_what_the_chart_has_and_nothing_else() -> None:
    ticks = [Tick(0, "Nov"), Tick(180 * DAY, "May")]
    bare = text_of(StepChart(Use(0, YEAR, DAYS), ticks))
    assert "Over-use" not in bare
    assert "Not observed" not in bare
    full = text_of(
        StepChart(
            Use(0, YEAR, DAYS, [Step(0, YEAR, 4)], [Gap(0, DAY, 7)], [Span(9 * DAY, 10 * DAY)]),
            ticks,
        )
    )
    for words in ("Allowed", "Over-use", "Not observed", "Most that was possible", "Nov", "May"):
        assert words in full


def test_a_chart_without_any_observation_says_so() -> None:
    chart = StepChart(Use(0, YEAR, [], gaps=[Gap(0, YEAR)]), [Tick(0, "Nov")])
    assert "No observation in this period" in text_of(chart)


@pytest.mark.parametrize("shares", [[], [1.0], [1.0, 0.5, 0.0]], ids=["none", "idle", "some"])
def test_a_load_curve_takes_any_number_of_seats(shares: list[float]) -> None:
    assert "100 %" in text_of(LoadCurve(shares, 2))


def test_a_day_that_misses_a_second_does_not_look_complete() -> None:
    ink = Ink(Canvas(io.BytesIO(), initialFontName=fonts.REGULAR))
    CompletenessCalendar._draw_cell(ink, 0, 0, 10, 12, 0.99999)
    assert any(operator.endswith("S") for operator in ink.operators)
    ink.operators.clear()
    CompletenessCalendar._draw_cell(ink, 0, 0, 10, 12, 1.0)
    assert not any(operator.endswith("S") for operator in ink.operators)


def test_a_calendar_has_a_row_for_each_month() -> None:
    calendar = CompletenessCalendar([CalendarMonth("Nov 2025", [1.0] * 30, "100.00 %")] * 13)
    assert text_of(calendar).count("100.00 %") == 13


@pytest.mark.parametrize(("bounded", "hatched"), [(0.0, True), (0.2, True), (0.5, False)])
def test_only_time_that_is_bounded_whole_is_not_hatched(bounded: float, hatched: bool) -> None:
    ink = Ink(Canvas(io.BytesIO(), initialFontName=fonts.REGULAR))
    CompletenessCalendar._draw_cell(ink, 0, 0, 10, 12, 0.5, bounded)
    drawn = " ".join(ink.operators)
    assert (" l " in drawn) is hatched
    assert any(operator.endswith("S") for operator in ink.operators)  # framed: not complete


def test_the_legend_names_bounded_time_where_there_is_some() -> None:
    row = CalendarMonth("Nov 2025", [0.0], "0.00 %", [1.0])
    assert "but bounded" in text_of(CompletenessCalendar([row]))
    assert "but bounded" not in text_of(CompletenessCalendar([CalendarMonth("Nov", [0.0])]))
