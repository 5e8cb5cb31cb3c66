"""What happens to reports, told to the channels that asked for it: webhooks and mail."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from django.urls import reverse
from django.utils.translation import gettext

from itam import figures
from licenses.alerts.announce import announce
from licenses.alerts.words import link, plain
from licenses.concurrency.periods import iso
from reports.documents import KINDS
from reports.documents.words import VERDICTS, day_span
from reports.models import Report


class Event(StrEnum):
    """READY: its files are there; where it stands says `stage`."""

    READY = "ready"
    FAILED = "failed"
    SIGNED = "signed"
    REJECTED = "rejected"
    LATER_DATA = "later_data"
    DELIVERY_FAILED = "delivery_failed"


def tell(event: Event, report: Report, now: datetime, detail: str = "") -> None:
    """Announce what happened to a report, in the transaction in which it happened, and in the
    language of each channel.

    detail:  in words, without a name of a person.
    """
    found = _told(event, report, detail)
    announce(lambda: _said(event, report, found, detail), found, now)


def _said(event: Event, report: Report, found: dict[str, Any], detail: str) -> tuple[str, str]:
    """Return subject and text of a message."""
    words = {
        Event.READY: gettext("Report ready"),
        Event.FAILED: gettext("Report could not be made"),
        Event.SIGNED: gettext("Report signed"),
        Event.REJECTED: gettext("Report rejected"),
        Event.LATER_DATA: gettext("Later data change a signed report"),
        Event.DELIVERY_FAILED: gettext("Report not delivered"),
    }
    params, zone = report.params, ZoneInfo(report.params["zone"])
    scope = plain(figures.scope(params.get("scope") or ""), 200)
    span = day_span(params["start"], params["end"], zone)
    title = f"{words[event]}: {KINDS[report.name].title}, {scope}, {span}"
    verdict = VERDICTS.get(found["verdict"] or "", "")
    lines = [
        f"{title}.",
        *([gettext("Verdict: %(verdict)s.") % {"verdict": verdict}] if verdict else []),
        *([plain(detail, 500)] if detail else []),
        gettext("In licence management: %(place)s") % {"place": found["link"]},
    ]
    return title, "\n".join(lines) + "\n"


def _told(event: Event, report: Report, detail: str) -> dict[str, Any]:
    data, params = report.data or {}, report.params
    zone = ZoneInfo(params["zone"])
    return {
        "event": event.value,
        "report": report.pk,
        "name": report.name,
        "scope": params.get("scope") or "",
        "from": iso(params["start"], zone),
        "to": iso(params["end"], zone),
        "zone": params["zone"],
        "as_of": report.as_of.isoformat(),
        "version": report.version,
        "state": report.state,
        "decision": report.decision,
        "id": data.get("id", ""),
        "verdict": data.get("verdict", ""),
        "sha256": report.sha256,
        "data_sha256": report.data_sha256,
        "detail": detail,
        "link": link(reverse("admin:reports_report_change", args=[report.pk])),
        "api": link(reverse("report-detail", args=[report.pk])),
    }
