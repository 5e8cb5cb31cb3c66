"""Write one vendor's sealed evidence and the figures of a period for an auditor to verify."""

from __future__ import annotations

import getpass
from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError

from licenses.evidence import keys, pack
from licenses.management import asking
from licenses.management.base import DataCommand
from licenses.models import Vendor, validate_zone
from reports.packs import writing


class Command(DataCommand):
    help = (
        "Write the evidence of one vendor, and the figures of a period, as a ZIP file that "
        "verify.py and recompute.py in it check without this program."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--vendor", required=True, help="Name of the vendor.")
        parser.add_argument("--from", dest="first", type=asking.day, required=True)
        parser.add_argument("--to", dest="end", type=asking.day, required=True, help="Exclusive.")
        parser.add_argument("--zone", default="UTC", help="Zone of the days; UTC by default.")
        parser.add_argument(
            "--sealed-to",
            type=asking.day,
            metavar="DAY",
            help="Last day of evidence (UTC, by when it was recorded); the newest by default. The "
            "same day and period give the same bytes.",
        )
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
        try:
            validate_zone(options["zone"])
        except ValidationError as error:
            raise CommandError(error.messages[0], returncode=asking.WRONG_ARGUMENTS) from error
        wish = writing.Wish(
            vendor,
            options["first"],
            options["end"],
            ZoneInfo(options["zone"]),
            last_sealed=options["sealed_to"],
            shared=options["shared"],
            installation=options["installation"],
        )
        try:
            digest = writing.write(wish, options["output"], who=getpass.getuser())
        except pack.OthersToo as error:
            raise CommandError(f"{error} To do so, say --shared.") from error
        except (keys.KeyLost, ValueError, OSError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{digest}  {options['output']}")
        self.stdout.write(
            f"To verify: python3 verify.py {options['output']} '{keys.signer().public}'"
        )
