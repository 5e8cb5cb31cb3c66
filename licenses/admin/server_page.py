"""The page of one licence server: does it answer, what did it say, what is unmapped, what is
missing.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Prefetch, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext

from itam.asked import asked_id
from itam.errors import Missing
from itam.retold import retell
from licenses.access import reversible
from licenses.analysis.server_facts import facts_for
from licenses.analysis.server_health import health
from licenses.analysis.unreadable import groups, report
from licenses.evidence.reads import note_names
from licenses.importing import connection, machines
from licenses.importing.jobs import hand_in as take
from licenses.importing.polling import poll_now
from licenses.models import (
    Capture,
    Checkout,
    Feature,
    LicensePool,
    LicenseServer,
    PoolFeature,
    Product,
    UndoStep,
    bearing_on_scope,
    sees_names,
)
from licenses.tasks import nudge

from . import coverage_calendar, words
from . import forms as pages
from .base import rule_words
from .server_forms import HandInForm, IgnoreForm, MapForm
from .undoing import tell

POLLS = 12
SHOWN = 100
ROWS = 20
"""Features on the page; a list has all of them."""
CLOCK_STEP_SECONDS = 90
"""Answers tell their time to the minute, and take some seconds."""


def find(model_admin: Any, request: HttpRequest, pk: int, change: bool = False) -> Any:
    may = model_admin.has_change_permission if change else model_admin.has_view_permission
    if not may(request):
        raise PermissionDenied
    server = model_admin.get_queryset(request).filter(pk=pk).first()
    if server is None:
        raise Missing(gettext("There is no such licence server, or it is not yours to see."))
    return server


def overview(model_admin: Any, request: HttpRequest, pk: int, *, form: Any = None) -> HttpResponse:
    server = find(model_admin, request, pk)
    may_change = model_admin.has_change_permission(request, server)
    health_key, health_words = health(server)
    poll = getattr(server, "poll_state", None)
    may = request.user.has_perm
    readable = may("licenses.view_capture")
    captures = list(server.captures.for_user(request.user)[:POLLS]) if readable else []
    troubles = groups(server, user=request.user) if readable else []
    names = sees_names(request.user)
    if names:
        note_names(request, "unreadable lines", len(troubles))
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "original": server,
        "title": server.name,
        "server": server,
        "poll": poll,
        "health": {"key": health_key, "words": health_words},
        "todo": todo(server),
        "strange_machines": machines.waiting(server),
        "machines": machines.known(server),
        "check": newest_check(server) if may_change else None,
        "captures": captures,
        "named": names,
        "clock": clock_words(server, poll),
        "unreadable": [group for group in troubles if not group.ignored][:20],
        "set_aside": list(
            server.ignored_lines.filter(ended_at=None).select_related("recorded_by")[:SHOWN]
        ),
        "features": features(server, request.user),
        "unmapped": unmapped(server, request.user),
        "unmapped_total": Feature.objects.for_user(request.user)
        .unmapped()
        .filter(server=server)
        .count(),
        **facts(server, request.user),
        "calendar": coverage_calendar.calendar(server),
        "gaps": list(server.gaps.order_by("-starts")[:8]),
        "packages": bearing_on_scope(server.packages.all(), request.user, "package")[:SHOWN],
        "rules": rules(server, request),
        "jobs": list(server.import_jobs.select_related("requested_by")[:6])
        if may("licenses.view_importjob")
        else [],
        "pools": LicensePool.objects.for_user(request.user).active().values_list("name", flat=True),
        "products": Product.objects.for_user(request.user).select_related("vendor"),
        "form": (form or HandInForm(server=server)) if may_change else None,
        "may_change": may_change,
        "media": model_admin.media + (form or HandInForm(server=server)).media,
        "polled": server.polling != LicenseServer.Polling.OFF,
    }
    return HttpResponse(render_to_string("admin/licenses/server.html", context, request))


def todo(server: Any) -> list[tuple[str, str, str]]:
    change = reverse("admin:licenses_licenseserver_change", args=[server.pk])
    found = []
    if not server.zone:
        found.append(
            (
                gettext("No time zone is set: what the server prints cannot be placed in time."),
                gettext("Set its zone"),
                change,
            )
        )
    if server.polling == LicenseServer.Polling.OFF and not server.log_path:
        if not server.captures.exists():
            found.append(
                (
                    gettext(
                        "Nothing is known of this server yet: it is not polled and no log is read."
                    ),
                    gettext("Hand in a file"),
                    "#hand-in",
                )
            )
    elif not server.enabled:
        found.append(
            (gettext("It is switched off: nothing is read."), gettext("Switch it on"), change)
        )
    return found


def features(server: Any, user: Any) -> list[Any]:
    """Return the features with what is known of them now: the server's own word, else the open
    holdings of its log.
    """
    rows = Feature.objects.for_user(user).filter(server=server).select_related("now")
    pools = Prefetch("pool", LicensePool.objects.for_user(user))
    current = PoolFeature.objects.filter(
        mapped_until=None, pool__in=LicensePool.objects.visible_ids(user)
    )
    rows = rows.prefetch_related(Prefetch("mappings", current.prefetch_related(pools)))
    found = list(rows[:ROWS])
    held = dict(
        Checkout.objects.filter(feature__in=[feature.pk for feature in found])
        .open()
        .order_by()
        .values_list("feature_id")
        .annotate(Sum("seats"))
    )
    for feature in found:
        feature.held = held.get(feature.pk, 0)
        feature.pools_now = [mapping.pool for mapping in feature.mappings.all()]
        feature.newest = getattr(feature, "now", None)
    return found


def facts(server: Any, user: Any) -> dict[str, Any]:
    """Return what the server states of itself now, and what it stated before, for who may see what
    was read."""
    if not user.has_perm("licenses.view_capture"):
        return {"facts": [], "facts_past": []}
    found = facts_for(server, user)
    past = sorted((row for row in found if row.until is not None), key=lambda row: -row.at)
    return {"facts": [row for row in found if row.until is None], "facts_past": past[:SHOWN]}


def unmapped(server: Any, user: Any) -> list[Feature]:
    rows = Feature.objects.for_user(user).unmapped().filter(server=server)
    return list(rows.select_related("server")[:ROWS])


def rules(server: Any, request: HttpRequest) -> list[str]:
    """Return the lines of the server's options file that the user may see."""
    rows = list(server.sharing_rules.for_user(request.user)[:SHOWN])
    note_names(request, "lines of an options file", len(rows))
    return [rule_words(rule, request.user) for rule in rows]


def _posted(request: HttpRequest) -> None:
    if request.method != "POST":
        raise PermissionDenied(gettext("This changes something and takes a POST."))


def newest_check(server: Any) -> dict[str, Any] | None:
    """Return the newest connection check of the last day, with how far it is."""
    now = timezone.now()
    row = server.connection_checks.filter(requested_at__gte=now - timedelta(days=1)).first()
    return None if row is None else {"row": row, "progress": connection.progress(row, now)}


def clock_words(server: Any, poll: Any) -> str:
    """Return how the clock of the last answer stood to ours; "" where none told its time."""
    offset = getattr(poll, "clock_offset_seconds", None)
    if offset is None:
        return ""
    if server.polling == LicenseServer.Polling.FILE:
        return gettext("the last status was %(lasting)s old when it was read") % {
            "lasting": words.lasting(max(0, -offset))
        }
    if abs(offset) <= CLOCK_STEP_SECONDS:
        return gettext("its clock agrees with ours, to the minute")
    if offset > 0:
        told = gettext("its clock is %(length)s ahead of ours: look at its time zone and its clock")
    else:
        told = gettext("its clock is %(length)s behind ours: look at its time zone and its clock")
    return told % {"length": words.lasting(abs(offset))}


def test(model_admin: Any, request: HttpRequest, pk: int) -> HttpResponse:
    """Have a worker try each step of a connection. The page shows how far it is."""
    server = find(model_admin, request, pk, change=True)
    _posted(request)
    nudge("licenses.tasks.check_connection", connection.ask_for(server, request.user).pk)
    return redirect(f"{reverse('admin:licenses_licenseserver_overview', args=[pk])}#test")


def poll(model_admin: Any, request: HttpRequest, pk: int) -> HttpResponse:
    server = find(model_admin, request, pk, change=True)
    _posted(request)
    capture = poll_now(server)
    back = redirect("admin:licenses_licenseserver_overview", pk)
    if capture is None:
        messages.info(
            request, gettext("%(server)s is being asked at this moment.") % {"server": server.name}
        )
        return back
    good = capture.result == Capture.Result.PARSED
    told = f"{server.name}: {capture.get_result_display()}" + (
        f" – {retell(capture.detail)}" if capture.detail else ""
    )
    (messages.success if good else messages.error)(request, told)
    return back


def hand_in(model_admin: Any, request: HttpRequest, pk: int) -> HttpResponse:
    """Take a file and import it in the background. The page of the job shows how far it is."""
    server = find(model_admin, request, pk, change=True)
    _posted(request)
    form = HandInForm(request.POST, request.FILES, server=server)
    if not form.is_valid():
        return overview(model_admin, request, pk, form=form)
    given = form.cleaned_data
    try:
        job = take(
            server,
            given["file"],
            format=given["format"],
            zone=given.get("zone", ""),
            date=given["date"],
            create_pools=given["create_pools"],
            user=request.user,
        )
    except ValidationError as error:
        pages.refuse(form, error)
        return overview(model_admin, request, pk, form=form)
    nudge("licenses.tasks.import_file", job.pk)
    return redirect("admin:licenses_importjob_change", job.pk)


def confirm_machine(model_admin: Any, request: HttpRequest, pk: int) -> HttpResponse:
    """Say that a machine is one of the server: logs that wait for that are read now."""
    server = find(model_admin, request, pk, change=True)
    _posted(request)
    name = request.POST.get("machine", "")
    if name not in machines.waiting(server):
        raise Missing(gettext("No log waits for this machine."))
    try:
        machines.confirm(server, name)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        return redirect("admin:licenses_licenseserver_overview", pk)
    told = gettext("%(machine)s is a machine of %(server)s: what waited for that is read now.")
    messages.success(request, told % {"machine": name, "server": server.name})
    nudge("licenses.tasks.tick")
    return redirect("admin:licenses_licenseserver_overview", pk)


def unreadable(model_admin: Any, request: HttpRequest, pk: int) -> HttpResponse:
    """Show or send a report on unreadable lines, without names: `shape` for one kind of them,
    `download` to get it as a file."""
    server = find(model_admin, request, pk)
    if not request.user.has_perm("licenses.view_capture"):
        raise PermissionDenied
    shape = request.GET.get("shape", "")
    found = [
        group
        for group in groups(server, user=request.user)
        if group.digest == shape or (not shape and not group.ignored)
    ]
    if not found:
        raise Missing(gettext("There are no such lines of the last week."))
    text = report(server, found)
    if "download" in request.GET:
        answer = HttpResponse(text, content_type="text/plain; charset=utf-8")
        answer["Content-Disposition"] = 'attachment; filename="unreadable-lines.txt"'
        return answer
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "title": gettext("Unreadable lines of %(server)s") % {"server": server.name},
        "server": server,
        "text": text,
        "shape": shape,
    }
    return HttpResponse(render_to_string("admin/licenses/unreadable_report.html", context, request))


def ignore(model_admin: Any, request: HttpRequest, pk: int) -> HttpResponse:
    """Set unreadable lines of one shape aside, or show them again (`again`: id of the row)."""
    server = find(model_admin, request, pk, change=True)
    _posted(request)
    back = f"{reverse('admin:licenses_licenseserver_overview', args=[pk])}#unreadable"
    if again := request.POST.get("again", ""):
        row = server.ignored_lines.filter(pk=asked_id(again) or 0).first()
        if row is None:
            raise Missing(gettext("Nothing like that is ignored here."))
        try:
            _row, step = reversible.show_lines(row, user=request.user)
            tell(request, gettext("These lines are shown and counted again."), step)
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
        return redirect(back)
    form = IgnoreForm(request.POST)
    if form.is_valid():
        digest, note = form.cleaned_data["shape"], form.cleaned_data["note"]
        try:
            _row, step = reversible.ignore_lines(server, digest, note=note, user=request.user)
            tell(request, gettext("These lines are ignored. They can be shown again below."), step)
            return redirect(back)
        except ValidationError as error:
            pages.refuse(form, error)
    return pages.page(
        request,
        model_admin,
        form,
        title=gettext("Ignore lines of %(server)s") % {"server": server.name},
        submit=gettext("Ignore"),
        back=back,
        obj=server,
    )


def map_feature(model_admin: Any, request: HttpRequest, pk: int) -> HttpResponse:
    """Map an unmapped feature: to the pool named, to a new pool of the product named, or to none
    at all.
    """
    server = find(model_admin, request, pk)
    _posted(request)
    if not request.user.has_perm("licenses.add_poolfeature"):
        raise PermissionDenied
    chosen = asked_id(request.POST.get("feature", ""))
    feature = Feature.objects.filter(server=server, pk=chosen or 0).first()
    if feature is None:
        raise Missing(gettext("There is no such feature at this server."))
    back = f"{reverse('admin:licenses_licenseserver_overview', args=[pk])}#unmapped"
    form = MapForm(request.POST, of=feature, user=request.user)
    if form.is_valid():
        try:
            tell(request, *_map(request, feature, form.cleaned_data))
            return redirect(back)
        except ValidationError as error:
            pages.refuse(form, error)
    new = form.data.get("deed") == "new"
    return pages.page(
        request,
        model_admin,
        form,
        title=gettext("Map %(feature)s") % {"feature": feature.name},
        intro=gettext("%(feature)s feeds no pool yet.") % {"feature": feature.name},
        submit=gettext("New pool") if new else gettext("Map"),
        back=back,
        obj=server,
    )


def _map(
    request: HttpRequest, feature: Feature, given: dict[str, Any]
) -> tuple[str, UndoStep | None]:
    """Do what is asked with an unmapped feature; returns what to say, and the way back."""
    if given["deed"] == "ignore":
        step = reversible.ignore_feature(feature, user=request.user)
        told = gettext("%(feature)s is ignored: it is no longer listed as unmapped.")
        return told % {"feature": feature.name}, step
    if given["deed"] == "new":
        if not request.user.has_perm("licenses.add_licensepool"):
            raise PermissionDenied
        made, step = reversible.create_pool_for(
            feature, product=given["product"], user=request.user
        )
        told = gettext("%(feature)s feeds the new pool %(pool)s.")
        return told % {"feature": feature.name, "pool": made}, step
    pool = given["pool"]
    _row, step = reversible.map_feature(
        feature, pool, weight=given["weight"] or 1, user=request.user
    )
    told = gettext("%(feature)s feeds %(pool)s.")
    return told % {"feature": feature.name, "pool": pool}, step
