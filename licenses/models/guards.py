"""What the database itself refuses: changing evidence or rights, and mapping a feature twice at one
time.

Guards make accidents hard, in the admin, in a shell and in SQL. They do not stop whoever owns the
database.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

APPEND_ONLY = {
    "licenses_evidenceblock": "Evidence is append-only: a block is never changed or deleted.",
    "licenses_entitlement": "Rights are append-only: record a correction that replaces the line.",
}
SEALED = {
    "licenses_evidenceday": "A sealed day is never changed or deleted.",
    "licenses_evidencekey": "Keys are append-only: heads of the past are checked with them.",
    "licenses_evidenceanchor": "Anchors are append-only: they tell what left our hands.",
}
STREAM = "A stream of evidence is never deleted or renamed, and its numbers never go back."
OVERLAP = "This feature already feeds a pool at that time: end that mapping first."

_SQLITE_OVERLAP = """
CREATE TRIGGER guard_mapping_{name} BEFORE {event} ON licenses_poolfeature
WHEN EXISTS (
    SELECT 1 FROM licenses_poolfeature AS other
    WHERE other.feature_id = NEW.feature_id AND other.id IS NOT NEW.id
      AND (other.mapped_until IS NULL OR NEW.mapped_from IS NULL
           OR other.mapped_until > NEW.mapped_from)
      AND (NEW.mapped_until IS NULL OR other.mapped_from IS NULL
           OR NEW.mapped_until > other.mapped_from)
) BEGIN SELECT RAISE(ABORT, '{message}'); END
"""


_STREAM_SHRINKS = (
    "NEW.name <> OLD.name OR NEW.next_number < OLD.next_number OR NEW.sealed < OLD.sealed"
)


def _sqlite_append_only(tables: dict[str, str]) -> Iterator[tuple[str, str]]:
    for table, message in tables.items():
        for event in ("update", "delete"):
            name = f"guard_{table}_{event}"
            yield (
                f"CREATE TRIGGER {name} BEFORE {event.upper()} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{message}'); END",
                f"DROP TRIGGER IF EXISTS {name}",
            )


def _sqlite() -> Iterator[tuple[str, str]]:
    yield from _sqlite_append_only(APPEND_ONLY)
    for name, event in (("insert", "INSERT"), ("update", "UPDATE")):
        yield (
            _SQLITE_OVERLAP.format(name=name, event=event, message=OVERLAP),
            f"DROP TRIGGER IF EXISTS guard_mapping_{name}",
        )


def _sqlite_sealed() -> Iterator[tuple[str, str]]:
    yield from _sqlite_append_only(SEALED)
    for event, when in (("delete", ""), ("update", f"WHEN {_STREAM_SHRINKS}")):
        name = f"guard_evidencestream_{event}"
        yield (
            f"CREATE TRIGGER {name} BEFORE {event.upper()} ON licenses_evidencestream {when} "
            f"BEGIN SELECT RAISE(ABORT, '{STREAM}'); END",
            f"DROP TRIGGER IF EXISTS {name}",
        )


def _postgresql_append_only(tables: dict[str, str]) -> Iterator[tuple[str, str]]:
    for table, message in tables.items():
        yield (
            f"CREATE TRIGGER guard_{table} BEFORE UPDATE OR DELETE ON {table} "
            f"FOR EACH ROW EXECUTE FUNCTION itam_refuse('{message}')",
            f"DROP TRIGGER IF EXISTS guard_{table} ON {table}",
        )


def _postgresql_sealed() -> Iterator[tuple[str, str]]:
    yield from _postgresql_append_only(SEALED)
    for event, when in (("delete", ""), ("update", f"WHEN ({_STREAM_SHRINKS})")):
        name = f"guard_evidencestream_{event}"
        yield (
            f"CREATE TRIGGER {name} BEFORE {event.upper()} ON licenses_evidencestream "
            f"FOR EACH ROW {when} EXECUTE FUNCTION itam_refuse('{STREAM}')",
            f"DROP TRIGGER IF EXISTS {name} ON licenses_evidencestream",
        )


def _postgresql() -> Iterator[tuple[str, str]]:
    yield (
        "CREATE OR REPLACE FUNCTION itam_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ "
        "BEGIN RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = "
        "'integrity_constraint_violation'; END $$",
        "DROP FUNCTION IF EXISTS itam_refuse() CASCADE",
    )
    yield from _postgresql_append_only(APPEND_ONLY)
    yield "CREATE EXTENSION IF NOT EXISTS btree_gist", ""
    yield (
        "ALTER TABLE licenses_poolfeature ADD CONSTRAINT guard_mapping EXCLUDE USING gist "
        "(feature_id WITH =, int8range(mapped_from, mapped_until) WITH &&)",
        "ALTER TABLE licenses_poolfeature DROP CONSTRAINT IF EXISTS guard_mapping",
    )


def _statements(connection: Any) -> list[tuple[str, str]]:
    return list(_sqlite() if connection.vendor == "sqlite" else _postgresql())


def _sealed_statements(connection: Any) -> list[tuple[str, str]]:
    sqlite = connection.vendor == "sqlite"
    return list(_sqlite_sealed() if sqlite else _postgresql_sealed())


def install(connection: Any) -> None:
    _run(connection, [create for create, _drop in _statements(connection)])


def remove(connection: Any) -> None:
    _run(connection, [drop for _create, drop in reversed(_statements(connection)) if drop])


def install_sealed(connection: Any) -> None:
    """Guard what seals the evidence: its tables are younger than the others."""
    _run(connection, [create for create, _drop in _sealed_statements(connection)])


def remove_sealed(connection: Any) -> None:
    _run(connection, [drop for _create, drop in _sealed_statements(connection)])


def _run(connection: Any, statements: list[str]) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


@contextmanager
def lifted(connection: Any) -> Iterator[None]:
    """Take the guards away for a while: only for emptying a test database."""
    remove_sealed(connection)
    remove(connection)
    try:
        yield
    finally:
        install(connection)
        install_sealed(connection)
