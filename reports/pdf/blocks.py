"""The parts of a page that are neither table nor chart: badges, facts, notes, sign-off.

All take texts as they come from the data and the width of their frame.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, takewhile
from typing import Final

from reportlab.platypus import CondPageBreak, Flowable, Paragraph

from reports.pdf import fonts, look
from reports.pdf.ink import Drawing, Ink
from reports.pdf.look import Tone
from reports.pdf.text import LONG_TEXT, P, Safe, clip, lines, safe, wrap
from reports.pdf.words import say

KEY_SIZE: Final = 7.0
VALUE_SIZE: Final = 8.5
PAIR_HEIGHT: Final = 26.0


def heading(text: str, level: int = 1, room: float = 90) -> list[Flowable]:
    """Return a section heading, which is listed in the outline too.

    level: 1 or 2.
    room:  points that must be free below it, or it starts a new page: give a chart's height.
    """
    style = look.HEADINGS[level - 1]
    return [
        CondPageBreak(style.spaceBefore + style.leading + room),
        Heading(safe(text, font=style.fontName), level),
    ]


class Heading(Drawing):
    """The title of a section, on as many lines as it takes, kept with what follows.

    section: the title and its level from 0, for the outline.
    """

    keepWithNext = 1

    def __init__(self, text: Safe, level: int) -> None:
        super().__init__()
        self._style = look.HEADINGS[level - 1]
        self.section = (text, level - 1)
        self.spaceBefore, self.spaceAfter = self._style.spaceBefore, self._style.spaceAfter

    def wrap(self, available_width: float, available_height: float) -> tuple[float, float]:
        """Return the size, given the width."""
        style = self._style
        self.width = available_width
        self._lines = wrap(self.section[0], style.fontName, style.fontSize, available_width, 9)
        self.height = style.leading * len(self._lines)
        return self.width, self.height

    def draw(self) -> None:
        """Draw it."""
        ink, style = Ink(self.canv), self._style
        y = self.height - style.fontSize
        for line in self._lines:
            ink.text(0, y, line, style.fontName, style.fontSize, look.TEXT)
            y -= style.leading
        ink.flush()


def caption(text: str) -> Paragraph:
    """Return the words below a figure."""
    return P(text, look.CAPTION, limit=400)


class Badge(Drawing):
    """A verdict across the page: a mark, the words, and below them the reason, on a tint."""

    def __init__(self, tone: Tone, words: str, reason: str = "") -> None:
        super().__init__()
        self._tone = tone
        self._words = safe(words, font=fonts.BOLD)
        self._reason = safe(reason, 400)
        self.spaceBefore, self.spaceAfter = 6, 8

    def wrap(self, available_width: float, available_height: float) -> tuple[float, float]:
        """Return the size, given the width."""
        room = available_width - 42
        self._head = wrap(self._words, fonts.BOLD, 11, room, 3)
        self._lines = wrap(self._reason, fonts.REGULAR, 8.5, room, 5) if self._reason else ()
        self.width = available_width
        self.height = 16 + 14 * len(self._head) + 12 * len(self._lines)
        return self.width, self.height

    def draw(self) -> None:
        """Draw it."""
        ink, tone = Ink(self.canv), self._tone
        ink.box(0, 0, self.width, self.height, fill=tone.tint)
        ink.box(0, 0, 3, self.height, fill=tone.color)
        y = self.height - 18.5
        look.mark(ink, tone, 14, y - 1.6, 12)
        for line in self._head:
            ink.text(34, y, line, fonts.BOLD, 11, tone.color)
            y -= 14
        for line in self._lines:
            ink.text(34, y + 0.5, line, fonts.REGULAR, 8.5, look.TEXT)
            y -= 12
        ink.flush()


class KeyValues(Drawing):
    """Facts in a grid, each under its name. A long value takes so many lines, then it is cut.

    pairs: name and value, row by row. A value that is one long word, such as a hash, is set in
           the typewriter face.
    """

    def __init__(self, pairs: Sequence[tuple[str, str]], columns: int = 4, lines: int = 2) -> None:
        super().__init__()
        self._pairs, self._columns, self._most = list(pairs), columns, lines
        self.spaceAfter = 8

    def split(self, available_width: float, available_height: float) -> list[Flowable]:
        """Return the rows of the grid that fit and the rest, or nothing where none fits."""
        self.wrap(available_width, available_height)
        tops = accumulate(height for _, height in self._rows)
        count = self._columns * sum(1 for _ in takewhile(lambda top: top <= available_height, tops))
        if not 0 < count < len(self._pairs):
            return []
        pairs = self._pairs
        shape = self._columns, self._most
        return [KeyValues(pairs[:count], *shape), KeyValues(pairs[count:], *shape)]

    def wrap(self, available_width: float, available_height: float) -> tuple[float, float]:
        """Return the size, given the width."""
        self.width = available_width
        self._cell = available_width / self._columns
        self._shown = []
        for key, value in self._pairs:
            font = fonts.MONO if _is_code(value) else fonts.REGULAR
            size = VALUE_SIZE - 1 if font == fonts.MONO else VALUE_SIZE
            shown = wrap(safe(value, font=font), font, size, self._cell - 10, self._most)
            name = clip(safe(key), fonts.REGULAR, KEY_SIZE, self._cell - 10)
            self._shown.append((name, shown, font, size))
        rows = [
            self._shown[start : start + self._columns]
            for start in range(0, len(self._shown), self._columns)
        ]
        self._rows = [(row, PAIR_HEIGHT + 11 * (max(len(c[1]) for c in row) - 1)) for row in rows]
        self.height = sum(height for _, height in self._rows)
        return self.width, self.height

    def draw(self) -> None:
        """Draw it."""
        ink, top = Ink(self.canv), self.height
        for row, height in self._rows:
            ink.line((0, top), (self.width, top), look.HAIRLINE, 0.5)
            for column, (name, shown, font, size) in enumerate(row):
                x = column * self._cell
                ink.text(x, top - 10, name, fonts.REGULAR, KEY_SIZE, look.MUTED)
                for number, line in enumerate(shown):
                    ink.text(x, top - 20.5 - 11 * number, line, font, size, look.TEXT)
            top -= height
        ink.line((0, top), (self.width, top), look.HAIRLINE, 0.5)
        ink.flush()


class Note(Drawing):
    """A box that draws attention: a title and a text, whose line breaks are kept."""

    def __init__(self, text: str, title: str = "", tone: Tone = Tone.PLAIN) -> None:
        super().__init__()
        self._tone = tone
        self._content = lines(text, look.NOTE, LONG_TEXT)
        if title:
            self._content.insert(0, P(title, look.NOTE_TITLE))
        self.spaceBefore, self.spaceAfter = 4, 10

    def split(self, available_width: float, available_height: float) -> list[Flowable]:
        """Return the lines that fit and the rest, or nothing where not two lines fit."""
        self.wrap(available_width, available_height)
        tops = accumulate(self._sizes, initial=16.0)
        count = sum(1 for _ in takewhile(lambda top: top <= available_height, tops)) - 1
        if not 1 < count < len(self._content):
            return []
        first, rest = Note("", "", self._tone), Note("", "", self._tone)
        first._content, rest._content = self._content[:count], self._content[count:]
        return [first, rest]

    def wrap(self, available_width: float, available_height: float) -> tuple[float, float]:
        """Return the size, given the width."""
        self.width = available_width
        self._sizes = [part.wrap(available_width - 26, 10_000)[1] for part in self._content]
        self.height = sum(self._sizes) + 16
        return self.width, self.height

    def draw(self) -> None:
        """Draw it."""
        ink = Ink(self.canv)
        ink.box(0, 0, self.width, self.height, fill=self._tone.tint)
        ink.box(0, 0, 2, self.height, fill=self._tone.color)
        ink.flush()
        y = self.height - 8
        for part, height in zip(self._content, self._sizes, strict=True):
            y -= height
            part.drawOn(self.canv, 14, y)


class Columns(Drawing):
    """Flowables side by side, their upper edges level."""

    def __init__(self, parts: Sequence[Flowable], shares: Sequence[float] = (), gap: float = 18):
        super().__init__()
        self._parts, self._gap = list(parts), gap
        self._shares = list(shares) or [1.0] * len(self._parts)
        self.spaceAfter = 6

    def wrap(self, available_width: float, available_height: float) -> tuple[float, float]:
        """Return the size, given the width."""
        room = available_width - self._gap * (len(self._parts) - 1)
        self._widths = [room * share / sum(self._shares) for share in self._shares]
        self._heights = [
            part.wrapOn(getattr(self, "canv", None), width, available_height)[1]
            for part, width in zip(self._parts, self._widths, strict=True)
        ]
        self.width, self.height = available_width, max(self._heights)
        return self.width, self.height

    def draw(self) -> None:
        """Draw each part."""
        x = 0.0
        for part, width, height in zip(self._parts, self._widths, self._heights, strict=True):
            part.drawOn(self.canv, x, self.height - height)
            x += width + self._gap


@dataclass(frozen=True, slots=True)
class Signature:
    """One line of the sign-off; what is empty is left to be filled in by hand."""

    role: str
    name: str = ""
    time: str = ""
    comment: str = ""


class SignOff(Drawing):
    """Lines to sign on, one a role."""

    _FIELDS = (
        (say("Name"), 0.28),
        (say("Date and time"), 0.22),
        (say("Signature or comment"), 0.34),
    )  # of the width; the role has 0.16

    def __init__(self, signatures: Sequence[Signature]) -> None:
        super().__init__()
        self._signatures = list(signatures)
        self.spaceBefore = 6

    def wrap(self, available_width: float, available_height: float) -> tuple[float, float]:
        """Return the size, given the width."""
        self.width, self.height = available_width, 44.0 * len(self._signatures)
        return self.width, self.height

    def draw(self) -> None:
        """Draw it."""
        ink, y = Ink(self.canv), self.height - 28
        for signature in self._signatures:
            x = 0.16 * self.width
            role = clip(safe(signature.role), fonts.BOLD, VALUE_SIZE, x - 8)
            ink.text(0, y + 3, role, fonts.BOLD, VALUE_SIZE, look.TEXT)
            values = (signature.name, signature.time, signature.comment)
            for (name, share), value in zip(self._FIELDS, values, strict=True):
                last = name == self._FIELDS[-1][0]
                wide = share * self.width - (0 if last else 10)
                shown = clip(safe(value), fonts.REGULAR, VALUE_SIZE, wide)
                ink.text(x, y + 3, shown, fonts.REGULAR, VALUE_SIZE, look.TEXT)
                ink.line((x, y - 1), (x + wide, y - 1), look.MUTED, 0.5)
                look.label(ink, x, y - 10, safe(name), 6.5)
                x += share * self.width
            y -= 44
        ink.flush()


def _is_code(value: str) -> bool:
    """Say whether *value* is better read letter by letter: one ASCII word with digits, 12 up."""
    return (
        len(value) >= 12
        and value.isascii()
        and " " not in value
        and any(character.isdigit() for character in value)
    )
