"""Tables split over pages, keep their header, and mark what they cut."""

import io
import re

import pytest
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable

from reports.pdf import fonts
from reports.pdf.ink import Ink
from reports.pdf.look import Tone
from reports.pdf.tables import Cell, Column, FastTable, Group, _Page, _Plan

COLUMNS = [Column("Number", 60, "right"), Column("User", 200), Column("Verdict", 100)]


def table(count: int, **options: object) -> FastTable:
    rows = [[str(n), f"user-{n:05d}", "Proven"] for n in range(count)]
    return FastTable(COLUMNS, rows, **options)


def test_three_thousand_rows_go_over_pages_with_the_header_on_each(read_back) -> None:
    reader = read_back([table(3_000)])
    texts = [page.extract_text() for page in reader.pages]
    assert len(texts) > 50
    assert all(text.count("Verdict") == 1 for text in texts)
    found = [word for text in texts for word in text.split() if word.startswith("user-")]
    assert found == [f"user-{n:05d}" for n in range(3_000)]


def test_rows_of_several_lines_go_over_pages_whole(read_back) -> None:
    reason = "because the limit was raised after the launch and nobody told the server about it"
    rows = [[f"row-{n:03d}", reason if n % 3 else "short", "x"] for n in range(200)]
    columns = [Column("Row", 60), Column("Reason", 120, lines=4), Column("X", 20)]
    texts = [page.extract_text() for page in read_back([FastTable(columns, rows)]).pages]
    found = [word for text in texts for word in text.split() if word.startswith("row-")]
    assert found == [f"row-{n:03d}" for n in range(200)]
    assert " ".join(" ".join(texts).split()).count("nobody") == sum(1 for n in range(200) if n % 3)


def pieces(whole: FastTable, height: float) -> list[FastTable]:
    done: list[FastTable] = []
    rest: list[Flowable] = [whole]
    while rest[-1].wrap(400, height)[1] > height:
        first, last = rest.pop().split(400, height)
        assert first.wrap(400, height)[1] <= height
        done.append(first)
        rest.append(last)
    return [*done, *rest]


def test_the_total_ends_the_last_piece_only() -> None:
    parts = pieces(table(50, total=["", "Total", "50"]), 200)
    assert len(parts) > 2
    assert [part._total is not None for part in parts] == [False] * (len(parts) - 1) + [True]


def test_no_piece_ends_with_the_heading_of_the_next() -> None:
    rows = [Group("A"), *[["1", "a", ""]] * 5, Group("B"), *[["2", "b", ""]] * 5]
    for height in range(60, 200, 3):
        for part in pieces(FastTable(COLUMNS, rows), height)[:-1]:
            assert not isinstance(part._plan.rows[part._range[-1]], Group)


def test_a_piece_of_less_than_two_rows_is_not_made() -> None:
    assert table(10).split(400, 30) == []


def test_no_rows_are_said_in_a_sentence(read_back) -> None:
    reader = read_back([FastTable(COLUMNS, [], empty="None in the observed 99.87 %.")])
    assert "None in the observed 99.87 %." in reader.pages[0].extract_text()


def test_what_does_not_fit_is_marked(read_back) -> None:
    columns = [Column("A", 30), Column("B", 300)]
    page = read_back([FastTable(columns, [["A long name of a product", "x"]])]).pages[0]
    assert re.search(r"^A long\S*…", page.extract_text(), re.MULTILINE)


def test_a_tone_is_said_in_words_and_drawn_as_a_mark(read_back) -> None:
    plain = read_back([FastTable(COLUMNS, [["1", "a", Cell("Over-use")]])]).pages[0]
    toned = read_back([FastTable(COLUMNS, [["1", "a", Cell("Over-use", Tone.BAD)]])]).pages[0]
    assert "Over-use" in toned.extract_text()
    mark = b"0.702 0.149 0.118 rg"
    assert mark in toned.get_contents().get_data()
    assert mark not in plain.get_contents().get_data()


def test_figures_end_at_one_edge() -> None:
    whole = FastTable([Column("N", 100, "right")], [["7"], ["1,234"], ["99.87"]])
    whole.wrap(100, 500)
    plan = whole._plan
    page = _Page(plan, Ink(Canvas(io.BytesIO(), initialFontName=fonts.REGULAR)))
    for text in ("7", "1,234", "99.87"):
        start = float(page._learn({}, text, 0).split()[4])
        assert start + fonts.width(text, fonts.REGULAR, 8) == pytest.approx(96, abs=0.01)


def test_a_long_word_of_a_title_is_not_broken_while_another_column_has_room() -> None:
    moment = Column("Spitze am", 0.2)
    columns = [
        Column("Pool", 0.7, lines=2),
        moment,
        Column("Abdeckung", 0.05),
        Column("Spitze", 0.05),
    ]
    plan = _Plan(columns, [], 8, 60)
    plan.fit(400)
    assert plan.widths[1] == 80  # its cells of one line would be cut
    assert [[str(line) for line in title] for title in plan.titles] == [
        ["Pool"], ["Spitze am"], ["Abdeckung"], ["Spitze"]
    ]  # fmt: skip
    assert sum(plan.widths) == pytest.approx(400)


def test_columns_whose_titles_fit_have_the_widths_that_were_asked_for() -> None:
    plan = _Plan(COLUMNS, [], 8, 60)
    plan.fit(720)
    assert plan.widths == [120, 400, 200]


def test_titles_that_fit_nowhere_are_broken() -> None:
    plan = _Plan([Column("Abdeckung", 1), Column("Nutzungsrecht", 1)], [], 8, 60)
    plan.fit(60)
    assert plan.widths == [30, 30]
    assert len(plan.titles[1]) > 1


def test_a_row_with_a_missing_cell_is_refused() -> None:
    with pytest.raises(ValueError, match="row 2: 2 cells, expected 3"):
        FastTable(COLUMNS, [["1", "a", ""], ["2", "b"]])


def test_an_empty_cell_is_nothing(read_back) -> None:
    text = read_back([FastTable(COLUMNS, [["", "", ""], ["1", "end", ""]])]).pages[0].extract_text()
    assert "end" in text


def test_a_total_takes_one_line_even_where_the_cells_take_several(read_back) -> None:
    columns = [Column("A", 40, lines=3), Column("B", 300)]
    total = ["Total of all the pools named above", "7"]
    text = read_back([FastTable(columns, [["a", "b"]], total=total)]).pages[0].extract_text()
    assert re.search(r"^Total.*…", text, re.MULTILINE)


def test_a_cell_drawn_as_it_is_looks_as_one_that_was_cut_and_escaped(monkeypatch) -> None:
    texts = ["", "a", "1 234.50 %", "(b)", "c\\u0041", "d\x07", "Ω", "w" * 40, "x" * 300, " "]
    columns = [
        Column("L", 1),
        Column("R", 1, "right"),
        Column("C", 1, "center"),
        Column("M", 1, font=fonts.MONO),
        Column("B", 1, font=fonts.BOLD),
    ]

    def operators() -> list[str]:
        whole = FastTable(columns, [[text] * 5 for text in texts])
        whole.wrap(400, 10_000)
        canvas = Canvas(io.BytesIO(), invariant=1)
        whole.drawOn(canvas, 0, 0)
        return list(canvas._code)

    quick = operators()
    monkeypatch.setattr(_Plan, "simple", lambda *_: None)
    assert quick == operators()
