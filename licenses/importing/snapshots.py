"""Store a server's status: who holds what now, what the server issues, and what the answer vouches
for.

Only a complete answer ends a holding. A failed or partial one writes a gap with its cause, and what
it does show is kept.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db import transaction

from licenses.analysis import now as pools_now
from licenses.evidence import entries
from licenses.models import (
    Capture,
    Checkout,
    Coverage,
    Feature,
    FeatureNow,
    Gap,
    IssuedCount,
    LicenseServer,
    PollState,
    Sighting,
    longest_step,
)
from licenses.sources.records import Block, FeatureStatus, Holding, Result, Snapshot

from . import coverage, dirty
from .captures import store_raw, store_unreadable
from .derive import Key, derive
from .directory import Directory

CAUSES = {
    Result.SERVER_DOWN: Gap.Cause.SERVER_UNREACHABLE,
    Result.DAEMON_DOWN: Gap.Cause.VENDOR_DAEMON_DOWN,
    Result.NOT_RECOGNISED: Gap.Cause.NOT_RECOGNISED,
    Result.PARTIAL: Gap.Cause.PARTIAL,
    Result.TIMEOUT: Gap.Cause.TIMEOUT,
    Result.FAILED: Gap.Cause.COLLECTOR_DOWN,
}


@dataclass
class SnapshotResult:
    """What storing a status came to."""

    capture: Capture
    new: int = 0
    known: int = 0
    ended: int = 0
    unchanged: bool = False


@dataclass
class _Rows:
    """The status rows of a snapshot, as they are stored."""

    sightings: dict[tuple[int, str], Sighting] = field(default_factory=dict)
    feature_ids: set[int] = field(default_factory=set)
    """Features whose rows the answer tells in full."""


def store_snapshot(
    server: LicenseServer,
    snapshot: Snapshot,
    raw: bytes,
    *,
    at: int,
    source: str,
    exit_code: int | None = None,
    duration_ms: int | None = None,
) -> SnapshotResult:
    """Store one answer of a server, in one transaction, and return what it changed.

    at: the moment that the answer describes, epoch seconds. An answer older than the newest one
    stored is kept as a capture
        and fills nothing: holdings are told by polls in order.
    """
    digest, path = store_raw(raw) if raw else (hashlib.sha256(raw).hexdigest(), "")
    with transaction.atomic():
        LicenseServer.objects.select_for_update().get(pk=server.pk)
        state, _created = PollState.objects.get_or_create(server=server)
        known = Capture.objects.filter(
            server=server, kind=Capture.Kind.STATUS, sha256=digest, starts=coverage.moment(at)
        ).first()
        if known is not None and raw:
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
        drafts = [_poll_entry(capture, at)]
        last = _seconds(state.last_parsed_at)
        if last is not None and at <= last:
            capture.detail = (
                f"Older than the newest answer ({state.last_parsed_at}); kept, "
                "and nothing follows from it."
            )
            capture.save(update_fields=["detail"])
        else:
            drafts += _take(server, snapshot, state, at, result)
        capture.new, capture.known = result.new, result.known
        capture.save(update_fields=["new", "known"])
        entries.append(entries.server_stream(server), drafts, source=f"capture:{digest}")
    return result


def _take(
    server: LicenseServer, snapshot: Snapshot, state: PollState, at: int, result: SnapshotResult
) -> list[entries.Draft]:
    last = _seconds(state.last_parsed_at)
    state.last_attempt_at = coverage.moment(at)
    state.last_result, state.last_detail = str(snapshot.result), snapshot.detail[:1000]
    complete = snapshot.result == Result.PARSED
    digest = _digest(snapshot)
    directory = Directory(server)
    if complete and state.line_digest is not None and bytes(state.line_digest) == digest:
        result.unchanged = True
        result.known = sum(len(feature.holdings) for feature in snapshot.features)
        drafts: list[entries.Draft] = []
        FeatureNow.objects.filter(feature__server=server).update(at=coverage.moment(at))
    else:
        drafts = _store_rows(server, snapshot, directory, state, at, result)
    drafts += _vouch(server, snapshot, state, last, at)
    if complete:
        state.last_parsed_at = coverage.moment(at)
        state.line_digest = digest
        state.failures = 0
    else:
        state.failures += 1
        state.line_digest = None
    state.save()
    _refresh_pools(server)
    return drafts


def store_failure(
    server: LicenseServer,
    result: Result,
    detail: str,
    *,
    at: int,
    source: str,
    raw: bytes = b"",
    exit_code: int | None = None,
    duration_ms: int | None = None,
) -> SnapshotResult:
    """Store an attempt that brought no status at all: the tool could not run, or did not answer in
    time."""
    snapshot = Snapshot(result=result, taken_at=None, server=server.address, detail=detail)
    return store_snapshot(
        server, snapshot, raw, at=at, source=source, exit_code=exit_code, duration_ms=duration_ms
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


# --- Rows
#
# ----------------------------------------------------------------------------------------------


def _store_rows(
    server: LicenseServer,
    snapshot: Snapshot,
    directory: Directory,
    state: PollState,
    at: int,
    result: SnapshotResult,
) -> list[entries.Draft]:
    directory.learn(
        {row.user for feature in snapshot.features for row in feature.holdings},
        {row.host for feature in snapshot.features for row in feature.holdings},
        {(feature.daemon, feature.name) for feature in snapshot.features},
    )
    rows = _rows(snapshot, directory, at)
    features = set(directory.feature_names)
    open_rows = {
        (row.feature_id, row.row_key): row
        for row in Sighting.objects.filter(feature__in=features, gone_at=None)
    }
    new = [row for identity, row in rows.sightings.items() if identity not in open_rows]
    Sighting.objects.bulk_create(new)
    result.new, result.known = len(new), len(rows.sightings) - len(new)
    gone = []
    if snapshot.result in (Result.PARSED, Result.DAEMON_DOWN):
        seen_until = _seconds(state.last_parsed_at)
        for identity, row in open_rows.items():
            if identity not in rows.sightings and row.feature_id in rows.feature_ids:
                row.last_seen = coverage.moment(max(_seconds(row.first_seen) or 0, seen_until or 0))
                row.gone_at = coverage.moment(at)
                gone.append(row)
        Sighting.objects.bulk_update(gone, ["last_seen", "gone_at"], batch_size=500)
    result.ended = len(gone)
    touched: dict[Key, int] = {}
    for row in [*new, *gone]:
        _touch(
            touched,
            Key(row.feature_id, row.person_id, row.host_id, row.seats),
            _seconds(row.started_at) or at,
        )
    if rows.feature_ids:
        _touch_unseen(touched, rows.feature_ids, at)
    changed = derive(
        server, touched, {pk: names[0] for pk, names in directory.feature_names.items()}
    )
    if changed.start <= changed.end:
        dirty.mark_server(server, changed.start, changed.end)
    _store_totals(snapshot, directory, at)
    return [_row_entry("sample", row, directory, at, True) for row in new] + [
        _row_entry("sample", row, directory, at, False) for row in gone
    ]


def _touch(touched: dict[Key, int], key: Key, at: int) -> None:
    touched[key] = min(at, touched.get(key, at))


def _touch_unseen(touched: dict[Key, int], features: set[int], at: int) -> None:
    """Have the holdings looked at that the log left open and this complete answer does not show."""
    rows = Checkout.objects.filter(
        feature__in=features,
        returned_at=None,
        method=Checkout.Method.EVENT,
        sighting=None,
        taken_at__lt=at - 60,
    )
    for feature, person, host, seats, taken_at in rows.values_list(
        "feature_id", "person_id", "host_id", "seats", "taken_at"
    ):
        _touch(touched, Key(feature, person, host, seats), _seconds(taken_at) or at)


def _rows(snapshot: Snapshot, directory: Directory, at: int) -> _Rows:
    rows = _Rows()
    down = {name for name, up, _text in snapshot.daemons if not up}
    repeats: Counter[tuple[Any, ...]] = Counter()
    for feature in snapshot.features:
        pk = directory.features[feature.daemon, feature.name]
        if not feature.error and feature.daemon not in down and snapshot.result != Result.PARTIAL:
            rows.feature_ids.add(pk)
        for block in feature.blocks:
            for holding in block.holdings:
                identity = _identity(feature, block, holding)
                ordinal = repeats[pk, *identity]
                repeats[pk, *identity] += 1
                key = _row_key(*identity, ordinal)
                rows.sightings[pk, key] = _sighting(pk, key, holding, directory, at)
    return rows


def _identity(feature: FeatureStatus, block: Block, row: Holding) -> tuple[Any, ...]:
    """Return what makes a status row the same row in the next answer. Linger's seconds left run
    down and are not part of it."""
    return (
        feature.name,
        block.version,
        row.user,
        row.host,
        row.display,
        row.data,
        row.version,
        row.handle,
        row.started_at,
        row.seats,
        row.pid,
    )


def _row_key(*parts: Any) -> str:
    text = "\0".join(str(part) for part in parts)
    return hmac.new(
        settings.ITAM_PSEUDONYM_KEY.encode(), text.encode(), hashlib.sha256
    ).hexdigest()[:32]


def _sighting(feature: int, key: str, row: Holding, directory: Directory, at: int) -> Sighting:
    started = min(row.started_at if row.started_at is not None else at, at)
    state, returns_by = Sighting.State.HELD, None
    if row.linger_total is not None or row.linger_left is not None:
        state = (
            Sighting.State.BORROWED if (row.linger_total or 0) >= 3600 else Sighting.State.LINGERING
        )
        left = (
            at + row.linger_left
            if row.linger_left is not None
            else started + (row.linger_total or 0)
        )
        returns_by = coverage.moment(max(left, at))
    return Sighting(
        feature_id=feature,
        person_id=directory.persons[row.user],
        host_id=directory.hosts[row.host],
        row_key=key,
        seats=row.seats,
        started_at=coverage.moment(started),
        start_guessed=row.start_guessed,
        first_seen=coverage.moment(at),
        last_seen=coverage.moment(at),
        state=state,
        returns_by=returns_by,
        display=row.display[:100],
        version=row.version[:50],
        ambiguous=row.ambiguous,
    )


def _row_entry(
    kind: str, row: Sighting, directory: Directory, at: int, appeared: bool
) -> entries.Draft:
    daemon, name = directory.feature_names[row.feature_id]
    body = {
        "daemon": daemon,
        "feature": name,
        "row": row.row_key,
        "seats": row.seats,
        "state": str(row.state),
        "started": _seconds(row.started_at),
        "what": "appeared" if appeared else "gone",
    }
    if appeared:
        body["person"] = directory.person_pseudonyms[row.person_id]
        body["host"] = directory.host_pseudonyms[row.host_id]
    else:
        body["last_seen"] = _seconds(row.last_seen)
    return entries.draft(kind, at, body)


def _store_totals(snapshot: Snapshot, directory: Directory, at: int) -> None:
    """Store what the server itself says of each feature: seats issued, in use, reserved, queued."""
    known = {
        row.feature_id: row
        for row in IssuedCount.objects.filter(
            feature__in=set(directory.feature_names), source=IssuedCount.Source.STATUS, ends=None
        )
    }
    for feature in snapshot.features:
        pk = directory.features[feature.daemon, feature.name]
        held = [
            row for row in feature.holdings if row.linger_total is None and row.linger_left is None
        ]
        kept = [
            row
            for row in feature.holdings
            if row.linger_total is not None or row.linger_left is not None
        ]
        borrowed = sum(row.seats for row in kept if (row.linger_total or 0) >= 3600)
        FeatureNow.objects.update_or_create(
            feature_id=pk,
            defaults={
                "at": coverage.moment(at),
                "issued": feature.issued,
                "uncounted": feature.uncounted,
                "in_use_printed": feature.in_use,
                "held": sum(row.seats for row in held),
                "borrowed": borrowed,
                "lingering": sum(row.seats for row in kept) - borrowed,
                "reserved_idle": sum(row.seats for row in feature.reservations),
                "queued": sum(row.seats for row in feature.waiting),
                "error": feature.error[:300],
            },
        )
        if feature.error or (feature.issued is None and not feature.uncounted):
            continue
        row = known.get(pk)
        if row is None or row.count != feature.issued:
            if row is not None:
                IssuedCount.objects.filter(pk=row.pk).update(ends=coverage.moment(at))
            block = feature.blocks[0] if feature.blocks else None
            IssuedCount.objects.create(
                feature_id=pk,
                source=IssuedCount.Source.STATUS,
                count=feature.issued,
                starts=coverage.moment(at),
                version=block.version[:50] if block else "",
                expires_on=block.expires_on if block else None,
            )


# --- What an answer vouches for
# --------------------------------------------------------------------------------------------


def _vouch(
    server: LicenseServer, snapshot: Snapshot, state: PollState, last: int | None, at: int
) -> list[entries.Draft]:
    """Extend coverage from the last complete answer to this one, or write the gap."""
    if snapshot.result == Result.PARSED:
        drafts: list[entries.Draft] = []
        had_gap = Gap.objects.filter(server=server, ends=None).exists()
        if last is not None and not had_gap:
            if at - last <= longest_step(server.poll_seconds):
                for start, end in coverage.extend(server, "", Coverage.Source.POLLS, [(last, at)]):
                    drafts.append(
                        entries.draft(
                            "coverage",
                            end,
                            {"daemon": "", "from": start, "source": "polls", "to": end},
                        )
                    )
                dirty.mark_server(server, last, at + 1)  # the answer's own second counts
            else:
                drafts += coverage.write_gap(
                    server,
                    "",
                    last,
                    at,
                    Gap.Cause.COLLECTOR_DOWN,
                    f"Nobody asked for {at - last} seconds.",
                )
        return drafts + coverage.close_gaps(server, at)
    if snapshot.result == Result.DAEMON_DOWN:
        up = {name for name, works, _ in snapshot.daemons if works}
        if up and last is not None and at - last <= longest_step(server.poll_seconds):
            for daemon in sorted(up):
                coverage.extend(server, daemon, Coverage.Source.POLLS, [(last, at)])
            dirty.mark_server(server, last, at + 1)  # the answer's own second counts
        drafts = []
        for daemon in sorted(name for name, works, _ in snapshot.daemons if not works) or [""]:
            drafts += coverage.open_gap(
                server, daemon, last or at, CAUSES[snapshot.result], snapshot.detail
            )
        return drafts
    return coverage.open_gap(
        server, "", last if last is not None else at, CAUSES[snapshot.result], snapshot.detail
    )


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


def held_rows(snapshots: Iterable[Snapshot]) -> int:
    """Count the seats that a text shows as held: for a person who reads what an import came to."""
    return sum(
        row.seats
        for snapshot in snapshots
        for feature in snapshot.features
        for row in feature.holdings
    )
