"""Import vendors, products, teams, people, pools, contracts and rights from CSV files."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from licenses.analysis import now, rollup
from licenses.importing.inventory import import_inventory
from licenses.management.base import DataCommand
from licenses.models import LicensePool


class Command(DataCommand):
    help = (
        "Import the inventory from CSV files, one a kind, recognised by their header rows. Prints "
        "one JSON object a file. A file with errors leaves nothing behind; a second import of the "
        "same file changes nothing. Columns: docs/inventory-csv.md."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE")

    def handle(self, *args: Any, **options: Any) -> None:
        results = import_inventory(options["files"])
        for result in results:
            self.stdout.write(json.dumps(result.as_dict(), ensure_ascii=False))
        rollup.drain()
        now.refresh(set(LicensePool.objects.values_list("pk", flat=True)), year=True)
        failed = [result.file for result in results if result.problems]
        if failed:
            raise CommandError(f"Not imported, for errors: {', '.join(failed)}", returncode=1)
