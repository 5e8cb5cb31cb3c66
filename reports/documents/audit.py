"""The audit evidence report: one vendor's pools, for an auditor of that vendor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final
from zoneinfo import ZoneInfo

from django.utils.translation import gettext, gettext_lazy
from reportlab.platypus import Flowable

from reports.datasets.audit import Audit
from reports.datasets.standing import Standing
from reports.documents import audit_pages as pages
from reports.documents import audit_sources as sources
from reports.documents import records
from reports.documents import standing as standings
from reports.documents.clocks import clock
from reports.documents.compliance import READY, masthead, method, position
from reports.documents.integrity import integrity
from reports.documents.pool_pages import pool_pages
from reports.pdf.blocks import heading
from reports.pdf.files import Attachment
from reports.pdf.page import build

TITLE: Final = gettext_lazy("Audit evidence")
MOST_GAPS: Final = 500
"""Of one pool on paper; gaps.csv has all."""


def paper(
    data: Audit,
    standing: Standing = READY,
    report_id: str = "",
    files: Sequence[Attachment] = (),
) -> bytes:
    """Return the report as a PDF file; the same dataset, standing and files give the same bytes."""
    judged = data.judged
    zone = ZoneInfo(judged.zone)
    report_id = report_id or data.as_json()["id"]
    story: list[Flowable] = [
        *pages.letter(data),
        *sources.systems(data.sources, zone),
        *sources.definition(data, zone, report_id),
        *pages.documents(data.proof, zone),
        *position(judged.pools, zone, gettext("5 Licence position and use")),
    ]
    for pool, use in zip(judged.pools, data.uses, strict=True):
        story += pool_pages(pool, judged, zone, most_gaps=MOST_GAPS)
        story += pages.peaks(use, zone)
    story += [
        *pages.people(data),
        *records.scope_rules(judged.pools, gettext("7 Territory, entity and version")),
        *clock(data.proof, zone),
        *records.sources(judged.sources, gettext("Coverage by source")),
        *records.changes(judged.changes, zone, gettext("9 Changes and corrections")),
        *standings.differences(standing),
        *method(judged, gettext("10 Method and limits")),
        *heading(gettext("11 Integrity"), room=250),
        *integrity(judged.integrity, files),
        *pages.proof(data, zone),
        *standings.recounted(standing),
        *standings.sign_off(standing, zone, gettext("12 Sign-off")),
        *pages.distribution(data),
    ]
    head = replace(masthead(judged, standing, zone, report_id), title=str(TITLE))
    return build(head, story, files=files)
