"""Rights on record: the one way in for the admin, the API and inventory files.

A line is written with its evidence, and the hours over which it holds are counted again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from itam.acting import who
from licenses.analysis import now as pools_now
from licenses.analysis import rollup
from licenses.concurrency.periods import local_midnight
from licenses.evidence import entries, stock
from licenses.models import Entitlement, StrengthOverride, correct_entitlement


def add_right(line: Entitlement, *, user: Any = None) -> Entitlement:
    """Record a line that was validated, and return it."""
    line.recorded_by = user
    with transaction.atomic():
        line.save()
        note_rights([line])
    pools_now.refresh({line.pool_id})
    return line


def correct_right(
    line: Entitlement,
    *,
    changes: dict[str, Any],
    reason: str,
    user: Any,
    withdraw: bool = False,
) -> Entitlement:
    """Replace a line by a corrected or withdrawn copy, and return the copy.

    Raises ValidationError where the line was replaced already, or the copy would break a rule.
    """
    return correct_rights([(line, changes)], reason=reason, user=user, withdraw=withdraw)[0]


def correct_rights(
    lines: Sequence[tuple[Entitlement, dict[str, Any]]],
    *,
    reason: str,
    user: Any,
    withdraw: bool = False,
) -> list[Entitlement]:
    """Replace several lines, each with changes of its own, and return the copies in their order.

    All of them or none. Raises ValidationError as `correct_right` does, with the line's name where
    there are several.
    """
    pools = {line.pool_id for line, _changes in lines}
    with transaction.atomic():
        copies = []
        for line, changes in lines:
            try:
                copies.append(_replace(line, changes, reason, user, withdraw))
            except ValidationError as error:
                if len(lines) == 1:
                    raise
                raise ValidationError([f"{line}: {said}" for said in error.messages]) from error
        note_rights(copies)
        for line, _changes in lines:
            _mark(line)
        stock.tell(pools)
    pools_now.refresh(pools | {copy.pool_id for copy in copies})
    return copies


def _replace(
    line: Entitlement, changes: dict[str, Any], reason: str, user: Any, withdraw: bool
) -> Entitlement:
    copy = correct_entitlement(line, changes=changes, reason=reason, author=user, withdraw=withdraw)
    said = line.strength_overrides.order_by("recorded_at", "pk").last()
    if said is not None and copy.contract_id == line.contract_id:
        # Judged on the same papers: a correction of a date does not take the judgement back.
        StrengthOverride.objects.create(
            entitlement=copy, strength=said.strength, reason=said.reason, recorded_by=user
        )
    return copy


def override_strength(
    line: Entitlement, *, strength: int | None, reason: str, user: Any
) -> StrengthOverride:
    """Say how well a line is proven, whatever its documents say; None leaves it to them again.

    Raises ValidationError without a reason, and where the line was replaced or withdrawn.
    """
    if line.withdrawn or hasattr(line, "replaced_by"):
        raise ValidationError("This entitlement no longer counts. Judge the newer line.")
    said = StrengthOverride(
        entitlement=line, strength=strength, reason=reason.strip(), recorded_by=user
    )
    said.full_clean(exclude=["recorded_by"])
    with transaction.atomic():
        said.save()
        _note(
            line,
            said.recorded_at,
            _body(line, _proofs([line])[line.pk])
            | {
                "author": user.get_username() if user is not None else "",
                "reason": said.reason,
                "what": "strength judged" if strength else "strength left to the documents",
            },
        )
        stock.tell({line.pool_id})
    return said


def note_rights(lines: Iterable[Entitlement]) -> None:
    """Write the evidence of lines just stored, and have their hours counted again.

    Runs in the transaction that stored them. A line under a contract goes into that contract's
    stream, another into the installation's.
    """
    stored = list(lines)
    proofs = _proofs(stored)
    for line in stored:
        _note(line, line.recorded_at, _body(line, proofs[line.pk]))
        _mark(line)
    stock.tell({line.pool_id for line in stored})


def _proofs(lines: Collection[Entitlement]) -> dict[int, int]:
    rows = Entitlement.objects.filter(pk__in=[line.pk for line in lines]).with_proof()
    return dict(rows.values_list("pk", "proof"))


def _note(line: Entitlement, recorded_at: datetime, body: dict[str, Any]) -> None:
    stream = entries.contract_stream(line.contract) if line.contract else entries.INSTALLATION
    entry = entries.draft("entitlement", int(recorded_at.timestamp()), body)
    entries.append(stream, [entry], source="rights")


def _body(line: Entitlement, proof: int) -> dict[str, Any]:
    return {
        "author": line.recorded_by.get_username() if line.recorded_by is not None else who() or "",
        "currency": line.currency,
        "from": str(line.valid_from),
        "line": line.pk,
        "metric": str(line.metric),
        "overdraft": line.overdraft,
        "pool": line.pool.name,
        "price": "" if line.unit_price is None else str(line.unit_price),
        "purchase_order": line.purchase_order,
        "quantity": line.quantity,
        "reason": line.reason,
        "replaces": line.replaces_id or "",
        "scope": line.scope,
        "strength": proof,
        "to": str(line.valid_to or ""),
        "what": "withdrawn" if line.withdrawn else "corrected" if line.replaces_id else "added",
    }


def _mark(line: Entitlement) -> None:
    zone = line.pool.tzinfo
    end = int(timezone.now().timestamp()) + 1  # hours to come are counted when they have come
    if line.valid_to is not None:
        end = min(end, local_midnight(line.valid_to + timedelta(days=1), zone))
    rollup.mark_dirty([line.pool_id], local_midnight(line.valid_from, zone), end)
