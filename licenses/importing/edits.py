"""Giving a row back the values that it had before somebody saved it in a form.

By the same rules as the form: the row is checked as a whole, its history and the evidence tell of
it as of any change, and what rests on the values is counted again. Facts, rights and mappings are
not edited, and so are not here; nor is what holds a secret.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final

from django.contrib.admin.models import CHANGE, LogEntry
from django.db import models, transaction

from licenses.analysis.rollup import mark_dirty
from licenses.importing.changes import COUNTED_AGAIN, Part, current, give, stored
from licenses.importing.teams import changing
from licenses.models import (
    AlertRule,
    Contract,
    LicensePool,
    Product,
    Silence,
    Team,
    TeamRule,
    Vendor,
)

EDITED: Final = {
    model._meta.label_lower: model
    for model in (AlertRule, Contract, LicensePool, Product, Silence, Team, TeamRule, Vendor)
}


def values(row: models.Model, names: Iterable[str]) -> dict[str, Any] | None:
    """Return the values of some fields as JSON keeps them; None where one of them is no field."""
    own = {field.name for field in [*row._meta.concrete_fields, *row._meta.many_to_many]}
    chosen = list(names)
    if not own.issuperset(chosen):
        return None
    fields = {name: row._meta.get_field(name) for name in chosen}
    return {name: stored(field, current(row, field)) for name, field in fields.items()}


def give_back(row: Any, old: Mapping[str, Any], new: Mapping[str, Any], *, user: Any) -> bool:
    """Give a row its *old* values; False where it has not the *new* ones any more.

    Raises ValidationError where a rule forbids the old values by now.
    """
    with transaction.atomic(), _counting(type(row)):
        locked = type(row)._default_manager.select_for_update(of=("self",)).get(pk=row.pk)
        if values(locked, new) != dict(new):
            return False
        give(locked, [Part(row.pk, str(row), name, new[name], old[name], "", "") for name in old])
        LogEntry.objects.log_actions(
            user.pk,
            type(row)._default_manager.filter(pk=row.pk),
            CHANGE,
            [{"changed": {"fields": sorted(old)}}],
        )
        if isinstance(row, LicensePool) and COUNTED_AGAIN & old.keys():
            mark_dirty([row.pk])  # its days begin, its episodes end, at other moments
    return True


def _counting(model: type[models.Model]) -> AbstractContextManager[None]:
    """Have the hours counted again that a change of teams or their rules concerns."""
    return changing(rules=model is TeamRule) if model in (Team, TeamRule) else nullcontext()
