"""The sidebar: what an asset manager does, in the order of the work.

Entries without permission are left out.
"""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.contrib import admin
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse

from licenses.models import Alert, Feature

GROUPS: list[tuple[str, bool, list[tuple[str, str, str]]]] = [
    (
        "",
        False,
        [
            ("Pools", "stacks", "licenses.licensepool"),
            ("Licence servers", "dns", "licenses.licenseserver"),
            ("Features", "extension", "licenses.feature"),
            ("Alerts", "notifications_active", "licenses.alert"),
        ],
    ),
    (
        "Use",
        True,
        [
            ("Checkouts", "swap_horiz", "licenses.checkout"),
            ("Denials", "block", "licenses.denial"),
            ("Denial episodes", "hourglass_empty", "licenses.denialepisode"),
            ("Log events", "receipt_long", "licenses.event"),
        ],
    ),
    (
        "Rights",
        True,
        [
            ("Contracts", "contract", "licenses.contract"),
            ("Entitlements", "verified", "licenses.entitlement"),
            ("Documents", "attach_file", "licenses.document"),
            ("Products", "deployed_code", "licenses.product"),
            ("Vendors", "storefront", "licenses.vendor"),
        ],
    ),
    (
        "People",
        True,
        [
            ("Teams", "groups", "licenses.team"),
            ("People", "person", "licenses.person"),
            ("Team rules", "rule_settings", "licenses.teamrule"),
            ("Reveals of names", "person_search", "licenses.namereveal"),
        ],
    ),
    (
        "Sources",
        True,
        [
            ("Files handed in", "upload_file", "licenses.importjob"),
            ("Captures", "inventory_2", "licenses.capture"),
            ("Unreadable lines", "help_center", "licenses.unreadableline"),
            ("Coverage", "timeline", "licenses.coverage"),
            ("Gaps", "broken_image", "licenses.gap"),
            ("Disagreements", "compare_arrows", "licenses.disagreement"),
            ("Issued counts", "pin", "licenses.issuedcount"),
            ("Sharing rules", "rule", "licenses.sharingrule"),
        ],
    ),
    (
        "Alerting",
        True,
        [
            ("Rules", "tune", "licenses.alertrule"),
            ("Channels", "campaign", "licenses.channel"),
            ("Silences", "notifications_off", "licenses.silence"),
            ("Deliveries", "outgoing_mail", "licenses.notification"),
            ("Mailbox", "inbox", "licenses.mailboxmessage"),
        ],
    ),
    (
        "Evidence and access",
        True,
        [
            ("Evidence", "lock", "licenses.evidenceblock"),
            ("Users", "manage_accounts", "auth.user"),
            ("Groups", "shield_person", "auth.group"),
            ("Scopes", "visibility", "licenses.scope"),
            ("Legal holds", "gavel", "licenses.legalhold"),
        ],
    ),
]


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the sidebar's groups for this user, in Unfold's form."""
    groups = [_group(request, title, fold, entries) for title, fold, entries in GROUPS]
    reports = [
        (str(model._meta.verbose_name_plural).capitalize(), "description", model._meta.label_lower)
        for model in admin.site._registry
        if model._meta.app_label == "reports"
    ]
    groups.insert(3, _group(request, "Reports", True, reports))
    groups[0]["items"].insert(
        0, {"title": "Dashboard", "icon": "monitoring", "link": reverse("admin:index")}
    )
    groups[0]["items"].append(
        {"title": "Status page", "icon": "event_seat", "link": reverse("portal:status")}
    )
    return [group for group in groups if group["items"]]


def _group(
    request: HttpRequest, title: str, collapsible: bool, entries: list[tuple[str, str, str]]
) -> dict[str, Any]:
    items = []
    for words, icon, label in entries:
        model = apps.get_model(label)
        site_admin = admin.site._registry.get(model)
        if site_admin is None or not site_admin.has_view_permission(request):
            continue
        try:
            link = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        except NoReverseMatch:
            continue
        item = {"title": words, "icon": icon, "link": link}
        if count := _badge(request, label):
            item["badge"] = str(count)
        items.append(item)
    return {"title": title, "collapsible": collapsible, "separator": bool(title), "items": items}


def _badge(request: HttpRequest, label: str) -> int:
    """Return how many rows of this kind wait for someone."""
    if label == "licenses.alert":
        firing = Alert.objects.for_user(request.user).filter(state="firing", acknowledged_at=None)
        return firing.count()
    if label == "licenses.feature":
        return Feature.objects.for_user(request.user).unmapped().count()
    return 0
