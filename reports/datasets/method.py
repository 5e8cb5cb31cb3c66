"""What the figures of the compliance report mean, in plain words."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext, gettext_noop

from itam.said import Said, said
from licenses.concurrency.denials import RULES

_METHOD: Final = (
    gettext_noop(
        "In use are the seats of all open checkouts, borrowed and idle ones included."
        " Requests in a queue and reservations that nobody uses are not. A pool over"
        " several servers is added up at each moment, so its peak is the peak of the"
        " sum."
    ),
    gettext_noop(
        "Allowed is the sum of the entitlements in force plus the overdraft that"
        " contracts tolerate, by the pool's own days. After the last one ended it is 0;"
        " before the first one began it is not known, and nothing is judged. What a"
        " server issues is shown for comparison only."
    ),
    gettext_noop(
        "Over-use is any time, however short, with more seats in use than allowed. It"
        " is never averaged away: the verdict of a period is that of its worst month."
    ),
    gettext_noop(
        "Observed is the time that a log without a break or a complete answer to a poll"
        " vouches for. Coverage is observed time as a share of the time in which the"
        " pool existed, rounded down. Maintenance is a gap like any other. Below 95.00"
        " % no statement is made."
    ),
    gettext_noop(
        '"Within rights, as observed" says that no over-use happened in the observed'
        " time. It says nothing of the gaps, which are listed with their causes."
    ),
    gettext_noop(
        '"Proven within rights" says more: at every moment either a log told of all'
        " seats, or the servers could not issue more than documents prove, by licence files"
        " that stayed the same and of no fewer seats than the servers' own totals. Such"
        " time is bounded."
    ),
    gettext_noop(
        "From logs, figures are exact to the second. Where only polls looked, use that"
        " began and ended between two polls is not in the figures, so a peak is marked"
        ' ">=": such data can prove over-use and never its absence.'
    ),
    gettext_noop(
        "Refusals are counted as logged, if for want of seats. Polls tell of none: where no"
        " log tells of the time they are not known, and where logs tell of a part of it, a"
        ' count is marked ">=". People are blocked by'
        " those that no seat followed within seconds; their time is counted from the"
        " first refusal to the seat or, without one, to the last refusal. These are the"
        " rules of refusals, version %(rules)s."
    ),
    gettext_noop(
        "Rights are those on record at the as-of time; use is what was imported when"
        " this report was made. The same facts give the same file, byte for byte."
    ),
    gettext_noop(
        "Territory, entity and version: contracts may bind use to them. Sessions are"
        " held against a version where licence servers told it; where a session was,"
        " and for whom, they do not tell."
    ),
    gettext_noop("Names of people are not shown, and no figure is about one person's time."),
)


def method() -> tuple[Said, ...]:
    """Return the sentences."""
    return tuple(said(_sentence, message) for message in _METHOD)


def _sentence(message: str) -> str:
    told = gettext(message)
    return told % {"rules": RULES} if "%(rules)s" in message else told
