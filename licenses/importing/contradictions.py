"""Where two texts of a log contradict each other: what one holder took in one second.

Each of the two covers the second, so that neither was cut there, and each lacks the other's line,
so that neither is a copy of the other that has lost some. A text that tells of both settles it.

They may also tell of the same seats a second apart: what is taken in the later second may be what
was taken in the earlier one, so beside its seats stands that it were none.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np

from licenses.analysis.events import load_events
from licenses.analysis.rows import numbered
from licenses.concurrency.intervals import Flags
from licenses.evidence.entries import draft
from licenses.models import Contradiction, Host, Person

from .context import Key, load_contradictions
from .coverage import moment
from .directory import Directory
from .facts import Stored
from .held import IN, OUT
from .movements import Movements
from .repeats import REPEAT_WINDOW, Repeats


class Taken(NamedTuple):
    """An OUT of a text. In the order of what `Repeats` numbers."""

    at: int
    feature: int
    person: int
    host: int
    seats: int

    def with_seats(self, seats: int) -> Taken:
        return self._replace(seats=seats)

    def moved(self, seconds: int) -> Taken:
        return self._replace(at=self.at + seconds)


class Contradictions:
    """Compares what a text tells anew of time that others cover, over its pieces.

    known: of an earlier `dump`, to go on in the same text.
    """

    def __init__(self, directory: Directory, known: Iterable[Sequence[int]] = ()) -> None:
        self._directory = directory
        # The text may have ended in their second, or tell more of it.
        self._waiting = [Taken(*row) for row in known]

    def dump(self) -> list[list[int]]:
        """Return what another one needs to go on; fit for JSON."""
        return [list(row) for row in self._waiting]

    def judge(
        self,
        stored: Stored,
        repeats: Repeats,
        spans: Sequence[tuple[int, int]],
        first: int | None,
        before: int | None,
        last: int | None,
    ) -> None:
        """Store what a piece contradicts, and drop what it settles, now that it is known which of
        its rows are new.

        repeats: what the text told lately.  spans, first, before, last: as for `Joints.meet`.
        """
        rows, new = stored.movements, stored.new_rows
        if rows is None or new is None or first is None or last is None:
            return
        told = _Text(rows, new, repeats)
        for *row, less in load_contradictions(self._directory.server):
            more, fewer = Taken(*row), less
            if told.has(more) and told.has(more.with_seats(fewer) if fewer else more.moved(-1)):
                self._drop(more, fewer, stored)
            elif told.returned(more) or told.returned(more.with_seats(fewer)):
                _touch(more, fewer, stored)
        since = first if before is None else max(first, before - REPEAT_WINDOW)
        found = [*self._waiting, *_covered(rows, new, spans, since)]
        self._waiting = [each for each in found if each.at + 1 >= last]
        for each, seats in _others([each for each in found if each.at < last]):
            if seats != each.seats and not told.has(each.with_seats(seats)):
                more = each.with_seats(max(each.seats, seats))
                self._add(more, min(each.seats, seats), stored)
        found = [each for each in found if each.at + 1 < last]
        for step in (-1, 1):
            for moved, seats in _others([each.moved(step) for each in found]):
                if seats == moved.seats and moved.at > first and not told.has(moved):
                    self._add(max(moved, moved.moved(-step)), 0, stored)

    def _add(self, taken: Taken, fewer: int, stored: Stored) -> None:
        at, feature, person, host, seats = taken
        _row, created = Contradiction.objects.get_or_create(
            feature_id=feature,
            person_id=person,
            host_id=host,
            at=moment(at),
            seats=seats,
            fewer_seats=fewer,
        )
        if created:
            self._tell(taken, fewer, stored, "logs differ")

    def _drop(self, taken: Taken, fewer: int, stored: Stored) -> None:
        Contradiction.objects.filter(
            feature=taken.feature,
            person=taken.person,
            host=taken.host,
            at=moment(taken.at),
            seats=taken.seats,
            fewer_seats=fewer,
        ).delete()
        self._tell(taken, fewer, stored, "logs differ no more")

    def _tell(self, taken: Taken, fewer: int, stored: Stored, what: str) -> None:
        daemon, name = self._directory.feature_names[taken.feature]
        body = {
            "daemon": daemon,
            "feature": name,
            "fewer_seats": fewer,
            "host": Host.objects.get(pk=taken.host).pseudonym,
            "person": Person.objects.get(pk=taken.person).pseudonym,
            "seats": taken.seats,
            "what": what,
        }
        stored.drafts.append(draft("config", taken.at, body))
        _touch(taken, fewer, stored)


def _touch(taken: Taken, fewer: int, stored: Stored) -> None:
    for seats in (taken.seats, fewer):
        stored.touch(Key(taken.feature, taken.person, taken.host, seats), taken.at)


class _Text:
    """What a text tells, as far back as it matters."""

    def __init__(self, rows: Movements, new: Flags, repeats: Repeats) -> None:
        self._rows, self._new, self._repeats = rows, new, repeats

    def has(self, taken: Taken) -> bool:
        return taken in self._outs or (*taken, OUT) in self._repeats.counts

    def returned(self, taken: Taken) -> bool:
        """Whether it newly tells of a return that may be of what was taken."""
        key = Key(taken.feature, taken.person, taken.host, taken.seats)
        return self._returns.get(key, taken.at - 1) >= taken.at

    @cached_property
    def _outs(self) -> set[Taken]:
        return set(_taken(self._rows.only(self._rows.kind == OUT)))

    @cached_property
    def _returns(self) -> dict[Key, int]:
        """The newest new return of each key."""
        chosen = self._rows.only((self._rows.kind == IN) & self._new)
        # Sorted by key and moment: the last of a key counts.
        return {Key(*each[1:]): each.at for each in _taken(chosen)}


def _covered(
    rows: Movements, new: Flags, spans: Iterable[tuple[int, int]], since: int
) -> list[Taken]:
    """Return the new OUTs after a moment of which another text tells, too, but for its edges."""
    low, high = int(rows.at.min()), int(rows.at.max())
    found = np.zeros(len(rows), dtype=bool)
    for start, end in spans:
        if start < high and low < end:
            found |= (rows.at > max(start, since)) & (rows.at < end)
    chosen = rows.only(found & new & (rows.kind == OUT))
    return _taken(chosen)


def _taken(rows: Movements) -> list[Taken]:
    columns = (rows.at, rows.feature, rows.person, rows.host, rows.seats)
    return [Taken(*row) for row in zip(*(each.tolist() for each in columns), strict=True)]


def _others(taken: Sequence[Taken]) -> list[tuple[Taken, int]]:
    """Return the OUTs in whose seconds some of the same holder are stored, each with the seats of
    one of those."""
    if not taken:
        return []
    asked = np.array(taken, dtype=np.int64).T
    since = {int(feature): int(asked[0].min()) for feature in np.unique(asked[1])}
    events = load_events(since, int(asked[0].max()))
    events = events.only(events.kind == OUT)
    stored = np.array([events.at, *events.identity[:4]], dtype=np.int64)
    code, _ = numbered(*np.concatenate([asked[:4], stored[:4]], axis=1))
    mine, theirs = code[: len(taken)], code[len(taken) :]
    near = np.isin(theirs, mine)
    seats: dict[int, set[int]] = {}
    for holder, count in zip(theirs[near].tolist(), stored[4][near].tolist(), strict=True):
        seats.setdefault(holder, set()).add(count)
    return [
        (each, count)
        for each, holder in zip(taken, mine.tolist(), strict=True)
        for count in sorted(seats.get(holder, ()))
    ]
