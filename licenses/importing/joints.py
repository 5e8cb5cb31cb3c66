"""Where two texts of one log tell the same time differently: the clock was set back between them.

Within a text the parser sees the clock go back. Between two that were handed in apart it shows in
that the one ends after the other begins, though neither holds an event that the other tells of the
time between.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from typing import Any, NamedTuple

import numpy as np

from licenses.analysis.events import load_events
from licenses.models import LicenseServer
from licenses.sources.clock import MIDNIGHT_FALL
from licenses.sources.records import ClockStep

from .facts import Stored

REASON = "another text of the log goes on until later, and tells nothing of the same"


class Joint(NamedTuple):
    """Time of which this text and another tell.

    begins:  whether this text begins in it, and so comes after the other; else it ends in it.
    daemons: whose events the other tells of it.
    """

    at: int
    until: int
    begins: bool
    daemons: frozenset[str] = frozenset()


class Joints:
    """Follows what a text shares with others, over its pieces.

    known: of an earlier `dump`, to go on in the same text.
    """

    def __init__(self, server: LicenseServer, known: Iterable[Sequence[Any]] = ()) -> None:
        self._server = server
        self._open = [Joint(row[0], row[1], row[2], frozenset(row[3])) for row in known]

    def dump(self) -> list[list[Any]]:
        """Return what another one needs to go on; fit for JSON."""
        return [[*row, sorted(daemons)] for *row, daemons in self._open]

    def meet(
        self,
        spans: Iterable[tuple[int, int]],
        first: int | None,
        before: int | None,
        last: int | None,
    ) -> None:
        """Look for time that the next piece shares, before any of it is stored.

        spans:   what is vouched for so far by logs such as this text.
        first:   moment of the text's first line; None where it has none yet, as for the others.
        before:  latest moment of the text before the piece.
        last:    the same with the piece.
        """
        if first is None or last is None:
            return
        found = []
        for start, end in spans:
            if before is None and start < first < end <= first + MIDNIGHT_FALL:
                found.append(Joint(first, end, True))
            elif max(first, before or first) < start < last <= start + MIDNIGHT_FALL:
                found.append(Joint(start, end, False))
        for joint in found:
            if daemons := self._daemons(joint):
                self._open.append(joint._replace(daemons=daemons))

    def _daemons(self, joint: Joint) -> frozenset[str]:
        daemons = dict(self._server.features.values_list("pk", "daemon"))
        told = load_events(dict.fromkeys(daemons, joint.at), joint.until)
        return frozenset(daemons[feature] for feature in np.unique(told.feature).tolist())

    def judge(
        self, stored: Stored, daemons: Set[str], last: int | None, line: int
    ) -> list[ClockStep]:
        """Return the steps that a piece shows, now that it is known which of its events are new.

        daemons: whose events it holds.  last: latest moment of the text.  line: number of its last
        line.
        """
        steps, rows, new = [], stored.movements, stored.new_rows
        for joint in list(self._open):
            if rows is not None and new is not None:
                mine = (rows.at >= joint.at) & (rows.at <= joint.until)
                if np.any(mine & ~new):
                    # The same text again.
                    self._open.remove(joint)
                    continue
                if np.any(mine) and joint.daemons & daemons and last is not None:
                    until = joint.until if joint.begins else min(joint.until, last)
                    if joint.at < until <= joint.at + MIDNIGHT_FALL:
                        steps.append(ClockStep(joint.at, joint.at - until, REASON, line))
            if last is not None and last > joint.until:
                self._open.remove(joint)
        return steps


def cut_seconds(
    stored: Stored,
    spans: Iterable[tuple[int, int]],
    first: int | None,
    before: int | None,
    last: int | None,
) -> list[int]:
    """Return the seconds in which the text and another meet, and both tell of the same: one of them
    may go on from the other within that second, and then its lines are others.

    spans, first, before, last: as for `Joints.meet`.
    """
    rows, new = stored.movements, stored.new_rows
    if rows is None or new is None:
        return []
    edges = {start for start, _end in spans if start == last}
    if before is None:
        edges |= {end for start, end in spans if start < end == first}
    return [edge for edge in sorted(edges) if np.any((rows.at == edge) & ~new)]
