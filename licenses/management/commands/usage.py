"""Print the use of a pool in figures."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import tzinfo
from typing import Any

from licenses.analysis.team_use import TeamsTogether
from licenses.analysis.usage import PeriodFigures, usage
from licenses.evidence.reads import note_printed
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
        parser.add_argument(
            "--team",
            action="append",
            default=[],
            help="Count only this team and the teams below it. Given several times: their joint "
            "use, with the peak of each beside the joint peak.",
        )
        parser.add_argument(
            "--names", action="store_true", help="With --team: show names of people, where known."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        pool = asking.find_pool(options["pool"])
        zone = asking.find_zone(options["zone"], pool)
        start, end = asking.find_span(options["from_text"], options["to_text"], zone)
        found = usage(
            pool,
            start=start,
            end=end,
            zone=zone,
            by=options["by"],
            teams=asking.find_teams(options["team"], start, end),
            names=asking.may_name(options["names"]),
        )
        if options["names"] and found.together is not None:
            holders = found.together.as_dict(zone)["joint"]["holders"]
            note_printed("holders at a peak", len(holders), pool=pool.pk)
        if options["format"] == "json":
            self.stdout.write(asking.as_json(found.as_dict()))
            return
        rows = [row.as_dict(zone) for row in found.periods]
        if options["format"] == "csv":
            note_printed("usage of a pool", len(rows), kind="export", pool=pool.pk)
            self.stdout.write(asking.as_csv(PeriodFigures.__slots__, rows))
            return
        if options["by"]:
            rows.append(found.total.as_dict(zone))
        self.stdout.write(asking.as_table(PeriodFigures.__slots__, rows))
        if found.together is not None:
            self._write_teams(found.together, zone)

    def _write_teams(self, found: TeamsTogether, zone: tzinfo) -> None:
        told = found.as_dict(zone)
        for rows in (told["teams"], told["joint"]["holders"]):
            if rows:
                cells = [row | {"teams": ", ".join(row.get("teams", []))} for row in rows]
                self.stdout.write("")
                self.stdout.write(asking.as_table(list(rows[0]), cells))
        if len(found.teams) > 1:
            self.stdout.write("")
            self.stdout.write(_together(found))
            if found.sharing.several:
                self.stdout.write("Who is in several of them counts in each.")


def _together(found: TeamsTogether) -> str:
    """Say the joint peak, and what sharing saves."""
    if not found.known:
        peak = "not known" if found.peak is None else f"{found.peak} at most as far as is known"
        return f"Together {peak}: nobody observed the pool in that time."
    saves = found.sharing
    bound = "" if saves.pooled == saves.pooled_high else f" to {saves.pooled_high}"
    return (
        f"Together {found.peak} at most; their own peaks add up to {saves.sum_of_peaks}, "
        f"and sharing saves {saves.pooled}{bound}."
    )
