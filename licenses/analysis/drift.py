"""Whether contract, licence file and server agree on how many seats a pool has."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from licenses.analysis.mappings import load_mappings
from licenses.analysis.rights import Statement, load_rights, load_statements
from licenses.analysis.rows import EVER, now_epoch
from licenses.models import IssuedCount, LicensePool


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


def drift(pool: LicensePool, now: int | None = None) -> Drift:
    """Return the seats that contracts, licence files and servers say a pool has. Three queries.

    A file or a server says nothing of a pool if it says nothing of one of its features, or has one
    without a number.
    """
    moment = now_epoch(now)
    rights = [r for r in load_rights([pool])[pool.pk] if r.start <= moment < r.end]
    entitled = Said(None, None)
    if rights:
        entitled = Said(sum(r.quantity for r in rights), max(r.start for r in rights))
    maps = [m for m in load_mappings([pool.pk])[pool.pk] if m.start <= moment < m.end]
    rows = load_statements({m.feature for m in maps})
    sources = (IssuedCount.Source.FILE, IssuedCount.Source.STATUS)
    filed, served = (
        _sum(
            [
                (m.weight, [s for s in rows.get(m.feature, ()) if _says(s, source, moment)])
                for m in maps
            ]
        )
        for source in sources
    )
    return Drift(entitled, filed, served)


def _says(row: Statement, source: str, moment: int) -> bool:
    return row.source == source and row.start <= moment < row.end


def _sum(parts: Iterable[tuple[int, list[Statement]]]) -> Said:
    total, since, empty = 0, EVER, True
    for weight, rows in parts:
        if not rows or any(row.seats is None for row in rows):
            return Said(None, None)
        total += weight * sum(row.seats or 0 for row in rows)
        since, empty = max(since, *(row.start for row in rows)), False
    return Said(None, None) if empty else Said(total, None if since == EVER else since)
