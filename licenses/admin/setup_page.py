"""The guided set-up: from an empty installation to a first report, a step a page.

Each step can be skipped, and is done by whatever puts its rows on record: these forms, the other
pages, a file, or the API.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext, gettext_lazy

from itam.errors import Missing
from licenses.models import Feature, ImportJob, LicensePool, LicenseServer, Product, Team
from licenses.overview import setup
from licenses.tasks import nudge

from . import setup_forms, setup_rights, setup_server

FORMS: dict[str, Any] = {
    "server": setup_server.ServerForm,
    "features": setup_server.FeaturesForm,
    "products": setup_rights.ProductForm,
    "pools": setup_rights.PoolsForm,
    "contracts": setup_rights.ContractForm,
    "teams": setup_forms.TeamForm,
    "alert": setup_forms.AlertForm,
    "report": setup_forms.ReportForm,
}
NEEDS_USER = ("features", "pools", "contracts", "alert", "report")
PERMISSIONS = {
    "server": ("licenses.add_licenseserver",),
    "features": ("licenses.change_licenseserver",),
    "products": ("licenses.add_vendor", "licenses.add_product"),
    "pools": ("licenses.add_licensepool", "licenses.add_poolfeature"),
    "contracts": ("licenses.add_contract", "licenses.add_entitlement"),
    "teams": ("licenses.add_team",),
    "alert": ("licenses.add_channel", "licenses.change_alertrule"),
    "report": ("reports.add_report",),
}
SAMPLES = {
    "products": ("vendors", "products"),
    "pools": ("pools",),
    "contracts": ("contracts", "entitlements"),
    "teams": ("teams", "people"),
}
SHOWN = 12  # names on record, of each kind
SUBMIT = {
    "features": gettext_lazy("Read it"),
    "pools": gettext_lazy("Settle these features"),
    "alert": gettext_lazy("Tell them"),
    "report": gettext_lazy("Make the report"),
}


def urls(site: Any) -> list[URLPattern]:
    wrap = site.admin_view

    def view(request: HttpRequest, key: str = "") -> HttpResponseBase:
        return step_page(site, request, key)

    return [
        path("set-up/", wrap(view), name="set-up"),
        path("set-up/samples/<slug:name>.csv", wrap(sample), name="set-up-sample"),
        path("set-up/<slug:key>/", wrap(view), name="set-up-step"),
    ]


def sample(request: HttpRequest, name: str) -> FileResponse:
    """Send a small file that can be imported as it stands, to fill in."""
    if name not in {each for names in SAMPLES.values() for each in names}:
        raise Missing(gettext("There is no such sample."))
    file = settings.BASE_DIR / "docs" / "samples" / f"{name}.csv"
    return FileResponse(
        file.open("rb"), as_attachment=True, filename=f"{name}.csv", content_type="text/csv"
    )


def step_page(site: Any, request: HttpRequest, key: str) -> HttpResponse:
    """Show a step, or do what was asked of it: save its form, take a CSV file, skip it."""
    user: Any = request.user
    if not user.has_perm("licenses.add_licenseserver"):
        raise PermissionDenied
    found = setup.steps()
    if not key:
        first = next((step.key for step in found if step.state == "open"), found[0].key)
        return redirect("admin:set-up-step", first)
    step = next((each for each in found if each.key == key and key in FORMS), None)
    if step is None:
        raise Missing(gettext("The set-up has no such step."))
    allowed = all(user.has_perm(permission) for permission in PERMISSIONS[key])
    if request.method == "POST" and "skip" in request.POST:
        return _skip(request, step, found)
    given = request.method == "POST" and allowed
    rows = given and request.POST.get("what") == "csv" and key in SAMPLES
    form = _form(key, request, given and not rows) if allowed else None
    files = (request.POST, request.FILES) if rows else ()
    table = setup_forms.CsvForm(*files, kinds=SAMPLES.get(key, ()))
    if rows and table.is_valid():
        return _imported(request, step, table)
    if form is not None and given and not rows and form.is_valid() and _saved(request, form):
        return _onward(step, form)
    return _drawn(site, request, step, found, form, table)


def _form(key: str, request: HttpRequest, given: bool) -> Any:
    values = (request.POST, request.FILES) if given else ()
    named = {"user": request.user} if key in NEEDS_USER else {}
    return FORMS[key](*values, **named)


def _saved(request: HttpRequest, form: Any) -> bool:
    try:
        messages.success(request, form.save(request.user))
    except ValidationError as error:  # somebody was quicker
        form.refuse(error)
        return False
    return True


def _skip(request: HttpRequest, step: setup.Step, found: list[setup.Step]) -> HttpResponse:
    wanted = request.POST["skip"] != "no"
    setup.skip(step.key, skipped=wanted, user=request.user)
    if not wanted:
        return redirect("admin:set-up-step", step.key)
    following = setup.following(step.key, [each for each in found if each.key != step.key] + [step])
    return _go(following if following != step.key else "")


def _onward(step: setup.Step, form: Any) -> HttpResponse:
    kind, _, pk = form.goes_to.partition(":")
    if pk:
        return redirect(f"admin:reports_{kind}_change", pk)
    return _go(kind or setup.following(step.key, setup.steps()))


def _go(key: str) -> HttpResponse:
    return redirect("admin:set-up-step", key) if key else redirect("admin:index")


def _imported(request: HttpRequest, step: setup.Step, table: Any) -> HttpResponse:
    messages.success(request, table.told())
    if table.result.kind in ("pools", "entitlements"):
        nudge("licenses.tasks.count_again")
    return _go(step.key)


def _drawn(
    site: Any,
    request: HttpRequest,
    step: setup.Step,
    found: list[setup.Step],
    form: Any,
    table: Any,
) -> HttpResponse:
    place = [each.key for each in found].index(step.key)
    return TemplateResponse(
        request,
        "admin/setup/step.html",
        {
            **site.each_context(request),
            "title": gettext("Set-up"),
            "steps": found,
            "step": step,
            "number": place + 1,
            "left": sum(not each.done for each in found),
            "next": found[place + 1].key if place + 1 < len(found) else "",
            "form": form,
            "table": table if step.key in SAMPLES else None,
            "samples": SAMPLES.get(step.key, ()),
            "submit": SUBMIT.get(step.key, gettext("Save")),
            **_known(step.key, request.user),
            "jobs": list(ImportJob.objects.for_user(request.user)[:4])
            if step.key == "features"
            else [],
            # The widgets of the admin stand on its own scripts.
            "media": site._registry[LicenseServer].media + (form or table).media,
        },
    )


def _known(key: str, user: Any) -> dict[str, Any]:
    """Return the names of some rows that are on record already, the newest first, and how many
    more there are."""
    kinds: dict[str, Any] = {
        "features": Feature,
        "products": Product,
        "pools": LicensePool,
        "teams": Team,
    }
    if key not in kinds:
        return {}
    rows = kinds[key].objects.for_user(user).order_by("-pk")
    if key in ("features", "products"):
        rows = rows.select_related("server" if key == "features" else "vendor")
    known = [str(row) for row in rows[:SHOWN]]
    return {"known": known, "more_known": rows.count() - len(known)}
