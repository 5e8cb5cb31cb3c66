"""The page on which an audit evidence report is asked for."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy

from licenses.admin import forms as pages
from licenses.concurrency.periods import local_midnight
from licenses.models import LicensePool, Vendor, validate_zone
from licenses.tasks import nudge
from reports import delivery
from reports.datasets.audit import ASKED, LONGEST_SAYING


class AuditForm(pages.AdminForm):
    """One vendor, a period, and what is said of the occasion."""

    first = forms.DateField(label=gettext_lazy("From"))
    end = forms.DateField(
        label=gettext_lazy("To"),
        help_text=gettext_lazy("The first day that is no longer in the report."),
    )
    zone = forms.CharField(
        label=gettext_lazy("Zone"),
        max_length=64,
        help_text=gettext_lazy("Of days and of print: such as Europe/Berlin."),
    )
    contract = forms.CharField(label=gettext_lazy("Contract"), max_length=200, required=False)
    clause = forms.CharField(label=gettext_lazy("Clause"), max_length=200, required=False)
    asked_by = forms.CharField(label=gettext_lazy("Asked by"), max_length=200, required=False)
    nda = forms.CharField(
        label=gettext_lazy("Confidentiality agreement"),
        max_length=200,
        required=False,
        help_text=gettext_lazy("Its reference."),
    )
    basis = forms.CharField(
        label=gettext_lazy("Basis for names"),
        max_length=200,
        required=False,
        help_text=gettext_lazy(
            "Why names may be given, and who approved it; the report itself holds none."
        ),
    )
    recipients = forms.CharField(
        label=gettext_lazy("Recipients"),
        max_length=LONGEST_SAYING,
        widget=forms.Textarea,
        required=False,
        help_text=gettext_lazy("One a line."),
    )
    note = forms.CharField(
        label=gettext_lazy("Note"), max_length=LONGEST_SAYING, widget=forms.Textarea, required=False
    )

    def __init__(self, user: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        vendor = forms.ModelChoiceField(Vendor.objects.for_user(user))
        pages.dress(vendor)
        self.fields = {"vendor": vendor, **self.fields}

    def clean_zone(self) -> str:
        zone: str = self.cleaned_data["zone"]
        validate_zone(zone)
        return zone

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or {}
        first, end = values.get("first"), values.get("end")
        if first and end and first >= end:
            raise ValidationError(
                {
                    "end": gettext("%(end)s is not after %(first)s: it is exclusive.")
                    % {"end": end, "first": first}
                }
            )
        if first and end and "zone" in values:
            zone = ZoneInfo(values["zone"])
            begins, ends = local_midnight(first, zone), local_midnight(end, zone)
            try:
                delivery.check_period(begins, ends, zone, timezone.now())
            except ValueError as error:
                raise ValidationError({"first": str(error)}) from error
        return values


def ask_audit(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """Ask for an audit evidence report of the pools of a vendor that the user may see."""
    if not request.user.has_perm("reports.add_report"):
        raise PermissionDenied
    today = timezone.localdate()
    year = {"first": today.replace(year=today.year - 1, day=1), "end": today.replace(day=1)}
    initial = {**year, "zone": timezone.get_default_timezone_name()}
    form = AuditForm(request.user, request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            report = _asked(request.user, form.cleaned_data)
        except ValueError as error:
            form.add_error("vendor", str(error))
        else:
            nudge("reports.tasks.build_report", report.pk)
            messages.success(request, gettext("The report is being made."))
            return redirect("admin:reports_report_change", report.pk)
    return pages.page(
        request,
        model_admin,
        form,
        title=gettext("Audit evidence"),
        intro=gettext(
            "For an auditor of one vendor: its rights, its use, who held seats at the"
            " peaks (as pseudonyms), every gap and every correction. Nothing of other"
            " vendors is in it."
        ),
        submit=gettext("Make the report"),
        back=reverse("admin:reports_report_changelist"),
    )


def _asked(user: Any, values: dict[str, Any]) -> Any:
    vendor, zone = values["vendor"], ZoneInfo(values["zone"])
    pools = LicensePool.objects.for_user(user).filter(product__vendor=vendor)
    return delivery.request_report(
        "audit",
        list(pools.select_related("product")),
        local_midnight(values["first"], zone),
        local_midnight(values["end"], zone),
        zone,
        user,
        scope=vendor.name,
        about={name: values[name] for name in ASKED if values[name]},
    )
