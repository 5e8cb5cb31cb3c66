"""Print who was refused in a pool, why, and how it ended."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import tzinfo
from typing import Any, NamedTuple

from django.core.management.base import BaseCommand

from licenses.analysis.denials import DenialRow, EpisodeRow, denials, episodes, names_of
from licenses.concurrency.periods import iso
from licenses.management import asking

DENIAL = (
    "at",
    "person",
    "feature",
    "server",
    "seats",
    "capacity",
    "reason_class",
    "code",
    "reason",
)
EPISODE = ("start", "last", "person", "refusals", "outcome", "granted_at", "waited_seconds")


class Command(BaseCommand):
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
        refused = denials(pool, start=start, end=end)
        chains = episodes(pool, start=start, end=end)
        people = {row.person_id for row in refused} if options["names"] else set()
        shown = _Shown(zone, names_of(people))
        rows = [shown.denial(row) for row in refused]
        if options["format"] == "csv":
            self.stdout.write(asking.as_csv(DENIAL, rows))
            return
        chained = [shown.episode(row) for row in chains]
        if options["format"] == "json":
            answer = {
                "pool": pool.name,
                "zone": str(zone),
                "from": iso(start, zone),
                "to": iso(end, zone),
                "denials": rows,
                "episodes": chained,
                "total": _total(refused, chains),
            }
            self.stdout.write(asking.as_json(answer))
            return
        self.stdout.write(asking.as_table(DENIAL, rows))
        self.stdout.write("")
        self.stdout.write(asking.as_table(EPISODE, chained))


class _Shown(NamedTuple):
    """Rows as they are printed: moments in a zone, people by pseudonym or, if known here, name."""

    zone: tzinfo
    names: dict[int, str]

    def denial(self, row: DenialRow) -> dict[str, Any]:
        shown = {name: getattr(row, name, None) for name in DENIAL}
        return shown | {"at": iso(row.at, self.zone), "person": self._person(row)}

    def episode(self, row: EpisodeRow) -> dict[str, Any]:
        shown = {name: getattr(row, name, None) for name in EPISODE}
        return shown | {
            "start": iso(row.start, self.zone),
            "last": iso(row.last, self.zone),
            "person": self._person(row),
            "granted_at": None if row.granted_at is None else iso(row.granted_at, self.zone),
        }

    def _person(self, row: DenialRow | EpisodeRow) -> str:
        return self.names.get(row.person_id, row.label)


def _total(refused: list[DenialRow], chains: list[EpisodeRow]) -> dict[str, int]:
    return {
        "denials": sum(row.capacity for row in refused),
        "other_refusals": sum(not row.capacity for row in refused),
        "denial_episodes": len(chains),
        "waited": sum(row.outcome == "waited" for row in chains),
        "gave_up": sum(row.outcome == "gave up" for row in chains),
        "open": sum(row.outcome == "open" for row in chains),
        "waited_seconds": sum(row.waited_seconds or 0 for row in chains),
    }
