"""What the database itself refuses: changing evidence, rights or what was said of them, mapping a
feature twice at one time, deleting what facts refer to, and what else is fixed once it is used.

Guards make accidents hard, in the admin, in a shell and in SQL. They do not stop whoever owns the
database.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from django.db import connections
from django.db.models.signals import post_migrate, pre_migrate

from .fixed_guards import fixed

APPEND_ONLY = {
    "licenses_evidenceblock": "Evidence is append-only: a block is never changed or deleted.",
}
SEALED = {
    "licenses_evidenceday": "A sealed day is never changed or deleted.",
    "licenses_evidencekey": "Keys are append-only: heads of the past are checked with them.",
    "licenses_evidenceanchor": "Anchors are append-only: they tell what left our hands.",
}
STREAM = "A stream of evidence is never deleted or renamed, and its numbers never go back."


class Record(NamedTuple):
    """A table of what was said at a moment, and why.

    words:   columns of free text: erasing a name changes them, and nothing else does.
    texts:   by column of JSON, its keys of free text.
    filled:  columns that are empty at first, and never change once they are filled.
    """

    message: str
    words: tuple[str, ...] = ()
    texts: dict[str, tuple[str, ...]] = {}
    filled: tuple[str, ...] = ()


RECORDS = {
    "licenses_entitlement": Record(
        "A right is never changed or deleted: record a correction that replaces the line.",
        words=("reason",),
    ),
    "licenses_strengthoverride": Record(
        "A judgement of proof is never changed or deleted: record a newer one.", words=("reason",)
    ),
    "licenses_correction": Record(
        "What was corrected and who approved it is never changed or deleted.",
        filled=("approved_at", "approved_by_id"),
    ),
    "licenses_overusenote": Record(
        "A note on over-use is never changed or deleted: record a newer one.",
        words=("cause", "resolution", "owner"),
    ),
    "licenses_document": Record(
        "A document is never changed or deleted: add a newer one.",
        words=("title", "file_name"),
        filled=("quantity",),
    ),
    "licenses_proof": Record(
        "What a document proves is never changed or deleted: correct the line instead."
    ),
    "licenses_poolretirement": Record(
        "That a pool was retired or restored is never changed or deleted."
    ),
    "licenses_evidencecheck": Record(
        "What a check of the evidence found is never changed or deleted."
    ),
    "licenses_rowchange": Record("Where the log tells of a row is never changed or deleted."),
    "licenses_mappingchange": Record(
        "What a mapping said before is never changed or deleted.",
        words=("reason",),
        texts=dict.fromkeys(("before", "after"), ("feature", "server")),
    ),
    "licenses_answerstep": Record(
        "How far apart answers could be is never changed or deleted: proofs rest on it."
    ),
}
BARE: dict[str, Any] = {"db_index": False, "db_constraint": False}
"""Of the foreign keys of facts. That what they refer to is there is not looked up for each of
millions of rows, which takes longer than writing them (on PostgreSQL thrice as long): only the
importer writes them, with ids that it has just read or made, and what they refer to cannot be
deleted (`REFERRED`)."""
REFERRED = {
    "licenses_feature": ("feature_id", ("eventblock", "sighting", "denial", "checkout")),
    "licenses_person": ("person_id", ("sighting", "denial", "checkout")),
    "licenses_host": ("host_id", ("sighting", "denial", "checkout")),
    "licenses_sighting": ("sighting_id", ("checkout",)),
}
"""By table, the column by which facts refer to it, and their tables."""
_MORE: list[Callable[[Any], Iterable[tuple[str, str]]]] = []
_NAMED = re.compile(r"(?:CREATE(?: OR REPLACE)? TRIGGER|ADD CONSTRAINT)(?: IF NOT EXISTS)? (\w+)")
_STANDING = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
    "postgresql": (
        "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled IN ('O', 'A') "
        "UNION SELECT conname FROM pg_constraint"
    ),
}
PACKED = ("licenses_person", "licenses_host")
"""What blocks of events refer to inside: while there is a block it may be one of theirs."""
USED = "Facts refer to it: it is never deleted."
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
    `install` makes; where it does not delete a row, it does not empty the table at once either.
    """
    name = name or f"guard_{table}"
    if vendor == "sqlite":
        condition = f"WHEN {when} " if when else ""
        for event in events:
            yield (
                f"CREATE TRIGGER IF NOT EXISTS {name}_{event} BEFORE {event.upper()} ON {table} "
                f"{condition}BEGIN SELECT RAISE(ABORT, '{message}'); END",
                f"DROP TRIGGER IF EXISTS {name}_{event}",
            )
        return
    if "delete" in events:
        yield _not_emptied(table, message)
    condition = f"WHEN ({when}) " if when else ""
    name = f"{name}_{events[0]}" if len(events) == 1 else name
    yield (
        f"CREATE OR REPLACE TRIGGER {name} BEFORE {' OR '.join(events).upper()} ON {table} "
        f"FOR EACH ROW {condition}EXECUTE FUNCTION itam_refuse('{message}')",
        f"DROP TRIGGER IF EXISTS {name} ON {table}",
    )


def _not_emptied(table: str, message: str) -> tuple[str, str]:
    name = f"guard_{table}_truncate"
    return (
        f"CREATE OR REPLACE TRIGGER {name} BEFORE TRUNCATE ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION itam_refuse('{message}')",
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


_REFUSE = (
    "CREATE OR REPLACE FUNCTION itam_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ "
    "BEGIN RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = "
    "'integrity_constraint_violation'; END $$",
    "DROP FUNCTION IF EXISTS itam_refuse() CASCADE",
)


def _postgresql() -> Iterator[tuple[str, str]]:
    yield _REFUSE
    yield from _append_only("postgresql", APPEND_ONLY)
    yield "CREATE EXTENSION IF NOT EXISTS btree_gist", ""
    yield (
        "ALTER TABLE licenses_poolfeature ADD CONSTRAINT guard_mapping EXCLUDE USING gist "
        "(feature_id WITH =, int8range(mapped_from, mapped_until) WITH &&)",
        "ALTER TABLE licenses_poolfeature DROP CONSTRAINT IF EXISTS guard_mapping",
    )


def _records(connection: Any, there: set[str]) -> Iterator[tuple[str, str]]:
    for table in sorted(there & RECORDS.keys()):
        record = RECORDS[table]
        with connection.cursor() as cursor:
            described = connection.introspection.get_table_description(cursor, table)
        fixed = sorted({column.name for column in described} - {*record.words})
        changed = " OR ".join(_changed(connection.vendor, record, name) for name in fixed)
        for event, when in (("delete", ""), ("update", changed)):
            yield from refusals(
                connection.vendor, table, record.message, events=(event,), when=when
            )


def _changed(vendor: str, record: Record, name: str) -> str:
    """Return the condition that a column becomes another, in more than words."""
    keys = [f"'{key}'" for key in record.texts.get(name, ())]
    if vendor == "sqlite":
        paths = "".join(f", '$.' || {key}" for key in keys)
        old, new = (
            f"json_remove({row}.{name}{paths})" if keys else f"{row}.{name}"
            for row in ("OLD", "NEW")
        )
        changed = f"{old} IS NOT {new}"
    else:
        old, new = (" - ".join([f"{row}.{name}", *keys]) for row in ("OLD", "NEW"))
        changed = f"({old}) IS DISTINCT FROM ({new})"
    return f"(OLD.{name} IS NOT NULL AND {changed})" if name in record.filled else changed


def _referred(vendor: str) -> Iterator[tuple[str, str]]:
    if vendor != "sqlite":
        # A trigger before a row asks anew once it has the row: what an import has stored since the
        # deletion began is seen. (See `licenses.importing.directory` for what it is storing.)
        yield (
            "CREATE OR REPLACE FUNCTION itam_refuse_used() RETURNS trigger LANGUAGE plpgsql AS $$ "
            "DECLARE used boolean; BEGIN FOR place IN 1 .. TG_NARGS - 1 LOOP "
            "EXECUTE CASE WHEN TG_ARGV[place] = 'licenses_eventblock' "
            f"AND TG_TABLE_NAME IN {PACKED} "
            "THEN 'SELECT EXISTS (SELECT 1 FROM licenses_eventblock WHERE $1 IS NOT NULL)' "
            "ELSE format('SELECT EXISTS (SELECT 1 FROM %I WHERE %I = $1)', "
            "TG_ARGV[place], TG_ARGV[0]) END USING OLD.id INTO used; "
            f"IF used THEN RAISE EXCEPTION '{USED}' "
            "USING ERRCODE = 'integrity_constraint_violation'; END IF; "
            "END LOOP; RETURN OLD; END $$",
            "",
        )
    for table, (column, facts) in REFERRED.items():
        named = [f"licenses_{fact}" for fact in facts]
        if vendor == "sqlite":
            asked = [f"EXISTS (SELECT 1 FROM {t} WHERE {column} = OLD.id)" for t in named]
            asked += ["EXISTS (SELECT 1 FROM licenses_eventblock)"] if table in PACKED else []
            used = " OR ".join(asked)
            yield (
                f"CREATE TRIGGER IF NOT EXISTS guard_{table}_used BEFORE DELETE ON {table} "
                f"WHEN {used} BEGIN SELECT RAISE(ABORT, '{USED}'); END",
                f"DROP TRIGGER IF EXISTS guard_{table}_used",
            )
        else:
            yield _not_emptied(table, USED)
            named += ["licenses_eventblock"] if table in PACKED else []
            told = ", ".join(f"'{word}'" for word in (column, *named))
            yield (
                f"CREATE OR REPLACE TRIGGER guard_{table}_used BEFORE DELETE ON {table} "
                f"FOR EACH ROW EXECUTE FUNCTION itam_refuse_used({told})",
                f"DROP TRIGGER IF EXISTS guard_{table}_used ON {table}",
            )


def install_kept(connection: Any) -> None:
    """Guard records, and what facts refer to, where they are not guarded yet: once all tables of
    facts are there."""
    there = _tables(connection)
    facts = {f"licenses_{name}" for _column, names in REFERRED.values() for name in names}
    if facts | REFERRED.keys() <= there:
        run(connection, [create for create, _drop in _kept(connection, there) if create])


def remove_kept(connection: Any) -> None:
    """Take these guards away: migrations need that, since SQLite makes a table anew to change it,
    which it cannot while a trigger of another table names it, and no column that a trigger names
    can go. A database that has not all tables of today yet may have guards of its own time."""
    run(connection, [drop for _create, drop in _kept(connection, _tables(connection)) if drop])


def _tables(connection: Any) -> set[str]:
    return set(connection.introspection.table_names())


def _kept(connection: Any, there: set[str]) -> list[tuple[str, str]]:
    return [
        *_referred(connection.vendor),
        *_records(connection, there),
        *fixed(connection.vendor, there),
    ]


def around_migrations(sender: Any) -> None:
    """Have the guards stand whenever no migration runs: SQLite loses the triggers of a table that
    one makes anew."""

    def take(using: str, plan: Any, **_: Any) -> None:
        if plan:
            remove_kept(connections[using])

    def put(using: str, **_: Any) -> None:
        # Without a plan, too: the one before may have ended between its last step and this.
        connection = connections[using]
        if SEALED.keys() <= _tables(connection):
            pairs = [_REFUSE] if connection.vendor == "postgresql" else []
            pairs += [*_append_only(connection.vendor, APPEND_ONLY), *_sealed(connection.vendor)]
            run(connection, [create for create, _drop in pairs])
        install_kept(connection)

    pre_migrate.connect(take, sender=sender, weak=False, dispatch_uid="licenses.guards")
    post_migrate.connect(put, sender=sender, weak=False, dispatch_uid="licenses.guards")


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


def also(statements: Callable[[Any], Iterable[tuple[str, str]]]) -> None:
    """Look for the guards of another part, too: of one that we do not import."""
    _MORE.append(statements)


def missing(connection: Any) -> list[str]:
    """Return the guards that should stand and do not, or that were switched off."""
    pairs = [*_statements(connection), *_sealed(connection.vendor)]
    pairs += _kept(connection, _tables(connection))
    for more in _MORE:
        pairs += more(connection)
    wanted = {name for create, _drop in pairs for name in _NAMED.findall(create)}
    with connection.cursor() as cursor:
        cursor.execute(_STANDING[connection.vendor])
        return sorted(wanted - {name for (name,) in cursor.fetchall()})


def run(connection: Any, statements: list[str]) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


@contextmanager
def lifted(connection: Any) -> Iterator[None]:
    """Take the guards away for a while, those of other parts too: only for tests."""
    more = [pair for statements in _MORE for pair in statements(connection)]
    away = [drop for _create, drop in more]
    run(connection, away)
    remove_kept(connection)
    remove_sealed(connection)
    remove(connection)
    try:
        yield
    finally:
        install(connection)
        install_sealed(connection)
        install_kept(connection)
        # Once more: what empties a database tells that it was migrated, and they are put up then.
        run(connection, away + [create for create, _drop in more])
