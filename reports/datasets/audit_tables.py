"""The tables that go with an audit as CSV: what paper would be too long for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from licenses.analysis.refusals import refusals_known
from reports.datasets.audit_sources import Sources
from reports.datasets.audit_use import PoolUse
from reports.datasets.changes import Change
from reports.datasets.files import as_csv, utc
from reports.datasets.pool_report import PoolReport


def gaps_csv(pools: Iterable[PoolReport]) -> bytes:
    """Return every gap of every pool."""
    names = ("pool", "from", "to", "cause", "detail", "bounded_seconds", "bound", "bound_basis")
    rows: Iterable[list[Any]] = (
        [
            pool.position.pool,
            utc(gap.start),
            utc(gap.end),
            gap.cause,
            gap.detail,
            gap.bounded_seconds,
            gap.bound,
            gap.bound_basis,
        ]
        for pool in pools
        for gap in pool.gaps
    )
    return as_csv(names, rows)


def overuse_csv(pools: Iterable[PoolReport]) -> bytes:
    """Return every over-use episode of every pool."""
    rows: Iterable[list[Any]] = (
        [
            pool.position.pool,
            utc(row.start),
            utc(row.end),
            row.peak,
            row.excess,
            row.cause,
            row.resolution,
            row.owner,
        ]
        for pool in pools
        for row in pool.over_use
    )
    names = ["pool", "from", "to", "peak", "most_above_allowed", "cause", "resolution", "owner"]
    return as_csv(names, rows)


def sessions_csv(uses: Iterable[PoolUse]) -> bytes:
    """Return the sessions behind the highest peaks."""
    names = ["pool", "peak_at", "peak", "person", "host", "feature", "server", "seats"]
    rows: Iterable[list[Any]] = (
        [
            use.pool,
            utc(peak.at),
            peak.seats,
            row.person,
            row.host,
            row.feature,
            row.server,
            row.seats,
            utc(row.start),
            utc(row.end),
            row.method,
        ]
        for use in uses
        for peak in use.peaks
        for row in peak.sessions
    )
    return as_csv([*names, "from", "to", "method"], rows)


def denials_csv(uses: Iterable[PoolUse]) -> bytes:
    """Return refusals by code. A pool without any has a row all the same, with how long logs told
    of it: 0, or not known."""
    names = ["pool", "code", "class", "refusals", "people", "served_within_seconds"]
    rows: Iterable[list[Any]] = (
        [use.pool, *counts, use.logged_seconds, use.expected_seconds]
        for use in uses
        for counts in _refused(use)
    )
    return as_csv([*names, "logged_seconds", "expected_seconds"], rows)


def _refused(use: PoolUse) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = [
        (row.code, row.kind, row.refusals, row.people, row.served) for row in use.refusals
    ]
    none = refusals_known(0, use.logged_seconds)
    return found or [(None, None, none, none, none)]


def changes_csv(changes: Iterable[Change]) -> bytes:
    """Return what people recorded."""
    names = ("recorded_at", "kind", "pool", "what", "before", "after", "reason", "author")
    rows: Iterable[list[Any]] = (
        [utc(row.at), row.kind, row.pool, row.what, row.before, row.after, row.reason, row.author]
        for row in changes
    )
    return as_csv(names, rows)


def sources_csv(sources: Sources) -> bytes:
    """Return the files that were read, with their totals."""
    names = ["server", "file", "pieces", "bytes", "lines", "new", "known", "unreadable"]
    rows: Iterable[list[Any]] = (
        [
            row.server,
            row.file,
            row.pieces,
            row.bytes,
            row.lines,
            row.new,
            row.known,
            row.unreadable,
            utc(row.first_at),
            utc(row.last_at),
            row.digest,
        ]
        for row in sources.files
    )
    return as_csv([*names, "tells_from", "tells_to", "sha256"], rows)


def servers_csv(sources: Sources) -> bytes:
    """Return what the servers stated of themselves over time."""
    names = ("server", "what", "daemon", "host", "value", "source", "stated_from", "stated_until")
    rows: Iterable[list[Any]] = (
        [
            system.name,
            fact.what,
            fact.daemon,
            fact.host,
            fact.value,
            fact.source,
            utc(fact.at),
            utc(fact.until),
        ]
        for system in sources.systems
        for fact in system.facts
    )
    return as_csv(names, rows)
