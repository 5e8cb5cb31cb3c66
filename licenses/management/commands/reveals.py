"""Print who asked for names in a month, why, and what was decided: for the works council."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.management.base import CommandError

from licenses.evidence import reveals
from licenses.evidence.reads import note_printed
from licenses.management import asking
from licenses.management.base import DataCommand


class Command(DataCommand):
    help = (
        "Print the reveals of names of a month. JSON also says how often each user then saw names."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("month", metavar="YYYY-MM", help="In the installation's zone.")
        parser.add_argument("--format", choices=["json", "csv", "table"], default="table")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            first = date.fromisoformat(f"{options['month']}-01")
        except ValueError as error:
            raise CommandError(
                f"Found {options['month']!r}; expected a month such as 2026-11.", returncode=2
            ) from error
        found = reveals.month(first, ZoneInfo(settings.TIME_ZONE))
        rows = [row._asdict() for row in found.requests]
        if options["format"] == "json":
            shown = {"month": found.month, "requests": rows, "looks": found.looks}
            self.stdout.write(asking.as_json(shown))
        elif options["format"] == "csv":
            note_printed("reveals of a month", len(rows), kind="export", month=found.month)
            self.stdout.write(asking.as_csv(reveals.Listed._fields, rows))
        else:
            self.stdout.write(asking.as_table(reveals.Listed._fields, rows))
