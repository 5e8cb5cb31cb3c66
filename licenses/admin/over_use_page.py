"""The page of a pool's over-use: each time above what is allowed, and what people found out."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy

from licenses.analysis.over_use import Episode, none_seen, over_use
from licenses.importing.over_use import explain_over_use
from licenses.models import OverUseNote

from . import forms as pages
from . import words
from .moments import moment_address, peak_address
from .pool_page import find

DAYS = 365
SHOWN = 20
"""Episodes on the page, the newest ones."""
MOST = 500
"""Episodes on the page that shows more of them."""


class ExplainForm(pages.AdminForm):
    """What is known of the over-use of a time."""

    cause = forms.CharField(
        label=gettext_lazy("Cause"),
        max_length=500,
        widget=forms.Textarea,
        help_text=gettext_lazy("Why it came about. It prints in reports."),
    )
    resolution = forms.CharField(
        label=gettext_lazy("Resolution"),
        max_length=500,
        widget=forms.Textarea,
        required=False,
        help_text=gettext_lazy("What was done about it. Empty: it is still open."),
    )
    owner = forms.CharField(
        label=gettext_lazy("Owner"),
        max_length=200,
        help_text=gettext_lazy("Who sees to it: best a role or a team, as it prints in reports."),
    )


def over_use_page(model_admin: Any, request: HttpRequest, pk: int) -> HttpResponse:
    """Show the over-use of the last 12 months, the newest first."""
    pool = find(model_admin, request, pk)
    now = int(time.time())
    start = now - DAYS * 86_400
    found = over_use(pool, start, now)
    may = request.user.has_perm("licenses.add_overusenote")
    shown = MOST if "all" in request.GET else SHOWN
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "original": pool,
        "title": gettext("Over-use of %(pool)s") % {"pool": pool.name},
        "pool": pool,
        "none": "" if found else none_seen(pool, start, now),
        "count": len(found),
        "open": sum(row.note is None for row in found),
        "rows": [_row(pool, row, may) for row in reversed(found[-shown:])],
        "more": min(len(found), MOST) if len(found) > shown == SHOWN else 0,
        "explain_all": _address(pool, found[0].start, found[-1].end) if may and found else "",
        "back": reverse("admin:licenses_licensepool_overview", args=[pool.pk]) + "?tab=rights",
    }
    return HttpResponse(render_to_string("admin/licenses/over_use.html", context, request))


def _row(pool: Any, row: Episode, may: bool) -> dict[str, Any]:
    return {
        "start": datetime.fromtimestamp(row.start, UTC),
        "moment": moment_address(pool, row.start),
        "lasted": words.lasting(row.end - row.start),
        "peak": row.peak,
        "peak_link": peak_address(pool, span=(row.start, row.end)),
        "excess": row.excess,
        "note": row.note,
        "explain": _address(pool, row.start, row.end) if may else "",
    }


def _address(pool: Any, start: int, end: int) -> str:
    place = reverse("admin:licenses_licensepool_over_use_explain", args=[pool.pk])
    return f"{place}?from={start}&to={end}"


def explain_page(model_admin: Any, request: HttpRequest, pk: int) -> HttpResponse:
    """Ask for cause, resolution and owner of the over-use of a time, and record them."""
    pool = find(model_admin, request, pk)
    if not request.user.has_perm("licenses.add_overusenote"):
        raise PermissionDenied
    back = reverse("admin:licenses_licensepool_over_use", args=[pk])
    asked = _asked(request)
    if asked is None:
        messages.error(request, gettext("Choose an episode first."))
        return redirect(back)
    starts, ends = asked
    form = ExplainForm(request.POST or None, initial=_known(pool, starts, ends))
    if request.method == "POST" and form.is_valid():
        try:
            explain_over_use(pool, starts=starts, ends=ends, user=request.user, **form.cleaned_data)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(request, gettext("It is on record, and prints in the next report."))
            return redirect(back)
    first, last = (f"{timezone.localtime(each):%Y-%m-%d %H:%M:%S}" for each in asked)
    return pages.page(
        request,
        model_admin,
        form,
        title=gettext("Explain over-use of %(pool)s") % {"pool": pool.name},
        intro=gettext(
            "It counts for each episode from %(first)s to %(last)s (%(zone)s), in place of what "
            "was recorded before. Earlier notes stay on record, with who wrote them."
        )
        % {"first": first, "last": last, "zone": timezone.get_current_timezone_name()},
        submit=gettext("Record"),
        back=back,
        obj=pool,
    )


def _asked(request: HttpRequest) -> tuple[datetime, datetime] | None:
    """Return the time that is meant, `from` and `to` in epoch seconds; None where there is none."""
    texts = [request.GET.get(name, "") for name in ("from", "to")]
    if not all(text.isascii() and text.isdecimal() and len(text) <= 11 for text in texts):
        return None
    start, end = (datetime.fromtimestamp(0, UTC) + timedelta(seconds=int(t)) for t in texts)
    return (start, end) if start < end else None


def _known(pool: Any, starts: datetime, ends: datetime) -> dict[str, str]:
    """Return what the newest note on that time says."""
    touching = OverUseNote.objects.filter(pool=pool, starts__lt=ends, ends__gt=starts)
    row = touching.as_of().first()
    names = ("cause", "resolution", "owner")
    return {} if row is None else {name: getattr(row, name) for name in names}
