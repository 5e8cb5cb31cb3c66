"""What is said of gaps, without the daemons of others: a server's answer speaks of all of them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from licenses.analysis.gap_reasons import OF_DAEMONS, said_of
from licenses.analysis.mappings import load_mappings
from reports.datasets.compliance import Compliance


def own_detail(cause: str, detail: str, daemons: Collection[str]) -> str:
    """Return of a gap's detail what names no other daemon."""
    return said_of(detail, daemons) if cause in OF_DAEMONS else detail


def own_gaps(found: Compliance) -> Compliance:
    """Return the figures with what their gaps say of the pools' own daemons alone."""
    maps = load_mappings([pool.position.pool_id for pool in found.pools])
    pools = []
    for pool in found.pools:
        daemons = {row.daemon for row in maps[pool.position.pool_id]}
        gaps = (
            replace(gap, detail=own_detail(gap.cause, gap.detail, daemons)) for gap in pool.gaps
        )
        pools.append(replace(pool, gaps=tuple(gaps)))
    return replace(found, pools=tuple(pools))
