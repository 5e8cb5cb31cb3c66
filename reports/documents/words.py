"""Figures and moments as a report prints them. A dash is *not known*."""

from __future__ import annotations

from datetime import datetime, tzinfo
from fractions import Fraction
from types import MappingProxyType
from typing import Final

from django.utils.dates import MONTHS_3
from django.utils.translation import gettext, gettext_lazy

from itam.figures import number
from licenses.analysis.coverage import percent_down
from reports.datasets.pool_report import Month, Position
from reports.pdf.look import Tone

UNKNOWN_SIGN: Final = "–"

VERDICTS: Final = MappingProxyType(
    {
        "proven": gettext_lazy("Proven within rights"),
        "as_observed": gettext_lazy("Within rights, as observed"),
        "over_use": gettext_lazy("Over-use"),
        "not_determinable": gettext_lazy("Not determinable"),
        "not_in_use": gettext_lazy("Not in use"),
    }
)
TONES: Final = MappingProxyType(
    {
        "proven": Tone.OK,
        "as_observed": Tone.OK,
        "over_use": Tone.BAD,
        "not_determinable": Tone.UNKNOWN,
        "not_in_use": Tone.PLAIN,
    }
)


def moment(at: int, zone: tzinfo) -> str:
    """Return a moment to the minute."""
    return f"{datetime.fromtimestamp(at, zone):%Y-%m-%d %H:%M}"


def moment_exact(at: int, zone: tzinfo) -> str:
    """Return a moment to the second."""
    return f"{datetime.fromtimestamp(at, zone):%Y-%m-%d %H:%M:%S}"


def day(at: int, zone: tzinfo) -> str:
    """Return the day of a moment."""
    return f"{datetime.fromtimestamp(at, zone):%Y-%m-%d}"


def month(at: int, zone: tzinfo) -> str:
    """Return the month of a moment, such as Nov 2025."""
    local = datetime.fromtimestamp(at, zone)
    return f"{str(MONTHS_3[local.month]).capitalize()} {local.year}"


def day_span(start: int, end: int, zone: tzinfo) -> str:
    """Return a window by its first and last day, or to the minute where it cuts a day."""
    edges = [datetime.fromtimestamp(at, zone) for at in (start, end)]
    if all((edge.hour, edge.minute, edge.second) == (0, 0, 0) for edge in edges):
        return gettext("%(day)s to %(day_2)s") % {
            "day": day(start, zone),
            "day_2": day(end - 1, zone),
        }
    return gettext("%(moment)s to %(moment_2)s") % {
        "moment": moment(start, zone),
        "moment_2": moment(end, zone),
    }


def figure(value: int | None) -> str:
    """Return a whole number."""
    if value is None:
        return UNKNOWN_SIGN
    return str(value) if -1000 < value < 1000 else number(value)


def signed(value: int | None) -> str:
    """Return a whole number with its sign; 0 has none."""
    if not value:
        return UNKNOWN_SIGN if value is None else "0"
    return ("+" if value > 0 else "-") + figure(abs(value))


def peak_words(peak: int | None, exact: bool) -> str:
    """Return a peak, marked where it may have been higher between two polls."""
    return figure(peak) if exact or peak is None else f">={figure(peak)}"


def refusals(row: Position | Month) -> str:
    """Return how many were refused, marked where logs told of a part of the time alone."""
    return peak_words(row.denials, row.logged_seconds == row.expected_seconds)


def unlogged(logged_seconds: int, expected_seconds: int) -> str:
    """Say of how much of the time refusals are not known; "" where logs told of all of it."""
    if logged_seconds == expected_seconds:
        return ""
    if not logged_seconds:
        return gettext("No log tells of this time: refusals are not known.")
    share = percent(Fraction(logged_seconds, expected_seconds))
    return gettext("Logs tell of %(share)s of the time: of the rest, refusals are not known.") % {
        "share": share
    }


def percent(share: Fraction | None) -> str:
    """Return a share as a percentage, rounded down."""
    return UNKNOWN_SIGN if share is None else percent_down(share)


def hours(seconds: int | None) -> str:
    """Return a length of time in hours; more than nothing never shows as 0.0."""
    if seconds is None:
        return UNKNOWN_SIGN
    if 0 < seconds < 360:
        return f"<{number(0.1, 1)}"
    return number(seconds // 360 / 10, 1) if seconds else "0"


def length(seconds: int) -> str:
    """Return a length of time as days, hours, minutes and seconds, the first two that count."""
    parts = []
    for size, unit in ((86400, gettext("d")), (3600, gettext("h")), (60, gettext("min")), (1, "s")):
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{figure(count)} {unit}")
        if len(parts) == 2:
            break
    return " ".join(parts) or "0 s"
