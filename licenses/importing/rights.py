"""Rights on record: the one way in for the admin, the API and inventory files.

A line is written with its evidence, and the hours over which it holds are counted again.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from licenses.analysis import now as pools_now
from licenses.analysis import rollup
from licenses.concurrency.periods import local_midnight
from licenses.evidence import entries
from licenses.models import Entitlement, correct_entitlement


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
    with transaction.atomic():
        copy = correct_entitlement(
            line, changes=changes, reason=reason, author=user, withdraw=withdraw
        )
        note_rights([copy])
        _mark(line)
    pools_now.refresh({line.pool_id, copy.pool_id})
    return copy


def note_rights(lines: Iterable[Entitlement]) -> None:
    """Write the evidence of lines just stored, and have their hours counted again.

    Runs in the transaction that stored them. A line under a contract goes into that contract's
    stream, another into the installation's.
    """
    for line in lines:
        stream = entries.contract_stream(line.contract) if line.contract else entries.INSTALLATION
        recorded = int(line.recorded_at.timestamp())
        entries.append(
            stream, [entries.draft("entitlement", recorded, _body(line))], source="rights"
        )
        _mark(line)


def _body(line: Entitlement) -> dict[str, Any]:
    return {
        "author": line.recorded_by.get_username() if line.recorded_by is not None else "",
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
        "strength": line.strength,
        "to": str(line.valid_to or ""),
        "what": "withdrawn" if line.withdrawn else "corrected" if line.replaces_id else "added",
    }


def _mark(line: Entitlement) -> None:
    zone = line.pool.tzinfo
    end = int(timezone.now().timestamp()) + 1  # hours to come are counted when they have come
    if line.valid_to is not None:
        end = min(end, local_midnight(line.valid_to + timedelta(days=1), zone))
    rollup.mark_dirty([line.pool_id], local_midnight(line.valid_from, zone), end)
