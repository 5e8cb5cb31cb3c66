"""Write a report as PDF, at once."""

from __future__ import annotations

import getpass
from argparse import ArgumentParser
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from django.core.management.base import CommandError
from django.utils import timezone

from itam import figures
from licenses.management import asking
from licenses.management.base import DataCommand
from licenses.models import LicensePool, Vendor
from reports import delivery
from reports.datasets.audit import one_vendor
from reports.documents import KINDS

OCCASION = {
    "contract": "Number of the contract that is audited.",
    "clause": "Clause by which it is.",
    "asked_by": "Who asked for the audit.",
    "nda": "Reference of the confidentiality agreement.",
    "basis": "Why names may be given, and who approved it; the report holds none.",
    "note": "What else the reader should know.",
}


class Command(DataCommand):
    help = "Write a report as PDF. Days are local midnights of the zone; the end is exclusive."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", choices=sorted(KINDS), help="Which report.")
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("--pool", action="append", help="Name of a pool; may be repeated.")
        which.add_argument("--vendor", help="All pools of a vendor.")
        which.add_argument("--all", action="store_true", help="All pools.")
        for name, what in (("from", "First day"), ("to", "First day no longer")):
            parser.add_argument(
                f"--{name}",
                dest=f"{name}_text",
                metavar="WHEN",
                required=True,
                help=f"{what} in the report: YYYY-MM-DD, or ISO 8601 with an offset.",
            )
        parser.add_argument(
            "--zone", help="Zone of days and of print; by default that of the pools, else UTC."
        )
        parser.add_argument("--as-of", help="Judge by the rights on record then; now by default.")
        occasion = parser.add_argument_group("the occasion of an audit report")
        for name, what in OCCASION.items():
            option = name.replace("_", "-")
            occasion.add_argument(f"--{option}", metavar="TEXT", default="", help=what)
        occasion.add_argument(
            "--recipient", action="append", default=[], metavar="TEXT", help="May be repeated."
        )
        parser.add_argument("--output", type=Path, required=True, metavar="FILE.pdf")
        parser.add_argument("--data", type=Path, metavar="FILE.json", help="All numbers as JSON.")

    def handle(self, *args: Any, **options: Any) -> None:
        pools, scope = _pools(options)
        zones = {pool.zone for pool in pools}
        zone = asking.find_zone(options["zone"], pools[0])
        if not options["zone"] and len(zones) > 1:
            zone = ZoneInfo("UTC")
        start, end = asking.find_span(options["from_text"], options["to_text"], zone)
        as_of = timezone.now()
        if options["as_of"]:
            moment = asking.find_moment("--as-of", options["as_of"], zone)
            as_of = as_of.fromtimestamp(moment, zone)
        for option in ("output", "data"):
            path = options[option]
            if path is not None and not path.parent.is_dir():
                raise CommandError(
                    f"--{option} {path}: the folder {path.parent} does not exist.",
                    returncode=asking.WRONG_ARGUMENTS,
                )
        about = _about(options)
        if KINDS[options["name"]].one_vendor:
            try:
                one_vendor(pools)
            except ValueError as error:
                raise CommandError(
                    f"{error}; choose with --vendor or --pool", returncode=asking.WRONG_ARGUMENTS
                ) from error
        try:
            made = delivery.render(options["name"], pools, start, end, zone, as_of, scope, about)
        except ValueError as error:
            raise CommandError(str(error), returncode=asking.WRONG_ARGUMENTS) from error
        try:
            if options["data"]:
                delivery.write(options["data"], made.text)
            delivery.write(options["output"], made.paper)
            delivery.note_export(made, getpass.getuser())
        except OSError as error:
            raise CommandError(
                f"The report could not be written: {error}", returncode=asking.REFUSED
            ) from error
        self.stderr.write(f"{options['output']}: {made.numbers['id']}, {made.numbers['verdict']}")


def _about(options: dict[str, Any]) -> dict[str, str]:
    """Return what was said of the occasion. Raises CommandError for a report that has none."""
    said = {name: options[name] for name in OCCASION if options[name]}
    if options["recipient"]:
        said["recipients"] = "\n".join(options["recipient"])
    if said and not KINDS[options["name"]].one_vendor:
        raise CommandError(
            f"A {options['name']} report has no place for {', '.join(said)}.",
            returncode=asking.WRONG_ARGUMENTS,
        )
    return said


def _pools(options: dict[str, Any]) -> tuple[list[LicensePool], str]:
    """Return the pools asked for and whose they are. Raises CommandError where there are none."""
    rows = LicensePool.objects.select_related("product__vendor")
    if options["pool"]:
        wanted = {asking.find_pool(name).pk for name in options["pool"]}
        pools = list(rows.filter(pk__in=wanted))
        return pools, pools[0].name if len(pools) == 1 else f"{len(pools)} pools"
    if options["vendor"]:
        vendor = Vendor.objects.filter(name__iexact=options["vendor"]).first()
        if vendor is None:
            names = list(Vendor.objects.values_list("name", flat=True))
            near = get_close_matches(options["vendor"], names, n=3, cutoff=0.5)
            hint = f" Near: {', '.join(near)}." if near else ""
            raise CommandError(
                f"No vendor is named {options['vendor']!r}.{hint}", returncode=asking.REFUSED
            )
        rows, scope = rows.filter(product__vendor=vendor), vendor.name
    else:
        scope = figures.ALL_POOLS
    pools = list(rows)
    if not pools:
        raise CommandError(f"{scope}: there is no pool.", returncode=asking.REFUSED)
    return pools, scope
