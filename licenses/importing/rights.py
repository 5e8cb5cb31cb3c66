"""Rights on record: the one way in for the admin, the API and inventory files.

A line is written with its evidence, and the hours over which it holds are counted again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext

from itam.acting import who
from licenses.analysis import now as pools_now
from licenses.analysis import rollup
from licenses.concurrency.periods import local_midnight
from licenses.evidence import entries, stock
from licenses.models import (
    Correction,
    Document,
    Entitlement,
    Proof,
    StrengthOverride,
    correct_entitlement,
)

from .corrections import Corrected, approve
from .papers import tie, whole


def add_right(
    line: Entitlement, *, user: Any = None, documents: Collection[Document] = ()
) -> Entitlement:
    """Record a line that was validated, and return it.

    documents:  of its contract, which prove it. Raises ValidationError where one is of another.
    """
    line.recorded_by = user
    with transaction.atomic():
        line.save()
        tie(whole([line], documents), user=user, at=line.recorded_at)
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
    code: str = Correction.Code.OTHER,
    documents: Collection[Document] | None = None,
) -> Entitlement:
    """Replace a line by a corrected or withdrawn copy, and return the copy.

    code:       of Correction.Code, why it was wrong.
    documents:  which prove the corrected line. None: those that proved the earlier one, where the
                copy claims no more than that did.
    Raises ValidationError where the line was replaced already, or the copy would break a rule.
    """
    given: dict[str, Any] = {"reason": reason, "user": user, "withdraw": withdraw, "code": code}
    return correct_rights([(line, changes)], **given, documents=documents)[0]


def correct_rights(
    lines: Sequence[tuple[Entitlement, dict[str, Any]]],
    *,
    reason: str,
    user: Any,
    withdraw: bool = False,
    code: str = Correction.Code.OTHER,
    documents: Collection[Document] | None = None,
    back: bool = False,
) -> list[Entitlement]:
    """Replace several lines, each with changes of its own, and return the copies in their order.

    All of them or none. documents: as `correct_right` has them. back: the lines become what those
    were that they replaced, and what proved those proves them. Raises ValidationError as
    `correct_right` does, with the line's name where there are several.
    """
    pools = {line.pool_id for line, _changes in lines}
    with transaction.atomic():
        copies = []
        for line, changes in lines:
            try:
                copy = correct_entitlement(
                    line,
                    changes=changes,
                    reason=reason,
                    author=user,
                    withdraw=withdraw,
                    back=back,
                )
                before = line.replaces if back and line.replaces is not None else line
                _keep_proof(before, copy, documents, user)
                copies.append(copy)
            except ValidationError as error:
                if len(lines) == 1:
                    raise
                raise ValidationError([f"{line}: {said}" for said in error.messages]) from error
        Correction.objects.bulk_create(
            Correction(pool_id=copy.pool_id, line=copy, code=code) for copy in copies
        )
        note_rights(copies)
        for line, _changes in lines:
            _mark(line)
        stock.tell(pools)
    pools_now.refresh(pools | {copy.pool_id for copy in copies})
    return copies


def _keep_proof(
    before: Entitlement, copy: Entitlement, documents: Collection[Document] | None, user: Any
) -> None:
    """Let what proved a line prove its copy where that claims no more; documents: only these.

    One that was about a part of the seats proves no more of the copy. A judgement was made of those
    documents: it stays with them, and its author's.
    """
    proofs = before.proofs.select_related("document")
    known = {row.document: row.quantity for row in proofs}
    within = not copy.claims_more_than(before)
    if documents is None:
        documents = known if within else []
    if not copy.withdrawn:
        parts = {paper: seats for paper, seats in known.items() if seats < before.quantity}
        ties = [
            (line, paper, min(parts.get(paper, seats), seats))
            for line, paper, seats in whole([copy], documents)
        ]
        tie(ties, user=user, at=copy.recorded_at)
    said = before.strength_overrides.order_by("recorded_at", "pk").last()
    if said is not None and within and set(documents) == known.keys():
        StrengthOverride.objects.create(
            entitlement=copy,
            strength=said.strength,
            reason=said.reason,
            recorded_at=copy.recorded_at,
            recorded_by=said.recorded_by,
        )


def proven_otherwise_since(line: Entitlement) -> bool:
    """Tell whether somebody judged a line, or said what proves it, after it was recorded."""
    later = {"recorded_at__gt": line.recorded_at}
    return line.proofs.filter(**later).exists() or line.strength_overrides.filter(**later).exists()


def override_strength(
    line: Entitlement,
    *,
    strength: int | None,
    reason: str,
    user: Any,
    code: str = Correction.Code.OTHER,
) -> StrengthOverride:
    """Say how well a line is proven, whatever its documents say; None leaves it to them again.

    Raises ValidationError without a reason, and where the line was replaced or withdrawn.
    """
    if line.withdrawn or hasattr(line, "replaced_by"):
        raise ValidationError(gettext("This entitlement no longer counts. Judge the newer line."))
    said = StrengthOverride(
        entitlement=line, strength=strength, reason=reason.strip(), recorded_by=user
    )
    said.full_clean(exclude=["recorded_by"])
    with transaction.atomic():
        said.save()
        Correction.objects.create(pool_id=line.pool_id, judgement=said, code=code)
        _note(
            line,
            said.recorded_at,
            _body(line, _proofs([line])[line.pk], _papers([line])[line.pk])
            | {
                "author": user.get_username() if user is not None else "",
                "code": str(code),
                **entries.digests(reason=said.reason),
                "what": "strength judged" if strength else "strength left to the documents",
            },
        )
        stock.tell({line.pool_id})
    return said


def unapproved(line: Entitlement) -> list[Corrected]:
    """Return what was corrected with a line, and judged of it, that no second person approved."""
    known = Correction.objects.filter(approved_at__isnull=False)
    of_line = known.filter(Q(line=line) | Q(judgement__entitlement=line))
    approved = set(of_line.values_list("line_id", "judgement_id"))
    judged = line.strength_overrides.select_related("recorded_by").order_by("pk")
    found: list[Corrected] = [row for row in judged if (None, row.pk) not in approved]
    return [line, *found] if line.replaces_id and (line.pk, None) not in approved else found


def approve_correction(line: Entitlement, *, user: Any) -> None:
    """Approve what was corrected with a line, and judged of it, as a second person.

    Raises ValidationError where nothing waits, or where *user* recorded some of it.
    """
    with transaction.atomic():
        rows = unapproved(Entitlement.objects.select_for_update().get(pk=line.pk))
        now = timezone.now()
        authors = approve(rows, pool=line.pool_id, user=user, now=now)
        body = {
            "approver": user.get_username(),
            "authors": authors,
            "line": line.pk,
            "pool": line.pool.name,
            "what": "correction approved",
        }
        _note(line, now, body, kind="correction")


def note_rights(lines: Iterable[Entitlement]) -> None:
    """Write the evidence of lines just stored, and have their hours counted again.

    Runs in the transaction that stored them. A line under a contract goes into that contract's
    stream, another into its vendor's.
    """
    stored = list(lines)
    proofs, papers = _proofs(stored), _papers(stored)
    for line in stored:
        _note(line, line.recorded_at, _body(line, proofs[line.pk], papers[line.pk]))
        _mark(line)
    stock.tell({line.pool_id for line in stored})


def _proofs(lines: Collection[Entitlement]) -> dict[int, int]:
    rows = Entitlement.objects.filter(pk__in=[line.pk for line in lines]).with_proof()
    return dict(rows.values_list("pk", "proof"))


def _papers(lines: Collection[Entitlement]) -> dict[int, dict[int, int]]:
    """Return of each line which documents, by their numbers, prove how many of its seats."""
    found: dict[int, dict[int, int]] = {line.pk: {} for line in lines}
    tied = Proof.objects.filter(entitlement__in=found).order_by("document")
    for line, document, seats in tied.values_list("entitlement", "document", "quantity"):
        found[line][document] = seats
    return found


def _note(
    line: Entitlement, recorded_at: datetime, body: dict[str, Any], kind: str = "entitlement"
) -> None:
    stream = stock.stream_of(line.pool.product.vendor_id)
    if line.contract:
        stream = entries.contract_stream(line.contract)
    entry = entries.draft(kind, int(recorded_at.timestamp()), body)
    entries.append(stream, [entry], source="rights")


def _body(line: Entitlement, proof: int, papers: dict[int, int]) -> dict[str, Any]:
    correction = getattr(line, "correction", None) if line.replaces_id else None
    return {
        **entries.digests(reason=line.reason),
        "author": line.recorded_by.get_username() if line.recorded_by is not None else who() or "",
        "code": "" if correction is None else str(correction.code),
        "currency": line.currency,
        "documents": list(papers),
        "from": str(line.valid_from),
        "line": line.pk,
        "metric": str(line.metric),
        "overdraft": line.overdraft,
        "pool": line.pool.name,
        "price": "" if line.unit_price is None else str(line.unit_price),
        "purchase_order": line.purchase_order,
        "quantity": line.quantity,
        "replaces": line.replaces_id or "",
        "scope": line.scope,
        "seats": list(papers.values()),
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
