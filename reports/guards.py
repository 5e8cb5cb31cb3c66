"""What the database itself refuses: changing or deleting a report that is signed or rejected, and
the steps of its sign-off."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db import connections
from django.db.models.signals import post_migrate

from licenses.models.guards import refusals, run

DECIDED = "A signed or rejected report is never changed or deleted: make a new version."
STEP = "A step of a sign-off is never changed or deleted."

_GUARDS = (("reports_report", "OLD.decision <> ''", DECIDED), ("reports_signoff", "", STEP))


def statements(connection: Any) -> Iterator[tuple[str, str]]:
    for table, condition, message in _GUARDS:
        yield from refusals(connection.vendor, table, message, when=condition)


def install(connection: Any) -> None:
    remove(connection)
    run(connection, [create for create, _drop in statements(connection)])


def remove(connection: Any) -> None:
    run(connection, [drop for _create, drop in statements(connection)])


def after_migrations(sender: Any) -> None:
    """Have the guards stand once migrations ran: SQLite loses the triggers of a table that one
    makes anew."""

    def put(using: str, **_: Any) -> None:
        tables = {table for table, _condition, _message in _GUARDS}
        if tables <= set(connections[using].introspection.table_names()):
            install(connections[using])

    post_migrate.connect(put, sender=sender, weak=False, dispatch_uid="reports.guards")
