"""The sentences that give a verdict its reason.

That of a month also stands for a longer time, beside that time's figures: so it names its month
wherever it has figures of its own.
"""

from __future__ import annotations

from fractions import Fraction

from django.utils.translation import gettext

from itam import figures
from licenses.analysis.coverage import percent_down


def duration(seconds: int) -> str:
    """Return a length of time for people, cut to whole units: 45 seconds, 38 minutes, 61 hours."""
    for size, words in ((3600, figures.hours), (60, figures.minutes)):
        if seconds >= 2 * size:
            return words(seconds // size)
    return figures.seconds(seconds)


def no_time() -> str:
    return gettext("No time was asked for.")


def too_little(share: Fraction, floor: Fraction, month: str) -> str:
    return gettext(
        "Observed %(share)s of the time in %(month)s, less than the %(floor)s that a statement"
        " needs."
    ) % {"share": percent_down(share), "month": month, "floor": percent_down(floor)}


def no_use(share: Fraction, month: str) -> str:
    told = gettext(
        "Never above what is allowed in the %(share)s of %(month)s that was observed; no use."
    )
    return told % {"share": percent_down(share), "month": month}


def as_observed(share: Fraction, month: str, peak: int, allowed: int, when: str) -> str:
    told = gettext(
        "Never above what is allowed in the %(share)s of %(month)s that was observed; most in"
        " use %(peak)s of %(allowed)s on %(when)s."
    )
    return told % {
        "share": percent_down(share),
        "month": month,
        "peak": peak,
        "allowed": allowed,
        "when": when,
    }


def above(used: int, allowed: int, when: str, total: int, month: str) -> str:
    told = gettext(
        "In use %(at)s of %(at_2)s allowed on %(when)s, %(duration)s above in %(month)s."
    )
    return told % {
        "at": used,
        "at_2": allowed,
        "when": when,
        "duration": duration(total),
        "month": month,
    }


def claimed(used: int, when: str, proven: int) -> str:
    return gettext(
        "In use %(at)s on %(when)s, where documents prove %(at_2)s: the rest is claimed."
    ) % {"at": used, "when": when, "at_2": proven}


def logs_tell() -> str:
    return gettext("Logs tell of every seat at every moment: never above what documents prove.")


def unmeasured() -> str:
    return gettext(
        "The server issues seats without a number: nobody has to ask it for one, so use cannot be"
        " measured."
    )


def bounded(most: int, right: int, blind: int, filed: bool, month: str) -> str:
    if blind and filed:
        told = gettext(
            "By its licence file, the server could not issue more than %(most)s of %(right)s"
            " while we were blind for %(blind)s in %(month)s."
        )
    elif blind:
        told = gettext(
            "The server could not issue more than %(most)s of %(right)s while we were blind"
            " for %(blind)s in %(month)s."
        )
    elif filed:
        told = gettext(
            "By its licence file, the server could not issue more than %(most)s of %(right)s"
            " while only polls looked."
        )
    else:
        told = gettext(
            "The server could not issue more than %(most)s of %(right)s while only polls looked."
        )
    return told % {"most": most, "right": right, "blind": duration(blind), "month": month}


def nothing_allowed(uncounted: bool, until: str) -> str:
    """Say that no entitlement says what is allowed. until: "" for all of the time."""
    if not until and uncounted:
        return gettext(
            "The server issues seats without a number, and no entitlement says what is allowed."
        )
    if not until:
        return gettext("No entitlement says what is allowed.")
    if uncounted:
        told = gettext(
            "Until %(until)s, the server issues seats without a number, and no entitlement says"
            " what is allowed."
        )
    else:
        told = gettext("Until %(until)s, no entitlement says what is allowed.")
    return told % {"until": until}
