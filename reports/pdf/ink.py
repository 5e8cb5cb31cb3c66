"""Draw on a page with PDF operators, many at a time.

reportlab's own drawing calls cost about ten times as much as the operators they write. An `Ink`
collects operators as text and hands them over in one piece. Lengths are points, the origin is
the lower left corner of the flowable that draws, colours are RGB from 0 to 1.
"""

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Final, Literal
from weakref import WeakKeyDictionary

from reportlab.pdfbase.pdfdoc import PDFDocument
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable

from reports.pdf import fonts
from reports.pdf.text import Safe

Color = tuple[float, float, float]
Point = tuple[float, float]
Align = Literal["left", "right", "center"]

SOLID: Final[tuple[float, ...]] = ()


class _Encoding:
    """What one document made of fonts and texts; the codes beyond ASCII are each document's own.

    It must not refer to the document, or neither would ever be freed.
    """

    __slots__ = ("resources", "runs")

    def __init__(self) -> None:
        self.resources: dict[str, str] = {}
        self.runs: dict[tuple[str, str], list[tuple[str, str]]] = {}


_encodings: WeakKeyDictionary[PDFDocument, _Encoding] = WeakKeyDictionary()


_TO_QUOTE = frozenset("\\()")
_QUOTED = str.maketrans({"\\": "\\\\", "(": "\\(", ")": "\\)"})


def _escape(raw: bytes) -> str:
    """Return the inside of a PDF literal string, in ASCII (ISO 32000-1, 7.3.4.2)."""
    return "".join(
        chr(byte) if 32 <= byte < 127 and byte not in b"\\()" else f"\\{byte:03o}" for byte in raw
    )


class Ink:
    """Operators for one flowable; nothing is on the page before `flush`."""

    def __init__(self, canvas: Canvas) -> None:
        self._canvas = canvas
        self.document: PDFDocument = canvas._doc
        self._encoding = _encodings.setdefault(self.document, _Encoding())
        self.operators: list[str] = []

    def flush(self) -> None:
        """Put the operators on the page and start anew, leaving the graphics state as it was."""
        # `_code` is private to reportlab, which offers no other way to add raw operators;
        # tests/reports/pdf/test_ink.py holds it to what is relied on here.
        self._canvas._code.append("q\n" + "\n".join(self.operators) + "\nQ")
        self.operators.clear()

    def runs(self, text: Safe, font: str) -> list[tuple[str, str]]:
        """Return *text* as pairs of a font resource and a PDF string, such as `/F1+0`, `(abc)`."""
        encoding = self._encoding
        if text.isascii():
            # The first 128 codes of the first subset are ASCII (reportlab's ttfAsciiReadable).
            resource = encoding.resources.get(font)
            if resource is None:
                resource = fonts.FONTS[font].getSubsetInternalName(0, self.document)
                encoding.resources[font] = resource
            if not _TO_QUOTE.isdisjoint(text):
                return [(resource, f"({text.translate(_QUOTED)})")]
            return [(resource, f"({text})")]
        runs = encoding.runs.get((font, text))
        if runs is None:
            typeface = fonts.FONTS[font]
            runs = encoding.runs[font, text] = [
                (typeface.getSubsetInternalName(subset, self.document), f"({_escape(raw)})")
                for subset, raw in typeface.splitString(text, self.document)
            ]
        return runs

    def line(
        self, start: Point, end: Point, color: Color, width: float = 0.5, dash: Sequence[float] = ()
    ) -> None:
        """Draw a straight line."""
        self.path([start, end], color, width, dash)

    def path(
        self, points: Sequence[Point], color: Color, width: float = 0.5, dash: Sequence[float] = ()
    ) -> None:
        """Draw an open line through *points*; nothing where there are fewer than two."""
        if len(points) < 2:
            return
        pattern = " ".join(f"{length:.2f}" for length in dash)
        self.operators.append(f"{rgb(color)} RG {width:.2f} w [{pattern}] 0 d {_outline(points)} S")

    def segments(self, pairs: Iterable[tuple[Point, Point]], color: Color, width: float) -> None:
        """Draw many separate straight lines of one look."""
        drawn = " ".join(f"{a:.2f} {b:.2f} m {c:.2f} {d:.2f} l" for (a, b), (c, d) in pairs)
        if drawn:
            self.operators.append(f"{rgb(color)} RG {width:.2f} w [] 0 d {drawn} S")

    def fill(self, points: Sequence[Point], color: Color) -> None:
        """Fill the polygon with the corners *points*."""
        self.operators.append(f"{rgb(color)} rg {_outline(points)} h f")

    def box(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        fill: Color | None = None,
        stroke: Color | None = None,
        line: float = 0.5,
    ) -> None:
        """Draw a rectangle with its lower left corner at (x, y)."""
        shape = f"{x:.2f} {y:.2f} {width:.2f} {height:.2f} re"
        if fill:
            self.operators.append(f"{rgb(fill)} rg {shape} f")
        if stroke:
            self.operators.append(f"{rgb(stroke)} RG {line:.2f} w [] 0 d {shape} S")

    def boxes(self, rectangles: Iterable[tuple[float, float, float, float]], fill: Color) -> None:
        """Fill many rectangles (x, y, width, height) with one colour."""
        shapes = " ".join(f"{x:.2f} {y:.2f} {w:.2f} {h:.2f} re" for x, y, w, h in rectangles)
        if shapes:
            self.operators.append(f"{rgb(fill)} rg {shapes} f")

    def circle(
        self, x: float, y: float, radius: float, fill: Color | None, stroke: Color | None = None
    ) -> None:
        """Draw a circle around (x, y)."""
        k = 0.5523 * radius  # four Bezier curves, off the true circle by 0.03 %
        r = radius
        shape = (
            f"{x + r:.2f} {y:.2f} m "
            f"{x + r:.2f} {y + k:.2f} {x + k:.2f} {y + r:.2f} {x:.2f} {y + r:.2f} c "
            f"{x - k:.2f} {y + r:.2f} {x - r:.2f} {y + k:.2f} {x - r:.2f} {y:.2f} c "
            f"{x - r:.2f} {y - k:.2f} {x - k:.2f} {y - r:.2f} {x:.2f} {y - r:.2f} c "
            f"{x + k:.2f} {y - r:.2f} {x + r:.2f} {y - k:.2f} {x + r:.2f} {y:.2f} c h"
        )
        if fill:
            self.operators.append(f"{rgb(fill)} rg {shape} f")
        if stroke:
            self.operators.append(f"{rgb(stroke)} RG 0.80 w [] 0 d {shape} S")

    def hatch(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        ground: Color,
        stroke: Color,
        step: float = 3.0,
    ) -> None:
        """Fill a rectangle with 45 degree lines on *ground*.

        The lines are laid out from the origin, so rectangles side by side make one pattern.
        """
        self.box(x, y, width, height, fill=ground)
        right, top = x + width, y + height
        strokes: list[tuple[Point, Point]] = []
        offset = ((x - top) // step + 1) * step  # the line x - y = offset
        while offset < right - y:
            x1, x2 = max(x, y + offset), min(right, top + offset)
            if x2 > x1:
                strokes.append(((x1, x1 - offset), (x2, x2 - offset)))
            offset += step
        self.segments(strokes, stroke, 0.4)

    def text(
        self,
        x: float,
        y: float,
        text: Safe,
        font: str,
        size: float,
        color: Color,
        align: Align = "left",
    ) -> None:
        """Write one line with its baseline at *y*; *x* is where its left, right or middle is."""
        if not text:
            return
        if align != "left":
            width = fonts.width(text, font, size)
            x -= width if align == "right" else width / 2
        shown = " ".join(
            f"{resource} {size:.2f} Tf {string} Tj" for resource, string in self.runs(text, font)
        )
        self.operators.append(f"BT {rgb(color)} rg 1 0 0 1 {x:.2f} {y:.2f} Tm {shown} ET")


class Drawing(Flowable):
    """A flowable that an Ink draws: it needs none of the state that reportlab's canvas keeps, and
    copies for each flowable."""

    def drawOn(self, canvas: Canvas, x: float, y: float, _sW: float = 0) -> None:
        """Draw it with its lower left corner at (x, y)."""
        canvas._code.append(f"q 1 0 0 1 {x:.2f} {y:.2f} cm")
        self._drawOn(canvas)
        canvas._code.append("Q")


def rgb(color: Color) -> str:
    """Return *color* as the operands of `rg` and `RG`."""
    return f"{color[0]:.3f} {color[1]:.3f} {color[2]:.3f}"


def _outline(points: Sequence[Point]) -> str:
    flat = tuple(chain.from_iterable(points))
    return ("%.2f %.2f m" + " %.2f %.2f l" * (len(points) - 1)) % flat
