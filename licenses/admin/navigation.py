"""The sidebar: what an asset manager does, in the order of the work.

Entries without permission are left out.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.http import HttpRequest
from django.urls import NoReverseMatch, get_script_prefix, reverse
from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext, gettext_lazy

from licenses.analysis.prepared import Prepared
from licenses.models import Alert, sees_everything
from licenses.overview import attention

Words = str | Promise
Entry = tuple[Words, str, str]
GROUPS: list[tuple[Words, bool, list[Entry]]] = [
    (
        "",
        False,
        [
            (gettext_lazy("Pools"), "stacks", "licenses.licensepool"),
            (gettext_lazy("Licence servers"), "dns", "licenses.licenseserver"),
            (gettext_lazy("Features"), "extension", "licenses.feature"),
            (gettext_lazy("Alerts"), "notifications_active", "licenses.alert"),
        ],
    ),
    (
        gettext_lazy("Use"),
        True,
        [
            (gettext_lazy("Checkouts"), "swap_horiz", "licenses.checkout"),
            (gettext_lazy("Denials"), "block", "licenses.denial"),
            (gettext_lazy("Denial episodes"), "hourglass_empty", "licenses.denialepisode"),
            (gettext_lazy("Queue entries"), "hourglass_top", "licenses.queueentry"),
            (gettext_lazy("Log events"), "receipt_long", "licenses.eventblock"),
        ],
    ),
    (
        gettext_lazy("Rights"),
        True,
        [
            (gettext_lazy("Contracts"), "contract", "licenses.contract"),
            (gettext_lazy("Entitlements"), "verified", "licenses.entitlement"),
            (gettext_lazy("Documents"), "attach_file", "licenses.document"),
            (gettext_lazy("Products"), "deployed_code", "licenses.product"),
            (gettext_lazy("Vendors"), "storefront", "licenses.vendor"),
        ],
    ),
    (
        gettext_lazy("People"),
        True,
        [
            (gettext_lazy("Teams"), "groups", "licenses.team"),
            (gettext_lazy("People"), "person", "licenses.person"),
            (gettext_lazy("Team rules"), "rule_settings", "licenses.teamrule"),
            (gettext_lazy("Reveals of names"), "person_search", "licenses.namereveal"),
            (gettext_lazy("Erasures of names"), "person_remove", "licenses.nameerasure"),
        ],
    ),
    (
        gettext_lazy("Sources"),
        True,
        [
            (gettext_lazy("Files handed in"), "upload_file", "licenses.importjob"),
            (gettext_lazy("Captures"), "inventory_2", "licenses.capture"),
            (gettext_lazy("Unreadable lines"), "help_center", "licenses.unreadableline"),
            (gettext_lazy("Coverage"), "timeline", "licenses.coverage"),
            (gettext_lazy("Gaps"), "broken_image", "licenses.gap"),
            (gettext_lazy("Disagreements"), "compare_arrows", "licenses.disagreement"),
            (gettext_lazy("Issued counts"), "pin", "licenses.issuedcount"),
            (gettext_lazy("Sharing rules"), "rule", "licenses.sharingrule"),
        ],
    ),
    (
        gettext_lazy("Alerting"),
        True,
        [
            (gettext_lazy("Rules"), "tune", "licenses.alertrule"),
            (gettext_lazy("Channels"), "campaign", "licenses.channel"),
            (gettext_lazy("Silences"), "notifications_off", "licenses.silence"),
            (gettext_lazy("Deliveries"), "outgoing_mail", "licenses.notification"),
            (gettext_lazy("Mailbox"), "inbox", "licenses.mailboxmessage"),
        ],
    ),
    (
        gettext_lazy("Evidence and access"),
        True,
        [
            (gettext_lazy("Evidence"), "lock", "licenses.evidenceblock"),
            (gettext_lazy("Sealed days"), "event_available", "licenses.evidenceday"),
            (gettext_lazy("Signing keys"), "key", "licenses.evidencekey"),
            (gettext_lazy("Anchors"), "anchor", "licenses.evidenceanchor"),
            (gettext_lazy("Checks"), "fact_check", "licenses.evidencecheck"),
            (gettext_lazy("Users"), "manage_accounts", "auth.user"),
            (gettext_lazy("Groups"), "shield_person", "auth.group"),
            (gettext_lazy("Scopes"), "visibility", "licenses.scope"),
            (gettext_lazy("Legal holds"), "gavel", "licenses.legalhold"),
            (gettext_lazy("Changes of several"), "edit_note", "licenses.bulkchange"),
            (gettext_lazy("Saved filters"), "bookmark", "licenses.savedfilter"),
        ],
    ),
]


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the sidebar's groups for this user, each with the links that are to be shown.

    A link has title, icon, link and active, and a badge where rows wait for someone. A group is
    active where one of its links is.
    """
    groups = [_group(request, title, fold, entries) for title, fold, entries in GROUPS]
    reports: list[Entry] = [
        (capfirst(str(model._meta.verbose_name_plural)), "description", model._meta.label_lower)
        for model in admin.site._registry
        if model._meta.app_label == "reports"
    ]
    groups.insert(3, _group(request, gettext("Reports"), True, reports))
    first = reverse("admin:index")
    dashboard = {"title": gettext("Dashboard"), "icon": "monitoring", "link": first}
    groups[0]["items"].insert(0, dashboard | {"active": request.path == first})
    status = {"title": gettext("Status page"), "icon": "event_seat"}
    groups[0]["items"].append(status | {"link": reverse("portal:status"), "active": False})
    for group in groups:
        group["active"] = any(item["active"] for item in group["items"])
    return [group for group in groups if group["items"]]


def _group(
    request: HttpRequest, title: Words, collapsible: bool, entries: list[Entry]
) -> dict[str, Any]:
    items = []
    for words, icon, label in entries:
        model = apps.get_model(label)
        site_admin = admin.site._registry.get(model)
        if site_admin is None or not site_admin.has_view_permission(request):
            continue
        link = _link(label, get_script_prefix())
        if link is None:
            continue
        item = {"title": words, "icon": icon, "link": link, "active": link in request.path}
        if count := _badge(request, label):
            item["badge"] = str(count)
        items.append(item)
    return {"title": title, "collapsible": collapsible, "separator": bool(title), "items": items}


@lru_cache(maxsize=256)
def _link(label: str, prefix: str) -> str | None:
    """Return the address of a model's list, which differs by what stands before all addresses."""
    try:
        return reverse(f"admin:{label.replace('.', '_')}_changelist")
    except NoReverseMatch:
        return None


# Asked on each page; to make its text took longer than the answer.
_FIRING = Prepared(lambda: (_firing(Alert.objects.all()), ["pk"]))


def _firing(alerts: Any) -> Any:
    return alerts.order_by().filter(state="firing", acknowledged_at=None)


def _badge(request: HttpRequest, label: str) -> int:
    """Return how many rows of this kind wait for someone."""
    if label == "licenses.feature":
        return attention.unmapped(request.user)
    if label != "licenses.alert":
        return 0
    if sees_everything(request.user):
        return _FIRING.count()
    return int(_firing(Alert.objects.for_user(request.user)).count())
