"""Where two texts of one log tell the same time differently: the clock was set back between them.

By a little, the parser sees the clock go back within a text. Where it goes back further, and
between two texts that were handed in apart, it shows in that the one ends after the other begins,
though neither holds an event that the other tells of the time between. Of a text that stands behind
another in the same log, only that one counts, whatever else is known of the time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from typing import Any, NamedTuple

import numpy as np

from licenses.analysis.events import Events, load_events
from licenses.concurrency.intervals import Ints
from licenses.models import LicenseServer
from licenses.sources.clock import MIDNIGHT_FALL
from licenses.sources.records import ClockStep

from .facts import Stored
from .movements import Movements

REASON = "another text of the log goes on until later, and tells nothing of the same"


MOST_PRINTS = 256
"""Events of a text that are remembered, of the last MIDNIGHT_FALL; of more, a sample."""
_MIX = np.uint64(0x9E3779B97F4A7C15)


class Joint(NamedTuple):
    """Time of which this text and another tell.

    begins:  whether this text begins in it, and so comes after the other; else it ends in it.
    daemons: whose events the other tells of it.
    since:   from when on the other tells of it, where it stands before this one in the same log;
             None otherwise: what it tells is stored.
    prints:  of the other's events, up to the largest that is remembered. missed: whether this text
             would have to tell of any, if it goes past them and is of the same time.
    """

    at: int
    until: int
    begins: bool
    daemons: frozenset[str] = frozenset()
    since: int | None = None
    prints: frozenset[int] = frozenset()
    largest: int = 2**63 - 1
    missed: bool = False

    def dump(self) -> list[Any]:
        return [*self[:3], sorted(self.daemons), self.since, sorted(self.prints), *self[6:]]

    @classmethod
    def load(cls, row: Sequence[Any]) -> Joint:
        at, until, begins, daemons, *more = row
        since, told, *most = more or (None, ())
        return cls(at, until, begins, frozenset(daemons), since, frozenset(told), *most)


class Lately:
    """What a text told lately: moment and fingerprint of its events.

    known: of an earlier `dump`, to go on in the same text.
    """

    def __init__(self, known: Iterable[Sequence[int]] = ()) -> None:
        self._rows = np.array([*known], dtype=np.int64).reshape(-1, 2)

    def dump(self) -> list[list[int]]:
        """Return what another one needs to go on; fit for JSON."""
        found: list[list[int]] = self._rows.tolist()
        return found

    def add(self, rows: Movements | None, last: int | None) -> None:
        """Go on with the events of a piece. last: latest moment of the text."""
        if rows is None or last is None or not len(rows):
            return
        new = np.stack([rows.at, prints(rows)], axis=1)
        found = np.concatenate([self._rows, new])
        found = found[found[:, 0] >= last - MIDNIGHT_FALL]
        # Which are kept of many is a matter of their prints alone: another text with the same
        # events is bound to hold those of its own time.
        self._rows = found[np.sort(np.argsort(found[:, 1], kind="stable")[:MOST_PRINTS])]

    @property
    def largest(self) -> int:
        """The largest fingerprint that is remembered."""
        return int(self._rows[:, 1].max()) if len(self._rows) == MOST_PRINTS else 2**63 - 1

    def within(self, at: int, until: int) -> frozenset[int]:
        """Return the fingerprints of the events of [at, until]."""
        rows = self._rows[(self._rows[:, 0] >= at) & (self._rows[:, 0] <= until)]
        return frozenset(rows[:, 1].tolist())


def prints(rows: Movements | Events) -> Ints:
    """Return a number for each event, equal for equal ones and for hardly any others."""
    found = np.zeros(len(rows), dtype=np.uint64)
    for column in (rows.at, rows.feature, rows.person, rows.host, rows.seats, rows.kind):
        found = (found ^ column.astype(np.uint64)) * _MIX
        found ^= found >> np.uint64(29)
    return (found >> np.uint64(1)).astype(np.int64)


class Joints:
    """Follows what a text shares with others, over its pieces.

    known: of an earlier `dump`, to go on in the same text.
    """

    def __init__(self, server: LicenseServer, known: Iterable[Sequence[Any]] = ()) -> None:
        self._server = server
        self._open = [Joint.load(row) for row in known]

    def dump(self) -> list[list[Any]]:
        """Return what another one needs to go on; fit for JSON."""
        return [joint.dump() for joint in self._open]

    @property
    def open(self) -> bool:
        """Whether the text may yet show that the clock was set back."""
        return bool(self._open)

    def follow(
        self, at: int, until: int, since: int | None, daemons: Set[str], lately: Lately
    ) -> None:
        """Say that this text begins at a moment, behind one in the same log.

        until, since, daemons, lately: when that ended and began, and of what it told.
        """
        if since is None or not at < until <= at + MIDNIGHT_FALL:
            return
        # Of the second of its first line this text may tell in part.
        missed = bool(lately.within(at + 1, until))
        told, names = lately.within(at, until), frozenset(daemons)
        self._open.append(Joint(at, until, True, names, since, told, lately.largest, missed))

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
        begins = before is None and not any(joint.begins for joint in self._open)
        for start, end in spans:
            if begins and start < first < end <= first + MIDNIGHT_FALL:
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
        steps = []
        for joint in list(self._open):
            mine, again = _of_joint(joint, stored)
            if again:
                # The same text again.
                self._open.remove(joint)
                continue
            past = last is not None and last > joint.until
            # A text that goes past what stands before it, and has none of its lines, is another.
            differs = mine or (past and joint.missed)
            if differs and joint.daemons & daemons and last is not None:
                until = joint.until if joint.begins else min(joint.until, last)
                if joint.at < until <= joint.at + MIDNIGHT_FALL:
                    steps.append(ClockStep(joint.at, joint.at - until, REASON, line))
            if past:
                self._open.remove(joint)
        return steps


def _of_joint(joint: Joint, stored: Stored) -> tuple[bool, bool]:
    """Return whether a piece tells of events in the time of a joint, and of any that the other text
    tells."""
    rows, new = stored.movements, stored.new_rows
    if rows is None or new is None:
        return False, False
    mine, again = (rows.at >= joint.at) & (rows.at <= joint.until), ~new
    if joint.since is None:
        return bool(np.any(mine)), bool(np.any(mine & again))
    told = prints(rows)
    again = mine & np.isin(told, list(joint.prints))
    # The other may have been cut within the seconds of its first line and its last.
    mine &= (rows.at > joint.since) | (joint.since < joint.at)
    mine &= (rows.at < joint.until) & (told <= joint.largest)
    return bool(np.any(mine)), bool(np.any(again))


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
