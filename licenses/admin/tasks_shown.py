"""What waits for someone, with its sign and the page where it is dealt with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from licenses.overview import attention

ICONS = {
    "alert": "notifications_active",
    "notification": "unsubscribe",
    "server": "dns",
    "import": "upload_file",
    "unreadable": "help_center",
    "feature": "extension",
    "pool": "stacks",
    "contract": "contract",
    "scope": "visibility",
    "report": "signature",
    "later": "difference",
}
PAGES = {
    "alert": "licenses_alert_change",
    "server": "licenses_licenseserver_overview",
    "import": "licenses_importjob_change",
    "unreadable": "licenses_licenseserver_overview",
    "contract": "licenses_contract_change",
    "scope": "licenses_scope_change",
    "report": "reports_report_change",
    "later": "reports_report_later",
}
LISTS = {
    ("alert", "firing"): "licenses_alert_changelist?state__exact=firing",
    ("notification", "failed"): "licenses_notification_changelist?state__exact=failed",
    ("notification", "waiting"): "licenses_notification_changelist?state__exact=waiting",
    ("feature", "unmapped"): "licenses_feature_changelist?mapped=no",
    ("pool", "unmapped"): "licenses_licensepool_changelist?setup=unmapped",
    ("pool", "unentitled"): "licenses_licensepool_changelist?setup=unentitled",
    ("report", "open"): "reports_report_changelist?state__exact=done",
    ("later", "signed"): "reports_report_changelist?decision__exact=signed",
}


@dataclass(frozen=True)
class Shown:
    """A task as the page shows it. key: bad, warn or info."""

    key: str
    icon: str
    words: str
    link: str
    detail: str


def shown(user: Any) -> list[Shown]:
    """Return what needs this user's attention, the worst first."""
    return [
        Shown(row.key, ICONS[row.kind], row.words, _link(row), row.detail)
        for row in attention.tasks(user)
    ]


def _link(row: attention.Task) -> str:
    if row.id is None:
        name, _, query = LISTS[row.kind, row.chosen].partition("?")
        return f"{reverse(f'admin:{name}')}?{query}"
    place = reverse(f"admin:{PAGES[row.kind]}", args=[row.id])
    return f"{place}#unreadable" if row.kind == "unreadable" else place
