"""What our commands share: they work on a fresh clone, before anything else was run."""

from __future__ import annotations

from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import DEFAULT_DB_ALIAS, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder

from itam.acting import acting


class DataCommand(BaseCommand):
    """A command that needs the database.

    An embedded database that nobody has used yet is made; one of an earlier version is refused,
    since bringing it up to date is a decision.
    """

    def execute(self, *args: Any, **options: Any) -> str | None:
        self._prepare()
        name = type(self).__module__.rpartition(".")[2]
        with acting(lambda: f"command {name}"):
            return super().execute(*args, **options)

    def _prepare(self) -> None:
        if connection.vendor == "sqlite" and not MigrationRecorder(connection).has_table():
            call_command("migrate", verbosity=0, interactive=False)
            return
        executor = MigrationExecutor(connection)
        targets = executor.loader.graph.leaf_nodes()
        if waiting := executor.migration_plan(targets):
            first = waiting[0][0]
            raise CommandError(
                f"The database {DEFAULT_DB_ALIAS!r} is of another version: migration "
                f"{first.app_label}.{first.name} was not run. Run `manage.py migrate`.",
                returncode=1,
            )
