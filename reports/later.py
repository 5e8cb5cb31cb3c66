"""Later data on signed reports: looked for by themselves, offered as a new version, never applied.

A signed report is compared with what the facts of today say of the same pools and period, a day
after it was signed and then each day; each week once it is old. Where a figure differs, whoever
made and signed it is mailed once, and the first page says so until a new version is made.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Max, OuterRef, Q, Subquery
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, ngettext

from itam import figures
from licenses.alerts import personal
from licenses.alerts.words import link, plain
from reports import delivery, events
from reports.datasets.plain import plain as as_json
from reports.datasets.standing import Difference, differences
from reports.models import LaterData, Report, SignOff

logger = logging.getLogger(__name__)

DAILY_FOR = timedelta(days=90)
"""After the signature; from then on once a week."""
DAY, WEEK = timedelta(days=1), timedelta(days=7)
AT_ONCE = 3
"""Reports that one tick hands out: each takes seconds of computing."""


def due(now: datetime, limit: int = AT_ONCE) -> list[int]:
    """Return signed reports to look at, those first that nobody looked at for longest."""
    approved = SignOff.objects.filter(report=OuterRef("pk"), step=SignOff.Step.APPROVED)
    rows = Report.objects.filter(decision=Report.Decision.SIGNED, superseded_by=None).annotate(
        signed_at=Subquery(approved.values("at")[:1]), looked=Max("later__checked_at")
    )
    young = Q(signed_at__gt=now - DAILY_FOR, looked__lte=now - DAY)
    old = Q(signed_at__lte=now - DAILY_FOR, looked__lte=now - WEEK)
    first = Q(looked=None, signed_at__lte=now - DAY)
    chosen = rows.filter(young | old | first).order_by("looked", "pk")
    return list(chosen.values_list("pk", flat=True)[:limit])


def look(report_id: int, now: datetime | None = None) -> LaterData | None:
    """Compare a signed report with the facts of today, and return what was found.

    None where it is not signed, has a newer version, or its numbers are not there. Safe to run
    twice at once: people are told once.
    """
    now = now or timezone.now()
    report = Report.objects.filter(
        pk=report_id, decision=Report.Decision.SIGNED, superseded_by=None
    ).first()
    if report is None:
        return None
    LaterData.objects.update_or_create(report=report, defaults={"checked_at": now})
    try:
        before = json.loads(report.data_path.read_text())
    except FileNotFoundError:
        logger.warning("%s: its numbers are gone, so nothing was compared", report.words)
        return None
    found = differences(before, delivery.numbers_of(report, now))
    with transaction.atomic():
        later: LaterData = LaterData.objects.select_for_update().get(report=report)
        _note(later, found, now)
        if found and later.told_at is None:
            later.told_at = now
            _tell(report, later, now)
            events.tell(events.Event.LATER_DATA, report, now, detail=_figures(later))
        later.save()
    return later


def _note(later: LaterData, found: Collection[Difference], now: datetime) -> None:
    later.count = len(found)
    later.found_at = (later.found_at or now) if found else None
    shown = list(found)[: LaterData.MOST_ROWS]
    later.rows = [as_json(row, timezone.get_current_timezone()) for row in shown]


def _tell(report: Report, later: LaterData, now: datetime) -> None:
    """Mail those who made, reviewed and signed the report and may still see it."""
    for user in _people(report):
        personal.write(user, _subject(report), _body(report, later), now)


def _people(report: Report) -> list[Any]:
    found = [report.requested_by, *(row.user for row in report.sign_offs.select_related("user"))]
    each = {user.pk: user for user in found if user is not None}
    return [
        user
        for user in each.values()
        if user.is_active
        and user.email
        and Report.objects.for_user(user).filter(pk=report.pk).exists()
    ]


def _subject(report: Report) -> str:
    return gettext("Later data change the figures of %(report)s") % {"report": report.words}


def _body(report: Report, later: LaterData) -> str:
    place = link(reverse("admin:reports_report_later", args=[report.pk]))
    scope = plain(figures.scope(report.params.get("scope") or report.name), 200)
    lines = [
        f"{scope}: {_figures(later)}",
        gettext(
            "The signed report stays as it is. If you want, make a new version, and sign that."
        ),
        gettext("What differs: %(place)s") % {"place": place},
    ]
    return "\n".join(lines) + "\n"


def _figures(later: LaterData) -> str:
    words = ngettext(
        "%(count)s figure differs from what was signed.",
        "%(count)s figures differ from what was signed.",
        later.count,
    )
    return words % {"count": later.count}
