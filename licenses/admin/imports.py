"""Captures, unreadable lines, coverage, gaps, and files handed in."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import BooleanField, Value
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext, gettext_lazy
from unfold.contrib.filters.admin import (
    AutocompleteSelectFilter,
    ChoicesDropdownFilter,
)
from unfold.decorators import display

from itam.asked import asked_id
from itam.figures import moment, number
from itam.retold import retell
from licenses.models import Capture, Coverage, Gap, ImportJob, UnreadableLine, sees_names

from . import words
from .base import FROM_SERVERS, FactAdmin, ReadOnlyAdmin, ReadOnlyTabular, ShowsNames
from .list_address import DaysFilter

RESULTS = {
    "parsed": "success",
    "partial": "warning",
    "server_down": "danger",
    "daemon_down": "danger",
    "not_recognised": "danger",
    "timeout": "danger",
    "failed": "danger",
}


def with_text(rows: Any, user: Any) -> Any:
    """Add `may_see_text`: a line as printed may name a person."""
    return rows.annotate(may_see_text=Value(sees_names(user), output_field=BooleanField()))


def line_text(row: Any) -> str:
    if not row.may_see_text:
        return gettext("(hidden: it may name people)")
    return format_html('<code class="lm-line">{}</code>', row.text[:500])


FIGURES = (
    ("lines", gettext_lazy("Lines")),
    ("out", gettext_lazy("Checkouts")),
    ("in", gettext_lazy("Returns")),
    ("denied", gettext_lazy("Refusals")),
    ("new", gettext_lazy("New")),
    ("known", gettext_lazy("On record before")),
    ("unreadable_count", gettext_lazy("Unreadable lines")),
)
"""What is told of an import: the keys of its result, in the order in which one reads them."""


class UnreadableInline(ReadOnlyTabular):
    model = UnreadableLine
    fields = ("line", "shown", "why")
    tab = False
    per_page = 50

    def get_queryset(self, request: HttpRequest) -> Any:
        return with_text(super().get_queryset(request), request.user)

    @display(description=gettext_lazy("Text"))
    def shown(self, row: Any) -> str:
        return line_text(row)

    @display(description=gettext_lazy("Reason"))
    def why(self, row: Any) -> str:
        return retell(row.reason)


@admin.register(Capture)
class CaptureAdmin(ShowsNames, FactAdmin):
    empty_words = FROM_SERVERS
    names_inline = UnreadableInline
    list_display = (
        "recorded_at",
        "server",
        "kind",
        "origin",
        "outcome",
        "lines",
        "unread",
        "bytes",
    )
    list_select_related = ("server",)
    list_filter = (
        ("server", AutocompleteSelectFilter),
        ("result", ChoicesDropdownFilter),
        ("kind", ChoicesDropdownFilter),
        ("recorded_at", DaysFilter),
    )
    search_fields = ("sha256__startswith",)
    inlines = [UnreadableInline]
    fieldsets = (
        (None, {"fields": ("server", "kind", "origin", "recorded_at", "result", "told")}),
        (
            gettext_lazy("What it vouches for"),
            {"fields": ("starts", "ends", "lines", "new", "known")},
        ),
        (
            gettext_lazy("The bytes"),
            {"fields": ("sha256", "bytes", "offset", "stored", "raw_dropped_at")},
        ),
        (gettext_lazy("The attempt"), {"fields": ("exit_code", "duration_ms", "unreadable_count")}),
    )
    readonly_fields = ("origin", "bytes", "told")

    @display(description=gettext_lazy("Source"))
    def origin(self, row: Any) -> str:
        return str(row.origin)

    @display(description=gettext_lazy("Detail"))
    def told(self, row: Any) -> str:
        return retell(row.detail)

    @display(description=gettext_lazy("Result"), label=RESULTS)
    def outcome(self, row: Any) -> tuple[str, str]:
        return row.result, row.get_result_display()

    @display(description=gettext_lazy("Unreadable"), label={"some": "warning"})
    def unread(self, row: Any) -> Any:
        return ("some", str(row.unreadable_count)) if row.unreadable_count else "0"

    @display(description=gettext_lazy("Size"))
    def bytes(self, row: Any) -> str:
        return words.size(row.size)


@admin.register(UnreadableLine)
class UnreadableLineAdmin(ShowsNames, FactAdmin):
    empty_words = gettext_lazy("None: every line that was read was understood.")
    list_display = ("server", "line", "shown", "why", "when")
    list_display_links = ("line",)
    list_select_related = ("capture__server",)
    list_filter = (("capture__server", AutocompleteSelectFilter),)
    search_fields = ("text", "reason")

    @display(description=gettext_lazy("Server"))
    def server(self, row: Any) -> str:
        return str(row.capture.server)

    def get_queryset(self, request: HttpRequest) -> Any:
        return with_text(super().get_queryset(request), request.user)

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        return ("text", "reason") if sees_names(request.user) else ("reason",)

    fields = ("capture", "line", "shown", "why")
    readonly_fields = ("shown", "why")

    @display(description=gettext_lazy("Text"))
    def shown(self, row: Any) -> str:
        return line_text(row)

    @display(description=gettext_lazy("Reason"), ordering="reason")
    def why(self, row: Any) -> str:
        return retell(row.reason)

    @display(description=gettext_lazy("Read"))
    def when(self, row: Any) -> Any:
        return row.capture.recorded_at


@admin.register(Coverage)
class CoverageAdmin(ReadOnlyAdmin):
    empty_words = FROM_SERVERS
    list_display = ("server", "daemon_words", "source", "starts", "ends", "length")
    list_select_related = ("server",)
    list_filter = (
        ("server", AutocompleteSelectFilter),
        ("source", ChoicesDropdownFilter),
        ("starts", DaysFilter),
    )

    @display(description=gettext_lazy("Daemon"), ordering="daemon")
    def daemon_words(self, row: Any) -> str:
        return row.daemon or gettext("all")

    @display(description=gettext_lazy("Length"))
    def length(self, row: Any) -> str:
        return words.lasting((row.ends - row.starts).total_seconds())


@admin.register(Gap)
class GapAdmin(ReadOnlyAdmin):
    empty_words = gettext_lazy(
        "None on record here. Time that no log covers is on the pages of servers and pools."
    )
    list_display = ("server", "daemon_words", "starts", "until", "length", "cause", "told")
    list_select_related = ("server",)
    list_filter = (
        ("server", AutocompleteSelectFilter),
        ("cause", ChoicesDropdownFilter),
        ("starts", DaysFilter),
    )

    fields = ("server", "daemon", "starts", "ends", "cause", "told", "detected_at", "filled_by")
    readonly_fields = ("told",)

    @display(description=gettext_lazy("Daemon"), ordering="daemon")
    def daemon_words(self, row: Any) -> str:
        return row.daemon or gettext("all")

    @display(description=gettext_lazy("Until"), ordering="ends", label={"open": "danger"})
    def until(self, row: Any) -> Any:
        return row.ends or ("open", gettext("still going on"))

    @display(description=gettext_lazy("Detail"))
    def told(self, row: Any) -> str:
        return retell(row.detail)

    @display(description=gettext_lazy("Length"))
    def length(self, row: Any) -> str:
        return words.lasting(((row.ends or timezone.now()) - row.starts).total_seconds())


def _came_of(result: dict[str, Any]) -> Iterator[str]:
    """Yield what an import came to. The words of a line may name people: its number leads to it."""
    for key, label in FIGURES:
        if key in result:
            yield f"{label}: {number(result[key])}"
    if result.get("from") and result.get("to"):
        first, last = (datetime.fromisoformat(result[key]) for key in ("from", "to"))
        yield gettext("From %(first)s to %(last)s") % {
            "first": moment(first),
            "last": moment(last),
        }
    for line in result.get("unreadable", ()):
        yield gettext("Line %(line)s could not be read: %(reason)s") % {
            "line": number(line["line"]),
            "reason": retell(line["reason"]),
        }
    yield from map(retell, result.get("notes", ()))


@admin.register(ImportJob)
class ImportJobAdmin(ReadOnlyAdmin):
    """Files handed in. A new one is handed in on its server's page."""

    list_display = ("file_name", "server", "state_words", "done", "requested_at", "requested_by")
    list_select_related = ("server", "requested_by")
    list_filter = (("state", ChoicesDropdownFilter), ("server", AutocompleteSelectFilter))
    search_fields = ("file_name", "server__name")
    change_form_outer_before_template = "admin/licenses/job_progress.html"
    readonly_fields = ("outcome", "failure")
    fieldsets = (
        (None, {"fields": ("server", "file_name", "state", "progress", "failure")}),
        (gettext_lazy("What came of it"), {"fields": ("outcome",)}),
        (gettext_lazy("As handed in"), {"fields": ("format", "zone", "date", "create_pools")}),
        (
            gettext_lazy("Record"),
            {"fields": ("requested_by", "requested_at", "finished_at", "attempts")},
        ),
    )

    @display(
        description=gettext_lazy("State"),
        ordering="state",
        label={"waiting": "info", "running": "warning", "done": "success", "failed": "danger"},
    )
    def state_words(self, job: Any) -> tuple[str, str]:
        return job.state, job.get_state_display()

    @display(description=gettext_lazy("Done"))
    def done(self, job: Any) -> str:
        return format_html(
            '<meter class="lm-meter" min="0" max="100" value="{}" aria-label="{} %"></meter>',
            job.progress,
            job.progress,
        )

    @display(description=gettext_lazy("Error"))
    def failure(self, job: Any) -> str:
        return retell(job.error)

    @display(description=gettext_lazy("Result"))
    def outcome(self, job: Any) -> str:
        if not job.result:
            return words.UNKNOWN
        return format_html(
            '<ul class="lm-list">{}</ul>',
            format_html_join("", "<li>{}</li>", ((said,) for said in _came_of(job.result))),
        )

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> Any:
        extra = dict(extra_context or {})
        if (row := asked_id(object_id)) is not None:
            extra["live_job_url"] = reverse("admin:live-import", args=[row])
        return super().change_view(request, object_id, form_url, extra)
