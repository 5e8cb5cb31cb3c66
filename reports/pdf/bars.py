"""Bars: how much of what, and which right held when."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from reportlab.platypus import Flowable

from reports.pdf import fonts, look
from reports.pdf.axes import AXIS_SIZE, Plot, Tick
from reports.pdf.ink import Drawing, Ink
from reports.pdf.look import Tone
from reports.pdf.text import clip, safe
from reports.pdf.words import say

ROW: Final = 17.0
LABEL_SHARE: Final = 0.28


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar. marker: a figure to compare with, such as what is allowed, drawn as a line."""

    label: str
    value: float
    text: str
    marker: float | None = None
    tone: Tone = Tone.PLAIN


class HorizontalBars(Drawing):
    """Bars from one zero line.

    most: the figure that the longest bar would stand for; the largest one where it is not given.
    """

    def __init__(self, bars: Sequence[Bar], most: float | None = None) -> None:
        super().__init__()
        self._bars = bars
        figures = [max(bar.value, bar.marker or 0) for bar in bars]
        self._most = most or max([*figures, 1e-9])
        self.spaceAfter = 6

    def wrap(self, available_width: float, available_height: float) -> tuple[float, float]:
        """Return the size, given the width."""
        self.width, self.height = available_width, ROW * len(self._bars) + 2
        return self.width, self.height

    def split(self, available_width: float, available_height: float) -> list[Flowable]:
        """Return the bars that fit and the rest, on the same scale, or nothing where none fits."""
        count = int((available_height - 2) / ROW)
        if not 0 < count < len(self._bars):
            return []
        return [
            HorizontalBars(self._bars[:count], self._most),
            HorizontalBars(self._bars[count:], self._most),
        ]

    def draw(self) -> None:
        """Draw the bars from top to bottom."""
        ink = Ink(self.canv)
        left = self.width * LABEL_SHARE
        room = self.width - left - 70  # for the words after the longest bar
        most = self._most
        y = self.height
        for bar in self._bars:
            y -= ROW
            label = clip(safe(bar.label), fonts.REGULAR, 7.5, left - 10)
            look.label(ink, 0, y + 5, label, 7.5, look.TEXT)
            length = room * max(0.0, bar.value) / most
            color = look.INK if bar.tone is Tone.PLAIN else bar.tone.color
            ink.box(left, y + 3.5, length, ROW - 8, color)
            end = length
            if bar.marker is not None:
                x = left + room * bar.marker / most
                ink.line((x, y + 1), (x, y + ROW - 2), look.LIMIT, 1.2)
                end = max(end, x - left)
            words_x = left + end + 5
            if bar.tone is not Tone.PLAIN:
                look.mark(ink, bar.tone, words_x, y + 4.6, 6.5)
                words_x += 9.5
            words = clip(safe(bar.text), fonts.REGULAR, 7.5, self.width - words_x)
            look.label(ink, words_x, y + 5, words, 7.5, look.TEXT)
        ink.line((left, 0), (left, self.height), look.MUTED, 0.6)
        ink.flush()


@dataclass(frozen=True, slots=True)
class Right:
    """A right over [start, end), or without an end. words: such as "+10, invoice 4711".

    proven: a bar that is filled; what is only claimed is an outline.
    """

    label: str
    start: int
    end: int | None
    words: str
    proven: bool = True
    tone: Tone = Tone.PLAIN


class RightsTimeline(Drawing):
    """Rights as bars over [start, end), one a row, with the months below.

    A right that began before or lasts beyond the period runs to the edge, with an arrowhead.
    """

    def __init__(
        self, rights: Sequence[Right], start: int, end: int, ticks: Sequence[Tick]
    ) -> None:
        super().__init__()
        self._rights, self._start, self._end, self._ticks = rights, start, end, ticks
        self.spaceAfter = 6

    def wrap(self, available_width: float, available_height: float) -> tuple[float, float]:
        """Return the size, given the width."""
        self.width, self.height = available_width, ROW * len(self._rights) + 28
        return self.width, self.height

    def split(self, available_width: float, available_height: float) -> list[Flowable]:
        """Return the rights that fit and the rest, or nothing where none fits."""
        count = int((available_height - 28) / ROW)
        if not 0 < count < len(self._rights):
            return []
        return [
            RightsTimeline(part, self._start, self._end, self._ticks)
            for part in (self._rights[:count], self._rights[count:])
        ]

    def draw(self) -> None:
        """Draw the bars from top to bottom."""
        ink = Ink(self.canv)
        left = self.width * LABEL_SHARE
        plot = Plot(
            left, 26, self.width - left - 8, ROW * len(self._rights), self._start, self._end, 1
        )
        right, top = plot.left + plot.width, plot.bottom + plot.height
        edges = [plot.x(tick.at) for tick in self._ticks] + [right]
        ink.segments([((x, plot.bottom), (x, top)) for x in edges], look.HAIRLINE, 0.4)
        for tick, x, after in zip(self._ticks, edges, edges[1:], strict=False):
            name = safe(tick.label)
            if clip(name, fonts.REGULAR, AXIS_SIZE, after - x) == name:
                middle, y = (x + after) / 2, plot.bottom - 9.5
                ink.text(middle, y, name, fonts.REGULAR, AXIS_SIZE, look.MUTED, "center")
        y = top
        for item in self._rights:
            y -= ROW
            self._draw_right(ink, plot, item, y)
        ink.line((plot.left, plot.bottom), (right, plot.bottom), look.MUTED, 0.6)
        ink.box(left, 3, 14, 6, look.INK_TINT, look.INK)
        look.label(ink, left + 18, 3.5, safe(say("Proven by a document")), AXIS_SIZE)
        ink.hatch(left + 110, 3, 14, 6, look.WHITE, look.GAP_LINE)
        ink.box(left + 110, 3, 14, 6, None, look.MUTED)
        look.label(ink, left + 128, 3.5, safe(say("Claimed, not proven")), AXIS_SIZE)
        ink.flush()

    def _draw_right(self, ink: Ink, plot: Plot, item: Right, y: float) -> None:
        """Draw one right on the row whose lower edge is *y*."""
        label = clip(safe(item.label), fonts.REGULAR, 7.5, plot.left - 20)
        look.mark(ink, item.tone, 0, y + 4.6, 6.5)
        shift = 0 if item.tone is Tone.PLAIN else 9.5
        look.label(ink, shift, y + 5, label, 7.5, look.TEXT)
        end = self._end if item.end is None else item.end
        x, wide = plot.x(item.start), plot.x(end) - plot.x(item.start)
        if item.start >= self._end or end <= self._start:
            look.label(ink, plot.left + 4, y + 5, safe(say("outside the period")), 6.5)
            return
        low, tall = y + 2.5, ROW - 5
        if item.proven:
            ink.box(x, low, wide, tall, look.INK_TINT, look.INK)
        else:
            ink.hatch(x, low, wide, tall, look.WHITE, look.GAP_LINE)
            ink.box(x, low, wide, tall, None, look.MUTED)
        middle = low + tall / 2
        if item.end is None or item.end > self._end:
            tip = [(x + wide, low), (x + wide + 5, middle), (x + wide, low + tall)]
            ink.fill(tip, look.INK if item.proven else look.MUTED)
        if item.start < self._start:
            tip = [(x, low), (x - 5, middle), (x, low + tall)]
            ink.fill(tip, look.INK if item.proven else look.MUTED)
        room = wide - 8
        if room > 20:
            words = clip(safe(item.words), fonts.REGULAR, 7, room)
            shown = fonts.width(words, fonts.REGULAR, 7)
            if not item.proven:
                ink.box(x + 2, low + 0.6, shown + 4, tall - 1.2, look.WHITE)
            look.label(ink, x + 4, low + 3.4, words, 7, look.TEXT)
        else:
            after = x + wide + 8
            words = clip(safe(item.words), fonts.REGULAR, 7, self.width - after)
            look.label(ink, after, low + 3.4, words, 7, look.TEXT)
