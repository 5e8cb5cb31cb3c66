"""A second person approves what was corrected: rights, judgements of proof, mappings."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from licenses.models import Correction, Entitlement, MappingChange, StrengthOverride

Corrected = Entitlement | StrengthOverride | MappingChange
_NAMES = {Entitlement: "line", StrengthOverride: "judgement", MappingChange: "change"}


def may_approve(rows: Sequence[Corrected], user: Any) -> bool:
    """Tell whether something waits for a second person, and this is one."""
    return bool(rows) and all(row.recorded_by_id != user.pk for row in rows)


def approve(rows: Sequence[Corrected], *, pool: int, user: Any, now: datetime) -> list[str]:
    """Approve what was corrected of a pool, as a second person, and return who corrected it.

    The caller holds what makes the rows wait, and writes the evidence in the same transaction.
    Raises ValidationError where nothing waits, or where *user* recorded some of it.
    """
    if not rows:
        raise ValidationError(_("Nothing here waits for a second person."))
    if not may_approve(rows, user):
        raise ValidationError(_("Whoever recorded a correction does not approve it."))
    for row in rows:
        target: dict[str, Any] = {_NAMES[type(row)]: row}
        Correction.objects.update_or_create(
            **target,
            defaults={"pool_id": pool, "approved_at": now, "approved_by": user},
        )
    return sorted({row.recorded_by.get_username() for row in rows if row.recorded_by is not None})
