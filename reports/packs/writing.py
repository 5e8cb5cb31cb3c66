"""Make a pack: the sealed evidence of one vendor, the figures of a period, and what checks both.

The evidence is whole from the first sealed day to the last one chosen, as rights and mappings of
long ago still count; the figures are those of the period, from what was on record at the end of
that last day. The same period and last day give the same bytes.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import override

from licenses.analysis.verdict import FLOOR
from licenses.concurrency.periods import local_midnight
from licenses.evidence import entries, pack
from licenses.importing.renewal import renew_pools
from licenses.models import EvidenceDay, LicensePool, Vendor, tells_apart
from reports.datasets.compliance import compliance
from reports.datasets.files import as_text
from reports.packs.apart import own_gaps
from reports.packs.recounting import count_again, too_many
from reports.packs.schema import report_schema
from reports.packs.subject import Subject
from reports.packs.tables import documents, people, tables

logger = logging.getLogger(__name__)

SHOWN = 20
"""Figures that differ, in the README of a pack; recompute.py names all."""
Progress = Callable[[int], None]
UTC_ZONE = ZoneInfo("UTC")


@dataclass(frozen=True)
class Names:
    """On what basis the names of people go into a pack, and who approved it."""

    basis: str
    approver: str


@dataclass(frozen=True)
class Wish:
    """What somebody wants a pack of.

    first, end:    days of the zone, the end exclusive: the period that the figures are of.
    last_sealed:   the last day whose evidence goes in; the newest sealed one if None.
    shared, installation:  as for `licenses.evidence.pack`.
    floor:         the least share of time that must have been observed.
    names:         with the names of people; None: pseudonyms only.
    """

    vendor: Vendor
    first: date
    end: date
    zone: ZoneInfo = UTC_ZONE
    last_sealed: date | None = None
    shared: bool = False
    installation: bool = False
    floor: Fraction = FLOOR
    names: Names | None = None


def write(wish: Wish, path: Path, *, who: str, progress: Progress = lambda _percent: None) -> str:
    """Write the pack into a file, whole or not at all, and the export into the log; return the
    file's SHA-256.

    Raises PackRefused where the period is not over and sealed, or others' entries would be handed
    over; ValueError where stored entries are damaged; KeyLost without the key; OSError.
    """
    choice, last = check(wish)
    about = subject(wish, choice, last)
    progress(10)
    with override("en-gb"):  # programs read them, whatever people speak here
        files = figures(about, wish)
    progress(40)
    if wish.names is not None:
        files |= _named(about, wish.names, who)
    note = _counted_again(files, about)
    digest = pack.write_file(path, choice, last, shared=wish.shared, who=who, also=files, note=note)
    progress(95)
    return digest


def _counted_again(files: Mapping[str, bytes], about: Subject) -> str:
    """Say for the README what came of counting the figures again as `recompute.py` does."""
    if "report.json" not in files:
        return ""
    if too_many(about.streams):
        return "When this pack was made that was not done: there are too many entries for it."
    try:
        differ = count_again(files, about.streams, about.as_of, whole=True)
    except (LookupError, TypeError, ValueError):  # the evidence goes out all the same
        logger.exception("The figures of a pack could not be counted again")
        return "When this pack was made that failed: its entries are not what recompute.py reads."
    if not differ:
        return "When this pack was made that was done, and no figure differed."
    found = "".join(f"\n- {words}" for words in differ[:SHOWN])
    return f"When this pack was made that was done, and {len(differ)} figures differed:{found}"


def check(wish: Wish) -> tuple[pack.Choice, date]:
    """Return whose entries go in, and the last day of them. Raises PackRefused as `write` does."""
    choice = pack.choose(wish.vendor, installation=wish.installation)
    last = last_day(wish)
    choice.check_shared(wish.shared)
    if wish.names is not None and not tells_apart():
        raise pack.PackRefused("This installation keeps counts only: no names go into a pack.")
    pack.refuse_late(choice, last, local_midnight(wish.end, wish.zone))
    return choice, last


def _named(about: Subject, names: Names, who: str) -> dict[str, bytes]:
    """Return the table of names, after writing that they are revealed."""
    table, count = people(about)
    body = {
        **entries.digests(basis=names.basis),
        "approver": names.approver,
        "count": count,
        "vendor": about.vendor.pk,
        "what": "names in an evidence pack",
        "who": who,
    }
    with transaction.atomic():
        entry = entries.draft("reveal", int(timezone.now().timestamp()), body)
        entries.append(entries.INSTALLATION, [entry], source="pack")
    basis = f"Basis: {names.basis}\nApproved by: {names.approver}\n"
    return {"tables/people.csv": table, "tables/people.txt": basis.encode()}


def last_day(wish: Wish) -> date:
    """Return the last day of the evidence. Raises PackRefused where the period is
    empty, or not sealed to its end."""
    days = list(EvidenceDay.objects.order_by("number").values_list("day", flat=True))
    if wish.first >= wish.end:
        raise pack.PackRefused(f"The period from {wish.first} to {wish.end} is empty.")
    if not days:
        raise pack.PackRefused("No day is sealed yet: the first one is, a quarter past midnight.")
    last = wish.last_sealed or days[-1]
    over = datetime.fromtimestamp(local_midnight(wish.end, wish.zone) - 1, UTC).date()
    if not days[0] <= last <= days[-1] or over > last:
        known = f"{days[0]} to {days[-1]}"
        raise pack.PackRefused(
            f"Expected a period that ends within the sealed days ({known}), found {wish.first} to "
            f"{wish.end}, with evidence up to {last}."
        )
    return last


def subject(wish: Wish, choice: pack.Choice, last: date) -> Subject:
    pools = LicensePool.objects.filter(product__vendor=wish.vendor)
    as_of = datetime.combine(last + timedelta(days=1), datetime.min.time(), UTC)
    return Subject(
        vendor=wish.vendor,
        pools=list(pools.select_related("product__vendor").order_by("name", "pk")),
        streams=choice.streams,
        start=local_midnight(wish.first, wish.zone),
        end=local_midnight(wish.end, wish.zone),
        as_of=as_of,
        zone=wish.zone,
    )


def figures(about: Subject, wish: Wish) -> dict[str, bytes]:
    """Return the files of figures by name; none for a vendor without a pool."""
    files = {"docs/SHA256.txt": documents(about)}
    if not about.pools:
        return files
    renew_pools([pool.pk for pool in about.pools])
    found = compliance(
        about.pools,
        start=about.start,
        end=about.end,
        zone=about.zone,
        as_of=about.as_of,
        scope=about.vendor.name,
        entity=settings.ITAM_LEGAL_ENTITY,
        floor=wish.floor,
        proven_from=settings.ITAM_PROVEN_FROM_STRENGTH,
    )
    found = own_gaps(found)
    numbers = found.as_json()
    # Heads lie in the pack itself, and where they were sent names others.
    numbers.pop("integrity")
    numbers["floor"] = f"{wish.floor.numerator}/{wish.floor.denominator}"
    numbers["vendor"] = about.vendor.name
    return {
        **files,
        **tables(about, found),
        "report.json": as_text(numbers),
        "schema/report.schema.json": (json.dumps(report_schema(), indent=1) + "\n").encode(),
    }
