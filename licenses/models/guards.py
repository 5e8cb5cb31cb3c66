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


def refusals(
    vendor: str,
    table: str,
    message: str,
    *,
    when: str = "",
    events: tuple[str, ...] = ("update", "delete"),
    name: str = "",
) -> Iterator[tuple[str, str]]:
    """Yield statements that make the database refuse to change or delete rows, each with the one
    that takes it back.

    when: a condition on OLD and NEW; empty: always. PostgreSQL needs `itam_refuse`, which
    `install` makes.
    """
    name = name or f"guard_{table}"
    if vendor == "sqlite":
        condition = f"WHEN {when} " if when else ""
        for event in events:
            yield (
                f"CREATE TRIGGER {name}_{event} BEFORE {event.upper()} ON {table} {condition}"
                f"BEGIN SELECT RAISE(ABORT, '{message}'); END",
                f"DROP TRIGGER IF EXISTS {name}_{event}",
            )
        return
    condition = f"WHEN ({when}) " if when else ""
    name = f"{name}_{events[0]}" if len(events) == 1 else name
    yield (
        f"CREATE TRIGGER {name} BEFORE {' OR '.join(events).upper()} ON {table} "
        f"FOR EACH ROW {condition}EXECUTE FUNCTION itam_refuse('{message}')",
        f"DROP TRIGGER IF EXISTS {name} ON {table}",
    )


def _append_only(vendor: str, tables: dict[str, str]) -> Iterator[tuple[str, str]]:
    for table, message in tables.items():
        yield from refusals(vendor, table, message)


def _sqlite() -> Iterator[tuple[str, str]]:
    yield from _append_only("sqlite", APPEND_ONLY)
    for name, event in (("insert", "INSERT"), ("update", "UPDATE")):
        yield (
            _SQLITE_OVERLAP.format(name=name, event=event, message=OVERLAP),
            f"DROP TRIGGER IF EXISTS guard_mapping_{name}",
        )


def _sealed(vendor: str) -> Iterator[tuple[str, str]]:
    yield from _append_only(vendor, SEALED)
    table, name = "licenses_evidencestream", "guard_evidencestream"
    yield from refusals(vendor, table, STREAM, events=("delete",), name=name)
    yield from refusals(vendor, table, STREAM, when=_STREAM_SHRINKS, events=("update",), name=name)


def _postgresql() -> Iterator[tuple[str, str]]:
    yield (
        "CREATE OR REPLACE FUNCTION itam_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ "
        "BEGIN RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = "
        "'integrity_constraint_violation'; END $$",
        "DROP FUNCTION IF EXISTS itam_refuse() CASCADE",
    )
    yield from _append_only("postgresql", APPEND_ONLY)
    yield "CREATE EXTENSION IF NOT EXISTS btree_gist", ""
    yield (
        "ALTER TABLE licenses_poolfeature ADD CONSTRAINT guard_mapping EXCLUDE USING gist "
        "(feature_id WITH =, int8range(mapped_from, mapped_until) WITH &&)",
        "ALTER TABLE licenses_poolfeature DROP CONSTRAINT IF EXISTS guard_mapping",
    )


def _statements(connection: Any) -> list[tuple[str, str]]:
    return list(_sqlite() if connection.vendor == "sqlite" else _postgresql())


def install(connection: Any) -> None:
    run(connection, [create for create, _drop in _statements(connection)])


def remove(connection: Any) -> None:
    run(connection, [drop for _create, drop in reversed(_statements(connection)) if drop])


def install_sealed(connection: Any) -> None:
    """Guard what seals the evidence: its tables are younger than the others."""
    run(connection, [create for create, _drop in _sealed(connection.vendor)])


def remove_sealed(connection: Any) -> None:
    run(connection, [drop for _create, drop in _sealed(connection.vendor)])


def run(connection: Any, statements: list[str]) -> None:
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
