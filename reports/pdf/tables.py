"""A table that is drawn with one string of operators a page.

Ten thousand rows take a tenth of the time of a platypus LongTable or less (benchmarks/pdf.py):
row heights are known beforehand, and what a text becomes is worked out once for each different
text of a column.
"""

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from typing import Final, NamedTuple
from weakref import WeakKeyDictionary

from reportlab.pdfbase.pdfdoc import PDFDocument

from reports.pdf import fonts, look
from reports.pdf.ink import Align, Color, Drawing, Ink, rgb
from reports.pdf.look import Tone
from reports.pdf.text import LIMIT, Safe, clip, safe, wrap
from reports.pdf.words import say

PAD_X: Final = 4.0
PAD_Y: Final = 2.1
LEADING: Final = 1.32  # of the size
HEAD_SIZE: Final = 7.0
HEAD_LEADING: Final = 9.0
HEAD_LINES: Final = 3
MARK_GAP: Final = 3.0


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

_SIMPLE: Final = re.compile(r"[ -'*-\[\]-~]+")
"""ASCII that is drawn as it is: no control character, and nothing that a PDF string escapes."""

_BASELINE: Final = "\0"
"""Stands where a row's baseline goes; no text that is drawn has this character (`safe`)."""

# A cell of a column, and the operators that draw it.
_Memo = dict[str | Cell, str]


class _Known:
    """What tables of one document share: columns of one place and look their cells, tables of the
    same columns their heads, so that many small tables do not start anew."""

    def __init__(self) -> None:
        self.memos: dict[tuple[object, ...], _Memo] = {}
        self.heads: dict[tuple[tuple[Column, ...], float], str] = {}


_known: WeakKeyDictionary[PDFDocument, _Known] = WeakKeyDictionary()


class FastTable(Drawing):
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
        empty: str = "",
        size: float = 8.0,
        zebra: bool = True,
        limit: int = LIMIT,
        space_after: float = 10.0,
    ) -> None:
        super().__init__()
        wide = len(columns)
        for number, row in enumerate([*rows, total] if total else rows, start=1):
            if not isinstance(row, Group) and len(row) != wide:
                raise ValueError(f"row {number}: {len(row)} cells, expected {wide}")
        self._plan = _Plan(columns, rows, size, limit)
        self._total = total
        self._empty = empty or say("None.")
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
        Drawing.__init__(piece)
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
        if plan.heights:
            for index in self._range:
                y = page.row(plan.rows[index], plan.heights[index], y)
        else:
            y = page.rows([plan.rows[index] for index in self._range], y)
        if not self._range:
            text = clip(safe(self._empty, 240), fonts.REGULAR, plan.size, self.width - 2 * PAD_X)
            page.words(text, fonts.REGULAR, PAD_X, y - plan.first_baseline, look.MUTED)
            y -= plan.line_height
        ink.line((0, y), (self.width, y), look.RULE, 0.5)
        if self._total:
            bold = [Cell(c.text, c.tone, bold=True) if isinstance(c, Cell) else Cell(c, bold=True)
                    for c in self._total]  # fmt: skip
            ink.line((0, y), (self.width, y), look.TEXT, 0.8)
            page.rows([bold], y - 1)
        page.finish()
        self._draw_head(ink)
        ink.flush()

    def _draw_head(self, ink: Ink) -> None:
        """Draw the column titles, standing on the rule; nothing else may be drawn after."""
        plan, heads = self._plan, _known.setdefault(ink.document, _Known()).heads
        drawn = heads.get((plan.columns, self.width))
        if drawn is None:
            head = Ink(self.canv)
            for column, x, title in zip(plan.columns, plan.anchors, plan.titles, strict=True):
                for number, line in enumerate(reversed(title)):
                    y = 4 + number * HEAD_LEADING
                    head.text(x, y, line, fonts.BOLD, HEAD_SIZE, look.MUTED, column.align)
            head.line((0, 0), (self.width, 0), look.TEXT, 0.8)
            drawn = heads[plan.columns, self.width] = "\n".join(head.operators)
        ink.operators += [f"1 0 0 1 0 {self.height - plan.head_height:.2f} cm", drawn]


class _Laid(NamedTuple):
    """Of each column in a table of a known width: width, left edge, room of its text, the x that
    its texts are aligned to, and the lines of its title."""

    widths: list[float]
    lefts: list[float]
    rooms: list[float]
    anchors: list[float]
    titles: list[tuple[Safe, ...]]


@lru_cache(maxsize=256)
def _laid_out(columns: tuple[Column, ...], width: float) -> _Laid:
    """Lay *columns* out over *width* points."""
    widths = _widths(columns, width)
    lefts = list(accumulate(widths, initial=0.0))[:-1]
    return _Laid(
        widths,
        lefts,
        [wide - 2 * PAD_X for wide in widths],
        [
            _anchor(column.align, left, wide)
            for column, left, wide in zip(columns, lefts, widths, strict=True)
        ],
        [
            wrap(safe(column.title), fonts.BOLD, HEAD_SIZE, wide - 2 * PAD_X, HEAD_LINES)
            for column, wide in zip(columns, widths, strict=True)
        ],
    )


def _widths(columns: Sequence[Column], width: float) -> list[float]:
    """Return the columns' widths in *width* points: their shares, but where a word of a title is
    wider, as in another language, what it needs, at the cost of columns whose cells take several
    lines. Where those have too little, all keep their shares."""
    scale = width / sum(column.width for column in columns)
    shares = [column.width * scale for column in columns]
    excess = [
        share - 2 * PAD_X - 0.01
        - max((fonts.width(safe(word), fonts.BOLD, HEAD_SIZE) for word in column.title.split()),
              default=0.0)
        for column, share in zip(columns, shares, strict=True)
    ]  # fmt: skip
    lack = -sum(min(0.0, more) for more in excess)
    spare = [
        max(0.0, more) * (column.lines > 1) for column, more in zip(columns, excess, strict=True)
    ]
    if not lack or lack > sum(spare):
        return shares
    given = lack / sum(spare)
    return [
        share - min(0.0, more) - free * given
        for share, more, free in zip(shares, excess, spare, strict=True)
    ]


class _Plan:
    """What all pieces of one table share: the rows, and the geometry once a width is known."""

    def __init__(
        self, columns: Sequence[Column], rows: Sequence[Row], size: float, limit: int
    ) -> None:
        self.columns, self.rows, self.size, self.limit = tuple(columns), rows, size, limit
        self.leading = size * LEADING
        self.line_height = self.leading + 2 * PAD_Y
        self.first_baseline = PAD_Y + (self.leading + size * fonts.CAP_HEIGHT) / 2
        self.mark = size * 0.78
        self._width = -1.0

    def fit(self, width: float) -> None:
        """Lay the columns out over *width* points."""
        if width == self._width:
            return
        self._width = width
        laid = _laid_out(self.columns, width)
        self.widths, self.lefts, self.rooms, self.anchors, self.titles = laid
        self.head_height = max(len(title) for title in self.titles) * HEAD_LEADING + 5
        self.heights: list[float] = []
        if any(column.lines > 1 for column in self.columns):
            self.heights = [
                self.line_height + (self._lines_of(row) - 1) * self.leading for row in self.rows
            ]
        self._tops = list(accumulate(self.heights, initial=0.0))

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

    def memos(self, document: PDFDocument) -> list[_Memo]:
        """Return for each column what its cells of one line became in *document*."""
        memos = _known.setdefault(document, _Known()).memos
        return [
            memos.setdefault((left, width, column.align, column.font, self.size, self.limit), {})
            for column, left, width in zip(self.columns, self.lefts, self.widths, strict=True)
        ]

    def cell(self, cell: str | Cell, index: int, most: int) -> tuple[tuple[Safe, ...], str]:
        """Return the lines of a cell of column *index*, at most *most*, and their font."""
        font, room = self.columns[index].font, self.rooms[index]
        text = cell.text if isinstance(cell, Cell) else cell
        if isinstance(cell, Cell):
            font = fonts.BOLD if cell.bold else font
            room -= 0 if cell.tone is Tone.PLAIN else self.mark + MARK_GAP
        shown = safe(text, self.limit, font)
        if most == 1:
            return (clip(shown, font, self.size, room),), font
        return wrap(shown, font, self.size, room, most), font

    def simple(self, cell: str | Cell, index: int) -> float | None:
        """Return where the text of a cell starts that is drawn as it is, in the table's own font;
        None for any other. Most cells are such, and of many no two are the same."""
        column = self.columns[index]
        if type(cell) is not str or column.font != fonts.REGULAR or len(cell) > self.limit:
            return None
        if not _SIMPLE.fullmatch(cell):
            return None
        wide = fonts.plain_ems(cell, fonts.REGULAR) * self.size
        if wide > self.rooms[index]:
            return None
        x = self.anchors[index]
        if column.align == "left":
            return x
        return x - (wide if column.align == "right" else wide / 2)

    def _lines_of(self, row: Row) -> int:
        if isinstance(row, Group):
            return 1
        return max(
            len(self.cell(cell, index, column.lines)[0])
            for index, (cell, column) in enumerate(zip(row, self.columns, strict=True))
        )


class _Page:
    """The texts of one page, gathered into one text object."""

    def __init__(self, plan: _Plan, ink: Ink) -> None:
        self.plan, self.ink = plan, ink
        self.memos = plan.memos(ink.document)
        self.resource = ink.runs(Safe(" "), fonts.REGULAR)[0][0]
        self.font = f"{self.resource} {plan.size:.2f} Tf"
        self.color = f"{rgb(look.TEXT)} rg"
        self.texts = ["BT", self.color, self.font]

    def rows(self, rows: Sequence[Row], top: float) -> float:
        """Write rows of one line each from *top* down; return where the last one ends."""
        plan, add = self.plan, self.texts.append
        columns = list(zip(*[row for row in rows if not isinstance(row, Group)], strict=True))
        learnt = [
            self._known(memo, column, index)
            for index, (memo, column) in enumerate(zip(self.memos, columns, strict=False))
        ]
        operators = map(" ".join, zip(*learnt, strict=True))
        toned = [index for index, column in enumerate(columns) if Cell in map(type, column)]
        baseline = top - plan.first_baseline
        for row in rows:
            if isinstance(row, Group):
                self._group(row, baseline)
            else:
                add(next(operators).replace(_BASELINE, f"{baseline:.2f}"))
                for index in toned:
                    self._mark(row[index], index, baseline, 1)
            baseline -= plan.line_height
        return top - len(rows) * plan.line_height

    def row(self, row: Row, height: float, top: float) -> float:
        """Write one row of *height* whose upper edge is at *top*; return its lower edge."""
        baseline = top - self.plan.first_baseline
        if isinstance(row, Group):
            self._group(row, baseline)
            return top - height
        for index, cell in enumerate(row):
            most = self.plan.columns[index].lines
            lines, font = self.plan.cell(cell, index, most)
            tone = cell.tone if isinstance(cell, Cell) else Tone.PLAIN
            for number, line in enumerate(lines):
                x = self._left(line, font, index, tone)
                self.words(line, font, x, baseline - number * self.plan.leading, tone.color)
            self._mark(cell, index, baseline, most)
        return top - height

    def _group(self, group: Group, baseline: float) -> None:
        """Write a heading over the rows that follow."""
        plan = self.plan
        text = safe(group.text, plan.limit, fonts.BOLD)
        shown = clip(text, fonts.BOLD, plan.size, sum(plan.widths) - 2 * PAD_X)
        self.words(shown, fonts.BOLD, PAD_X, baseline, look.TEXT)

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

    def _known(self, memo: _Memo, column: Sequence[str | Cell], index: int) -> list[str]:
        """Return what draws each cell of column *index*."""
        try:
            return [memo[cell] for cell in column]
        except KeyError:
            return [memo.get(cell) or self._learn(memo, cell, index) for cell in column]

    def _learn(self, memo: _Memo, cell: str | Cell, index: int) -> str:
        """Add to *memo*, and return, what draws a cell on `_BASELINE`."""
        x = self.plan.simple(cell, index)
        if x is not None:
            known = memo[cell] = f"1 0 0 1 {x:.2f} {_BASELINE} Tm ({cell}) Tj"
            return known
        (line,), font = self.plan.cell(cell, index, 1)
        tone = cell.tone if isinstance(cell, Cell) else Tone.PLAIN
        runs = self.ink.runs(line, font)
        if len(runs) == 1 and runs[0][0] == self.resource:
            shown = f"{runs[0][1]} Tj"  # in the font that is set already
        else:
            shown = f"{self._shown(line, font)} {self.font}"
        known = f"1 0 0 1 {self._left(line, font, index, tone):.2f} {_BASELINE} Tm {shown}"
        if tone is not Tone.PLAIN:
            known = f"{rgb(tone.color)} rg {known} {self.color}"
        memo[cell] = known
        return known

    def _mark(self, cell: str | Cell, index: int, baseline: float, most: int) -> None:
        """Draw the mark of a cell's tone before its first line."""
        if not isinstance(cell, Cell) or cell.tone is Tone.PLAIN:
            return
        lines, font = self.plan.cell(cell, index, most)
        x = self._left(lines[0], font, index, cell.tone) - self.plan.mark - MARK_GAP
        lift = (self.plan.size * fonts.CAP_HEIGHT - self.plan.mark) / 2
        look.mark(self.ink, cell.tone, x, baseline + lift, self.plan.mark)

    def _left(self, line: Safe, font: str, index: int, tone: Tone) -> float:
        """Return where *line* starts in column *index*, after the mark of its tone."""
        plan = self.plan
        align, x = plan.columns[index].align, plan.anchors[index]
        if align == "left":
            return x if tone is Tone.PLAIN else x + plan.mark + MARK_GAP
        wide = fonts.width(line, font, plan.size)
        return x - (wide if align == "right" else wide / 2)

    def _shown(self, line: Safe, font: str) -> str:
        size = f"{self.plan.size:.2f}"
        runs = self.ink.runs(line, font)
        return " ".join(f"{resource} {size} Tf {string} Tj" for resource, string in runs)


def _anchor(align: Align, left: float, width: float) -> float:
    """Return the x that a text is aligned to within a column."""
    if align == "left":
        return left + PAD_X
    return left + (width - PAD_X if align == "right" else width / 2)
