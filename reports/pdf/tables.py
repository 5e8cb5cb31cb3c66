"""A table that is drawn with one string of operators a page.

Ten thousand rows take a tenth of the time of a platypus LongTable or less (benchmarks/pdf.py):
row heights are known beforehand, and what a text becomes is worked out once for each different
text of a column.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from reportlab.pdfbase.pdfdoc import PDFDocument
from reportlab.platypus import Flowable

from reports.pdf import fonts, look
from reports.pdf.ink import Align, Color, Ink, encode, rgb
from reports.pdf.look import Tone
from reports.pdf.text import LIMIT, Safe, clip, safe, wrap

PAD_X: Final = 4.0
PAD_Y: Final = 2.1
LEADING: Final = 1.32  # of the size
HEAD_SIZE: Final = 7.0
HEAD_LEADING: Final = 9.0
HEAD_LINES: Final = 3


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    width: its share of the table's width; in points if the shares add up to the frame's width.
    lines: most lines of a cell. What does not fit ends in an ellipsis.
    """

    title: str
    width: float
    align: Align = "left"
    lines: int = 1
    font: str = fonts.REGULAR


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell with a meaning: its tone shows as a mark and a colour beside the words."""

    text: str
    tone: Tone = Tone.PLAIN
    bold: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """A row that is one heading over the rows that follow."""

    text: str


Row = Sequence[str | Cell] | Group


class FastTable(Flowable):
    """A table as wide as its frame, which repeats its header on each page.

    rows:   a text or a Cell for each column, or a Group; another number of cells raises ValueError.
    total:  a last row in bold below a rule.
    empty:  the sentence that stands where there are no rows.
    size:   of the text, in points. Numbers aligned right stand in columns, digit under digit.
    limit:  most characters of one cell, as in `safe`.

    Text wider than its column is cut, with an ellipsis as the mark.
    """

    def __init__(
        self,
        columns: Sequence[Column],
        rows: Sequence[Row],
        *,
        total: Sequence[str | Cell] | None = None,
        empty: str = "None.",
        size: float = 8.0,
        zebra: bool = True,
        limit: int = LIMIT,
        space_after: float = 10.0,
    ) -> None:
        super().__init__()
        for number, row in enumerate([*rows, *([total] if total else [])], start=1):
            if not isinstance(row, Group) and len(row) != len(columns):
                raise ValueError(f"row {number}: {len(row)} cells, expected {len(columns)}")
        self._plan = _Plan(columns, rows, size, limit)
        self._total = total
        self._empty = empty
        self._zebra = zebra
        self._range = range(len(rows))
        self.spaceAfter = space_after

    def wrap(self, available_width: float, available_height: float) -> tuple[float, float]:
        """Return the size that all rows take, whatever the height."""
        plan = self._plan
        plan.fit(available_width)
        rows = self._range
        self.width = available_width
        self.height = plan.head_height + plan.height_of(rows.start, rows.stop)
        if not rows:
            self.height += plan.line_height
        if self._total:
            self.height += plan.line_height + 1
        return self.width, self.height

    def split(self, available_width: float, available_height: float) -> list["FastTable"]:
        """Return the rows that fit and the rest, or nothing where not two rows fit."""
        plan = self._plan
        plan.fit(available_width)
        rows = self._range
        count = plan.fitting(rows.start, available_height - plan.head_height)
        count = min(count, len(rows) - 1)  # a total never stands on a page alone
        if count > 1 and isinstance(plan.rows[rows.start + count - 1], Group):
            count -= 1  # nor does a heading end a page
        if count < 2:
            return []
        return [
            self._piece(rows[:count], total=None, space_after=0),
            self._piece(rows[count:], total=self._total, space_after=self.spaceAfter),
        ]

    def _piece(
        self, rows: range, total: Sequence[str | Cell] | None, space_after: float
    ) -> "FastTable":
        piece = FastTable.__new__(FastTable)
        Flowable.__init__(piece)
        piece._plan, piece._range, piece._total = self._plan, rows, total
        piece._empty, piece._zebra, piece.spaceAfter = self._empty, self._zebra, space_after
        return piece

    def draw(self) -> None:
        """Draw the header and this piece's rows."""
        plan, ink = self._plan, Ink(self.canv)
        page = _Page(plan, ink)
        y = self.height - plan.head_height
        if self._zebra:
            ink.boxes(
                [(0, y - bottom, self.width, h) for bottom, h in plan.stripes(self._range)],
                look.WASH,
            )
        for index in self._range:
            y = page.row(plan.rows[index], plan.heights[index] if plan.heights else 0, y)
        if not self._range:
            text = clip(safe(self._empty, 240), fonts.REGULAR, plan.size, self.width - 2 * PAD_X)
            page.words(text, fonts.REGULAR, PAD_X, y - plan.first_baseline, look.MUTED)
            y -= plan.line_height
        ink.line((0, y), (self.width, y), look.RULE, 0.5)
        if self._total:
            bold = [Cell(c.text, c.tone, bold=True) if isinstance(c, Cell) else Cell(c, bold=True)
                    for c in self._total]  # fmt: skip
            ink.line((0, y), (self.width, y), look.TEXT, 0.8)
            page.row(bold, plan.line_height, y - 1)
        page.finish()
        self._draw_head(ink)
        ink.flush()

    def _draw_head(self, ink: Ink) -> None:
        """Draw the column titles, standing on the rule."""
        plan = self._plan
        bottom = self.height - plan.head_height
        for column, left, width, title in zip(
            plan.columns, plan.lefts, plan.widths, plan.titles, strict=True
        ):
            for number, line in enumerate(reversed(title)):
                baseline = bottom + 4 + number * HEAD_LEADING
                x = _anchor(column.align, left, width)
                ink.text(x, baseline, line, fonts.BOLD, HEAD_SIZE, look.MUTED, column.align)
        ink.line((0, bottom), (self.width, bottom), look.TEXT, 0.8)


class _Plan:
    """What all pieces of one table share: the rows, and the geometry once a width is known."""

    def __init__(
        self, columns: Sequence[Column], rows: Sequence[Row], size: float, limit: int
    ) -> None:
        self.columns, self.rows, self.size, self.limit = columns, rows, size, limit
        self.leading = size * LEADING
        self.line_height = self.leading + 2 * PAD_Y
        self.first_baseline = PAD_Y + (self.leading + size * fonts.CAP_HEIGHT) / 2
        self.mark = size * 0.78
        self._width = -1.0
        self._document: PDFDocument | None = None
        self._memos: list[dict[str, tuple[str, str]]] = []

    def fit(self, width: float) -> None:
        """Lay the columns out over *width* points."""
        if width == self._width:
            return
        self._width = width
        scale = width / sum(column.width for column in self.columns)
        self.widths = [column.width * scale for column in self.columns]
        self.lefts = list(accumulate(self.widths, initial=0.0))[:-1]
        self.titles = [
            wrap(safe(column.title), fonts.BOLD, HEAD_SIZE, wide - 2 * PAD_X, HEAD_LINES)
            for column, wide in zip(self.columns, self.widths, strict=True)
        ]
        self.head_height = max(len(title) for title in self.titles) * HEAD_LEADING + 5
        self.heights: list[float] = []
        if any(column.lines > 1 for column in self.columns):
            self.heights = [
                self.line_height + (self._lines_of(row) - 1) * self.leading for row in self.rows
            ]
        self._tops = list(accumulate(self.heights, initial=0.0))
        self._document = None

    def height_of(self, start: int, stop: int) -> float:
        """Return the height of the rows in [start, stop)."""
        if self.heights:
            return self._tops[stop] - self._tops[start]
        return (stop - start) * self.line_height

    def fitting(self, start: int, room: float) -> int:
        """Return how many rows from *start* fit into *room* points."""
        if self.heights:
            return bisect_right(self._tops, self._tops[start] + room + 1e-6, lo=start) - start - 1
        return int((room + 1e-6) / self.line_height)

    def stripes(self, rows: range) -> list[tuple[float, float]]:
        """Return depth of the lower edge and height of each row that has a ground."""
        return [
            (self.height_of(rows.start, index + 1), self.height_of(index, index + 1))
            for index in rows
            if index % 2 or isinstance(self.rows[index], Group)
        ]

    def memos(self, document: PDFDocument) -> list[dict[str, tuple[str, str]]]:
        """Return for each column what its texts became in *document*."""
        if self._document is not document:
            self._document, self._memos = document, [{} for _ in self.columns]
        return self._memos

    def lines(self, text: str, index: int, room: float, font: str) -> tuple[Safe, ...]:
        """Return the lines of a cell of column *index*, *room* points wide."""
        shown = safe(text, self.limit, font)
        if self.columns[index].lines == 1:
            return (clip(shown, font, self.size, room),)
        return wrap(shown, font, self.size, room, self.columns[index].lines)

    def cell(self, cell: str | Cell, index: int) -> tuple[tuple[Safe, ...], str]:
        """Return lines and font of a cell of column *index*."""
        font, room = self.columns[index].font, self.widths[index] - 2 * PAD_X
        if isinstance(cell, str):
            return self.lines(cell, index, room, font), font
        if cell.bold:
            font = fonts.BOLD
        if cell.tone is not Tone.PLAIN:
            room -= self.mark + 3
        return self.lines(cell.text, index, room, font), font

    def _lines_of(self, row: Row) -> int:
        if isinstance(row, Group):
            return 1
        return max(len(self.cell(cell, index)[0]) for index, cell in enumerate(row))


class _Page:
    """The texts of one page, gathered into one text object."""

    def __init__(self, plan: _Plan, ink: Ink) -> None:
        self.plan, self.ink = plan, ink
        self.memos = plan.memos(ink.document)
        self.resource = encode(ink.document, Safe(" "), fonts.REGULAR)[0][0]
        self.font = f"{self.resource} {plan.size:.2f} Tf"
        self.color = f"{rgb(look.TEXT)} rg"
        self.texts = ["BT", self.color, self.font]

    def row(self, row: Row, height: float, top: float) -> float:
        """Write one row whose upper edge is at *top*; return its lower edge.

        height: 0 for a row of one line.
        """
        plan = self.plan
        baseline = top - plan.first_baseline
        if isinstance(row, Group):
            text = safe(row.text, plan.limit, fonts.BOLD)
            room = sum(plan.widths) - 2 * PAD_X
            shown = clip(text, fonts.BOLD, plan.size, room)
            self.words(shown, fonts.BOLD, PAD_X, baseline, look.TEXT)
            return top - (height or plan.line_height)
        add = self.texts.append
        y = f"{baseline:.2f}"
        for index, cell in enumerate(row):
            if type(cell) is str and plan.columns[index].lines == 1:
                known = self.memos[index].get(cell)
                if known is None:
                    known = self.memos[index][cell] = self._operators(cell, index)
                add(known[0] + y + known[1])
            else:
                self._cell(cell, index, baseline)
        return top - (height or plan.line_height)

    def words(self, text: Safe, font: str, x: float, y: float, color: Color) -> None:
        """Write one line that starts at (x, y)."""
        if text:
            self.texts.append(
                f"{rgb(color)} rg 1 0 0 1 {x:.2f} {y:.2f} Tm "
                f"{self._shown(text, font)} {self.font} {self.color}"
            )

    def finish(self) -> None:
        """Hand the text object to the ink."""
        self.ink.operators.extend([*self.texts, "ET"])

    def _operators(self, cell: str, index: int) -> tuple[str, str]:
        """Return what comes before and after the baseline of a one-line cell."""
        plan = self.plan
        (line,), font = plan.cell(cell, index)
        x = self._left(line, font, index)
        runs = encode(self.ink.document, line, font)
        shown = f"{self._shown(line, font)} {self.font}"
        if len(runs) == 1 and runs[0][0] == self.resource:
            shown = f"{runs[0][1]} Tj"  # the font that is set already
        return f"1 0 0 1 {x:.2f} ", f" Tm {shown}"

    def _cell(self, cell: str | Cell, index: int, baseline: float) -> None:
        """Write a cell that has several lines or a tone."""
        plan = self.plan
        lines, font = plan.cell(cell, index)
        tone = cell.tone if isinstance(cell, Cell) else Tone.PLAIN
        shift = plan.mark + 3 if tone is not Tone.PLAIN else 0
        left = plan.columns[index].align == "left"
        for number, line in enumerate(lines):
            x = self._left(line, font, index)
            y = baseline - number * plan.leading
            self.words(line, font, x + (shift if left else 0), y, tone.color)
            if shift and number == 0:
                lift = (plan.size * fonts.CAP_HEIGHT - plan.mark) / 2
                look.mark(self.ink, tone, x - (0 if left else shift), y + lift, plan.mark)

    def _left(self, line: Safe, font: str, index: int) -> float:
        """Return where *line* starts in column *index*."""
        plan = self.plan
        align = plan.columns[index].align
        x = _anchor(align, plan.lefts[index], plan.widths[index])
        if align == "left":
            return x
        wide = fonts.width(line, font, plan.size)
        return x - (wide if align == "right" else wide / 2)

    def _shown(self, line: Safe, font: str) -> str:
        size = f"{self.plan.size:.2f}"
        runs = encode(self.ink.document, line, font)
        return " ".join(f"{resource} {size} Tf {string} Tj" for resource, string in runs)


def _anchor(align: Align, left: float, width: float) -> float:
    """Return the x that a text is aligned to within a column."""
    if align == "left":
        return left + PAD_X
    return left + (width - PAD_X if align == "right" else width / 2)
