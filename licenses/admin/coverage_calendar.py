"""The coverage of a server day by day over a year, as a calendar: a column a week, a row a weekday.

Each state has a shape of its own, so that nobody needs to tell colours apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from html import escape
from typing import Any

from django.utils.dates import MONTHS_3, WEEKDAYS_ABBR
from django.utils.safestring import mark_safe
from django.utils.translation import get_language, gettext, gettext_lazy

from licenses.analysis.server_days import year_of

STEP = 14
"""Of one cell to the next in the drawing; a cell itself is 12 wide."""
LEFT, TOP = 34, 16

SAID = {
    "full": gettext_lazy("vouched for"),
    "part": gettext_lazy("in part"),
    "none": gettext_lazy("not at all"),
    "before": gettext_lazy("before the first record"),
}


@dataclass(frozen=True)
class DayCell:
    """One day. place: 0 for the oldest. key: one of SAID. x, y: its left upper corner."""

    place: int
    key: str
    title: str
    x: int
    y: int


_EDGE = '<rect class="lm-cell-edge" x=".5" y=".5" width="11" height="11" rx="2"/>'
SHAPES = {
    "full": mark_safe('<rect width="12" height="12" rx="2"/>'),
    "part": mark_safe(_EDGE + '<path d="M1 11 11 1V11Z"/>'),
    "none": mark_safe(_EDGE + '<path class="lm-cell-cross" d="M3 3 9 9M9 3 3 9"/>'),
    "before": mark_safe('<circle cx="6" cy="6" r="1.5"/>'),
}
"""What is drawn for each state: 12 by 12, told apart without colour."""


@dataclass(frozen=True)
class Calendar:
    """share: percent of the time since the first record, cut; None: nothing is recorded."""

    cells: list[DayCell]
    months: list[tuple[int, str]]
    width: int
    height: int
    share: int | None
    since: datetime
    counts: list[tuple[str, str, int]]

    @property
    def drawn(self) -> str:
        """Return the cells as SVG. Not by a template or `format_html`, which take ten times as long
        for 365."""
        return mark_safe(
            "".join(
                [
                    f'<g class="lm-cell-{each.key}" transform="translate({each.x} {each.y})">'
                    f"<title>{escape(each.title)}</title>{SHAPES[each.key]}</g>"
                    for each in self.cells
                ]
            )
        )

    @property
    def legend(self) -> list[tuple[str, str, int, str]]:
        return [(key, said, count, SHAPES[key]) for key, said, count in self.counts]


def calendar(server: Any) -> Calendar:
    """Return the coverage of the last 365 days, a cell a day of the server's zone. Some queries."""
    year = year_of(server)
    monday = year.days[0].day.toordinal() - year.days[0].day.weekday()
    weekdays = [str(WEEKDAYS_ABBR[day]) for day in range(7)]
    cells = []
    for place, (day, key, share) in enumerate(year.days):
        said = _words(key, share, get_language())
        week = (day.toordinal() - monday) // 7
        x, y = LEFT + week * STEP, TOP + day.weekday() * STEP
        cells.append(DayCell(place, key, f"{weekdays[day.weekday()]} {day}: {said}", x, y))
    keys = [cell.key for cell in cells]
    return Calendar(
        cells=cells,
        months=_months([each.day for each in year.days], monday),
        width=cells[-1].x + STEP,
        height=TOP + 7 * STEP,
        share=year.share,
        since=year.since,
        counts=[(key, str(said), keys.count(key)) for key, said in SAID.items()],
    )


@lru_cache(maxsize=1_024)  # of 365 days, most are alike
def _words(key: str, share: int, language: str | None) -> str:
    if key == "before":
        return gettext("nothing recorded yet")
    if key == "full":
        return gettext("all of it")
    return gettext("%(value)s %% of it") % {"value": share}


def _months(days: list[date], monday: int) -> list[tuple[int, str]]:
    """Return where the name of each month stands, and the name."""
    return [
        (LEFT + (day.toordinal() - monday) // 7 * STEP, str(MONTHS_3[day.month]).capitalize())
        for day in days
        if day.day == 1
    ]
