"""Tasks: each takes ids, calls one function, and may run 0, 1 or 4 times."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from reports import compared, delivery, later, scheduling
from reports.packs import orders


@shared_task
def tick() -> None:
    """Ask for scheduled reports, hand out those that wait, mail those that are made, drop files
    kept long enough, and hand out signed ones to be looked at. Overlapping ticks do no harm: one
    gets the lease."""
    now = timezone.now()
    scheduling.run_due(now)
    for report_id in delivery.due(now):
        build_report.delay(report_id)
    scheduling.deliver(now)
    delivery.drop_files(now)
    for pack_id in orders.due(now):
        build_pack.delay(pack_id)
    orders.drop_files(now)
    for report_id in later.due(now):
        look_at_report.delay(report_id)


@shared_task
def build_report(report_id: int) -> None:
    """Build a report, and hold it against the evidence log; does nothing where that is done, or
    somebody is at it."""
    delivery.build(report_id)
    compared.compare(report_id)


@shared_task
def build_pack(pack_id: int) -> None:
    """Make a pack for an auditor; does nothing where it is made, or somebody is at it."""
    orders.build(pack_id)


@shared_task
def look_at_report(report_id: int) -> None:
    """See whether later data change the figures of a signed report."""
    later.look(report_id)
