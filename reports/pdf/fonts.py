"""The typefaces that every report embeds.

Only these three may be named in a report: a viewer then needs no font of its own, and the page
looks the same everywhere. How the files were made: `typefaces/make.py`.
"""

from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Final

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

REGULAR: Final = "ReportSans"
BOLD: Final = "ReportSans-Bold"
MONO: Final = "ReportMono"

CAP_HEIGHT: Final = 0.714  # of Noto Sans, in ems: what "centred on the line" is measured by

_HERE = Path(__file__).parent / "typefaces"
_FILES = MappingProxyType(
    {
        REGULAR: "NotoSans-Regular.ttf",
        BOLD: "NotoSans-Bold.ttf",
        MONO: "JetBrainsMono-Regular.ttf",
    }
)


def _load(name: str, file: str) -> TTFont:
    """Register one typeface with reportlab under *name*."""
    font = TTFont(name, str(_HERE / file), shapable=False, asciiReadable=True)
    pdfmetrics.registerFont(font)
    # A paragraph looks its font up as a family with faces, so each face is a family of its own.
    pdfmetrics.registerFontFamily(name, normal=name, bold=BOLD, italic=name, boldItalic=BOLD)
    return font


FONTS = MappingProxyType({name: _load(name, file) for name, file in _FILES.items()})

# Advance of each character in ems. U+00A0 is drawn as a space by reportlab.
_ADVANCES: dict[str, dict[str, float]] = {
    name: {chr(code): width / 1000 for code, width in font.face.charWidths.items()}
    | {"\u00a0": font.face.charWidths[0x20] / 1000}
    for name, font in FONTS.items()
}


def covers(font: str, character: str) -> bool:
    """Say whether *font* can draw *character*."""
    return character in _ADVANCES[font]


def advances(text: str, font: str) -> list[float]:
    """Return the advance of each character of *text* in ems."""
    advance = _ADVANCES[font]
    return [advance[character] for character in text]


@lru_cache(maxsize=32_768)
def ems(text: str, font: str) -> float:
    """Return the width of *text* in ems: times the size in points, it is the width in points.

    text: covered by the font; another character raises KeyError.
    """
    return plain_ems(text, font)


def plain_ems(text: str, font: str) -> float:
    """Return what `ems` does, for a text that is not asked for again."""
    return sum(map(_ADVANCES[font].__getitem__, text))


def width(text: str, font: str, size: float) -> float:
    """Return the width of *text* in points at *size* points."""
    return ems(text, font) * size
