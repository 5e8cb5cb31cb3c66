"""Make everything derived again from the facts."""

from __future__ import annotations

from typing import Any

from licenses.importing import rebuilding
from licenses.management.base import DataCommand


class Command(DataCommand):
    help = (
        "Make holdings, hourly figures, classes and episodes of refusals, and newest figures again "
        "from the facts."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        counts = rebuilding.rebuild(tell=lambda run: self.stderr.write(str(run)))
        self.stdout.write(
            f"{counts.holdings} holdings, {counts.hours} pool-hours and {counts.episodes} episodes "
            "of refusals made again."
        )
