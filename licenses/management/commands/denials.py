"""Print who was refused in a pool, why, and how it ended."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from licenses.analysis.refusals_told import DENIAL, EPISODE, told
from licenses.evidence.reads import note_printed
from licenses.management import asking
from licenses.management.base import DataCommand


class Command(DataCommand):
    help = (
        "Print the refusals of a pool, and one person's chains of refusals for want of seats with "
        "their outcome. CSV holds the refusals alone."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        asking.add_arguments(parser)
        parser.add_argument(
            "--names", action="store_true", help="Show names of people, where known."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        pool = asking.find_pool(options["pool"])
        zone = asking.find_zone(options["zone"], pool)
        start, end = asking.find_span(options["from_text"], options["to_text"], zone)
        found = told(pool, start=start, end=end, zone=zone, names=asking.may_name(options["names"]))
        if options["names"]:
            note_printed("refusals of a pool", len(found["denials"]), pool=pool.pk)
        if options["format"] == "csv":
            count = len(found["denials"])
            note_printed("refusals of a pool", count, kind="export", pool=pool.pk)
            self.stdout.write(asking.as_csv(DENIAL, found["denials"]))
        elif options["format"] == "json":
            self.stdout.write(asking.as_json(found))
        else:
            self.stdout.write(asking.as_table(DENIAL, found["denials"]))
            self.stdout.write("")
            self.stdout.write(asking.as_table(EPISODE, found["episodes"]))
