"""Store a server's status: who holds what now, what the server issues, and what the answer vouches
for.

Only a complete answer ends a holding, or brings a feature's totals up to date. A failed or partial
one writes a gap with its cause, and what it does show is kept. Answers may come in any order: what
is stored is a function of their set.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from licenses.analysis import now as pools_now
from licenses.evidence import entries
from licenses.models import Capture, Feature, FeatureNow, LicenseServer, PollState
from licenses.sources.records import Result, Snapshot

from . import attempts, clock_back, coverage, dirty, status_totals
from .captures import store_raw, store_unreadable
from .derive import Key, derive
from .directory import Directory
from .status_rows import StatusRows, Stored


@dataclass
class SnapshotResult:
    """What storing a status came to."""

    capture: Capture
    new: int = 0
    known: int = 0
    ended: int = 0
    unchanged: bool = False


def store_snapshot(
    server: LicenseServer,
    snapshot: Snapshot,
    raw: bytes,
    *,
    at: int,
    source: str,
    asked_at: int | None = None,
    exit_code: int | None = None,
    duration_ms: int | None = None,
) -> SnapshotResult:
    """Store one answer of a server, in one transaction, and return what it changed.

    at:       the moment that the answer describes, epoch seconds. The same bytes for the same
              moment change nothing.
    asked_at: when we asked, by our own clock; None for a text that somebody handed in.
    """
    digest, path = store_raw(raw) if raw else (hashlib.sha256(raw).hexdigest(), "")
    with transaction.atomic():
        LicenseServer.objects.select_for_update().get(pk=server.pk)
        state, _created = PollState.objects.get_or_create(server=server)
        clock = clock_back.note(server, _seconds(state.last_attempt_at), asked_at)
        known = Capture.objects.filter(
            server=server, kind=Capture.Kind.STATUS, sha256=digest, starts=coverage.moment(at)
        ).first()
        if known is not None and raw and not clock:
            return SnapshotResult(
                known, known=sum(len(f.holdings) for f in snapshot.features), unchanged=True
            )
        capture = Capture.objects.create(
            server=server,
            kind=Capture.Kind.STATUS,
            source=source[:255],
            result=str(snapshot.result),
            detail=snapshot.detail[:1000],
            sha256=digest,
            size=len(raw),
            stored=path,
            starts=coverage.moment(at),
            ends=coverage.moment(at),
            lines=snapshot.lines,
            unreadable_count=len(snapshot.unreadable),
            exit_code=exit_code,
            duration_ms=duration_ms,
        )
        store_unreadable(capture, snapshot.unreadable)
        result = SnapshotResult(capture)
        drafts = [*clock, _poll_entry(capture, at), *_take(server, snapshot, state, at, result)]
        capture.new, capture.known = result.new, result.known
        capture.save(update_fields=["new", "known", "scope"])
        entries.append(entries.server_stream(server), drafts, source=f"capture:{digest}")
    return result


def _take(
    server: LicenseServer, snapshot: Snapshot, state: PollState, at: int, result: SnapshotResult
) -> list[entries.Draft]:
    newest = not Capture.objects.filter(
        server=server, kind=Capture.Kind.STATUS, starts__gt=coverage.moment(at)
    ).exists()
    complete = snapshot.result == Result.PARSED
    digest = _digest(snapshot)
    directory = Directory(server)
    rows = StatusRows(server, snapshot, directory, at)
    result.capture.scope = attempts.scope_of(server, snapshot, rows.features)
    result.capture.save(update_fields=["scope"])
    if newest and complete and state.line_digest and bytes(state.line_digest) == digest:
        result.unchanged = True
        result.known = sum(len(feature.holdings) for feature in snapshot.features)
        drafts: list[entries.Draft] = []
        FeatureNow.objects.filter(feature__in=rows.features).update(at=coverage.moment(at))
        again = Stored()
        rows.touch_checked(again)
        _derive(server, directory, again.touched)
    else:
        drafts = _store_rows(server, snapshot, rows, result, newest=newest)
    told = attempts.retell(server, at)
    last = _seconds(state.last_parsed_at)
    if complete and (last is None or at > last):
        state.last_parsed_at = coverage.moment(at)
    if newest:
        state.last_attempt_at = coverage.moment(at)
        state.last_result, state.last_detail = str(snapshot.result), snapshot.detail[:1000]
        state.failures = 0 if complete else state.failures + 1
        state.line_digest = digest if complete else None
    state.save()
    if told.start <= told.end:
        dirty.mark_server(server, told.start, told.end + 1)  # the answer's own second counts
    if newest:
        _refresh_pools(server)
    return drafts + told.drafts


def _store_rows(
    server: LicenseServer,
    snapshot: Snapshot,
    rows: StatusRows,
    result: SnapshotResult,
    *,
    newest: bool,
) -> list[entries.Draft]:
    answers = attempts.Answers(server)
    capture = result.capture
    stored = rows.store(capture, answers, newest=newest)
    result.new, result.known, result.ended = stored.new, stored.known, stored.ended
    _derive(server, rows.directory, stored.touched)
    issued = status_totals.store(snapshot, rows.directory, capture, answers, rows.at)
    if issued.start <= issued.end:
        dirty.mark_server(server, issued.start, issued.end)
    return stored.drafts + issued.drafts


def _derive(server: LicenseServer, directory: Directory, touched: dict[Key, int]) -> None:
    daemons = {pk: names[0] for pk, names in directory.feature_names.items()}
    changed = derive(server, touched, daemons)
    if changed.start <= changed.end:
        dirty.mark_server(server, changed.start, changed.end)


def store_failure(
    server: LicenseServer,
    result: Result,
    detail: str,
    *,
    at: int,
    source: str,
    raw: bytes = b"",
    asked_at: int | None = None,
    exit_code: int | None = None,
    duration_ms: int | None = None,
) -> SnapshotResult:
    """Store an attempt that brought no status at all: the tool could not run, or did not answer in
    time."""
    snapshot = Snapshot(result=result, taken_at=None, server=server.address, detail=detail)
    return store_snapshot(
        server,
        snapshot,
        raw,
        at=at,
        source=source,
        asked_at=asked_at,
        exit_code=exit_code,
        duration_ms=duration_ms,
    )


def _poll_entry(capture: Capture, at: int) -> entries.Draft:
    body = {
        "bytes": capture.size,
        "detail": capture.detail,
        "result": capture.result,
        "sha256": capture.sha256,
        "source": capture.source,
        "unreadable": capture.unreadable_count,
    }
    if capture.duration_ms is not None:
        body["duration_ms"] = capture.duration_ms
    return entries.draft("poll", at, body)


def _digest(snapshot: Snapshot) -> bytes:
    """Return what tells a changed status from an unchanged one: everything but its date."""
    return hashlib.sha256(repr((snapshot.daemons, snapshot.features)).encode()).digest()


def _refresh_pools(server: LicenseServer) -> None:
    pools = Feature.objects.filter(server=server, mappings__mapped_until=None).values_list(
        "mappings__pool", flat=True
    )
    pools_now.refresh({pool for pool in pools if pool is not None})


def _seconds(value: Any) -> int | None:
    return None if value is None else int(value.timestamp())
