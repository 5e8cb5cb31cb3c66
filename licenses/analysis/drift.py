"""Whether contract, licence file and server agree on how many seats a pool has."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, tzinfo
from typing import NamedTuple

from django.utils.translation import gettext_noop

from itam.told import Told, capital, draw, joined, tell
from licenses.analysis.mappings import Mapping, load_mappings, servers
from licenses.analysis.packages import load_packages, wholes
from licenses.analysis.rights import Right, load_rights
from licenses.analysis.rows import EVER, now_epoch
from licenses.analysis.statements import Stated, Statement, load_statements
from licenses.models import IssuedCount, LicensePool

WORDS = (
    gettext_noop("contracts say"),
    gettext_noop("the licence file says"),
    gettext_noop("the server serves"),
)


class Said(NamedTuple):
    """So many seats of the pool, since when; None where it has been so for ever or nobody says."""

    seats: int | None
    since: int | None


class Drift(NamedTuple):
    """What each of the three says of a pool. Overdraft is left out of all of them."""

    entitled: Said
    filed: Said
    served: Said

    @property
    def differs(self) -> bool:
        """Tell whether two that say a number say different ones."""
        return len({said.seats for said in self if said.seats is not None}) > 1

    def sentence(self, zone: tzinfo) -> Told:
        """Return what each of them says that says a number, with its day; "" if they agree."""
        if not self.differs:
            return joined([])
        parts = []
        for words, said in zip(WORDS, self, strict=True):
            if said.seats is not None:
                text = joined([tell(words), draw(said.seats)], " ")
                if said.since is not None:
                    day = datetime.fromtimestamp(said.since, zone).date()
                    text = tell("%(said)s since %(day)s", said=text, day=day)
                parts.append(text)
        return capital(joined([joined(parts, ", "), "."], ""))


def drift(pool: LicensePool, now: int | None = None) -> Drift:
    """Return the seats that contracts, licence files and servers say a pool has: four queries."""
    return drifts([pool], now)[pool.pk]


def drifts(pools: Collection[LicensePool], now: int | None = None) -> dict[int, Drift]:
    """Return the same for each of many pools. Four queries at most.

    A file or a server says nothing of a pool if it says nothing of one of its features, or has one
    without a number. Seats of a component are its package's, as far as that has as many.
    """
    moment = now_epoch(now)
    rights = load_rights(pools)
    mappings = {
        pool: [m for m in maps if m.start <= moment < m.end]
        for pool, maps in load_mappings([pool.pk for pool in pools]).items()
    }
    rows = load_statements({m.feature for maps in mappings.values() for m in maps})
    several = {pool: maps for pool, maps in mappings.items() if len(maps) > 1}
    packages = load_packages(servers(several)) if several else set()
    found = {}
    for pool in pools:
        packed = wholes(mappings[pool.pk], packages)
        filed, served = (
            _sum(
                mappings[pool.pk],
                {
                    m.feature: [s for s in rows.get(m.feature, ()) if _says(s, source, moment)]
                    for m in mappings[pool.pk]
                },
                packed,
                moment,
            )
            for source in (IssuedCount.Source.FILE, IssuedCount.Source.STATUS)
        )
        found[pool.pk] = Drift(_entitled(rights[pool.pk], moment), filed, served)
    return found


def _entitled(rights: Iterable[Right], moment: int) -> Said:
    """Return what the lines in force add up to: 0 once all have ended, nothing before the first."""
    begun = [right for right in rights if right.start <= moment]
    if not begun:
        return Said(None, None)
    changes = [at for right in begun for at in (right.start, right.end) if at <= moment]
    return Said(sum(right.quantity for right in begun if moment < right.end), max(changes))


def _says(row: Statement, source: str, moment: int) -> bool:
    return row.source == source and row.start <= moment < row.end


def _sum(
    maps: Sequence[Mapping],
    said: dict[int, list[Statement]],
    packed: dict[int, list[Mapping]],
    moment: int,
) -> Said:
    """Return what is said of all features together. said: of each what holds at the moment."""
    if not maps:
        return Said(None, None)
    stated, total, since = Stated(said, packed), 0, EVER
    for m in maps:
        _source, own = stated.added(m.feature, moment)
        if own is None:
            return Said(None, None)
        if own or m.feature not in packed:
            total += m.weight * own
            since = max(since, *(row.start for row in said[m.feature]))
    return Said(total, None if since == EVER else since)
