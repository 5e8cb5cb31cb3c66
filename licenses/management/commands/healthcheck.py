"""`manage.py healthcheck`: is everything alive? Exit code 0 or 1."""

from __future__ import annotations

import datetime as dt
import fcntl
import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand
from django.db import DatabaseError
from django.utils import timezone

from itam import health
from licenses.alerts import heartbeat
from licenses.management.commands.up import ask_health, parse_address
from licenses.models import Heartbeat, LicenseServer


class Command(BaseCommand):
    help = "Tell what does not work: web, broker, worker, scheduler, polls that are late."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--bind", metavar="HOST:PORT", help="where the web pages are; known beside `up`"
        )
        parser.add_argument(
            "--seconds",
            type=int,
            default=120,
            help="how long a part may be silent (%(default)s)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        limit = dt.timedelta(seconds=options["seconds"])
        problems = [*self.web(options["bind"]), health.broker_problem(), health.database_problem()]
        if not problems[-1]:
            try:
                problems += [
                    health.migrations_problem(),
                    *self.heartbeats(limit),
                    *self.alert(),
                    *self.polls(limit),
                ]
            except DatabaseError as error:
                problems.append(f"database: {error}")
        problems = [problem for problem in problems if problem]
        if problems:
            for problem in problems:
                self.stdout.write(problem)
            sys.exit(1)
        self.stdout.write("ok")

    def web(self, bind: str | None) -> list[str]:
        """Ask the web pages where it is known that there are some."""
        if bind:
            host, port = parse_address(bind)
        else:
            try:
                with (settings.ITAM_RUN_DIR / "up.json").open() as file:
                    notes = json.load(file)
                    try:
                        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                    except OSError:
                        pass  # held by the supervisor, as it should be
                    else:
                        return ["up: not running"]
            except (OSError, ValueError):
                return []
            host, port = str(notes["host"]), int(notes["port"])
        status, body = ask_health(host, port, timeout=5)
        return [] if status == 200 else [f"web: {status or 'no answer'} {body[:200]}".strip()]

    def heartbeats(self, limit: dt.timedelta) -> list[str]:
        """Name the parts that have been silent for too long; the worker must have been heard."""
        now = timezone.now()
        rows = {row.name: row.at for row in Heartbeat.objects.all()}
        if not rows:
            return ["worker: never heard of"]
        return [
            f"{name}: silent for {(now - at).total_seconds():.0f} s"
            for name, at in sorted(rows.items())
            if now - at > limit
        ]

    def alert(self) -> list[str]:
        """See that people are told when the worker stands still; it cannot say so itself."""
        return heartbeat.watch() if Heartbeat.objects.exists() else []

    def polls(self, limit: dt.timedelta) -> list[str]:
        """Name the license server whose poll is most overdue."""
        late = (
            LicenseServer.objects.filter(poll_state__due_at__lt=timezone.now() - limit)
            .order_by("poll_state__due_at")
            .values_list("name", "poll_state__due_at")
        )
        count = late.count()
        first = late.first()
        if first is None or first[1] is None:
            return []
        return [f"polls: {count} late, {first[0]} since {first[1]:%Y-%m-%d %H:%M:%S} UTC"]
