"""How far apart two answers of a server may be, and where one may lie that is not asked for.

Coverage tells where answers vouch for time, and not where they are: that is bounded by how far
apart they could be then, whatever interval is set today.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from itertools import pairwise

from licenses.analysis.rows import EVER, number
from licenses.concurrency.timeline import OPEN
from licenses.models import LicenseServer, longest_step


class AnswerSteps:
    """How far apart two answers of one server may be and still vouch for the time between them, by
    when the first of the two was given.

    rows:  (from when on, seconds); of two of one moment the later one counts.
    """

    def __init__(self, rows: Iterable[tuple[int, int]]) -> None:
        self.rows = sorted(dict(rows).items())
        begins = [since for since, _step in self.rows]
        self._spans = [
            (since, until, step)
            for (since, until), (_since, step) in zip(
                pairwise([*begins, OPEN]), self.rows, strict=True
            )
        ]

    def at(self, moment: int) -> int:
        """Return how far the answer after one that was given then may be from it."""
        return next(step for since, step in reversed(self.rows) if since <= moment)

    def latest_after(self, moment: int) -> int:
        """Return when, at the latest, the answer came that follows the last one up to a moment."""
        return max(
            min(moment, until - 1) + step for since, until, step in self._spans if since <= moment
        )

    def earliest_before(self, moment: int) -> int:
        """Return when, at the earliest, the last answer before a moment was given, if another
        followed it then or later."""
        return min(
            max(since, moment - step)
            for since, until, step in self._spans
            if since < moment and moment - step < until
        )


def load_steps(
    server_ids: Collection[int], as_of: datetime | None = None
) -> dict[int, AnswerSteps]:
    """Return the steps of servers, as they were known at a moment. One query."""
    rows: dict[int, list[tuple[int, int]]] = {}
    for server, interval, since, step in (
        LicenseServer.objects.filter(pk__in=server_ids)
        .order_by("steps__pk")
        .values_list("pk", "poll_seconds", number("steps__since", EVER), "steps__seconds")
    ):
        # Without a row nothing is vouched for yet.
        told = (EVER, longest_step(interval)) if step is None else (since, step)
        if as_of is None or since < as_of.timestamp():
            rows.setdefault(server, []).append(told)
    return {server: AnswerSteps(told) for server, told in rows.items()}
