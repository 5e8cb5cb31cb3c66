"""What was judged, noted, handed in or mapped before stays on record, whoever asks otherwise."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import IntegrityError, connection, models, transaction
from django.db.models import ProtectedError

from licenses.importing import erasure
from licenses.models import (
    AnswerStep,
    Correction,
    Document,
    Entitlement,
    LicensePool,
    MappingChange,
    OverUseNote,
    PoolRetirement,
    Proof,
    RowChange,
    StrengthOverride,
    guards,
)
from reports.models import Report, SignOff
from tests.factories import EntitlementFactory, PersonFactory
from tests.rows import several

pytestmark = pytest.mark.django_db
ANOTHER = datetime(2020, 1, 1, tzinfo=UTC)
KEPT: list[Any] = [
    *(Entitlement, StrengthOverride, Correction, OverUseNote, Document, MappingChange),
    *(Proof, PoolRetirement, RowChange, AnswerStep),
]


def row_of(model: Any) -> Any:
    if model is MappingChange:
        side = {"feature": "cad", "from": None, "server": "s", "until": None, "weight": 1}
        pool = LicensePool.objects.first() or EntitlementFactory().pool
        return MappingChange.objects.create(pool=pool, before=side, after=side | {"weight": 2})
    if model is Entitlement:
        return EntitlementFactory()
    if model is Correction:
        line = EntitlementFactory(strength=1)
        return Correction.objects.create(pool=line.pool, line=line)
    several(model, 1)
    return model.objects.last()


def another(field: models.Field[Any, Any], value: Any) -> Any:
    if isinstance(field, models.DateTimeField):
        return ANOTHER
    if isinstance(field, models.JSONField):
        return {**value, "weight": 9}
    if isinstance(field, models.FileField):
        return "documents/another"
    if isinstance(field, models.BooleanField):
        return not value
    if isinstance(field, models.DateField):
        return (value or date(2026, 1, 1)) + timedelta(1)
    if isinstance(value, str):
        return f"{value}x"[-(field.max_length or 200) :]
    return (value or 0) + 1


def fixed(model: Any) -> list[Any]:
    record = guards.RECORDS[model._meta.db_table]
    kept = [field for field in model._meta.concrete_fields if field.column not in record.words]
    return [field for field in kept if field.column not in record.filled]


@pytest.mark.parametrize(
    ("model", "name"),
    [pytest.param(m, f.name, id=f"{m.__name__}-{f.name}") for m in KEPT for f in fixed(m)],
)
def test_what_is_on_record_cannot_become_another(model: Any, name: str) -> None:
    row = row_of(model)
    field = model._meta.get_field(name)
    value = another(field, getattr(row, field.attname))
    with pytest.raises(IntegrityError, match="never changed"), transaction.atomic():
        model._base_manager.filter(pk=row.pk).update(**{field.attname: value})


@pytest.mark.parametrize("model", KEPT)
def test_what_is_on_record_cannot_be_deleted(model: Any) -> None:
    row_of(model)
    refused = pytest.raises(IntegrityError, match="deleted")
    with refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {model._meta.db_table}")
    assert model.objects.exists()


def test_a_correction_is_approved_once() -> None:
    row = row_of(Correction)
    user, other = (User.objects.create_user(name) for name in ("ann", "bob"))
    row.approved_at, row.approved_by = ANOTHER, user
    row.save()
    for values in ({"approved_by": other}, {"approved_at": None, "approved_by": None}):
        with pytest.raises(IntegrityError, match="approved"), transaction.atomic():
            Correction.objects.update(**values)


@pytest.mark.parametrize("model", [MappingChange, PoolRetirement])
def test_a_pool_of_which_a_record_tells_is_not_deleted(model: Any) -> None:
    pool = row_of(model).pool
    with pytest.raises(ProtectedError, match=rf"{model.__name__}\.pool"):
        pool.delete()


def test_a_name_is_erased_from_words_on_record_and_nothing_else_changes(
    tmp_path: Any, settings: Any
) -> None:
    settings.ITAM_DATA_DIR, settings.ITAM_CAPTURE_DIR = tmp_path, tmp_path / "captures"
    person = PersonFactory(login="jsmith")
    judged = row_of(StrengthOverride)
    line = judged.entitlement
    judged_before = StrengthOverride.objects.values().get()
    note, paper, change = row_of(OverUseNote), row_of(Document), row_of(MappingChange)
    StrengthOverride.objects.update(reason="jsmith saw it")
    Entitlement._base_manager.filter(pk=line.pk).update(reason="jsmith counted")
    OverUseNote.objects.update(cause="jsmith", resolution="by jsmith", owner="jsmith")
    Document.objects.update(title="from jsmith", file_name="jsmith 1.pdf")
    told = {**change.before, "server": "jsmith"}
    MappingChange.objects.update(before=told)
    assert erasure.erase(person, "asked for it").left == []
    for row in (judged, line, note, paper, change):
        row.refresh_from_db()
    assert (judged.reason, line.reason) == (f"{person.label} saw it", f"{person.label} counted")
    assert (note.cause, note.owner) == (person.label, person.label)
    assert (paper.title, paper.file_name) == (f"from {person.label}", f"{person.label} 1.pdf")
    assert change.before == {**told, "server": person.label}
    after = StrengthOverride.objects.values().get()
    assert after == {**judged_before, "reason": judged.reason}


def test_a_migration_with_nothing_to_do_puts_guards_back_that_are_missing() -> None:
    guards.remove_kept(connection)
    call_command("migrate", verbosity=0)
    row_of(StrengthOverride)
    with pytest.raises(IntegrityError), transaction.atomic():
        StrengthOverride.objects.update(recorded_at=ANOTHER)


GUARDED = [
    *(*guards.APPEND_ONLY, *guards.SEALED, *guards.RECORDS, *guards.REFERRED),
    *("licenses_evidencestream", Report._meta.db_table, SignOff._meta.db_table),
]


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has no TRUNCATE")
@pytest.mark.parametrize("table", GUARDED)
def test_no_guarded_table_is_emptied_at_once(table: str) -> None:
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {table} CASCADE")


@pytest.mark.skipif(connection.vendor != "sqlite", reason="only SQLite has REPLACE")
@pytest.mark.parametrize("table", sorted({*GUARDED} - guards.REFERRED.keys()))
def test_no_row_of_a_guarded_table_is_replaced_by_another(table: str) -> None:
    (model,) = [each for each in apps.get_models() if each._meta.db_table == table]
    row_of(model)
    Report.objects.update(decision=Report.Decision.REJECTED)
    refused = pytest.raises(IntegrityError, match=r"never (changed or )?deleted|append-only")
    with refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}")
