"""Change several pools, products, contracts or entitlements in one go, and take that back.

The one way in for the admin and the API: what would become other is told first, all of it is stored
or nothing, each row gets its line of history, and the change stays on record. Entitlements are
never edited: each gets a line that replaces it, as a single correction does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from django.contrib.admin.models import CHANGE, LogEntry
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from licenses.analysis.rollup import mark_dirty
from licenses.importing.rights import correct_rights, proven_otherwise_since
from licenses.models import BulkChange, Contract, Entitlement, LicensePool, Product

EDITABLE: dict[str, tuple[type[models.Model], tuple[str, ...]]] = {
    "pools": (
        LicensePool,
        ("product", "owner_teams", "zone", "on_status", "house_rules", "episode_gap_minutes"),
    ),
    "products": (Product, ("vendor", "category")),
    "contracts": (Contract, ("owner", "notice_days", "renews", "valid_to", "currency")),
    # What the papers say of money and place; seats and terms differ by line.
    "entitlements": (
        Entitlement,
        ("contract", "unit_price", "currency", "purchase_order", "scope"),
    ),
}
BY_NEW_LINES = frozenset(["entitlements"])
"""Kinds whose rows are replaced, with a reason, and not edited."""
MOST = 1000
COUNTED_AGAIN = {"zone", "episode_gap_minutes"}


class Part(NamedTuple):
    """A value that becomes another. old and new are as stored: ids of related rows, else text."""

    id: int
    name: str
    field: str
    old: Any
    new: Any
    old_words: str
    new_words: str


def may_change(user: Any, kind: str) -> bool:
    """Tell whether somebody may change rows of a kind at all; which of them, their scope says."""
    action = "add" if kind in BY_NEW_LINES else "change"
    return bool(user.has_perm(f"licenses.{action}_{EDITABLE[kind][0]._meta.model_name}"))


def preview(kind: str, rows: Iterable[Any], changes: Mapping[str, Any]) -> list[Part]:
    """Return what would become other; what stays as it is is not in it.

    changes: by field of EDITABLE[kind]; a related row, a list of them for several, else a value.
    Raises ValidationError for a field that is not to be changed so or a value that it cannot have,
    for more than MOST rows, and for an entitlement that counts no more.
    """
    model, names = EDITABLE[kind]
    if strange := sorted(changes.keys() - set(names)):
        raise ValidationError({strange[0]: _("This is not changed for several at once.")})
    chosen = list(rows)
    if len(chosen) > MOST:
        said = _("Found %(count)s rows; at most %(most)s are changed at once.")
        raise ValidationError(said % {"count": len(chosen), "most": MOST})
    for name, value in changes.items():
        field: Any = model._meta.get_field(name)
        if not field.is_relation and value not in field.empty_values:
            try:
                field.run_validators(value)
            except ValidationError as error:
                raise ValidationError({name: error.messages}) from error
    found = []
    for row in chosen:
        if kind in BY_NEW_LINES and not _counts(row):
            raise ValidationError(_("%(row)s was replaced or withdrawn.") % {"row": row})
        for name, value in changes.items():
            field = model._meta.get_field(name)
            old, new = stored(field, current(row, field)), stored(field, value)
            if old != new:
                words = (_words(field, current(row, field)), _words(field, value))
                found.append(Part(row.pk, str(row), name, old, new, *words))
    return found


def change(
    kind: str, rows: Iterable[Any], changes: Mapping[str, Any], *, user: Any, reason: str = ""
) -> BulkChange:
    """Store the change of all rows, or of none, and return what is on record of it.

    Raises ValidationError, with the row's name, where one of them would break a rule, where nothing
    would become other, and for entitlements without a reason.
    """
    chosen = list(rows)
    if kind in BY_NEW_LINES and not reason.strip():
        raise ValidationError({"reason": _("Say why: it stands beside each line.")})
    with transaction.atomic():
        parts = preview(kind, chosen, changes)
        if not parts:
            raise ValidationError(_("Nothing would change."))
        parts = _store(kind, parts, user, reason)
        return BulkChange.objects.create(
            kind=kind, parts=[part._asdict() for part in parts], reason=reason, recorded_by=user
        )


def undo(done: BulkChange, *, user: Any) -> BulkChange:
    """Give all rows the values that they had before.

    Raises ValidationError where it was undone already, or a row was changed or deleted since: then
    nothing is changed.
    """
    with transaction.atomic():
        mine = BulkChange.objects.filter(pk=done.pk, undone_at=None)
        if mine.update(undone_at=timezone.now(), undone_by=user) != 1:
            raise ValidationError(_("This change was undone already."))
        model, _names = EDITABLE[done.kind]
        parts = [Part(**part) for part in done.parts]
        rows: Mapping[int, Any] = model._default_manager.in_bulk({part.id for part in parts})
        for part in parts:
            row, field = rows.get(part.id), model._meta.get_field(part.field)
            gone = row is None or (
                done.kind in BY_NEW_LINES and (not _counts(row) or proven_otherwise_since(row))
            )
            if gone or stored(field, current(row, field)) != part.new:
                raise ValidationError(
                    _("%(name)s was changed since: nothing is undone.") % {"name": part.name}
                )
        back = [
            part._replace(
                old=part.new, new=part.old, old_words=part.new_words, new_words=part.old_words
            )
            for part in parts
        ]
        _store(done.kind, back, user, _("Taken back: %(why)s") % {"why": done.reason}, back=True)
    done.refresh_from_db()
    return done


def _store(
    kind: str, parts: Sequence[Part], user: Any, reason: str, *, back: bool = False
) -> list[Part]:
    """Give the rows their new values, with history, and have the hours counted that this bears
    on. Returns the parts with the rows that have these values now. back: they had them before."""
    model, _names = EDITABLE[kind]
    by_row: dict[int, list[Part]] = {}
    for part in parts:
        by_row.setdefault(part.id, []).append(part)
    rows = model._default_manager.in_bulk(by_row)
    if kind in BY_NEW_LINES:
        now = _replace(rows, by_row, user, reason, back)
        return [part._replace(id=now[part.id]) for part in parts]
    for pk, mine in by_row.items():
        give(rows[pk], mine)
    for fields, pks in _alike(by_row).items():
        LogEntry.objects.log_actions(
            user.pk,
            model._default_manager.filter(pk__in=pks),
            CHANGE,
            [{"changed": {"fields": list(fields)}}],
        )
    again = {part.id for part in parts if part.field in COUNTED_AGAIN}
    if model is LicensePool and again:
        mark_dirty(sorted(again))  # their days begin, their episodes end, at other moments
    return list(parts)


def _counts(line: Any) -> bool:
    return not line.withdrawn and not hasattr(line, "replaced_by")


def _replace(
    rows: Mapping[int, Any],
    by_row: Mapping[int, Sequence[Part]],
    user: Any,
    reason: str,
    back: bool,
) -> dict[int, int]:
    """Write a line for each entitlement that replaces it; returns the new ids by the old ones."""
    wished = []
    for pk, mine in by_row.items():
        values = {}
        for part in mine:
            field: Any = rows[pk]._meta.get_field(part.field)
            if field.is_relation and part.new is not None:
                values[part.field] = field.related_model._default_manager.get(pk=part.new)
            else:
                values[part.field] = part.new if field.is_relation else field.to_python(part.new)
        wished.append((rows[pk], values))
    copies = correct_rights(wished, reason=reason[:500], user=user, back=back)
    return {row.pk: copy.pk for (row, _values), copy in zip(wished, copies, strict=True)}


def give(row: Any, parts: Sequence[Part]) -> None:
    """Store the new values of one row. Raises ValidationError where they break a rule."""
    many, own = {}, []
    for part in parts:
        field = row._meta.get_field(part.field)
        if field.many_to_many:
            many[part.field] = part.new
        else:
            setattr(row, field.attname, field.to_python(part.new) if not field.is_relation
                    else part.new)  # fmt: skip
            own.append(part.field)
    try:
        row.full_clean()
    except ValidationError as error:
        raise ValidationError([f"{row}: {said}" for said in error.messages]) from error
    if own:
        row.save(update_fields=own)
    for name, pks in many.items():
        getattr(row, name).set(pks)


def _alike(by_row: Mapping[int, Sequence[Part]]) -> dict[tuple[str, ...], list[int]]:
    """Return the rows by which fields of them changed: an entry of history says those."""
    found: dict[tuple[str, ...], list[int]] = {}
    for pk, parts in by_row.items():
        found.setdefault(tuple(part.field for part in parts), []).append(pk)
    return found


def current(row: Any, field: Any) -> Any:
    return list(getattr(row, field.name).all()) if field.many_to_many else getattr(row, field.name)


def stored(field: Any, value: Any) -> Any:
    """Return a value as JSON keeps it."""
    if field.many_to_many:
        return sorted(row.pk for row in value)
    if field.is_relation:
        return None if value is None else value.pk
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(field, models.DecimalField):
        return str(Decimal(value).quantize(Decimal(1).scaleb(-field.decimal_places)))
    return str(value)


def _words(field: Any, value: Any) -> str:
    if field.many_to_many:
        return ", ".join(sorted(str(row) for row in value)) or "–"
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return "–" if value in (None, "") else str(value)
