"""Colours, tones and text styles: one look for every report.

Calm and thin, dark on white. Each tone differs in shape and in lightness too, so a page printed
in grey, or read by someone who cannot tell red from green, says the same.
"""

from enum import Enum
from typing import Final

from reportlab.lib.colors import Color as ReportlabColor
from reportlab.lib.styles import ParagraphStyle

from reports.pdf import fonts
from reports.pdf.ink import Color, Ink
from reports.pdf.text import Safe


def _hex(code: str) -> Color:
    return (int(code[0:2], 16) / 255, int(code[2:4], 16) / 255, int(code[4:6], 16) / 255)


WHITE: Final = _hex("FFFFFF")
TEXT: Final = _hex("1E2A32")
MUTED: Final = _hex("5C6A73")
RULE: Final = _hex("C9D1D6")
HAIRLINE: Final = _hex("E3E8EB")
WASH: Final = _hex("F5F7F8")
INK: Final = _hex("2C5570")  # what is used
INK_TINT: Final = _hex("D5E2EB")
SEEN: Final = _hex("A9C3D3")
LIMIT: Final = _hex("111111")  # what is allowed
OVER: Final = _hex("B3261E")
OVER_TINT: Final = _hex("E8857C")
PALE: Final = _hex("E9EEF2")  # not observed, but nothing could go wrong
GAP: Final = _hex("F0F0F0")
GAP_LINE: Final = _hex("9A9A9A")


class Tone(Enum):
    """What a figure means for its reader."""

    PLAIN = "plain"
    OK = "ok"
    WARN = "warn"
    BAD = "bad"
    UNKNOWN = "unknown"

    @property
    def color(self) -> Color:
        """The colour of text and of the mark."""
        return _COLORS[self][0]

    @property
    def tint(self) -> Color:
        """The colour of a ground behind the text."""
        return _COLORS[self][1]


_COLORS: Final = {
    Tone.PLAIN: (TEXT, WASH),
    Tone.OK: (_hex("1F6B45"), _hex("E9F4EE")),
    Tone.WARN: (_hex("8A5A00"), _hex("FBF2DD")),
    Tone.BAD: (OVER, _hex("FBEAE8")),
    Tone.UNKNOWN: (_hex("515B62"), _hex("ECEFF1")),
}


def mark(ink: Ink, tone: Tone, x: float, y: float, size: float) -> None:
    """Draw the sign of *tone* in a square of *size* whose lower left corner is (x, y).

    ok: a disc with a tick. warn: a triangle with a bar. bad: a square with a cross.
    unknown: an open ring with a bar. plain: nothing.
    """
    color, half = tone.color, size / 2
    if tone is Tone.OK:
        ink.circle(x + half, y + half, half, color)
        tick = [(0.27, 0.50), (0.44, 0.33), (0.74, 0.66)]
        ink.path([(x + a * size, y + b * size) for a, b in tick], WHITE, size * 0.11)
    elif tone is Tone.WARN:
        ink.fill([(x, y), (x + size, y), (x + half, y + size)], color)
        ink.line((x + half, y + 0.30 * size), (x + half, y + 0.66 * size), WHITE, size * 0.11)
        ink.line((x + half, y + 0.12 * size), (x + half, y + 0.22 * size), WHITE, size * 0.11)
    elif tone is Tone.BAD:
        ink.box(x, y, size, size, fill=color)
        low, high = 0.27 * size, 0.73 * size
        ink.line((x + low, y + low), (x + high, y + high), WHITE, size * 0.12)
        ink.line((x + low, y + high), (x + high, y + low), WHITE, size * 0.12)
    elif tone is Tone.UNKNOWN:
        ink.circle(x + half, y + half, half - 0.4, WHITE, color)
        ink.line((x + 0.28 * size, y + half), (x + 0.72 * size, y + half), color, size * 0.12)


def label(ink: Ink, x: float, y: float, text: Safe, size: float = 7, color: Color = MUTED) -> None:
    """Write a small regular text whose baseline starts at (x, y)."""
    ink.text(x, y, text, fonts.REGULAR, size, color)


def _style(
    name: str,
    size: float,
    leading: float,
    *,
    font: str = fonts.REGULAR,
    color: Color = TEXT,
    before: float = 0,
    after: float = 0,
    keep: bool = False,
) -> ParagraphStyle:
    return ParagraphStyle(
        name,
        fontName=font,
        fontSize=size,
        leading=leading,
        textColor=ReportlabColor(*color),
        spaceBefore=before,
        spaceAfter=after,
        keepWithNext=keep,
        splitLongWords=1,
        bulletFontName=font,  # reportlab asks for it even where there is no bullet
        allowWidows=0,
        allowOrphans=0,
    )


BODY: Final = _style("body", 9, 13, after=5)
SMALL: Final = _style("small", 7.5, 10.5, color=MUTED, after=3)
CAPTION: Final = _style("caption", 7.5, 10.5, color=MUTED, before=2, after=10)
NOTE: Final = _style("note", 8.5, 12)
NOTE_TITLE: Final = _style("note title", 8.5, 12, font=fonts.BOLD)
ENTITY: Final = _style("entity", 9.5, 13, color=MUTED)
TITLE: Final = _style("title", 20, 26, font=fonts.BOLD, after=4)
HEADINGS: Final = (
    _style("heading 1", 13.5, 18, font=fonts.BOLD, before=16, after=5, keep=True),
    _style("heading 2", 10.5, 14, font=fonts.BOLD, before=10, after=3, keep=True),
)
