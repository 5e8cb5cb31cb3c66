"""Put a story on A4 pages with a title block, a running header and footer, and page x of y.

The same masthead and story give the same bytes, in any process and at any time: the dates in the
file are the report's as-of.
"""

import hashlib
import io
import time
import zlib
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any, Final

from reportlab import rl_config
from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import TimeStamp
from reportlab.pdfbase.pdfdoc import PDFResourceDictionary
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    BaseDocTemplate,
    Flowable,
    Frame,
    KeepTogether,
    NextPageTemplate,
    PageBreak,
    PageTemplate,
)

from reports.pdf import fonts, look
from reports.pdf.blocks import Badge, KeyValues
from reports.pdf.files import LEVEL, Attachment, attach
from reports.pdf.ink import Ink
from reports.pdf.look import Tone
from reports.pdf.text import P, Safe, clip, safe
from reports.pdf.words import say

# Base 85 would double the time a page takes and add a quarter to the file, to keep it in ASCII.
rl_config.useA85 = 0

SIDE: Final = 51.0  # margins in points
TOP: Final = 62.0
BOTTOM: Final = 54.0
PORTRAIT_WIDTH: Final = A4[0] - 2 * SIDE
LANDSCAPE_WIDTH: Final = A4[1] - 2 * SIDE
MOST_EMPTY: Final = 180.0
"""Points left empty at the end of a page for what would go on over the next: a quarter of it."""


@dataclass(frozen=True, slots=True)
class Masthead:
    """What the title block and each page's header and footer say. Texts are ready to print.

    as_of:    when the data were cut off, in epoch seconds; also the date of the file.
    software: name and version, for the file's properties.
    facts:    further lines of the title block, such as ("Coverage", "99.87 %").
    """

    title: str
    entity: str
    period: str
    zone: str
    as_of: int
    as_of_text: str
    report_id: str
    version: str
    status: str
    verdict: str
    verdict_tone: Tone
    verdict_reason: str = ""
    supersedes: str = ""
    evidence: str = ""
    software: str = ""
    facts: tuple[tuple[str, str], ...] = ()


def build(
    masthead: Masthead,
    story: Sequence[Flowable],
    *,
    landscape: bool = False,
    files: Sequence[Attachment] = (),
) -> bytes:
    """Return *story* as a PDF file, under the title block of *masthead*.

    story: flowables that were not used before; reportlab changes them as it goes.
    files: what lies inside the PDF beside its pages.
    """
    target = io.BytesIO()

    def canvas(filename: Any, **options: Any) -> "_Pages":
        pages = _Pages(masthead, filename, **options)
        attach(pages._doc, files, masthead.as_of)
        return pages

    document = _Document(target, masthead, landscape)
    document.build([*title_block(masthead), *story], canvasmaker=canvas)
    return target.getvalue()


def title_block(masthead: Masthead) -> list[Flowable]:
    """Return the flowables that open a report."""
    facts = [
        (say("Period"), masthead.period),
        (say("Time zone"), masthead.zone),
        (say("As of"), masthead.as_of_text),
        (say("Status"), masthead.status),
        (say("Report"), masthead.report_id),
        (say("Version"), masthead.version),
        (say("Supersedes"), masthead.supersedes or say("none")),
        (say("Evidence"), masthead.evidence or say("none")),
        *masthead.facts,
    ]
    return [
        P(masthead.entity, look.ENTITY),
        P(masthead.title, look.TITLE),
        Badge(masthead.verdict_tone, masthead.verdict, masthead.verdict_reason),
        KeyValues(facts),
    ]


def turn(orientation: str) -> list[Flowable]:
    """Return what starts a new page in "portrait" or "landscape"."""
    return [NextPageTemplate(orientation), PageBreak()]


class _Kept(KeepTogether):
    """Headings with what follows them. What can go on over the next page begins below them, unless
    little is left of this one; reportlab moves all that a whole page would hold."""

    def split(self, available_width: float, available_height: float) -> list[Flowable]:
        """Return the parts, after a break where they are to stand on the next page."""
        if MOST_EMPTY < available_height < self._H:
            last = self._content[-1]
            room = available_height - (self._H - last.wrapOn(self.canv, available_width, 0)[1])
            if last.splitOn(self.canv, available_width, room):
                return list(self._content)
        return list(super().split(available_width, available_height))


class _Document(BaseDocTemplate):
    def __init__(self, target: io.BytesIO, masthead: Masthead, landscape: bool) -> None:
        wide = (A4[1], A4[0])
        templates = [_template("portrait", A4), _template("landscape", wide)]
        super().__init__(
            target,
            pagesize=wide if landscape else A4,
            pageTemplates=templates[::-1] if landscape else templates,
            invariant=1,
            pageCompression=1,
            keepTogetherClass=_Kept,
            initialFontName=fonts.REGULAR,
            initialFontSize=9,
            lang="en",
            title=safe(f"{masthead.title}, {masthead.entity}", 200),
            author=safe(masthead.entity),
            subject=safe(f"{masthead.period} ({masthead.zone}), as of {masthead.as_of_text}", 200),
            creator=safe(masthead.software),
            keywords=[safe(masthead.report_id)],
        )

    def afterFlowable(self, flowable: Flowable) -> None:
        """Remember a heading that was just drawn, for the outline."""
        section = getattr(flowable, "section", None)
        if section:
            title, level = section
            self.canv.sections.append((title, level, self.frame._y + flowable.height))


class _Frame(Frame):
    """A frame that is quick to copy, as reportlab does for each heading that is kept with what
    follows: it holds numbers alone."""

    def __deepcopy__(self, memo: dict[int, Any]) -> "_Frame":
        return copy(self)


def _template(name: str, size: tuple[float, float]) -> PageTemplate:
    width, height = size
    frame = _Frame(
        SIDE,
        BOTTOM,
        width - 2 * SIDE,
        height - TOP - BOTTOM,
        leftPadding=0,
        rightPadding=0,
        topPadding=0,
        bottomPadding=0,
        id=name,
    )
    return PageTemplate(id=name, frames=[frame], pagesize=size)


class _Packed:
    """Packs what is drawn on a page. A seventh larger than by reportlab's own filter, which takes
    a tenth of the time of a report of many pages longer."""

    pdfname = "FlateDecode"

    def encode(self, text: bytes | str) -> bytes:
        return zlib.compress(text.encode() if isinstance(text, str) else text, LEVEL)


class _Pages(Canvas):
    """A canvas that finishes its pages at the end, once their number is known."""

    def __init__(self, masthead: Masthead, filename: Any, **options: Any) -> None:
        super().__init__(filename, pdfVersion=(1, 7), **options)
        self._pageCompression = 0  # so that a page has the filter of the document
        self._doc.defaultStreamFilters = [_Packed()]
        self._masthead = masthead
        self._sides: dict[float, list[tuple[float, bool, Safe]]] = {}
        self._finished: list[dict[str, Any]] = []
        self.sections: list[tuple[str, int, float]] = []  # title, level, y of the page drawn now
        _date(self._doc, masthead.as_of)
        resources = PDFResourceDictionary()
        resources.basicFonts()
        resources.basicProcs()
        self._resources = self._doc.Reference(resources, "resources")
        self.showOutline()

    def _setXObjects(self, thing: Any) -> None:
        """Let all pages share one dictionary of fonts, where they use nothing else."""
        super()._setXObjects(thing)
        if not thing.XObjects:
            thing.Resources = self._resources

    def showPage(self) -> None:
        """Put the page aside."""
        self._finished.append(dict(self.__dict__))
        self.sections = []
        self._startPage()

    def save(self) -> None:
        """Add the furniture to each page and write the file."""
        pages = self._finished
        level_before = -1
        count = 0
        for number, page in enumerate(pages, start=1):
            self.__dict__.update(page)
            self._furnish(number, len(pages))
            for title, level, top in self.sections:
                key = f"section-{count}"
                count += 1
                self.bookmarkHorizontalAbsolute(key, top + 4)
                level_before = min(level, level_before + 1)
                self.addOutlineEntry(title, key, level_before, closed=False)
            super().showPage()
        self._doc.SaveToFile(self._filename, self)

    def _furnish(self, number: int, count: int) -> None:
        """Draw header and footer of page *number* of *count*."""
        head, ink = self._masthead, Ink(self)
        width, height = self._pagesize
        right, top, bottom, font = width - SIDE, height - 38, 30.0, fonts.REGULAR
        if width not in self._sides:
            period = say("%(period)s (%(zone)s) · as of %(as_of)s")
            told = {"period": head.period, "zone": head.zone, "as_of": head.as_of_text}
            half = (right - SIDE) / 2
            self._sides[width] = [
                (
                    y,
                    to_right,
                    clip(safe(text, 240, font), font, 7, half + (-24 if to_right else 16)),
                )
                for y, to_right, text in (
                    (top, False, f"{head.entity} · {head.title}"),
                    (top, True, f"{head.report_id} · version {head.version} · {head.status}"),
                    (bottom, False, period % told),
                )
            ]
        for y, to_right, text in self._sides[width]:
            x = right if to_right else SIDE
            ink.text(x, y, text, font, 7, look.MUTED, "right" if to_right else "left")
        ink.line((SIDE, top - 6), (right, top - 6), look.RULE, 0.4)
        ink.line((SIDE, bottom + 12), (right, bottom + 12), look.RULE, 0.4)
        page = Safe(say("Page %(number)s of %(count)s") % {"number": number, "count": count})
        ink.text(right, bottom, page, fonts.REGULAR, 7, look.MUTED, "right")
        ink.flush()


def _date(document: Any, moment: int) -> None:
    """Date a reportlab document *moment*, whatever the clock and SOURCE_DATE_EPOCH say."""
    stamp = TimeStamp(1)
    stamp.t, stamp.lt = moment, time.gmtime(moment)
    stamp.YMDhms = tuple(stamp.lt)[:6]
    document._timeStamp = stamp
    document.signature = hashlib.md5(f"report {moment}".encode(), usedforsecurity=False)
