"""What a pool's use is judged by: its rights over time, each line with its contract and proof."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from itam import figures
from licenses.analysis.drift import drift
from licenses.analysis.rights import entitlement_steps
from licenses.analysis.verdict import VERDICT_WORDS, months
from licenses.analysis.verdict import verdicts as judge
from licenses.concurrency.periods import local_midnight
from licenses.models import Contract, Document, Entitlement, Proof, Strength, sees_everything

from .proofs import proof_word

MOST_LINES = 50
MOST_PAPERS = 10
"""Documents that are named of a line; its own page names all."""


def rights_tab(pool: Any, request: HttpRequest, now: int) -> dict[str, Any]:
    rows = pool.entitlements.as_of().with_proof().select_related("contract")
    rows = rows.with_seats_proven(settings.ITAM_PROVEN_FROM_STRENGTH)
    found = list(rows.order_by("-valid_from", "-pk")[: MOST_LINES + 1])
    return {
        "verdicts": verdicts(pool, now),
        "steps": steps(pool, found),
        "lines": lines(found[:MOST_LINES], request),
        "more_lines": len(found) > MOST_LINES,
        "drift": drift(pool, now).sentence(pool.tzinfo),
    }


def verdicts(pool: Any, now: int) -> list[dict[str, Any]]:
    """Return a verdict for each of the last 12 months of the pool's zone, this one included,
    newest last.
    """
    zone = pool.tzinfo
    today = datetime.fromtimestamp(now, zone).date()
    year, month = divmod(today.year * 12 + today.month - 1 - 11, 12)
    spans = months(local_midnight(date(year, month + 1, 1), zone), now, zone)
    return [
        {
            "month": datetime.fromtimestamp(row.start, zone),
            "verdict": str(VERDICT_WORDS[row.verdict]),
            "key": str(row.verdict).replace("_", "-"),
            "reason": row.reason,
        }
        for row in judge(pool, spans, now=now, proven_from=settings.ITAM_PROVEN_FROM_STRENGTH)
    ]


def steps(pool: Any, known: list[Any]) -> list[dict[str, Any]]:
    """Return the rights over time, newest first.

    known:  lines that were read already, with their contracts.
    """
    now = int(time.time())
    found = list(reversed(entitlement_steps(pool)))
    lines = {row.pk: _line(row) for row in known}
    if left := {pk for step in found for pk in step.entitlement_ids} - lines.keys():
        rows = Entitlement.objects.filter(pk__in=left).select_related("contract")
        lines |= {row.pk: _line(row) for row in rows}
    return [
        {
            "start": datetime.fromtimestamp(step.start, UTC),
            "end": None if step.end is None else datetime.fromtimestamp(step.end - 1, UTC),
            "quantity": step.quantity,
            "overdraft": step.overdraft,
            "allowed": step.allowed,
            "lines": [(pk, lines[pk]) for pk in step.entitlement_ids if pk in lines],
            "current": step.start <= now and (step.end is None or now < step.end),
        }
        for step in found
    ]


def _line(row: Entitlement) -> str:
    """Return what people know a line by: its seats and its contract."""
    seats = figures.seats(row.quantity)
    return f"{seats}, {row.contract.number}" if row.contract else seats


def lines(rows: list[Any], request: HttpRequest) -> list[dict[str, Any]]:
    """Return lines as they count now: each with its contract, and what proves it how well. Links
    lead where this user may go. Four queries at most."""
    user = request.user
    contracts = _visible(Contract, {row.contract_id for row in rows}, user)
    proofs = Proof.objects.filter(entitlement__in=rows).select_related("document")
    papers: dict[int, list[Proof]] = {}
    for proof in proofs.order_by("entitlement", "pk"):
        papers.setdefault(proof.entitlement_id, []).append(proof)
    documents = _visible(Document, {p.document_id for each in papers.values() for p in each}, user)
    return [
        {
            "url": reverse("admin:licenses_entitlement_change", args=[row.pk]),
            "seats": figures.seats(row.quantity),
            "overdraft": row.overdraft,
            "metric": row.get_metric_display(),
            "valid_from": row.valid_from,
            "valid_to": row.valid_to,
            "contract": row.contract,
            "contract_url": reverse("admin:licenses_contract_change", args=[row.contract_id])
            if row.contract_id in contracts
            else "",
            "strength": proof_word(row),
            "strength_words": Strength(row.proof).label,
            "strength_key": _strength_key(row),
            "judged": row.proof_reason,
            "papers": [
                _paper(proof, row.quantity)
                for proof in papers.get(row.pk, ())[:MOST_PAPERS]
                if proof.document_id in documents
            ],
            "paper_total": len(papers.get(row.pk, ())),
        }
        for row in rows
    ]


def _visible(model: Any, ids: set[int | None], user: Any) -> set[int]:
    """Return those of some ids that a user may open."""
    if not user.has_perm(f"licenses.view_{model._meta.model_name}"):
        return set()
    if sees_everything(user):
        return {pk for pk in ids if pk is not None}
    rows = model.objects.for_user(user).filter(pk__in=ids - {None})
    return set(rows.order_by().values_list("pk", flat=True))


def _paper(proof: Proof, seats: int) -> dict[str, Any]:
    paper = proof.document
    return {
        "url": reverse("admin:licenses_document_change", args=[paper.pk]),
        "title": paper.title,
        "part": figures.part(proof.quantity, seats),
        "kind": paper.get_kind_display(),
        "sha256": paper.sha256,
        "taken_over": proof.taken_over,
    }


def _strength_key(line: Any) -> str:
    if line.seats_proven >= line.quantity:
        return "lm-chip-good"
    return "lm-chip-bad" if line.proof == Strength.CLAIMED else "lm-chip-warn"
