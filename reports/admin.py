"""Reports in the admin: how far they are, and their files."""

from __future__ import annotations

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from unfold.decorators import display

from licenses.admin.base import ReadOnlyAdmin
from reports import delivery
from reports.documents.words import VERDICTS
from reports.models import Report


@admin.register(Report)
class ReportAdmin(ReadOnlyAdmin):
    """What was asked for; files are made and removed elsewhere."""

    list_display = ("title", "verdict", "shown_state", "requested_by", "requested_at", "file")
    list_filter = ("state", "name")
    list_select_related = ("requested_by",)
    ordering = ("-pk",)
    fields = (
        "title",
        "verdict",
        "shown_state",
        "file",
        "as_of",
        "requested_by",
        "requested_at",
        "finished_at",
        "sha256",
        "attempts",
        "error",
    )

    @display(description="report")
    def title(self, report: Report) -> str:
        scope = report.params.get("scope") or "several pools"
        return f"{report.name.capitalize()}: {scope}"

    @display(description="verdict")
    def verdict(self, report: Report) -> str:
        return VERDICTS.get((report.data or {}).get("verdict", ""), "–")

    @display(
        description="state",
        ordering="state",
        label={"Done": "success", "Failed": "danger", "Waiting": "info"},
    )
    def shown_state(self, report: Report) -> str:
        label = str(Report.State(report.state).label)
        return f"{label}, {report.progress} %" if report.state == Report.State.RUNNING else label

    @display(description="file")
    def file(self, report: Report) -> str:
        if report.state != Report.State.DONE:
            return "–"
        if report.files_dropped_at is not None:
            return f"dropped on {report.files_dropped_at:%Y-%m-%d}"
        place = reverse("admin:reports_report_file", args=[report.pk])
        return format_html('<a class="text-primary-600" href="{}">Download PDF</a>', place)

    def get_urls(self) -> list[URLPattern]:
        place = path(
            "<int:report_id>/file/",
            self.admin_site.admin_view(self.download),
            name="reports_report_file",
        )
        return [place, *super().get_urls()]

    def download(self, request: HttpRequest, report_id: int) -> HttpResponseBase:
        """Return the PDF of a report in the user's scope."""
        if not self.has_view_permission(request):
            raise Http404
        report = get_object_or_404(self.get_queryset(request), pk=report_id)
        found = delivery.file_response(report, request.user)
        if found is None:
            raise Http404("The file of this report is not there.")
        return found
