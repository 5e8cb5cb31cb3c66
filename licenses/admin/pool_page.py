"""The page of one pool: its figures, what to do next, its report, and one of its tabs."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext

from itam.errors import Missing
from itam.figures import number
from licenses.analysis.rights import unused
from licenses.concurrency.periods import local_midnight
from licenses.evidence.reads import note_names
from licenses.models import LicensePool
from licenses.tasks import nudge

from . import deeds, words
from . import forms as pages
from .moments import peak_address
from .pool_tabs import TABS, mappings

SEEN_SECONDS = 900
"""An open page asks for its holders every few seconds: that is one look, not hundreds."""
REQUEST_REPORT = "reports.delivery.request_report"


@dataclass(frozen=True)
class Card:
    """One figure at the top of the page."""

    label: str
    value: str
    note: str = ""
    key: str = ""
    live: str = ""
    link: str = ""


def find(model_admin: Any, request: HttpRequest, pk: int) -> Any:
    """Return the pool if this user may see it.

    A foreign pool and one that is not there give the same answer.
    """
    if not model_admin.has_view_permission(request):
        raise PermissionDenied
    pool = model_admin.get_queryset(request).filter(pk=pk).first()
    if pool is None:
        raise Missing(gettext("There is no such pool, or it is not yours to see."))
    return pool


def overview(model_admin: Any, request: HttpRequest, pk: int) -> HttpResponse:
    """Show one tab of the pool's page, each with questions of its own to the database."""
    pool = find(model_admin, request, pk)
    now = int(time.time())
    may = request.user.has_perm
    tabs = [tab for tab in TABS if tab.permission is None or may(tab.permission)]
    chosen = next((tab for tab in tabs if tab.key == request.GET.get("tab")), tabs[0])
    shown = chosen.fill(pool, request, now)
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "original": pool,
        "title": pool.name,
        "pool": pool,
        "tabs": tabs,
        "tab": chosen,
        "tab_template": f"admin/licenses/pool_{chosen.key}.html",
        "cards": cards(pool, now, may("licenses.view_entitlement")),
        "todo": todo(pool, request),
        "may_edit": model_admin.has_change_permission(request, pool),
        "may_report": may("reports.add_report") and deeds.optional(REQUEST_REPORT) is not None,
        "report_from": timezone.localdate() - timedelta(days=365),
        "report_to": timezone.localdate(),
        **shown,
    }
    if chosen.naming is not None:
        note_names(request, f"page of a pool: {chosen.label}", chosen.naming(shown), pool=pool.pk)
    if chosen.key == "now":
        cache.set(_seen_key(pool, request), 1, SEEN_SECONDS)
    return HttpResponse(render_to_string("admin/licenses/pool.html", context, request))


def note_refresh(pool: Any, request: HttpRequest, count: int) -> None:
    """Write who saw the holders, once in a while for a page that refreshes itself."""
    if cache.add(_seen_key(pool, request), 1, SEEN_SECONDS):
        note_names(request, "holders of a pool", count, pool=pool.pk)


def _seen_key(pool: Any, request: HttpRequest) -> str:
    return f"holders-seen:{request.user.pk}:{pool.pk}"


def cards(pool: Any, moment: int, may_see_cost: bool) -> list[Card]:
    now, fresh = words.news_of(pool)
    in_use, limit = (now.in_use, now.limit) if now else (None, None)
    state = words.level_of(now, fresh)
    found = [
        Card(gettext("In use"), words.figure(in_use), state.text, state.key, "in_use"),
        Card(gettext("Limit"), words.figure(limit), _limit_note(now), "", "limit"),
        Card(
            gettext("Free"), words.figure(words.free_of(now, fresh)), _states_note(now), "", "free"
        ),
        Card(
            gettext("As of"),
            words.ago(fresh.age_seconds) if fresh.key != "none" else gettext("no data yet"),
            _age_note(now, fresh),
            f"age-{fresh.key}",
            "ago",
        ),
        Card(
            gettext("12-month peak"),
            words.figure(now.peak_12_months if now else None),
            gettext("most seats at one moment"),
            link=peak_address(pool) if now and now.peak_12_months else "",
        ),
    ]
    if may_see_cost:
        spare = unused(pool, moment)
        if spare is None:
            found.append(
                Card(gettext("Unused"), words.UNKNOWN, gettext("needs an entitlement and data"))
            )
        else:
            cost = words.money(spare.cost, spare.currency or "")
            note = (
                gettext("%(cost)s a year") % {"cost": cost}
                if spare.cost is not None
                else gettext("no price on record")
            )
            found.append(
                Card(
                    gettext("Unused"),
                    number(spare.seats),
                    gettext("seats above the peak: %(note)s") % {"note": note},
                )
            )
    return found


def _limit_note(now: Any) -> str:
    if now is None or now.limit is None:
        return gettext("no entitlement, and the server did not say")
    parts = []
    if now.allowed is not None:
        parts.append(gettext("%(allowed)s allowed") % {"allowed": number(now.allowed)})
    if now.issued is not None:
        parts.append(gettext("%(issued)s served") % {"issued": number(now.issued)})
    drift = now.allowed is not None and now.issued is not None and now.issued != now.allowed
    said = ", ".join(parts)
    return gettext("%(said)s: they differ") % {"said": said} if drift else said


def _states_note(now: Any) -> str:
    if now is None:
        return ""
    parts = [
        f"{number(count)} {label}"
        for count, label in (
            (now.borrowed, gettext("borrowed")),
            (now.reserved_idle, gettext("reserved and idle")),
            (now.queued, gettext("queued")),
        )
        if count
    ]
    return ", ".join(parts)


def _age_note(now: Any, fresh: words.Freshness) -> str:
    where = {"log": gettext("from a log"), "polls": gettext("from polls")}.get(
        now.source if now else "", ""
    )
    judged = {
        "late": gettext("later than expected"),
        "stale": gettext("stale: do not rely on it"),
    }.get(fresh.key, "")
    return ", ".join(part for part in (where, judged) if part)


def todo(pool: Any, request: HttpRequest) -> list[tuple[str, str, str]]:
    """Return what to do next, as (sentence, words of the link, address)."""
    found = []
    if not pool.mapped_total:
        found.append(
            (
                gettext("No feature feeds this pool, so nothing can be counted."),
                gettext("Map a feature"),
                reverse("admin:licenses_feature_changelist") + "?mapped=no",
            )
        )
    if pool.any_right is None and request.user.has_perm("licenses.add_entitlement"):
        found.append(
            (
                gettext(
                    "No entitlement is on record: what is allowed is not known, and no verdict can"
                    " be given."
                ),
                gettext("Add an entitlement"),
                reverse("admin:licenses_entitlement_add") + f"?pool={pool.pk}",
            )
        )
    servers = {row.feature.server for row in mappings(pool) if row.mapped_until is None}
    for server in sorted(servers, key=lambda row: row.name):
        if not server.zone:
            found.append(
                (
                    gettext("%(server)s has no time zone: its times cannot be trusted.")
                    % {"server": server.name},
                    gettext("Set its zone"),
                    reverse("admin:licenses_licenseserver_change", args=[server.pk]),
                )
            )
    return found


class ReportForm(pages.AdminForm):
    """Of which days a report is: the first one, and the first that is left out."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, said in (("from", gettext("From")), ("to", gettext("up to, not including"))):
            self.fields[name] = forms.DateField(label=said)
            pages.dress(self.fields[name])

    def clean(self) -> dict[str, Any]:
        first, last = (self.cleaned_data.get(name) for name in ("from", "to"))
        if first and last and not first < last:
            told = gettext(
                "%(last)s is not after %(first)s: the second day is the first one left out."
            )
            self.add_error("to", told % {"last": date_format(last), "first": date_format(first)})
        return self.cleaned_data


def compliance_report(model_admin: Any, request: HttpRequest, pk: int) -> HttpResponse:
    """Ask for the compliance report of one pool and go where it will be."""
    pool: LicensePool = find(model_admin, request, pk)
    ask = deeds.optional(REQUEST_REPORT)
    if request.method != "POST" or ask is None or not request.user.has_perm("reports.add_report"):
        raise PermissionDenied
    form = ReportForm(request.POST)
    if form.is_valid():
        zone = pool.tzinfo
        first, last = (local_midnight(form.cleaned_data[name], zone) for name in ("from", "to"))
        try:
            report = ask("compliance", [pool], first, last, zone, request.user)
        except ValueError as error:
            form.add_error(None, gettext("The report was refused: %(error)s.") % {"error": error})
        else:
            nudge("reports.tasks.build_report", report.pk)
            told = gettext("The report is being made. It appears here when it is ready.")
            messages.success(request, told)
            meta = report._meta
            return redirect(f"admin:{meta.app_label}_{meta.model_name}_change", report.pk)
    return pages.page(
        request,
        model_admin,
        form,
        title=gettext("Compliance PDF of %(pool)s") % {"pool": pool.name},
        submit=gettext("Make the report"),
        back=reverse("admin:licenses_licensepool_overview", args=[pk]),
        obj=pool,
    )
