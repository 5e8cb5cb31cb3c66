"""Logs that tell of no return: a server can be told to leave INs out (NOLOG IN)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .directory import Directory
from .held import IN, OUT, Hole
from .movements import Movements

LEAST_OUTS = 20
LEAST_SECONDS = 4 * 3600
LEAST_TURNS = 2
"""OUTs for each holder and feature: people who take their first seat in the morning return none of
them before noon, but they do not take it once more."""

Holder = tuple[int, ...]


@dataclass
class _Taken:
    """What a text tells of a daemon before its first IN."""

    first: int
    outs: int = 0
    holders: set[Holder] = field(default_factory=set)

    def is_odd(self, until: int) -> bool:
        """Whether so much was taken until a moment that returns must have been left out."""
        return (
            self.outs >= max(LEAST_OUTS, LEAST_TURNS * len(self.holders))
            and until - self.first >= LEAST_SECONDS
        )


class Unreturned:
    """Follows whether a text tells of returns, over its pieces, by daemon.

    known: of an earlier `dump`, to go on in the same text.
    """

    def __init__(self, known: Mapping[str, Sequence[Any] | None] | None = None) -> None:
        self._taken = {
            daemon: _Taken(row[0], row[1], set(map(tuple, row[2]))) if row else None
            for daemon, row in (known or {}).items()
        }
        """None once the daemon told of a return."""

    def dump(self) -> dict[str, list[Any] | None]:
        """Return what another one needs to go on; fit for JSON."""
        return {
            daemon: [taken.first, taken.outs, sorted(taken.holders)] if taken else None
            for daemon, taken in self._taken.items()
        }

    def follow(
        self, rows: Movements | None, directory: Directory, last: int | None
    ) -> list[tuple[str, Hole]]:
        """Return the time in which a daemon's returns must have been left out, as the text stands.

        rows: of the next piece.  last: latest moment of the text.
        """
        found: list[tuple[str, Hole]] = []
        if rows is None or last is None:
            return found
        daemons: dict[str, list[int]] = {}
        for feature in np.unique(rows.keys[0]).tolist():
            daemons.setdefault(directory.feature_names[feature][0], []).append(feature)
        for daemon, features in sorted(daemons.items()):
            if daemon in self._taken and self._taken[daemon] is None:
                continue
            mine = np.isin(rows.feature, features)
            returns = rows.at[mine & (rows.kind == IN)]
            until = int(returns.min()) if len(returns) else last + 1
            taken = self._count(daemon, rows, mine & (rows.kind == OUT) & (rows.at < until))
            if taken is not None and taken.is_odd(until):
                found.append((daemon, Hole(taken.first, until)))
            if len(returns):
                self._taken[daemon] = None
        return found

    def _count(self, daemon: str, rows: Movements, which: Any) -> _Taken | None:
        taken = self._taken.get(daemon)
        if which.any():
            taken = taken or _Taken(int(rows.at[which].min()))
            taken.first = min(taken.first, int(rows.at[which].min()))
            taken.outs += int(which.sum())
            taken.holders |= set(_holders(rows, np.unique(rows.key[which])))
            self._taken[daemon] = taken
        return taken


def _holders(rows: Movements, keys: Any) -> Iterable[Holder]:
    return map(tuple, rows.keys[:3, keys].T.tolist())


def note(daemon: str) -> str:
    """Say of a text what it leaves out."""
    return (
        f"not one return of {daemon} is told of in hours in which the same people took seats "
        f"again: its log may leave returns out (NOLOG IN). Until when those seats were held is not "
        f"known"
    )
