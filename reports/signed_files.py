"""Files of signed reports: kept for good, and looked at by the nightly check of the evidence."""

from __future__ import annotations

from collections.abc import Iterator

from licenses.evidence.stored import Stored
from reports.models import Report


def signed_files() -> Iterator[Stored]:
    """Yield the paper and the numbers of each signed report, with what is on record of them."""
    rows = Report.objects.filter(decision=Report.Decision.SIGNED).order_by("pk")
    for row in rows.iterator(chunk_size=500):
        yield Stored(f"Signed report {row.pk}", row.pk, row.path, row.sha256)
        yield Stored(f"Numbers of signed report {row.pk}", row.pk, row.data_path, row.data_sha256)
