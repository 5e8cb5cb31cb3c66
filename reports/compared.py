"""Whether the figures of a report are those that the entries of the evidence log give.

Figures are made of rows that an import derives, and the database guards the entries alone. So what
may be signed is counted again by the program that auditors get, which reads nothing but entries.
"""

from __future__ import annotations

from datetime import datetime
from itertools import groupby
from typing import Final
from zoneinfo import ZoneInfo

from django.utils.translation import override

from licenses.evidence import pack
from licenses.models import LicensePool, Vendor
from reports import delivery
from reports.models import Report
from reports.packs import writing
from reports.packs.recounting import count_again, too_many
from reports.packs.subject import Subject

SHOWN: Final = 20


def compare(report_id: int) -> None:
    """Write into a report that may be signed what the entries give otherwise.

    Nothing is compared where the period's data may still arrive, or where the entries are too many:
    `recompute.py` of a pack does that.
    """
    row = Report.objects.filter(pk=report_id, state=Report.State.DONE)
    report = row.filter(differs__isnull=True).first()
    if report is None:
        return
    known = min(report.as_of, report.requested_at)
    if delivery.stage_at(report.params["end"], known) != "ready":
        return
    found = differences(report)
    if found is not None:
        row.filter(decision="").update(differs=found[:SHOWN])


def differences(report: Report) -> list[str] | None:
    """Return in words which figures of a report are not those of the entries; None where they are
    not counted again."""
    pools = report.pools.select_related("product__vendor").order_by("product__vendor", "name", "pk")
    found: list[str] = []
    for vendor, own in groupby(pools, key=lambda pool: pool.product.vendor):
        told = of_vendor(
            vendor,
            list(own),
            report.params["start"],
            report.params["end"],
            report.as_of,
            ZoneInfo(report.params["zone"]),
        )
        if told is None:
            return None
        found += told
    return found


def of_vendor(
    vendor: Vendor,
    pools: list[LicensePool],
    start: int,
    end: int,
    as_of: datetime,
    zone: ZoneInfo,
) -> list[str] | None:
    """Return in words which figures of a vendor's pools are not those of the entries; None where
    these are too many."""
    streams = pack.choose(vendor).streams
    if too_many(streams):
        return None
    about = Subject(vendor, pools, streams, start, end, as_of, zone)
    first, last = (datetime.fromtimestamp(moment, zone).date() for moment in (start, end))
    with override("en-gb"):
        files = writing.figures(about, writing.Wish(vendor, first, last, zone))
    return count_again(files, streams, as_of, whole=False)
