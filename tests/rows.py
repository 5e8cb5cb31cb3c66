"""Rows of any model, where only their number matters: what must be filled is filled somehow."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from django.db import models

NUMBERS = count(1)
MOMENT = datetime(2026, 11, 2, 9, tzinfo=UTC)


LATER = datetime(2100, 1, 1, tzinfo=UTC)
# Where the database asks for more than that nothing is empty.
ALSO: dict[str, dict[str, Any]] = {
    "gap": {"ends": LATER},
    "legalhold": {"contract": None},
    "nameerasure": {"state": "done"},
    "namereveal": {
        **{"pool": None, "granted": None, "valid_until": None},
        **{"decided_by": None, "decided_at": None},
    },
    "report": {
        **{"name": "compliance", "state": "failed", "decision": ""},
        "params": {"start": 0, "end": 86_400, "zone": "UTC", "scope": "all"},
    },
    "silence": {"ends_at": LATER},
    "teamrule": {"host_pattern": "h*"},
    "waitlistentry": {"expires_at": LATER, "state": "waiting"},
}


def several(model: type[models.Model], number: int) -> None:
    """Store *number* rows of a model. What they refer to is made too, where there is none.

    Moments rise from field to field, so that what ends does so after its start.
    """
    also = ALSO.get(str(model._meta.model_name), {})
    model._default_manager.bulk_create([_row(model, place, also) for place in range(number)])


def _row(model: type[models.Model], place: int, also: dict[str, Any]) -> models.Model:
    row = model(**also)
    for field in model._meta.concrete_fields:
        empty = row.__dict__.get(field.attname) in (None, "")
        if isinstance(field, models.AutoField) or not empty or field.name in also:
            continue
        wanted = not field.null and (not field.blank or field.unique)
        if isinstance(field, models.ForeignKey) or wanted or field.choices:
            setattr(row, field.attname, _value(field, place))
    return row


def _value(field: Any, place: int) -> Any:
    if isinstance(field, models.ForeignKey):
        return _other(field, place)
    if field.choices:
        return field.flatchoices[place % len(field.flatchoices)][0]
    number = next(NUMBERS)
    if isinstance(field, models.DateTimeField):
        return MOMENT + timedelta(minutes=number)
    if isinstance(field, models.DateField):
        return date(2026, 1, 1) + timedelta(days=number)
    if isinstance(field, models.DecimalField):
        return Decimal(number)
    if isinstance(field, models.BooleanField):
        return False
    if isinstance(field, models.IntegerField | models.FloatField):
        return number
    if isinstance(field, models.JSONField):
        return {}
    if isinstance(field, models.BinaryField):
        return b"\0" * 32
    return f"{number:0{min(field.max_length or 12, 12)}d}"


def _other(field: Any, place: int) -> Any:
    """Return the key of a row to refer to: another one for each place, while there are some.

    A row of the same kind is nobody's parent, and of what may be referred to once one is made.
    """
    model = field.remote_field.model
    if model is field.model:
        return None
    rows = model._default_manager.order_by("pk")
    if field.unique:
        several(model, 1)
        return rows.last().pk
    total = rows.count()
    if not total and not field.null:
        several(model, 1)
        total = 1
    return rows[place % total].pk if total else None
