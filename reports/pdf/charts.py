"""Charts of use over time: daily peaks against what was allowed, and how long each height held.

What was not observed is hatched in grey and no line crosses it.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from reportlab.platypus import Flowable

from reports.pdf import fonts, look
from reports.pdf.axes import (
    AXIS_SIZE,
    Gap,
    Plot,
    Span,
    Step,
    Tick,
    draw_grid,
    outside,
    runs,
    whole_ticks,
    widened,
)
from reports.pdf.ink import Drawing, Ink
from reports.pdf.look import Tone
from reports.pdf.text import clip, safe
from reports.pdf.words import say

LEAST_GAP: Final = 0.6  # points: a shorter gap would not print
LEAST_OVER: Final = 2.0
LIMIT_DASH: Final = (4.0, 1.6)


@dataclass(frozen=True, slots=True)
class Use:
    """What one pool's chart shows over [start, end).

    used:    daily (or other) peaks, in time order; where none is given nothing is drawn.
    allowed: what was allowed at each moment, in time order; left out where it is unknown.
    gaps:    time not observed. It wins over `used`.
    over:    the episodes of over-use. Only these are marked as such: a day's peak and a limit
             that changed on that day cannot tell.
    """

    start: int
    end: int
    used: Sequence[Step]
    allowed: Sequence[Step] = ()
    gaps: Sequence[Gap] = ()
    over: Sequence[Span] = ()

    @property
    def highest(self) -> int:
        """Return the highest figure of the chart."""
        bounds = [gap.bound for gap in self.gaps if gap.bound is not None]
        return max([step.value for step in [*self.used, *self.allowed]] + bounds, default=0)


@dataclass(frozen=True, slots=True)
class Callout:
    """A point of the chart with words beside it, such as the year's peak."""

    at: int
    value: int
    text: str


class StepChart(Drawing):
    """Use as steps against the line of what was allowed, as wide as the frame."""

    def __init__(
        self,
        use: Use,
        ticks: Sequence[Tick],
        *,
        height: float = 170,
        used_name: str = "",
        callout: Callout | None = None,
    ) -> None:
        super().__init__()
        self._use, self._ticks, self._callout = use, ticks, callout
        self._used_name = used_name or say("Highest use of each day")
        self.height = height
        self.spaceAfter = 4

    def wrap(self, available_width: float, available_height: float) -> tuple[float, float]:
        """Return the size, given the width."""
        self.width = available_width
        return self.width, self.height

    def draw(self) -> None:
        """Draw the chart."""
        use, ink = self._use, Ink(self.canv)
        values = whole_ticks(use.highest)
        margin = fonts.width(safe(f"{values[-1]:,}"), fonts.REGULAR, AXIS_SIZE) + 6
        room = self.width - margin - 26  # on the right the last limit is written
        plot = Plot(margin, 14, room, self.height - 46, use.start, use.end, values[-1])
        draw_grid(ink, plot, values, self._ticks)
        seen = draw_use(ink, plot, use)
        if use.allowed and use.allowed[-1].end >= use.end:
            last = use.allowed[-1].value
            y = plot.y(last) - AXIS_SIZE * fonts.CAP_HEIGHT / 2
            shown = safe(f"{last:,}")
            ink.text(plot.left + room + 4, y, shown, fonts.BOLD, AXIS_SIZE, look.LIMIT)
        if self._callout:
            self._draw_callout(ink, plot, self._callout)
        if not seen:
            words, middle = safe(say("No observation in this period")), plot.left + room / 2
            wide = fonts.width(words, fonts.BOLD, 8) + 16
            ink.box(middle - wide / 2, plot.bottom + plot.height / 2 - 8, wide, 16, look.WHITE)
            y = plot.bottom + plot.height / 2 - 3
            ink.text(middle, y, words, fonts.BOLD, 8, look.MUTED, "center")
        self._draw_legend(ink, margin)
        ink.flush()

    def _draw_callout(self, ink: Ink, plot: Plot, callout: Callout) -> None:
        """Draw a dot and its words, on the side where there is room."""
        x, y = plot.x(callout.at), plot.y(callout.value)
        color = look.OVER if self._use.over else look.INK
        words = safe(callout.text)
        wide = fonts.width(words, fonts.BOLD, AXIS_SIZE)
        to_left = x + wide + 6 > plot.left + plot.width
        ink.circle(x, y, 1.5, look.WHITE, color)
        ink.text(
            x + (-4 if to_left else 4),
            y + 3,
            words,
            fonts.BOLD,
            AXIS_SIZE,
            color,
            "right" if to_left else "left",
        )

    def _draw_legend(self, ink: Ink, left: float) -> None:
        """Explain the signs that this chart has, in one line above it."""
        use, y, x = self._use, self.height - 8, left
        entries = [("used", self._used_name)]
        entries += [("allowed", say("Allowed"))] if use.allowed else []
        entries += [("over", say("Over-use"))] if use.over else []
        entries += [("gap", say("Not observed"))] if use.gaps else []
        if any(gap.bound is not None for gap in use.gaps):
            entries.append(("bound", say("Most that was possible")))
        for sign, name in entries:
            if sign == "used":
                ink.box(x, y - 1.5, 14, 5, look.INK_TINT)
                ink.line((x, y + 3.5), (x + 14, y + 3.5), look.INK, 0.8)
            elif sign == "allowed":
                ink.line((x, y + 1.5), (x + 14, y + 1.5), look.LIMIT, 1.1, LIMIT_DASH)
            elif sign == "over":
                ink.box(x, y - 1.5, 14, 6, look.OVER)
            elif sign == "gap":
                ink.hatch(x, y - 2, 14, 7, look.GAP, look.GAP_LINE)
            else:
                ink.line((x, y + 1.5), (x + 14, y + 1.5), look.MUTED, 0.7, (0.8, 1.2))
            shown = clip(safe(name), fonts.REGULAR, 7, max(0, self.width - x - 18))
            look.label(ink, x + 18, y - 1, shown)
            x += 32 + fonts.width(shown, fonts.REGULAR, 7)


def draw_use(ink: Ink, plot: Plot, use: Use, weight: float = 0.6) -> bool:
    """Draw one pool's use into *plot*: gaps, use, over-use, limit, from back to front.

    weight:  of the line of use, in points.
    returns: whether any use was observed, zero included.
    """
    gaps = widened(use.gaps, LEAST_GAP * plot.seconds_per_point)
    for gap in gaps:
        x, end = plot.x(gap.start), plot.x(gap.end)
        if end > x:
            ink.hatch(x, plot.bottom, end - x, plot.height, look.GAP, look.GAP_LINE)
    lines = runs(outside(use.used, gaps), plot)
    for line in lines:
        foot = [(line[-1][0], plot.bottom), (line[0][0], plot.bottom)]
        ink.fill([*line, *foot], look.INK_TINT)
    for gap in gaps:
        if gap.bound is not None and plot.x(gap.end) - plot.x(gap.start) > 2:
            y = plot.y(gap.bound)
            ends = (plot.x(gap.start), y), (plot.x(gap.end), y)
            ink.line(*ends, look.MUTED, 0.7, (0.8, 1.2))
    for line in lines:
        ink.path(line, look.INK, weight)
    _draw_over(ink, plot, use)
    for line in runs(outside(use.allowed, ()), plot):
        ink.path(line, look.LIMIT, weight + 0.5, LIMIT_DASH)
    ink.line((plot.left, plot.bottom), (plot.left + plot.width, plot.bottom), look.MUTED, 0.6)
    return bool(lines)


def _draw_over(ink: Ink, plot: Plot, use: Use) -> None:
    """Mark each episode: a solid bar from the limit to the use, and an arrowhead on top."""
    if not use.over:
        return
    steps = outside(use.used, ())
    starts = [step.start for step in steps]
    limits = outside(use.allowed, ())
    limit_starts = [step.start for step in limits]
    bars: list[tuple[float, float, float, float]] = []
    heads: list[float] = []
    for span in sorted(use.over, key=lambda span: span.start):
        if span.end <= plot.start or span.start >= plot.end:
            continue
        middle = (plot.x(span.start) + plot.x(span.end)) / 2
        if not heads or middle - heads[-1] > 3:
            heads.append(middle)
        index = max(0, bisect_right(starts, span.start) - 1)
        for step in steps[index:]:
            if step.start >= span.end:
                break
            start, end = max(step.start, span.start), min(step.end, span.end)
            at = bisect_right(limit_starts, start) - 1
            known = at >= 0 and start < limits[at].end
            low = plot.y(limits[at].value if known else 0)
            height = plot.y(step.value) - low
            if start < end and height > 0:
                true = plot.x(end) - plot.x(start)
                wide = max(LEAST_OVER, true)
                x = plot.x(start) - (wide - true) / 2
                bars.append((x, low, wide, height))
    ink.boxes(bars, look.OVER)
    y = plot.bottom + plot.height + 2
    for x in heads:
        ink.fill([(x - 2.2, y + 4), (x + 2.2, y + 4), (x, y)], look.OVER)


class LoadCurve(Drawing):
    """How long each height held: for each number of seats the share of time with at least it.

    shares: shares[k] is the share (0 to 1) of the observed time with k seats or more in use,
            for k from 0; it never rises.
    limit:  what is allowed, where it is one number.
    """

    def __init__(
        self, shares: Sequence[float], limit: int | None = None, *, height: float = 140
    ) -> None:
        super().__init__()
        self._shares, self._limit = list(shares), limit
        self.height = height
        self.spaceAfter = 4

    def wrap(self, available_width: float, available_height: float) -> tuple[float, float]:
        """Return the size, given the width."""
        self.width = available_width
        return self.width, self.height

    def draw(self) -> None:
        """Draw the curve from the most seats on the left to none on the right."""
        ink, peak = Ink(self.canv), max(0, len(self._shares) - 1)
        values = whole_ticks(max(peak, self._limit or 0))
        margin = fonts.width(safe(f"{values[-1]:,}"), fonts.REGULAR, AXIS_SIZE) + 6
        width = self.width - margin - 14
        plot = Plot(margin, 24, width, self.height - 42, 0, 1000, values[-1])
        ticks = [Tick(share * 10, f"{share} %") for share in (0, 25, 50, 75, 100)]
        draw_grid(ink, plot, values, [])
        for tick in ticks:
            x = plot.x(tick.at)
            ink.line((x, plot.bottom), (x, plot.bottom - 3), look.MUTED, 0.4)
            shown = safe(tick.label)
            ink.text(x, plot.bottom - 9.5, shown, fonts.REGULAR, AXIS_SIZE, look.MUTED, "center")
        points = [(plot.left, plot.y(peak))]
        for seats in range(peak, 0, -1):
            x = plot.x(self._shares[seats] * 1000)
            points += [(x, plot.y(seats)), (x, plot.y(seats - 1))]
        points.append((plot.x((self._shares[0] if self._shares else 0) * 1000), plot.bottom))
        ink.fill([(plot.left, plot.bottom), *points], look.INK_TINT)
        ink.path(points, look.INK, 0.9)
        if self._limit is not None:
            y = plot.y(self._limit)
            ends = (plot.left, y), (plot.left + width, y)
            ink.line(*ends, look.LIMIT, 1.1, LIMIT_DASH)
            shown = safe(say("Allowed %(limit)s") % {"limit": f"{self._limit:,}"})
            ink.text(plot.left + width, y + 3, shown, fonts.BOLD, AXIS_SIZE, look.LIMIT, "right")
        look.label(ink, margin, self.height - 8, safe(say("Seats in use")))
        words = safe(say("Share of the observed time with at least so many seats in use"))
        shown = clip(words, fonts.REGULAR, AXIS_SIZE, width)
        look.label(ink, margin, 3, shown, AXIS_SIZE)
        ink.flush()


@dataclass(frozen=True, slots=True)
class Small:
    """One of many small charts: a pool's name, its verdict in words, its use."""

    title: str
    words: str
    tone: Tone
    use: Use


def small_multiples(items: Sequence[Small], columns: int = 4) -> list[Flowable]:
    """Return *items* as rows of small charts, each with its own scale of seats."""
    return [
        SmallRow(items[start : start + columns], columns) for start in range(0, len(items), columns)
    ]


class SmallRow(Drawing):
    """A row of small charts; `small_multiples` makes them."""

    def __init__(self, items: Sequence[Small], columns: int, height: float = 78) -> None:
        super().__init__()
        self._items, self._columns = items, columns
        self.height = height
        self.spaceAfter = 10

    def wrap(self, available_width: float, available_height: float) -> tuple[float, float]:
        """Return the size, given the width."""
        self.width = available_width
        return self.width, self.height

    def draw(self) -> None:
        """Draw the row."""
        ink, gap = Ink(self.canv), 14.0
        width = (self.width - gap * (self._columns - 1)) / self._columns
        for column, item in enumerate(self._items):
            left = column * (width + gap)
            title = clip(safe(item.title, font=fonts.BOLD), fonts.BOLD, 7.5, width)
            ink.text(left, self.height - 7.5, title, fonts.BOLD, 7.5, look.TEXT)
            shift = 9 if item.tone is not Tone.PLAIN else 0
            look.mark(ink, item.tone, left, self.height - 18.4, 6)
            words = clip(safe(item.words), fonts.REGULAR, AXIS_SIZE, width - shift)
            look.label(ink, left + shift, self.height - 18, words, AXIS_SIZE, item.tone.color)
            top = whole_ticks(item.use.highest, about=3)[-1]
            number = safe(f"{top:,}")
            margin = fonts.width(number, fonts.REGULAR, 6) + 4
            use = item.use
            plot = Plot(left + margin, 3, width - margin, self.height - 34, use.start, use.end, top)
            high = plot.bottom + plot.height
            ink.line((plot.left, high), (plot.left + plot.width, high), look.HAIRLINE, 0.4)
            for text, y in ((number, high), (safe("0"), plot.bottom)):
                ink.text(left + margin - 3, y - 2, text, fonts.REGULAR, 6, look.MUTED, "right")
            draw_use(ink, plot, use, 0.3)
        ink.flush()
