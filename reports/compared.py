"""Whether the figures of a report are those that the entries of the evidence log give.

Figures are made of rows that an import derives, and the database guards the entries alone. So what
may be signed is counted again by the program that auditors get, which reads nothing but entries.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import groupby
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.db.models import F, Sum
from django.utils.translation import override

from licenses.evidence import entries, pack
from licenses.evidence.recount.compare import compare as recount
from licenses.models import EvidenceBlock, LicensePool, Vendor
from reports import delivery
from reports.models import Report
from reports.packs import writing
from reports.packs.tables import Subject

KIND: Final = "compliance"
MOST_ENTRIES: Final = 500_000
"""Of one vendor's streams, that a task counts again within its time."""
SHOWN: Final = 20


def compare(report_id: int) -> None:
    """Write into a report that may be signed what the entries give otherwise.

    Nothing is compared where the period's data may still arrive, or where the entries are too many:
    `recompute.py` of a pack does that.
    """
    row = Report.objects.filter(pk=report_id, name=KIND, state=Report.State.DONE)
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
        told = _of_vendor(report, vendor, list(own))
        if told is None:
            return None
        found += told
    return found


def _of_vendor(report: Report, vendor: Vendor, pools: list[LicensePool]) -> list[str] | None:
    streams = pack.choose(vendor).streams
    blocks = EvidenceBlock.objects.filter(stream__name__in=streams)
    if (blocks.aggregate(n=Sum(F("last") - F("first") + 1))["n"] or 0) > MOST_ENTRIES:
        return None
    zone = ZoneInfo(report.params["zone"])
    start, end = report.params["start"], report.params["end"]
    about = Subject(vendor, pools, streams, start, end, report.as_of, zone)
    first, last = (datetime.fromtimestamp(moment, zone).date() for moment in (start, end))
    with override("en-gb"):
        files = writing.figures(about, writing.Wish(vendor, first, last, zone))
    names = [*files, *(f"ev/{name}" for name in streams)]
    *differ, _counted = recount(_Opened(files, report.as_of), names, whole=False)
    return differ


class _Opened:
    """Opens files of a pack that is written nowhere: figures, and the entries of streams."""

    def __init__(self, files: dict[str, bytes], as_of: datetime) -> None:
        self.files, self.as_of = files, as_of

    @contextmanager
    def __call__(self, name: str) -> Iterator[Any]:
        yield io.BytesIO(self.files[name]) if name in self.files else self._lines(name[3:])

    def _lines(self, stream: str) -> Iterator[bytes]:
        blocks = EvidenceBlock.objects.filter(stream__name=stream, recorded_at__lte=self.as_of)
        for block in blocks.order_by("first").iterator(chunk_size=50):
            yield from entries.read(block).splitlines()
