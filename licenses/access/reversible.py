"""Deeds that can be taken back: each does its work by the one function for it, and leaves a step
for `access.undo` in the same transaction. The admin, the status page and the API call these."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from licenses.access import undo, waitlist
from licenses.alerts import actions
from licenses.importing import changes, edits, mapping, rights, unreadable
from licenses.models import (
    Alert,
    BulkChange,
    Entitlement,
    Feature,
    IgnoredLines,
    LicensePool,
    LicenseServer,
    PoolFeature,
    Product,
    SavedFilter,
    Silence,
    UndoStep,
    WaitlistEntry,
)


def end_silence(row: Silence, *, user: Any, now: datetime) -> UndoStep:
    """End a silence now. Raises ValidationError where it is over or has not begun."""
    with transaction.atomic():
        before = row.ends_at
        actions.end_silence(row, now)
        state = {"id": row.pk, "old": before.isoformat(), "new": row.ends_at.isoformat()}
        return undo.offer(user, "silence-ended", state)


def acknowledge(
    alerts: Iterable[Alert], *, user: Any, now: datetime
) -> tuple[list[int], UndoStep | None]:
    """Say of several alerts that somebody looks into them; returns the ids of those that nobody
    had acknowledged before."""
    with transaction.atomic():
        done = [alert.pk for alert in alerts if actions.acknowledge(alert, user, now)]
        state = {"ids": done, "at": now.isoformat()}
        return done, undo.offer(user, "alerts-acknowledged", state) if done else None


def ignore_lines(
    server: LicenseServer, digest: str, *, note: str = "", user: Any
) -> tuple[IgnoredLines, UndoStep]:
    """Set unreadable lines of one shape aside, as `unreadable.ignore` does."""
    with transaction.atomic():
        row = unreadable.ignore(server, digest, note=note, user=user)
        return row, undo.offer(user, "lines-ignored", {"id": row.pk})


def show_lines(row: IgnoredLines, *, user: Any) -> tuple[IgnoredLines, UndoStep]:
    """Count lines that were set aside again, as `unreadable.show_again` does."""
    with transaction.atomic():
        row = unreadable.show_again(row, user=user)
        assert row.ended_at is not None
        state = {"id": row.pk, "at": row.ended_at.isoformat()}
        return row, undo.offer(user, "lines-shown", state)


def leave(entry: WaitlistEntry, *, now: datetime) -> UndoStep | None:
    """Take an account off a waitlist; None: it was off already."""
    if not waitlist.leave(entry, now):
        return None
    return undo.offer(entry.user, "waitlist-left", {"id": entry.pk, "at": now.isoformat()})


def map_feature(
    feature: Feature, pool: LicensePool, *, user: Any, **terms: Any
) -> tuple[PoolFeature, UndoStep]:
    """Let a feature feed a pool, as `mapping.map_feature` does."""
    row = mapping.map_feature(feature, pool, user=user, **terms)
    state = {"id": row.pk, "new": undo.fingerprint(row)}
    return row, undo.offer(user, "feature-mapped", state)


def create_pool_for(
    feature: Feature, *, product: Product | None = None, user: Any
) -> tuple[LicensePool, UndoStep]:
    """Make a pool for a feature and let the feature feed it, as `mapping.create_pool_for` does."""
    with transaction.atomic():
        pool = mapping.create_pool_for(feature, product=product, user=user)
        row = pool.mappings.get()
        state = {"id": row.pk, "new": undo.fingerprint(row), "pool": undo.words_of(pool)}
        return pool, undo.offer(user, "pool-made", state)


def correct_right(
    line: Entitlement, *, changes: dict[str, Any], user: Any, withdraw: bool = False, **why: Any
) -> tuple[Entitlement, UndoStep]:
    """Replace a line by a corrected copy, or withdraw it, as `rights.correct_right` does."""
    with transaction.atomic():
        copy = rights.correct_right(line, changes=changes, user=user, withdraw=withdraw, **why)
        kind = "right-withdrawn" if withdraw else "right-corrected"
        return copy, undo.offer(user, kind, {"id": copy.pk})


def change_mappings(
    rows: Iterable[tuple[PoolFeature, Mapping[str, str]]], *, user: Any
) -> UndoStep | None:
    """Store changed mappings in their order, each with why, as `mapping.save_mapping` does; those
    that are new among them are not taken back with the others. None: there is nothing to take back.
    """
    told = []
    with transaction.atomic():
        for row, why in rows:
            old = _terms(row)
            mapping.save_mapping(row, user=user, **why)
            told.append({"id": row.pk, "old": old, "new": _terms(row), **why})
        if not told or any(each["old"] in (None, each["new"]) for each in told):
            return None
        return undo.offer(user, "mappings-changed", {"rows": told})


def end_mapping(row: PoolFeature, *, user: Any, now: datetime) -> UndoStep:
    """End a mapping now, as `mapping.unmap_feature` does."""
    with transaction.atomic():
        old = _terms(row)
        mapping.unmap_feature(row, at=now, user=user)
        told = {"id": row.pk, "old": old, "new": _terms(row)}
        return undo.offer(user, "mappings-changed", {"rows": [told]})


def _terms(row: PoolFeature) -> dict[str, Any] | None:
    """Return what a mapping says as it is stored; None where it is new."""
    stored = PoolFeature.objects.filter(pk=row.pk).first()
    return None if stored is None else undo.terms_of(stored)


def ignore_feature(feature: Feature, *, user: Any) -> UndoStep:
    """List a feature as unmapped no more."""
    with transaction.atomic():
        mapping.set_ignored([feature])
        return undo.offer(user, "feature-ignored", {"id": feature.pk})


def delete_filter(row: SavedFilter, *, user: Any) -> UndoStep:
    """Delete a saved filter."""
    with transaction.atomic():
        kept = {
            name: getattr(row, name) for name in ("owner_id", "page", "name", "query", "shared")
        }
        row.delete()
        return undo.offer(user, "filter-deleted", {"row": kept})


def saved(
    row: Any, old: Mapping[str, Any] | None, new: Mapping[str, Any] | None, *, user: Any
) -> UndoStep | None:
    """Offer to give a row back the values that it had before a form was saved; None: of this kind
    of rows, or of these fields, that cannot be, or nothing changed."""
    label = row._meta.label_lower
    if label not in edits.EDITED or not old or not new or old == new:
        return None
    names = [name for name in old if old[name] != new[name]]
    state = {"model": label, "id": row.pk}
    state |= {
        "old": {name: old[name] for name in names},
        "new": {name: new[name] for name in names},
    }
    return undo.offer(user, "row-saved", state)


def together(steps: Sequence[UndoStep]) -> UndoStep:
    """Make one of the steps that one form left, in their order: taken back are all, or none."""
    if len(steps) == 1:
        return steps[0]
    with transaction.atomic():
        parts = [{"kind": step.kind, "state": step.state} for step in steps]
        UndoStep.objects.filter(pk__in=[step.pk for step in steps]).delete()
        return undo.offer(steps[0].owner, "together", {"parts": parts})


def change_several(
    kind: str, rows: Iterable[Any], wish: Mapping[str, Any], *, user: Any, reason: str = ""
) -> tuple[BulkChange, UndoStep]:
    """Change several rows at once, as `changes.change` does."""
    with transaction.atomic():
        done = changes.change(kind, rows, wish, user=user, reason=reason)
        return done, undo.offer(user, "several-changed", {"id": done.pk})
