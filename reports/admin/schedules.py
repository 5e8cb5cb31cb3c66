"""Scheduled reports in the admin, and the log of what was sent."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils import timezone

from licenses.admin.base import ReadOnlyAdmin, ScopedAdmin
from reports.models import ReportDelivery, ReportSchedule


class ScheduleForm(ModelForm):
    """Says beside the field what does not fit together."""

    def clean(self) -> Any:
        values = super().clean() or {}
        ReportSchedule.check_scope(values.get("pools"), values.get("vendor"))
        return values


@admin.register(ReportSchedule)
class ReportScheduleAdmin(ScopedAdmin):
    """When which report is made, and who gets it."""

    form = ScheduleForm
    list_display = ("name", "rhythm", "recipients", "attach", "enabled", "due_at", "last_error")
    list_filter = ("rhythm", "enabled")
    search_fields = ("name", "recipients")
    autocomplete_fields = ("pools", "vendor")
    fields = (
        "name",
        "enabled",
        "rhythm",
        "months",
        "days_after",
        "pools",
        "vendor",
        "zone",
        "recipients",
        "attach",
        "owner",
        "due_at",
        "last_error",
    )
    readonly_fields = ("owner", "due_at", "last_error")

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not change:
            obj.owner = request.user
        obj.plan(timezone.now())
        super().save_model(request, obj, form, change)


@admin.register(ReportDelivery)
class ReportDeliveryAdmin(ReadOnlyAdmin):
    """Who was sent which report, when, and how often it was tried."""

    list_display = (
        "report",
        "schedule",
        "recipient",
        "state",
        "attempts",
        "sent_at",
        "sha256",
        "last_error",
    )
    list_filter = ("state", "schedule")
    list_select_related = ("report", "schedule")
    fields = (*list_display, "attach", "recorded_at", "due_at", "key")
