"""Print what `lmstat -a` would have said at any moment of a history."""

from __future__ import annotations

from collections.abc import Sequence

from . import lmutil
from .history import History
from .schedule import DAY, Row, build_schedule

SERVER_DOWN = lmutil.cannot_connect()
"""The error text for a server that does not answer (-15)."""


class StatusPrinter:
    """The status texts of one server over [start, end): prepared once, printed at as many moments
    as one likes."""

    def __init__(
        self,
        history: History,
        server: str,
        start: int,
        end: int,
        *,
        daemon_outages: Sequence[tuple[int, int, str]] = (),
    ) -> None:
        self.start = start
        length = (end - start + DAY - 1) // DAY * DAY
        self.head, self.days = build_schedule(
            history, server, start=start, end=start + length, daemon_outages=daemon_outages
        )

    def day(self, at: int) -> tuple[list[Row], list[Row]]:
        return self.days[(at - self.start) // DAY]

    def at(self, moment: int) -> str:
        """Return the text of that moment; with the server down it is an error text."""
        return lmutil.status_text(self, moment)


def status_text(
    history: History, server: str, at: int, *, daemon_outages: Sequence[tuple[int, int, str]] = ()
) -> str:
    """Return the text of one moment. For many moments of one server use a StatusPrinter."""
    return StatusPrinter(
        history, server, at - DAY // 2, at + DAY // 2, daemon_outages=daemon_outages
    ).at(at)
