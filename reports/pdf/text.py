"""Turn any text into one that may be printed. The only module that may build a Paragraph.

Names of users, hosts and features come from whoever can check out a licence, so they may hold
mark-up, control characters or a million letters. Here such a text becomes visible, short and
inert: what the reader sees is what the data hold, or a mark that says what is missing.
"""

import re
import unicodedata
from functools import lru_cache
from itertools import accumulate, takewhile
from typing import Final
from xml.sax.saxutils import escape

from reportlab import rl_config
from reportlab.lib.styles import ParagraphStyle
from reportlab.platypus import Paragraph

from reports.pdf import fonts

LIMIT: Final = 120
LONG_TEXT: Final = 4_000  # a comment somebody typed; far below what a paragraph takes a second for

# Nothing in a report is fetched from anywhere, neither from a file nor from the network.
rl_config.trustedSchemes = []
rl_config.trustedHosts = []

_PLAIN = re.compile(r"[ !-\[\]-~]*")  # printable ASCII without the backslash
_INVISIBLE = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
_SPACES = frozenset({" ", "\u00a0", "\u202f"})
_ESCAPE_ALIKE = re.compile(r"u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}")
_MOST_MARKS = 2  # accents on one letter; a taller stack is drawn over the lines above


class Safe(str):
    """A text that `safe` has let through. Passing it to `safe` again leaves it as it is."""

    __slots__ = ()


def safe(text: str, limit: int = LIMIT, font: str = fonts.REGULAR) -> Safe:
    r"""Return *text* as it may be drawn in *font*, on one line.

    text:    anything; it is brought to NFC.
    limit:   most characters of the result; a longer text ends in a mark such as `…[+3400]`, the
             number of characters left out.
    returns: printable characters that the font has. Control, bidi and other invisible characters,
             odd spaces, stacked accents and characters without a glyph show as `\u202e` or
             `\U0001f600`; a backslash that would read as the beginning of one shows as `\u005c`,
             so no two texts within the limit look alike by escaping.

    Takes time in proportion to the limit, not to the text.
    """
    if isinstance(text, Safe):
        return text
    if len(text) <= limit:
        if _PLAIN.fullmatch(text):
            return Safe(text)
        return _shown(text, limit, font, 0)
    # Normalising a long run of accents is quadratic, so no more is taken than can be shown.
    head = text[: 4 * limit]
    return _shown(head, limit, font, len(text) - len(head))


@lru_cache(maxsize=16_384)
def _shown(text: str, limit: int, font: str, unseen: int) -> Safe:
    """Return *text* as `safe` promises; *unseen* characters more follow it in the data."""
    text = unicodedata.normalize("NFC", text)
    pieces: list[str] = []
    length = marks = 0
    for index, character in enumerate(text):
        after_letter = index > 0 and text[index - 1] not in _SPACES
        marks = marks + 1 if unicodedata.category(character) in ("Mn", "Me") else 0
        stray = marks > (_MOST_MARKS if after_letter else 0)
        if stray or not _drawable(character, text, index, font):
            code = ord(character)
            character = f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
        pieces.append(character)
        length += len(character)
        if length > limit:
            break
    rest = len(text) + unseen - len(pieces)
    if not rest and length <= limit:
        return Safe("".join(pieces))
    dots = "…" if fonts.covers(font, "…") else "..."
    while True:
        mark = f"{dots}[+{rest}]"
        if length + len(mark) <= limit or not pieces:
            return Safe("".join(pieces) + mark)
        length -= len(pieces.pop())
        rest += 1


def _drawable(character: str, text: str, index: int, font: str) -> bool:
    """Say whether the character of *text* at *index* can be printed as itself."""
    if character == "\\":
        return _ESCAPE_ALIKE.match(text, index + 1) is None
    if character in _SPACES:
        return fonts.covers(font, character)
    category = unicodedata.category(character)
    return category not in _INVISIBLE and category != "Zs" and fonts.covers(font, character)


def P(text: str, style: ParagraphStyle, limit: int = LIMIT) -> Paragraph:
    """Return *text* as a paragraph: shown by `safe`, no character of it read as mark-up.

    A word wider than the column is broken at the column's edge, and spaces are kept.
    """
    return _paragraph(safe(text, limit, _font_of(style)), style)


def lines(text: str, style: ParagraphStyle, limit: int = LONG_TEXT) -> list[Paragraph]:
    """Return a text with line breaks, such as a comment, as one paragraph a line.

    limit: most characters of the whole; empty lines are left out.
    """
    font = _font_of(style)
    whole = text if len(text) <= limit else text[:limit]
    cut = len(text) - len(whole)
    parts = [part for part in whole.splitlines() if part.strip()]
    shown = [safe(part, limit, font) for part in parts]
    if cut:
        shown.append(safe(f"…[+{cut}]" if fonts.covers(font, "…") else f"...[+{cut}]"))
    return [_paragraph(part, style) for part in shown]


def prose(template: str, style: ParagraphStyle, /, **values: str) -> Paragraph:
    """Return our own sentence, with *values* from the data filled into its `{fields}`.

    template: a literal in our source, of any length. A character that the font lacks raises
              ValueError: the sentence is ours to mend.
    values:   each shown by `safe`.
    """
    font = _font_of(style)
    for character in template:
        if not fonts.covers(font, character):
            raise ValueError(f"{font} has no glyph for U+{ord(character):04X} in {template!r}")
    filled = {name: safe(value, LIMIT, font) for name, value in values.items()}
    return _paragraph(template.format_map(filled), style)


def _font_of(style: ParagraphStyle) -> str:
    """Return the font of *style*, or raise ValueError where it is none of the embedded ones."""
    name: str = style.fontName
    if name not in fonts.FONTS:
        expected = ", ".join(fonts.FONTS)
        raise ValueError(f"style {style.name!r} uses the font {name!r}: expected one of {expected}")
    return name


def _paragraph(shown: str, style: ParagraphStyle) -> Paragraph:
    """Return *shown* as a paragraph without a character of it read as mark-up."""
    # The second of two spaces, and a leading one, would be dropped as white space in XML.
    spaced = re.sub(r"^ | (?= )", "\u00a0", shown)
    return Paragraph(escape(spaced), style)


def clip(shown: Safe, font: str, size: float, width: float) -> Safe:
    """Return *shown* cut to *width* points, ending in an ellipsis where something is missing.

    returns: empty where not even the ellipsis fits.
    """
    if fonts.width(shown, font, size) <= width:
        return shown
    dots = "…" if fonts.covers(font, "…") else "..."
    room = width - fonts.width(dots, font, size)
    if room < 0:
        return Safe("")
    end = _fitting(shown, font, size, room)
    return Safe(shown[:end].rstrip() + dots)


@lru_cache(maxsize=4_096)
def wrap(shown: Safe, font: str, size: float, width: float, most: int) -> tuple[Safe, ...]:
    """Break *shown* into at most *most* lines of *width* points; the last one is clipped.

    Breaks at spaces; a word that is wider than the line is broken where the line ends.
    returns: at least one line.
    """
    rows: list[Safe] = []
    rest: str = shown
    while len(rows) < most - 1 and fonts.width(rest, font, size) > width:
        end = max(1, _fitting(rest, font, size, width))
        space = rest.rfind(" ", 0, end + 1)
        at = space if space > 0 else end
        rows.append(Safe(rest[:at].rstrip(" ")))
        rest = rest[at:].lstrip(" ")
    rows.append(clip(Safe(rest), font, size, width))
    return tuple(rows)


def _fitting(text: str, font: str, size: float, room: float) -> int:
    """Return how many characters from the start of *text* fit into *room* points."""
    edges = accumulate(fonts.advances(text, font))
    return sum(1 for _ in takewhile(lambda edge: edge * size <= room, edges))
