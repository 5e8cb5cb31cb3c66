"""Facts have no foreign keys that the database looks up: what they refer to cannot be deleted."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.db.models import ForeignKey

from licenses.importing.files import Wanted, import_file
from licenses.models import (
    Checkout,
    Denial,
    EventBlock,
    Feature,
    Host,
    LicenseServer,
    Person,
    Sighting,
    guards,
)

LOG = b""" 8:00:00 (lmgrd) TIMESTAMP 3/9/2026
 8:00:01 (acmed) OUT: "cad" ann@ws1
 8:00:02 (acmed) DENIED: "cad" bob@ws2  (Licensed number of users already reached. (-4,342))
"""
PARENTS = [Feature, Person, Host, Sighting]


@pytest.fixture
def used(db: Any, tmp_path: Any, settings: Any) -> None:
    settings.ITAM_DATA_DIR, settings.ITAM_CAPTURE_DIR = tmp_path, tmp_path / "captures"
    server = LicenseServer.objects.create(name="s", zone="UTC")
    path = tmp_path / "debug.log"
    path.write_bytes(LOG)
    import_file(server, path, path.name, Wanted())
    held = Checkout.objects.get()
    held.sighting = Sighting.objects.create(
        feature=held.feature,
        person=held.person,
        host=held.host,
        seats=1,
        first_seen=held.taken_at,
        last_seen=held.taken_at,
    )
    held.save()


def count(model: Any) -> int:
    return int(model.objects.count())


@pytest.mark.parametrize("model", PARENTS)
def test_what_facts_refer_to_cannot_be_deleted_by_sql_either(model: Any, used: None) -> None:
    before = count(model)
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {model._meta.db_table}")
    assert count(model) == before > 0


@pytest.mark.skipif(connection.vendor != "sqlite", reason="only SQLite has REPLACE")
@pytest.mark.parametrize("model", PARENTS)
def test_what_facts_refer_to_cannot_be_replaced_either(model: Any, used: None) -> None:
    table = model._meta.db_table
    refused = pytest.raises(IntegrityError, match="never deleted")
    with refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}")


def test_a_person_of_whom_only_a_refusal_tells_stays(used: None) -> None:
    refused = Denial.objects.get().person_id
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM licenses_identity")
        cursor.execute("DELETE FROM licenses_person WHERE id = %s", [refused])
    assert Person.objects.filter(pk=refused).exists()


@pytest.mark.parametrize("model", [Person, Host])
def test_whom_an_event_alone_may_be_of_stays(model: Any, used: None) -> None:
    row = model.objects.create(pseudonym="nobody")
    with pytest.raises(IntegrityError), transaction.atomic():
        row.delete()
    assert model.objects.filter(pk=row.pk).exists()


@pytest.mark.parametrize("model", [Person, Host])
def test_what_nothing_refers_to_can_be_deleted(model: Any, db: None) -> None:
    row = model.objects.create(pseudonym="nobody")
    row.delete()
    assert not model.objects.filter(pseudonym="nobody").exists()


def test_every_foreign_key_without_a_constraint_is_guarded() -> None:
    bare = {
        (field.related_model._meta.db_table, field.column, model._meta.model_name)
        for model in (EventBlock, Sighting, Denial, Checkout)
        for field in model._meta.get_fields()
        if isinstance(field, ForeignKey) and not field.db_constraint
    }
    assert bare == {
        (table, column, fact)
        for table, (column, facts) in guards.REFERRED.items()
        for fact in facts
    }


@pytest.mark.parametrize("model", PARENTS)
def test_guards_stand_once_they_were_taken_away_and_put_back(model: Any, used: None) -> None:
    guards.remove_kept(connection)
    guards.install_kept(connection)
    guards.install_kept(connection)
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {model._meta.db_table}")


def test_a_migration_with_nothing_to_do_puts_guards_back_that_are_missing(used: None) -> None:
    guards.remove_kept(connection)
    call_command("migrate", verbosity=0)
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM licenses_feature")
