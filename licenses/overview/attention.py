"""What waits for someone, the worst first."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, Value
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext, ngettext

from itam import figures
from itam.retold import retell
from licenses.analysis.ages import lasting
from licenses.analysis.prepared import Asked, Prepared
from licenses.analysis.server_health import health
from licenses.models import (
    Alert,
    AlertRule,
    Contract,
    Entitlement,
    Feature,
    ImportJob,
    LicensePool,
    LicenseServer,
    LogCursor,
    Notification,
    PoolFeature,
    Scope,
    UnreadableLine,
    sees_everything,
)

DOUBTS = (AlertRule.Kind.FLAT, AlertRule.Kind.UNREADABLE, AlertRule.Kind.DRIFT)


@dataclass(frozen=True)
class Task:
    """Something that waits for someone.

    key:      bad, warn or info.
    kind:     what it is about: alert, notification, server, import, unreadable, feature,
              pool, contract, scope, or what another part adds.
    id:       of the row that it is about; None where it is about several.
    chosen:   for several: what chooses them in their list, such as `unmapped`.
    """

    key: str
    kind: str
    words: str
    id: int | None = None
    chosen: str = ""
    detail: str = ""


Look = Callable[[Any], Iterable[Task]]
_also: dict[str, Look] = {}


def also(permission: str, look: Look) -> None:
    """Let a part of the program that this one does not know add what waits for a user.

    look: given the user, who has the permission. It may ask the database once.
    """
    _also[permission] = look


def tasks(user: Any) -> list[Task]:
    """Return what needs this user's attention, the worst first. One query for each kind."""
    looks: list[tuple[str, Look]] = [
        ("licenses.view_alert", _alerts),
        ("licenses.view_notification", _deliveries),
        ("licenses.view_licenseserver", _servers),
        ("licenses.view_importjob", _imports),
        ("licenses.view_licenseserver", _machines),
        ("licenses.view_capture", _unreadable),
        ("licenses.view_feature", _unmapped),
        ("licenses.view_entitlement", _unfinished_pools),
        ("licenses.view_contract", _contracts),
        ("licenses.change_scope", _scopes),
        *_also.items(),
    ]
    found: list[Task] = []
    for permission, look in looks:
        if user.has_perm(permission):
            found += look(user)
    order = {"bad": 0, "warn": 1, "info": 2}
    return sorted(found, key=lambda task: order[task.key])


def _alerts(user: Any) -> list[Task]:
    rows = Alert.objects.for_user(user).filter(state="firing").select_related("rule")
    found = list(rows.order_by("-fired_at")[:6])
    tasks = [
        Task(
            "warn" if row.acknowledged_at or row.rule.kind in DOUBTS else "bad",
            "alert",
            str(row),
            row.pk,
            detail=gettext("firing for %(lasting)s")
            % {"lasting": lasting((timezone.now() - row.fired_at).total_seconds())},
        )
        for row in found[:5]
    ]
    if len(found) > 5:
        tasks.append(Task("warn", "alert", gettext("More alerts are firing"), chosen="firing"))
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
    found = []
    for channel, state, count in sorted(rows)[:6]:
        key = "bad" if state == "failed" else "warn"
        if state == "failed":
            told = ngettext(
                "%(channel)s: %(count)s message not delivered",
                "%(channel)s: %(count)s messages not delivered",
                count,
            )
        else:
            told = ngettext(
                "%(channel)s: %(count)s message tried again and again",
                "%(channel)s: %(count)s messages tried again and again",
                count,
            )
        sentence = told % {"channel": channel, "count": count}
        found.append(Task(key, "notification", sentence, chosen=state))
    return found


def _servers(user: Any) -> list[Task]:
    rows = LicenseServer.objects.for_user(user).filter(enabled=True).select_related("poll_state")
    troubled = rows.filter(
        Q(zone="") | ~Q(polling="off"),
    ).order_by("name")[:200]
    found = []
    for server in troubled:
        key, said = health(server)
        if key in ("failing", "silent"):
            found.append(Task("bad", "server", f"{server.name}: {said}", server.pk))
        elif not server.zone:
            found.append(
                Task(
                    "warn",
                    "server",
                    gettext("%(server)s has no time zone") % {"server": server.name},
                    server.pk,
                )
            )
    return found[:8]


def _imports(user: Any) -> list[Task]:
    since = timezone.now() - timedelta(days=7)
    failed = ImportJob.objects.for_user(user).filter(state="failed")
    rows = failed.filter(machine="", requested_at__gte=since)
    return [
        Task(
            "bad",
            "import",
            gettext("Import of %(file_name)s failed") % {"file_name": row.file_name},
            row.pk,
            detail=retell(row.error)[:120],
        )
        for row in rows[:3]
    ]


def _machines(user: Any) -> list[Task]:
    """Name the servers of which texts wait, as they name machines that nobody has confirmed."""
    jobs = ImportJob.objects.exclude(machine="").values("server")
    cursors = LogCursor.objects.at_stranger().values("server")
    rows = LicenseServer.objects.for_user(user).filter(Q(pk__in=jobs) | Q(pk__in=cursors))
    said = gettext("%(server)s: a text of another machine waits")
    why = gettext("nothing of it is read until somebody confirms the machine")
    return [
        Task("bad", "server", said % {"server": row.name}, row.pk, detail=why) for row in rows[:5]
    ]


def _unreadable(user: Any) -> list[Task]:
    since = timezone.now() - timedelta(days=7)
    lines = UnreadableLine.objects.for_user(user).filter(capture__recorded_at__gte=since)
    mine = UnreadableLine.objects.filter(pk__in=lines.order_by().values("pk")).with_ignored()
    per_server = (
        mine.filter(ignored=False)
        .order_by()
        .values("capture__server__name", "capture__server")
        .annotate(lines=Count("pk"))
        .order_by("-lines")[:3]
    )
    return [
        Task(
            "warn",
            "unreadable",
            gettext("%(capture__server__name)s: lines that could not be read")
            % {"capture__server__name": row["capture__server__name"]},
            row["capture__server"],
            detail=gettext("%(lines)s this week: report or ignore them") % {"lines": row["lines"]},
        )
        for row in per_server
    ]


_UNMAPPED = Prepared(lambda: (Feature.objects.order_by().unmapped(), ["pk"]))


def unmapped(user: Any) -> int:
    """Return how many features that a user may see feed no pool. One query."""
    if sees_everything(user):
        return _UNMAPPED.count()
    return int(Feature.objects.for_user(user).unmapped().count())


def _unmapped(user: Any) -> list[Task]:
    count = unmapped(user)
    if not count:
        return []
    told = ngettext("%(count)s feature feeds no pool", "%(count)s features feed no pool", count)
    said, why = told % {"count": count}, gettext("their use is not counted")
    return [Task("warn", "feature", said, chosen="unmapped", detail=why)]


def _unfinished() -> dict[str, Any]:
    """Return the aggregates of pools that lack something."""
    mapped = PoolFeature.objects.filter(pool=OuterRef("pk"), mapped_until=None)
    right = Entitlement.objects.as_of().filter(pool=OuterRef("pk"))
    return {
        "no_feature": Count("pk", filter=~Exists(mapped)),
        "no_right": Count("pk", filter=~Exists(right)),
    }


@Prepared
def _UNFINISHED() -> Asked:
    # By a constant, as what is prepared is a list of rows.
    active = LicensePool.objects.active().order_by().values(one=Value(1))
    figures = _unfinished()
    return active.annotate(**figures), ("one", *figures)


def _unfinished_pools(user: Any) -> list[Task]:
    if sees_everything(user):
        rows = _UNFINISHED.rows()
        no_feature, no_right = rows[0][1:] if rows else (0, 0)
    else:
        mine = LicensePool.objects.for_user(user).active().order_by()
        counts = LicensePool.objects.filter(pk__in=mine.values("pk")).aggregate(**_unfinished())
        no_feature, no_right = counts["no_feature"], counts["no_right"]
    found = []
    if count := no_feature:
        told = ngettext("%(count)s pool has no feature", "%(count)s pools have no feature", count)
        found.append(Task("warn", "pool", told % {"count": count}, chosen="unmapped"))
    if count := no_right:
        told = ngettext(
            "%(count)s pool has no entitlement", "%(count)s pools have no entitlement", count
        )
        found.append(
            Task(
                "info",
                "pool",
                told % {"count": count},
                chosen="unentitled",
                detail=gettext("what is allowed is not known"),
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
            gettext("notice by %(date_format)s (%(left)s left)")
            % {"date_format": date_format(notice), "left": figures.days(left)}
            if left >= 0
            else gettext("notice day %(date_format)s passed, ends %(date_format_2)s")
            % {"date_format": date_format(notice), "date_format_2": date_format(row.valid_to)}
        )
        found.append(
            Task(
                "bad" if 0 <= left <= 14 else "warn",
                "contract",
                gettext("Contract %(row)s") % {"row": row},
                row.pk,
                detail=said,
            )
        )
    return found[:6]


def _scopes(_user: Any) -> list[Task]:
    endless, several = (
        rows.filter(user__is_active=True).select_related("user").order_by("user__username")[:6]
        for rows in (Scope.objects.lacking_an_end(), Scope.objects.of_several_vendors())
    )
    return [
        *(
            Task(
                "warn",
                "scope",
                gettext("The scope of auditor %(user)s needs an end") % {"user": row.user},
                row.pk,
                detail=gettext("until one is set, they see nothing"),
            )
            for row in endless
        ),
        *(
            Task(
                "warn",
                "scope",
                gettext("The scope of auditor %(user)s has several vendors") % {"user": row.user},
                row.pk,
                detail=gettext("until one is left, they see nothing"),
            )
            for row in several
        ),
    ]
