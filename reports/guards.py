"""What the database itself refuses: changing or deleting a report that is signed or rejected, and
the steps of its sign-off.

SQLite loses a table's triggers when a migration remakes it: one that alters these tables installs
them again.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

DECIDED = "A signed or rejected report is never changed or deleted: make a new version."
STEP = "A step of a sign-off is never changed or deleted."

_GUARDS = (("reports_report", "OLD.decision <> ''", DECIDED), ("reports_signoff", "", STEP))


def _sqlite() -> Iterator[tuple[str, str]]:
    for table, condition, message in _GUARDS:
        when = f"WHEN {condition} " if condition else ""
        for event in ("update", "delete"):
            name = f"guard_{table}_{event}"
            yield (
                f"CREATE TRIGGER {name} BEFORE {event.upper()} ON {table} {when}"
                f"BEGIN SELECT RAISE(ABORT, '{message}'); END",
                f"DROP TRIGGER IF EXISTS {name}",
            )


def _postgresql() -> Iterator[tuple[str, str]]:
    for table, condition, message in _GUARDS:
        when = f"WHEN ({condition}) " if condition else ""
        yield (
            f"CREATE TRIGGER guard_{table} BEFORE UPDATE OR DELETE ON {table} "
            f"FOR EACH ROW {when}EXECUTE FUNCTION itam_refuse('{message}')",
            f"DROP TRIGGER IF EXISTS guard_{table} ON {table}",
        )


def install(connection: Any) -> None:
    _run(connection, 1)
    _run(connection, 0)


def remove(connection: Any) -> None:
    _run(connection, 1)


def _run(connection: Any, which: int) -> None:
    statements = _sqlite() if connection.vendor == "sqlite" else _postgresql()
    with connection.cursor() as cursor:
        for pair in statements:
            cursor.execute(pair[which])
