"""Write one vendor's sealed evidence for an auditor to verify."""

from __future__ import annotations

import getpass
from argparse import ArgumentParser
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from licenses.evidence import keys, pack
from licenses.management import asking
from licenses.management.base import DataCommand
from licenses.models import Vendor


class Command(DataCommand):
    help = (
        "Write the evidence of one vendor as a ZIP file that verify.py checks without this "
        "program. Days are in UTC, by when entries were recorded."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--vendor", required=True, help="Name of the vendor.")
        parser.add_argument("--from", dest="first", type=asking.day, required=True)
        parser.add_argument("--to", dest="end", type=asking.day, required=True, help="Exclusive.")
        parser.add_argument("--output", type=Path, required=True)
        parser.add_argument(
            "--shared",
            action="store_true",
            help="Also hand over servers that serve other vendors too.",
        )
        parser.add_argument(
            "--installation",
            action="store_true",
            help="With what was configured, read and exported; it names other vendors' features.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        vendor = Vendor.objects.filter(name=options["vendor"]).first()
        if vendor is None:
            raise CommandError(f"There is no vendor {options['vendor']!r}.")
        choice = pack.choose(vendor, installation=options["installation"])
        last = options["end"] - timedelta(days=1)
        try:
            digest = pack.write_file(
                options["output"],
                choice,
                options["first"],
                last,
                shared=options["shared"],
                who=getpass.getuser(),
            )
        except (keys.KeyLost, ValueError, OSError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{digest}  {options['output']}")
        self.stdout.write(
            f"To verify: python3 verify.py {options['output']} '{keys.signer().public}'"
        )
