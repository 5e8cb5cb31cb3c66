"""What reports and packs share in the admin: made in the background, looked at meanwhile, fetched
as a file."""

from __future__ import annotations

from typing import Any, ClassVar

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.translation import gettext, gettext_lazy
from unfold.decorators import display

from itam.asked import asked_id
from itam.errors import Missing
from licenses.admin.words import Labelled
from reports.leases import State


class MadeInBackground:
    """Pages of rows whose file somebody makes who holds their lease.

    file_words:  what the link to the file says.
    """

    file_words: ClassVar[str | Promise]

    def fetch(self, row: Any, user: Any) -> HttpResponseBase | None:
        """Return the file as an answer, and note who takes it; None where it is not there."""
        raise NotImplementedError

    def gone(self, row: Any) -> str:
        """Return in words why the file of a row that is done is not there; "" where it is."""
        return ""

    @display(
        description=gettext_lazy("State"),
        ordering="state",
        label={"done": "success", "failed": "danger", "waiting": "info", "running": "warning"},
    )
    def shown_state(self, row: Any) -> Labelled:
        label = row.get_state_display()
        running = row.state == State.RUNNING
        return Labelled(row.state, f"{label}, {row.progress} %" if running else label)

    @display(description=gettext_lazy("File"))
    def file(self, row: Any) -> str:
        if row.state != State.DONE:
            return "–"
        if gone := self.gone(row):
            return gone
        place = reverse(f"admin:{self._name}_file", args=[row.pk])
        return format_html('<a class="lm-link" href="{}">{}</a>', place, str(self.file_words))

    @property
    def _name(self) -> str:
        opts = self.opts  # type: ignore[attr-defined]
        return f"{opts.app_label}_{opts.model_name}"

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view  # type: ignore[attr-defined]
        return [
            path("<int:pk>/file/", view(self.download), name=f"{self._name}_file"),
            path("<int:pk>/progress/", view(self.progress), name=f"{self._name}_progress"),
            *super().get_urls(),  # type: ignore[misc]
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        extra = dict(extra_context or {})
        if (row := asked_id(object_id)) is not None:
            extra["live_job_url"] = reverse(f"admin:{self._name}_progress", args=[row])
        found: HttpResponse = super().change_view(request, object_id, form_url, extra)  # type: ignore[misc]
        return found

    def download(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """Return the file of a row in the user's scope."""
        found = self.fetch(self._row(request, pk), request.user)
        if found is None:
            raise Missing(gettext("The file is not there."))
        return found

    def progress(self, request: HttpRequest, pk: int) -> JsonResponse:
        """Answer how far a row in the user's scope is, for its page while it stays open."""
        row = self._row(request, pk)
        done = row.state in (State.DONE, State.FAILED)
        return JsonResponse(
            {"state": str(row.get_state_display()), "progress": row.progress, "done": done}
        )

    def _row(self, request: HttpRequest, pk: int) -> Any:
        if not self.has_view_permission(request):  # type: ignore[attr-defined]
            raise Http404
        return get_object_or_404(self.get_queryset(request), pk=pk)  # type: ignore[attr-defined]
