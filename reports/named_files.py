"""Files of reports in which an erased name stands: those that nobody signed are thrown away."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from django.db import transaction
from django.utils import timezone

from reports.models import Report


def drop_named(holds: Callable[[str], bool]) -> tuple[int, list[str]]:
    """Throw the files of unsigned reports away in which a name is found, once the transaction is
    through; return of how many, and which signed or rejected ones stay with a name.

    A report can be made again from what is then on record; what was signed is never changed.
    """
    dropped, left = 0, []
    for report in _holding(holds):
        if report.decision:
            left.append(f"files of report {report.pk}")
            continue
        Report.objects.filter(pk=report.pk).update(files_dropped_at=timezone.now())
        for path in (report.path, report.data_path):
            transaction.on_commit(partial(path.unlink, missing_ok=True))
        dropped += 1
    return dropped, left


def _holding(holds: Callable[[str], bool]) -> Iterator[Report]:
    """Yield the reports whose numbers hold the name: all that the PDF prints is among them."""
    rows = Report.objects.filter(state=Report.State.DONE, files_dropped_at=None)
    for report in rows.order_by("pk").iterator(chunk_size=100):
        try:
            text = report.data_path.read_text()
        except FileNotFoundError:
            continue
        if holds(text):
            yield report
