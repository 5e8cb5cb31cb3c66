"""The page of a row's history: what became of which value, however it was changed."""

from __future__ import annotations

from typing import Any

from django.contrib.admin.utils import unquote
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse

from licenses.evidence import row_history
from licenses.evidence.changes import TOLD

AT_ONCE = 50


class TellsHistory:
    """Comes before the admin of a model that the evidence log may tell of."""

    def changes_on_record(self, request: HttpRequest, row: Any) -> list[row_history.Change]:
        """Return what other records tell of how the row came to be as it is."""
        return []

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        page: Any = self
        row = page.get_object(request, unquote(object_id))
        shown: dict[str, Any] = {"records": self.changes_on_record(request, row)}
        if row is not None and page.model in TOLD:
            told = Paginator(row_history.told_of(row), AT_ONCE)
            turned = told.get_page(request.GET.get("changes", 1))
            found = list(turned.object_list)
            shown |= {
                "changes": row_history.changes(found, page.model, request.user),
                "turned": turned,
            }
        context = {**shown, **(extra_context or {})}
        answer: HttpResponse = super().history_view(request, object_id, context)  # type: ignore[misc]
        return answer
