"""Figures and moments as a report prints them. A dash is *not known*."""

from __future__ import annotations

from datetime import datetime, tzinfo
from fractions import Fraction
from types import MappingProxyType
from typing import Final

from licenses.analysis.coverage import percent_down
from reports.pdf.look import Tone

UNKNOWN_SIGN: Final = "–"

VERDICTS: Final = MappingProxyType(
    {
        "proven": "Proven within rights",
        "as_observed": "Within rights, as observed",
        "over_use": "Over-use",
        "not_determinable": "Not determinable",
        "not_in_use": "Not in use",
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
    return f"{datetime.fromtimestamp(at, zone):%b %Y}"


def day_span(start: int, end: int, zone: tzinfo) -> str:
    """Return a window by its first and last day, or to the minute where it cuts a day."""
    edges = [datetime.fromtimestamp(at, zone) for at in (start, end)]
    if all((edge.hour, edge.minute, edge.second) == (0, 0, 0) for edge in edges):
        return f"{day(start, zone)} to {day(end - 1, zone)}"
    return f"{moment(start, zone)} to {moment(end, zone)}"


def figure(value: int | None) -> str:
    """Return a whole number."""
    return UNKNOWN_SIGN if value is None else f"{value:,}"


def signed(value: int | None) -> str:
    """Return a whole number with its sign; 0 has none."""
    return UNKNOWN_SIGN if value is None else f"{value:+,}" if value else "0"


def peak_words(peak: int | None, exact: bool) -> str:
    """Return a peak, marked where it may have been higher between two polls."""
    return figure(peak) if exact or peak is None else f">={peak:,}"


def percent(share: Fraction | None) -> str:
    """Return a share as a percentage, rounded down."""
    return UNKNOWN_SIGN if share is None else percent_down(share)


def hours(seconds: int | None) -> str:
    """Return a length of time in hours; more than nothing never shows as 0.0."""
    if seconds is None:
        return UNKNOWN_SIGN
    if 0 < seconds < 360:
        return "<0.1"
    return f"{seconds // 360 / 10:,.1f}" if seconds else "0"


def length(seconds: int) -> str:
    """Return a length of time as days, hours, minutes and seconds, the first two that count."""
    parts = []
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        number, seconds = divmod(seconds, size)
        if number:
            parts.append(f"{number:,} {unit}")
        if len(parts) == 2:
            break
    return " ".join(parts) or "0 s"
