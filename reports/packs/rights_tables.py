"""The tables of a pack on rights: each line ever recorded, and what was said otherwise later."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from django.db.models import F

from licenses.models import Correction, Entitlement, MappingChange, Proof, StrengthOverride
from licenses.models.entitlements import CORRECTABLE
from reports.datasets.changes import approver
from reports.datasets.files import as_csv, utc, utc_of

from .subject import Subject


def entitlements(about: Subject, proven_from: int) -> bytes:
    """A row for each line ever recorded, also those that were replaced or taken back."""
    names = (
        "line", "pool", "zone", "contract", "quantity", "overdraft", "metric", "valid_from",
        "valid_to", "strength", "strength_reason", "seats_proven", "documents", "document_seats",
        "taken_over", "purchase_order", "scope", "counts",
        "replaces", "reason", "author", "recorded_at",
    )  # fmt: skip
    counted = set(Entitlement.objects.as_of(about.as_of).values_list("pk", flat=True))
    papers: dict[int, list[str]] = {}
    seats: dict[int, list[str]] = {}
    untold: dict[int, list[str]] = {}
    tied = Proof.objects.filter(entitlement__in=_lines(about), recorded_at__lte=about.as_of)
    for line, digest, proven, taken_over in tied.order_by("document__sha256", "pk").values_list(
        "entitlement", "document__sha256", "quantity", "taken_over"
    ):
        papers.setdefault(line, []).append(digest)
        seats.setdefault(line, []).append(str(proven))
        if taken_over:
            untold.setdefault(line, []).append(digest)
    rows = [
        (
            row.pk, row.pool.name, row.pool.zone, row.contract.number if row.contract else None,
            row.quantity, row.overdraft, row.metric, str(row.valid_from),
            str(row.valid_to) if row.valid_to else None, row.proof, row.proof_reason,
            max(row.seats_proven, 0), " ".join(papers.get(row.pk, [])),
            " ".join(seats.get(row.pk, [])), " ".join(untold.get(row.pk, [])),
            row.purchase_order, row.scope,
            row.pk in counted, row.replaces_id, row.reason, _author(row.recorded_by),
            utc_of(row.recorded_at),
        )
        for row in _lines(about)
        .with_proof(about.as_of)
        .with_seats_proven(proven_from, about.as_of)
    ]  # fmt: skip
    return as_csv(names, rows)


def _lines(about: Subject) -> Any:
    return (
        Entitlement.objects.filter(pool__in=list(about.names), recorded_at__lte=about.as_of)
        .select_related(
            "pool",
            "contract",
            "recorded_by",
            "replaces__contract",
            "replaces__pool",
            "correction__approved_by",
        )
        .order_by("pk")
    )


def corrections(about: Subject) -> bytes:
    """A row for each field that a later line or a judgement says otherwise."""
    names = (
        "target_entry", "field", "old", "new", "reason_code", "reason", "author", "approver",
        "event_time", "recorded_at",
    )  # fmt: skip
    rows: list[tuple[Any, ...]] = []
    for line in _lines(about).exclude(replaces=None):
        old = line.replaces
        changed = [
            (name, _text(getattr(old, name)), _text(getattr(line, name)))
            for name in CORRECTABLE
            if name != "unit_price" and getattr(old, name) != getattr(line, name)
        ]
        if old.withdrawn != line.withdrawn:
            changed.append(("withdrawn", str(old.withdrawn).lower(), str(line.withdrawn).lower()))
        rows += [
            (f"entitlement {old.pk}", *each, _code(line), line.reason, _author(line.recorded_by),
             _author(approver(line, about.as_of)), str(line.valid_from), utc_of(line.recorded_at))
            for each in changed
        ]  # fmt: skip
    said = StrengthOverride.objects.filter(
        entitlement__pool__in=list(about.names), recorded_at__lte=about.as_of
    ).select_related("recorded_by", "correction__approved_by")
    rows += [
        (f"entitlement {row.entitlement_id}", "strength", None,
         None if row.strength is None else str(row.strength), _code(row), row.reason,
         _author(row.recorded_by), _author(approver(row, about.as_of)), None,
         utc_of(row.recorded_at))
        for row in said.order_by("pk")
    ]  # fmt: skip
    proofs = Proof.objects.filter(
        entitlement__pool__in=list(about.names),
        recorded_at__lte=about.as_of,
        entitlement__recorded_at__lt=F("recorded_at"),  # the others came with their lines
    ).select_related("document", "recorded_by")
    rows += [
        (f"entitlement {row.entitlement_id}", "document", None, row.document.sha256,
         str(Correction.Code.DOCUMENT), None, _author(row.recorded_by), "", None,
         utc_of(row.recorded_at))
        for row in proofs.order_by("pk")
    ]  # fmt: skip
    rows += _remapped(about)
    return as_csv(names, sorted(rows, key=lambda row: (row[9], row[0], row[1])))


def _remapped(about: Subject) -> Iterator[tuple[Any, ...]]:
    """Yield a row for each field of a mapping that was changed for the past. A mapping that went to
    another pool, or came from one, is one that this pool has not, or had not."""
    changes = MappingChange.objects.filter(
        pool__in=list(about.names), recorded_at__lte=about.as_of, correction__isnull=False
    )
    for row in changes.select_related("recorded_by", "correction__approved_by").order_by("pk"):
        known = row.before or row.after
        target = f"mapping of {known['feature']} at {known['server']} to {about.names[row.pool_id]}"
        pairs = [(name, row.before.get(name), row.after.get(name)) for name in sorted(known)]
        if not (row.before and row.after):
            pairs = [("exists", bool(row.before), bool(row.after))]
        for name, *sides in pairs:
            old, new = (_mapped(name, value) for value in sides)
            if old != new:
                yield (
                    target, name, old, new, _code(row), row.reason or None,
                    _author(row.recorded_by), _author(approver(row, about.as_of)),
                    utc_of(row.since), utc_of(row.recorded_at),
                )  # fmt: skip


def _mapped(name: str, value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None or name not in ("from", "until"):
        return None if value is None else str(value)
    return utc(value)


def _code(row: Any) -> str:
    correction = getattr(row, "correction", None)
    return str(Correction.Code.OTHER if correction is None else correction.code)


def _author(user: Any) -> str:
    return user.get_username() if user is not None else ""


def _text(value: Any) -> str:
    return "" if value is None else str(value.isoformat() if isinstance(value, date) else value)
