"""`manage.py nudge`: what the scheduler would have done, done here and now without a broker."""

from __future__ import annotations

from typing import Any

from celery import current_app
from django.core.management import BaseCommand, CommandError

from licenses.alerts import heartbeat

# Not the heartbeat: it says that a worker lives, and here none does.
TASKS = (
    "licenses.tasks.evaluate",
    "licenses.tasks.serve_waitlists",
    "licenses.tasks.deliver",
)


class Command(BaseCommand):
    help = (
        "Evaluate alerts, offer free seats to who waits, and send messages that are due, in this"
        " process. The supervisor runs it while nothing comes through the broker; any number of"
        " them may run beside workers."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        current_app.loader.import_default_modules()
        failed = []
        for name in TASKS:
            task = current_app.tasks.get(name)
            if task is None:
                continue
            try:
                task.run()
            except Exception as error:  # noqa: BLE001 - one that fails must not hold up the next
                failed.append(f"{name}: {type(error).__name__}: {error}")
        # Sends what it finds at once, without the wait for others of its group.
        for problem in heartbeat.watch():
            self.stdout.write(problem)
        if failed:
            raise CommandError("; ".join(failed))
