"""Numbers as the reader's language writes them, and nouns in the number that they stand in."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext, ngettext

ALL_POOLS = "All pools"
"""What a report about all pools has on record as its scope, whoever asked in which language."""


def scope(text: str) -> str:
    """Return whose pools a report is about, in words: names as they are, all pools translated."""
    return gettext("All pools") if text == ALL_POOLS else text


def number(value: Any, places: int = 0) -> str:
    """Return a number with groups of three and so many places: "12,400" or "12.400"."""
    return number_format(value, decimal_pos=places, use_l10n=True, force_grouping=True)


def moment(at: datetime | None) -> str:
    """Return a moment to the minute in the zone of the pages: "28 Nov 2026 21:26"; "–": none."""
    return "–" if at is None else date_format(timezone.localtime(at), "DATETIME_FORMAT")


def seats(count: int) -> str:
    return ngettext("%(count)s seat", "%(count)s seats", count) % {"count": number(count)}


def part(seats: int, whole: int) -> str:
    """Return of how many of some seats a word holds, such as *20 of 30*: "" where it holds for
    none or for all."""
    if not 0 < seats < whole:
        return ""
    told = {"seats": number(seats), "whole": number(whole)}
    return gettext("%(seats)s of %(whole)s") % told


def people(count: int) -> str:
    return ngettext("%(count)s person", "%(count)s people", count) % {"count": number(count)}


def pools(count: int) -> str:
    return ngettext("%(count)s pool", "%(count)s pools", count) % {"count": number(count)}


def sessions(count: int) -> str:
    return ngettext("%(count)s session", "%(count)s sessions", count) % {"count": number(count)}


def files(count: int) -> str:
    return ngettext("%(count)s file", "%(count)s files", count) % {"count": number(count)}


def servers(count: int) -> str:
    return ngettext("%(count)s server", "%(count)s servers", count) % {"count": number(count)}


def refusals(count: int) -> str:
    return ngettext("%(count)s refusal", "%(count)s refusals", count) % {"count": number(count)}


def tries(count: int) -> str:
    return ngettext("%(count)s try", "%(count)s tries", count) % {"count": number(count)}


def lines(count: int) -> str:
    return ngettext("%(count)s line", "%(count)s lines", count) % {"count": number(count)}


def alerts(count: int) -> str:
    return ngettext("%(count)s alert", "%(count)s alerts", count) % {"count": number(count)}


def messages(count: int) -> str:
    return ngettext("%(count)s message", "%(count)s messages", count) % {"count": number(count)}


def days(count: int) -> str:
    return ngettext("%(count)s day", "%(count)s days", count) % {"count": number(count)}


def working_days(count: int) -> str:
    found = ngettext("%(count)s working day", "%(count)s working days", count)
    return found % {"count": number(count)}


def hours(count: int) -> str:
    return ngettext("%(count)s hour", "%(count)s hours", count) % {"count": number(count)}


def minutes(count: int) -> str:
    return ngettext("%(count)s minute", "%(count)s minutes", count) % {"count": number(count)}


def seconds(count: int) -> str:
    return ngettext("%(count)s second", "%(count)s seconds", count) % {"count": number(count)}


def length(seconds: float) -> str:
    """Return a length in its two largest units: 3 h 5 min."""
    whole = max(0, round(seconds / 60))
    days_, rest = divmod(whole, 1440)
    hours_, left = divmod(rest, 60)
    parts = [(days_, gettext("d")), (hours_, gettext("h")), (left, gettext("min"))]
    shown = [f"{count} {unit}" for count, unit in parts if count][:2]
    return " ".join(shown) or gettext("less than a minute")
