"""What waits for someone, the worst first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Count, Max, Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format

from licenses.models import (
    Alert,
    AlertRule,
    Capture,
    Contract,
    Feature,
    ImportJob,
    LicensePool,
    LicenseServer,
    Notification,
)

from . import servers, words
from .pools import with_now

DOUBTS = (AlertRule.Kind.FLAT, AlertRule.Kind.UNREADABLE)


@dataclass(frozen=True)
class Task:
    """Something that waits for someone. key: bad, warn or info."""

    key: str
    icon: str
    words: str
    link: str
    detail: str = ""


def tasks(request: HttpRequest) -> list[Task]:
    """Return what needs attention, the worst first. One query for each kind."""
    may = request.user.has_perm
    found: list[Task] = []
    for permission, look in (
        ("licenses.view_alert", _alerts),
        ("licenses.view_notification", _deliveries),
        ("licenses.view_licenseserver", _servers),
        ("licenses.view_importjob", _imports),
        ("licenses.view_capture", _unreadable),
        ("licenses.view_feature", _unmapped),
        ("licenses.view_entitlement", _unfinished_pools),
        ("licenses.view_contract", _contracts),
    ):
        if may(permission):
            found += look(request.user)
    order = {"bad": 0, "warn": 1, "info": 2}
    return sorted(found, key=lambda task: order[task.key])


def _alerts(user: Any) -> list[Task]:
    rows = Alert.objects.for_user(user).filter(state="firing").select_related("rule")
    link = reverse("admin:licenses_alert_changelist") + "?state__exact=firing"
    found = list(rows.order_by("-fired_at")[:6])
    tasks = [
        Task(
            "warn" if row.acknowledged_at or row.rule.kind in DOUBTS else "bad",
            "notifications_active",
            row.title,
            reverse("admin:licenses_alert_change", args=[row.pk]),
            f"firing for {words.lasting((timezone.now() - row.fired_at).total_seconds())}",
        )
        for row in found[:5]
    ]
    if len(found) > 5:
        tasks.append(Task("warn", "notifications_active", "More alerts are firing", link))
    return tasks


def _deliveries(user: Any) -> list[Task]:
    """Name what was not delivered in a week, and what several tries could not deliver yet."""
    since = timezone.now() - timedelta(days=7)
    troubled = Notification.objects.for_user(user).filter(
        Q(state="failed") | Q(state="waiting", attempts__gte=3),
        carrier=None,
        recorded_at__gte=since,
    )
    rows = troubled.order_by().values_list("channel__name", "state").annotate(Count("pk"))
    link = reverse("admin:licenses_notification_changelist") + "?state__exact="
    found = []
    for channel, state, count in sorted(rows)[:6]:
        noun = "message" if count == 1 else "messages"
        words_ = "not delivered" if state == "failed" else "tried again and again"
        key = "bad" if state == "failed" else "warn"
        found.append(Task(key, "unsubscribe", f"{channel}: {count} {noun} {words_}", link + state))
    return found


def _servers(user: Any) -> list[Task]:
    rows = LicenseServer.objects.for_user(user).filter(enabled=True).select_related("poll_state")
    troubled = rows.filter(
        Q(zone="") | ~Q(polling="off"),
    ).order_by("name")[:200]
    found = []
    for server in troubled:
        link = reverse("admin:licenses_licenseserver_overview", args=[server.pk])
        key, said = servers.health(server)
        if key in ("failing", "silent"):
            found.append(Task("bad", "dns", f"{server.name}: {said}", link))
        elif not server.zone:
            found.append(Task("warn", "schedule", f"{server.name} has no time zone", link))
    return found[:8]


def _imports(user: Any) -> list[Task]:
    since = timezone.now() - timedelta(days=7)
    rows = ImportJob.objects.for_user(user).filter(state="failed", requested_at__gte=since)
    return [
        Task(
            "bad",
            "upload_file",
            f"Import of {row.file_name} failed",
            reverse("admin:licenses_importjob_change", args=[row.pk]),
            row.error[:120],
        )
        for row in rows[:3]
    ]


def _unreadable(user: Any) -> list[Task]:
    since = timezone.now() - timedelta(days=7)
    rows = Capture.objects.for_user(user).filter(recorded_at__gte=since, unreadable_count__gt=0)
    per_server = (
        rows.order_by()
        .values("server__name", "server_id")
        .annotate(lines=Max("unreadable_count"))
        .order_by("-lines")[:3]
    )
    return [
        Task(
            "warn",
            "help_center",
            f"{row['server__name']}: lines that could not be read",
            reverse("admin:licenses_licenseserver_overview", args=[row["server_id"]]) + "#captures",
            f"up to {row['lines']} in one text this week",
        )
        for row in per_server
    ]


def _unmapped(user: Any) -> list[Task]:
    count = Feature.objects.for_user(user).unmapped().count()
    if not count:
        return []
    link = reverse("admin:licenses_feature_changelist") + "?mapped=no"
    noun = "feature feeds" if count == 1 else "features feed"
    return [Task("warn", "extension", f"{count} {noun} no pool", link, "their use is not counted")]


def _unfinished_pools(user: Any) -> list[Task]:
    rows = with_now(LicensePool.objects.for_user(user).active())
    link = reverse("admin:licenses_licensepool_changelist")
    unmapped = rows.filter(mapped_total=0).count()
    unentitled = rows.filter(any_right=None).count()
    found = []
    if unmapped:
        noun = "pool has" if unmapped == 1 else "pools have"
        found.append(
            Task("warn", "stacks", f"{unmapped} {noun} no feature", f"{link}?setup=unmapped")
        )
    if unentitled:
        noun = "pool has" if unentitled == 1 else "pools have"
        found.append(
            Task(
                "info",
                "verified",
                f"{unentitled} {noun} no entitlement",
                f"{link}?setup=unentitled",
                "what is allowed is not known",
            )
        )
    return found


def _contracts(user: Any) -> list[Task]:
    today = timezone.localdate()
    rows = (
        Contract.objects.for_user(user)
        .select_related("vendor")
        .filter(valid_to__gte=today, valid_to__lte=today + timedelta(days=365))
        .order_by("valid_to")
    )
    found = []
    for row in rows[:100]:
        notice = row.notice_on
        left, ends = (notice - today).days, (row.valid_to - today).days
        if left > 90 and ends > 60:
            continue
        said = (
            f"notice by {date_format(notice)} ({left} days left)"
            if left >= 0
            else f"notice day {date_format(notice)} passed, ends {date_format(row.valid_to)}"
        )
        found.append(
            Task(
                "bad" if 0 <= left <= 14 else "warn",
                "contract",
                f"Contract {row}",
                reverse("admin:licenses_contract_change", args=[row.pk]),
                said,
            )
        )
    return found[:6]
