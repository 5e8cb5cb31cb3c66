"""Scales, axes and the cutting of time for charts. Moments are epoch seconds, lengths points."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from reports.pdf import fonts, look
from reports.pdf.ink import Ink, Point
from reports.pdf.text import clip, safe

AXIS_SIZE = 6.5


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time [start, end)."""

    start: int
    end: int


class Step(NamedTuple):
    """A height that holds over [start, end)."""

    start: int
    end: int
    value: int


@dataclass(frozen=True, slots=True)
class Gap:
    """Time that was not observed. bound: the most that can have been used, where that is known."""

    start: int
    end: int
    bound: int | None = None


@dataclass(frozen=True, slots=True)
class Tick:
    """A moment marked on the time axis, such as the first of a month, in the report's zone."""

    at: int
    label: str


@dataclass(frozen=True, slots=True)
class Plot:
    """The rectangle of a chart in which [start, end) by [0, top] is drawn."""

    left: float
    bottom: float
    width: float
    height: float
    start: int
    end: int
    top: int

    def x(self, at: float) -> float:
        """Return where a moment lies; moments outside lie on the edge."""
        share = (at - self.start) / (self.end - self.start)
        return self.left + self.width * min(1.0, max(0.0, share))

    def y(self, value: float) -> float:
        """Return the height of *value*."""
        return self.bottom + self.height * min(1.0, value / self.top)

    @property
    def seconds_per_point(self) -> float:
        """Return how much time one point of width stands for."""
        return (self.end - self.start) / self.width


def whole_ticks(highest: int, about: int = 4) -> list[int]:
    """Return round whole numbers from 0 up to *highest* or the next one above it.

    The distance is 1, 2 or 5 times a power of ten, so that there are about *about* of them.
    """
    highest = max(1, highest)
    step = scale = 1
    while highest / step > about + 1:
        for factor in (1, 2, 5):
            step = factor * scale
            if highest / step <= about + 1:
                break
        else:
            scale *= 10
    return (
        list(range(0, highest + step, step)) if highest % step else [*range(0, highest + 1, step)]
    )


def widened(gaps: Iterable[Gap], least: float) -> list[Gap]:
    """Return *gaps* in order, each at least *least* seconds long about its middle, merged.

    So that even a short gap can be seen. Merged gaps are bounded by the largest of their bounds,
    and by none if one of them has none.
    """
    merged: list[Gap] = []
    for gap in sorted(gaps, key=lambda gap: gap.start):
        pad = max(0, int((least - (gap.end - gap.start)) / 2 + 0.5))
        wide = Gap(gap.start - pad, gap.end + pad, gap.bound)
        if merged and wide.start <= merged[-1].end:
            last = merged.pop()
            both = last.bound is not None and wide.bound is not None
            bound = max(last.bound or 0, wide.bound or 0) if both else None
            wide = Gap(last.start, max(last.end, wide.end), bound)
        merged.append(wide)
    return merged


def outside(steps: Iterable[Step], gaps: Sequence[Gap]) -> list[Step]:
    """Return *steps* without the time of *gaps*, equal neighbours joined where they touch.

    steps: in time order. gaps: in time order, apart from each other.
    """
    kept: list[Step] = []
    if not gaps:
        for step in steps:
            if kept and kept[-1].end == step.start and kept[-1].value == step.value:
                kept[-1] = Step(kept[-1].start, step.end, step.value)
            elif step.start < step.end:
                kept.append(step)
        return kept
    first = 0
    for step in steps:
        while first < len(gaps) and gaps[first].end <= step.start:
            first += 1
        start, index = step.start, first
        while index < len(gaps) and gaps[index].start < step.end:
            if start < gaps[index].start:
                _append(kept, start, gaps[index].start, step)
            start = max(start, gaps[index].end)
            index += 1
        if start < step.end:
            _append(kept, start, step.end, step)
    return kept


def _append(kept: list[Step], start: int, end: int, step: Step) -> None:
    """Add [start, end) of *step* to *kept*, as part of the last one where they make one."""
    if kept:
        last = kept[-1]
        if last.end == start and last.value == step.value:
            kept[-1] = Step(last.start, end, step.value)
            return
    whole = start == step.start and end == step.end
    kept.append(step if whole else Step(start, end, step.value))


def runs(steps: Sequence[Step], plot: Plot) -> list[list[Point]]:
    """Return the outline of *steps* as separate lines: one for each stretch without a break."""
    lines: list[list[Point]] = []
    line: list[Point] = []
    end: int | None = None
    heights: dict[int, float] = {}
    x = 0.0
    # As `plot.x`, but for its calls: a report has hundreds of thousands of steps.
    left, first, last, scale = plot.left, plot.start, plot.end, plot.width / (plot.end - plot.start)
    for start, stop, value in steps:
        if stop <= first or start >= last:
            continue
        if start != end:
            line = []
            lines.append(line)
            x = left + scale * (max(first, start) - first)
        y = heights.get(value)
        if y is None:
            y = heights[value] = plot.y(value)
        line.append((x, y))
        end = stop
        x = left + scale * ((stop if stop < last else last) - first)
        line.append((x, y))
    return lines


def draw_grid(ink: Ink, plot: Plot, values: Sequence[int], ticks: Sequence[Tick]) -> None:
    """Draw the seats' lines with their numbers and the time axis with its labels.

    A label of the time axis stands in the middle between its tick and the next, and is left out
    where there is no room for it.
    """
    right = plot.left + plot.width
    ink.segments(
        [((plot.left, plot.y(v)), (right, plot.y(v))) for v in values if v], look.HAIRLINE, 0.4
    )
    for value in values:
        shown = safe(f"{value:,}")
        y = plot.y(value) - AXIS_SIZE * fonts.CAP_HEIGHT / 2
        ink.text(plot.left - 4, y, shown, fonts.REGULAR, AXIS_SIZE, look.MUTED, "right")
    edges = [plot.x(tick.at) for tick in ticks] + [right]
    ink.segments(
        [((x, plot.bottom), (x, plot.bottom - 3)) for x in edges if plot.left <= x <= right],
        look.MUTED,
        0.4,
    )
    for tick, x, after in zip(ticks, edges, edges[1:], strict=False):
        label = safe(tick.label)
        if clip(label, fonts.REGULAR, AXIS_SIZE, after - x) == label:
            middle = (x + after) / 2
            ink.text(
                middle, plot.bottom - 9.5, label, fonts.REGULAR, AXIS_SIZE, look.MUTED, "center"
            )
    ink.line((plot.left, plot.bottom), (right, plot.bottom), look.MUTED, 0.6)
