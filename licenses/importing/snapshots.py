"""Store a server's status: who holds what now, what the server issues, and what the answer vouches
for.

Only a complete answer ends a holding, or brings a feature's totals up to date. A failed or partial
one writes a gap with its cause, and what it does show is kept. Answers may come in any order: what
is stored is a function of their set.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from licenses.analysis import now as pools_now
from licenses.analysis.prepared import Asked, Prepared
from licenses.analysis.rows import number
from licenses.concurrency.intervals import IntervalSet
from licenses.evidence import entries
from licenses.models import Capture, FeatureNow, LicenseServer, PollState, PoolFeature
from licenses.sources.flexnet.stated import in_status
from licenses.sources.records import Holding, Result, Snapshot

from . import (
    attempts,
    clock_back,
    clock_readings,
    coverage,
    dirty,
    queues,
    server_facts,
    status_totals,
    unlisted,
)
from .answers import SHORT, Answers, scope_of
from .captures import store_raw, store_unreadable
from .context import Key
from .derive import derive
from .directory import Directory, lock
from .status_rows import StatusRows, Stored, same_states


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
    within: int = 0,
    place: int = 0,
    asked_at: int | None = None,
    exit_code: int | None = None,
    duration_ms: int | None = None,
    refresh: bool = True,
) -> SnapshotResult:
    """Store one answer of a server, in one transaction, and return what it changed.

    at:       the moment that the answer describes, epoch seconds. The same bytes for the same
              moment change nothing.
    within:   seconds by which it may have been given later, as a text prints the minute alone.
    place:    how many answers of the same moment stand before it in these bytes.
    asked_at: when we asked, by our own clock; None for a text that somebody handed in.
    refresh:  write the newest figures of the server's pools. Without it the caller does, with
              `refresh_pools`, once for many servers.
    """
    digest, path = store_raw(raw) if raw else (hashlib.sha256(raw).hexdigest(), "")
    with transaction.atomic():
        lock(server)
        state = _state(server)
        clock = clock_back.note(server, _seconds(state.last_attempt_at), asked_at)
        read = clock_readings.note(server, state, snapshot, asked_at, duration_ms)
        later = _LATER.rows(server.pk, at)
        newest = not later or later[0][0] == at
        if later and raw and not clock:
            # One that we asked for is known to the second, the same text handed in is not.
            known = [
                row
                for row in _KNOWN.objects(server.pk, digest, at, at + place)
                if (row.ends != row.starts) == (within > 0)
            ]
            if len(known) > place:
                return SnapshotResult(known[place], known=_holdings(snapshot), unchanged=True)
        by_minute = state.by_minute or within > 0
        rows = StatusRows(
            server, snapshot, Directory(server), at, by_minute=by_minute, alone=not later
        )
        line_digest = _digest(snapshot)
        last_digest = bytes(state.line_digest or b"")
        since = _seconds(state.last_attempt_at) or 0
        unchanged = (
            newest
            and not later
            and snapshot.result == Result.PARSED
            and last_digest == line_digest
            and same_states(_rows(snapshot), at, since)
        )
        names = rows.directory.feature_names
        scope, told = scope_of(server, snapshot, {pk: names[pk] for pk in rows.features})
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
            ends=coverage.moment(at + within),
            lines=snapshot.lines,
            unreadable_count=len(snapshot.unreadable),
            exit_code=exit_code,
            duration_ms=duration_ms,
            scope=scope,
            known=_holdings(snapshot) if unchanged else 0,
        )
        store_unreadable(capture, snapshot.unreadable)
        result = SnapshotResult(capture, known=capture.known, unchanged=unchanged)
        if within and not state.by_minute:
            state.by_minute = True
            state.save(update_fields=["by_minute"])
        drafts = [*clock, *read, *told, _poll_entry(capture, at, within)]
        drafts += _stated(server, state, snapshot, at)
        if unchanged:
            _see_again(rows, capture, since=since)
        else:
            drafts += _store_rows(snapshot, rows, result, newest=newest)
        drafts += queues.shown(snapshot, rows.directory, at)
        drafts += _vouch(rows, newest=newest)
        if later and later[0][0] == at:
            # Of two answers of one second the one may tell of the minute alone.
            rows.changed.append((at, at + 60))
        _derive_waits(rows, within)
        _mark(rows)
        # After two that differ in one second none is the same as both.
        told_so = line_digest if unchanged or not later else None
        _note(state, snapshot, capture, told_so, newest=newest)
        if newest and refresh:
            refresh_pools([server.pk])
        entries.append_server(server, drafts, source=f"capture:{digest}")
    return result


def _state(server: LicenseServer) -> PollState:
    return _POLLED.first(server.pk) or PollState.objects.get_or_create(server=server)[0]


@Prepared
def _POLLED(server: int) -> Asked:
    return PollState.objects.filter(server=server), ()


@Prepared
def _LATER(server: int, at: int) -> Asked:
    rows = Capture.objects.filter(server=server, kind=Capture.Kind.STATUS, starts__gte=at)
    return rows.order_by("-starts")[:1], (number("starts"),)


@Prepared
def _KNOWN(server: int, digest: str, first: int, last: int) -> Asked:
    # Earlier versions stored those of one minute in one text a second apart.
    rows = Capture.objects.filter(server=server, kind=Capture.Kind.STATUS, sha256=digest)
    return rows.filter(starts__gte=first, starts__lte=last).order_by("starts", "pk"), ()


def _stated(
    server: LicenseServer, state: PollState, snapshot: Snapshot, at: int
) -> list[entries.Draft]:
    """Store what the answer states of its server, unless the last one said so on the same day."""
    said = in_status(snapshot, at)
    digest = server_facts.digest(said, at)
    if not said or bytes(state.stated_digest or b"") == digest:
        return []
    state.stated_digest = digest
    return server_facts.store(server, said, Capture.Kind.STATUS)


def _see_again(rows: StatusRows, capture: Capture, *, since: int) -> None:
    """Store that an answer says what the one before it said. since: when that was."""
    _SEEN_AGAIN.update(rows.features, rows.at)
    again = Stored()
    rows.touch_checked(again)
    _derive(rows, again.touched)
    if rows.at - since < unlisted.MINUTE:
        before = dict.fromkeys(rows.features, since)
        rows.changed += unlisted.note(rows.server, capture, rows.at, before)


@Prepared
def _SEEN_AGAIN(features: Collection[int], at: int) -> Asked:
    return FeatureNow.objects.filter(feature__among=features), {"at": at}


def _vouch(rows: StatusRows, *, newest: bool) -> list[entries.Draft]:
    told = attempts.retell(rows.server, rows.at, newest=newest)
    if told.start <= told.end:
        rows.changed.append((told.start, told.end + 1))  # the answer's own second counts
    return told.drafts


def _note(
    state: PollState,
    snapshot: Snapshot,
    capture: Capture,
    line_digest: bytes | None,
    *,
    newest: bool,
) -> None:
    """Note how the attempt went. line_digest: of what the next answer is compared with."""
    complete = snapshot.result == Result.PARSED
    at = _seconds(capture.starts) or 0
    last = _seconds(state.last_parsed_at)
    if complete:
        if last is not None and not state.told:
            state.told = {"": last}
        for daemon in (capture.scope and capture.scope.daemons) or {"": True}:
            state.told[daemon] = max(at, state.told.get(daemon, at))
        if last is None or at > last:
            state.last_parsed_at = coverage.moment(at)
    if newest:
        state.last_attempt_at = coverage.moment(at)
        state.last_result, state.last_detail = str(snapshot.result), snapshot.detail[:1000]
        state.failures = 0 if complete else state.failures + 1
        state.line_digest = line_digest if complete else None
    state.save()


def _rows(snapshot: Snapshot) -> Iterator[Holding]:
    for feature in snapshot.features:
        yield from feature.holdings


def _holdings(snapshot: Snapshot) -> int:
    return sum(len(block.holdings) for feature in snapshot.features for block in feature.blocks)


def _store_rows(
    snapshot: Snapshot,
    rows: StatusRows,
    result: SnapshotResult,
    *,
    newest: bool,
) -> list[entries.Draft]:
    capture = result.capture
    answers = Answers(rows.server, capture if newest else None)
    stored = rows.store(capture, answers, newest=newest)
    result.new, result.known, result.ended = stored.new, stored.known, stored.ended
    _COUNTED.update(capture.pk, stored.new, stored.known)
    capture.new, capture.known = stored.new, stored.known
    # Who holds seats that the answer says nobody counts need not be in it.
    issued = status_totals.store(
        snapshot, rows.directory, capture, answers, rows.at, alone=rows.alone
    )
    _derive(rows, stored.touched, answers)
    if issued.start <= issued.end:
        rows.changed.append((issued.start, issued.end))
    rows.changed += unlisted.note(
        rows.server, capture, rows.at, issued.listed, None if newest else answers
    )
    return stored.drafts + issued.drafts


@Prepared
def _COUNTED(capture: int, new: int, known: int) -> Asked:
    return Capture.objects.filter(pk=capture), {"new": new, "known": known}


def _derive(rows: StatusRows, touched: dict[Key, int], answers: Answers | None = None) -> None:
    if not touched:
        return
    daemons = {pk: names[0] for pk, names in rows.directory.feature_names.items()}
    changed = derive(rows.server, touched, daemons, answers)
    if changed.start <= changed.end:
        rows.changed.append((changed.start, changed.end))


def _derive_waits(rows: StatusRows, within: int) -> None:
    daemons = {pk: names[0] for pk, names in rows.directory.feature_names.items()}
    spans = [*rows.changed, (rows.at, rows.at + within)]
    start, end = min(start for start, _end in spans), max(end for _start, end in spans)
    queues.derive(rows.server, daemons, start, end)


def _mark(rows: StatusRows) -> None:
    """Have the time counted again in which anything changed, each part of it once."""
    for start, end in IntervalSet.of_spans(rows.changed):
        dirty.mark_features(list(rows.directory.feature_names), start, end)


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
    refresh: bool = True,
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
        refresh=refresh,
    )


def _poll_entry(capture: Capture, at: int, within: int) -> entries.Draft:
    body = {
        "bytes": capture.size,
        "captured_at": int(capture.recorded_at.timestamp()),
        "result": capture.result,
        "sha256": capture.sha256,
        "source": capture.source,
        "unreadable": capture.unreadable_count,
    }
    if within:
        body["within"] = within
    body |= attempts.said_in_entry(attempts.CAUSES.get(capture.result, ""), capture.detail)
    if capture.duration_ms is not None:
        body["duration_ms"] = capture.duration_ms
    if capture.scope is not None:
        body["scope"] = capture.scope.digest[:SHORT]
    return entries.draft("poll", at, body)


def _digest(snapshot: Snapshot) -> bytes:
    """Return what tells a changed status from an unchanged one: everything but its date."""
    return hashlib.sha256(repr((snapshot.daemons, snapshot.features)).encode()).digest()


def refresh_pools(server_ids: Collection[int]) -> None:
    """Write the newest figures of the pools that these servers feed. A constant number of
    queries."""
    pools_now.refresh({pool for (pool,) in _FED.rows(server_ids)})


@Prepared
def _FED(server_ids: Collection[int]) -> Asked:
    pools = PoolFeature.objects.filter(feature__server__among=server_ids, mapped_until=None)
    return pools.order_by(), ("pool",)


def _seconds(value: Any) -> int | None:
    return None if value is None else int(value.timestamp())
