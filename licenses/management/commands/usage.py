"""Print the use of a pool in figures."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from licenses.analysis.usage import PeriodFigures, usage
from licenses.management import asking
from licenses.management.base import DataCommand


class Command(DataCommand):
    help = (
        "Print the use of a pool per period: peaks, seat-time, time at and above the limit, "
        "observed time, checkouts, refusals and people."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        asking.add_arguments(parser)
        parser.add_argument("--by", choices=("hour", "day", "week", "month"))
        parser.add_argument("--team", help="Count only this team and the teams below it.")

    def handle(self, *args: Any, **options: Any) -> None:
        pool = asking.find_pool(options["pool"])
        zone = asking.find_zone(options["zone"], pool)
        start, end = asking.find_span(options["from_text"], options["to_text"], zone)
        team = asking.find_team(options["team"]) if options["team"] else None
        found = usage(pool, start=start, end=end, zone=zone, by=options["by"], team=team)
        if options["format"] == "json":
            self.stdout.write(asking.as_json(found.as_dict()))
            return
        rows = [row.as_dict(zone) for row in found.periods]
        if options["format"] == "csv":
            self.stdout.write(asking.as_csv(PeriodFigures.__slots__, rows))
            return
        if options["by"]:
            rows.append(found.total.as_dict(zone))
        self.stdout.write(asking.as_table(PeriodFigures.__slots__, rows))
