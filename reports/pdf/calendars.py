"""A year at a glance: one cell a day, filled as far as the day was observed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from reports.pdf import fonts, look
from reports.pdf.ink import Drawing, Ink
from reports.pdf.text import clip, safe
from reports.pdf.words import say

ROW: Final = 12.5
LABEL: Final = 46.0
NOTE: Final = 46.0


@dataclass(frozen=True, slots=True)
class CalendarMonth:
    """A row of the calendar.

    days: for each day of the month the share of it that was observed, 0 to 1, or None where the
          day lies outside the report's period.
    note: what stands at the end of the row, such as the month's coverage.
    bounded:  for each day the share of it that was not observed but in which nothing could go
          wrong, as the servers could not issue too much; empty: none.
    """

    label: str
    days: Sequence[float | None]
    note: str = ""
    bounded: Sequence[float] = ()


class CompletenessCalendar(Drawing):
    """Months as rows, days as cells: solid as far as observed, hatched as far as not.

    Bounded time is pale, above the observed. A day that misses anything shows at least a sixth of
    its cell hatched or pale; so nothing that is incomplete looks complete.
    """

    def __init__(self, months: Sequence[CalendarMonth], note_title: str = "") -> None:
        super().__init__()
        self._months, self._note_title = months, note_title or say("Coverage")
        self.spaceAfter = 6

    def wrap(self, available_width: float, available_height: float) -> tuple[float, float]:
        """Return the size, given the width."""
        self.width = available_width
        self.height = 12 + ROW * len(self._months) + 18
        return self.width, self.height

    def draw(self) -> None:
        """Draw the rows, and below them what the cells mean."""
        ink = Ink(self.canv)
        pitch = (self.width - LABEL - NOTE) / 31
        cell, tall = pitch - 1.6, ROW - 2.2
        y = self.height - 12
        for day in range(31):
            middle = LABEL + day * pitch + cell / 2
            number = safe(str(day + 1))
            ink.text(middle, y + 3, number, fonts.REGULAR, 5.5, look.MUTED, "center")
        note = safe(self._note_title)
        ink.text(self.width, y + 3, note, fonts.REGULAR, 6.5, look.MUTED, "right")
        whole: list[tuple[float, float, float, float]] = []
        for month in self._months:
            y -= ROW
            label = clip(safe(month.label), fonts.REGULAR, 7, LABEL - 6)
            look.label(ink, 0, y + 3, label, 7, look.TEXT)
            for day, share in enumerate(month.days):
                if share is not None and share >= 1:
                    whole.append((LABEL + day * pitch, y, cell, tall))
                elif share is not None:
                    safely = month.bounded[day] if month.bounded else 0.0
                    self._draw_cell(ink, LABEL + day * pitch, y, cell, tall, share, safely)
            end = clip(safe(month.note), fonts.REGULAR, 7, NOTE - 4)
            ink.text(self.width, y + 3, end, fonts.REGULAR, 7, look.TEXT, "right")
        ink.boxes(whole, look.SEEN)  # most days, so in one go
        self._draw_legend(ink, cell, tall)
        ink.flush()

    @staticmethod
    def _draw_cell(
        ink: Ink,
        x: float,
        y: float,
        width: float,
        tall: float,
        share: float,
        bounded: float = 0.0,
    ) -> None:
        filled = tall if share >= 1 else min(max(share, 0.0) * tall, tall * 5 / 6)
        if filled > 0:
            ink.box(x, y, width, filled, look.SEEN)
        if filled < tall:
            rest = tall - filled
            missing = max(1.0 - share, 1e-9)
            pale = rest if bounded >= missing else min(bounded / missing, 5 / 6) * rest
            if pale > 0:
                ink.box(x, y + filled, width, pale, look.PALE)
            if pale < rest:
                ink.hatch(
                    x, y + filled + pale, width, rest - pale, look.WHITE, look.MUTED, step=2.2
                )
            ink.box(x, y, width, tall, None, look.MUTED, 0.4)

    def _draw_legend(self, ink: Ink, cell: float, tall: float) -> None:
        x = LABEL
        kinds = [
            (1.0, 0.0, say("Observed without a gap")),
            (0.6, 0.0, say("In part: filled as far as observed")),
            (0.0, 0.0, say("Not observed")),
        ]
        if any(any(month.bounded) for month in self._months):
            kinds.append((0.0, 1.0, say("Not observed, but bounded")))
        for share, bounded, words in kinds:
            self._draw_cell(ink, x, 1, cell, tall, share, bounded)
            shown = safe(words)
            look.label(ink, x + cell + 4, 3.5, shown, 6.5)
            x += cell + 18 + fonts.width(shown, fonts.REGULAR, 6.5)
