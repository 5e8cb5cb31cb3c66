"""When saved answers were given: a zone's clock may show the minute that one prints twice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise
from zoneinfo import ZoneInfo

from licenses.sources.clock import told_again, told_before

WITHIN = 59
"""Seconds within which an answer was given that prints its minute alone."""
JUST_NOW = 900
"""Seconds in which an answer is handed in that nobody has kept."""


def moments(printed: Sequence[int | None], zone: ZoneInfo, now: int) -> list[int | None]:
    """Return the moments of answers in the order of their text, None where it may be either of two.

    printed:  what each prints, as one of the two; None stands for now, as does what lies ahead.
    """
    first = [now if at is None else told_before(at, zone) or at for at in printed]
    found: list[int | None] = []
    for doubled, group in groupby(first, lambda at: told_again(at, zone) is not None):
        run = list(group)
        found += _of_doubled_hour(run, zone, now, len(run) < len(first)) if doubled else run
    known = [at for at in found if at is not None]
    if any(following < at for at, following in pairwise(known)):
        # The text is in no order, so that a clock which goes back says nothing.
        found = [None if told_again(at, zone) is not None else at for at in first]
    return [None if at is None else min(at, now) for at in found]


def _of_doubled_hour(
    run: list[int], zone: ZoneInfo, now: int, ordered: bool
) -> Iterator[int | None]:
    """Yield the moments of answers that follow each other in a text.

    run:      of each, the first of the two.
    ordered:  others of the text tell that it is in order: a minute that is earlier than the one
              before is of the second hour.
    """
    backs = [place for place, (at, then) in enumerate(pairwise(run), 1) if ordered and then < at]
    for place, at in enumerate(run):
        again = told_again(at, zone)
        assert again is not None
        if len(backs) == 1:
            yield again if place >= backs[0] else at
        elif again > now:
            yield at
        else:
            yield again if now - again <= JUST_NOW else None
