"""Any list of the API as CSV: the same page of the same rows, one a line."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

from rest_framework.renderers import BaseRenderer, JSONRenderer

from licenses.resources import disarm


class CsvRenderer(BaseRenderer):
    """A page of a list, as `Accept: text/csv` or `format=csv` asks for. Columns are the fields of a
    row; what is a list or an object in JSON stands as JSON in its cell."""

    media_type = "text/csv"
    format = "csv"
    charset = "utf-8"

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None
    ) -> bytes:
        view = (renderer_context or {}).get("view")
        return table(data["results"], columns_of(view)).encode()


def columns_of(view: Any) -> list[str]:
    """Return the columns of a view's list, which are told also where it has no row."""
    return [name for name, field in view.get_serializer().fields.items() if not field.write_only]


def table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> str:
    """Return rows as CSV, with a head. No cell is one that a spreadsheet would run."""
    out = io.StringIO()
    lines = csv.writer(out)
    lines.writerow(columns)
    lines.writerows([cell(row.get(name)) for name in columns] for row in rows)
    return out.getvalue()


def cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping | list | tuple):
        return disarm(json.dumps(value, default=str, ensure_ascii=False))
    return value if isinstance(value, int | float) else disarm(str(value))


class ListsAsCsv:
    """Lets a view set's list be asked for as CSV. Comes before the view's base class.

    A page is as long as in JSON (`page_size`); the next one stands in the header Link. Refusals
    are JSON whatever was asked for: there is one shape of them.
    """

    def get_renderers(self) -> list[BaseRenderer]:
        found: list[BaseRenderer] = super().get_renderers()  # type: ignore[misc]
        return [*found, CsvRenderer()] if getattr(self, "action", None) == "list" else found

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        answer = super().finalize_response(request, response, *args, **kwargs)  # type: ignore[misc]
        if not isinstance(getattr(answer, "accepted_renderer", None), CsvRenderer):
            return answer
        if answer.status_code != 200:
            answer.accepted_renderer = JSONRenderer()
            answer.accepted_media_type = JSONRenderer.media_type
            return answer
        turns = {"next": answer.data.get("next"), "prev": answer.data.get("previous")}
        links = [f'<{place}>; rel="{way}"' for way, place in turns.items() if place]
        if links:
            answer["Link"] = ", ".join(links)
        name = getattr(self, "basename", "list")
        answer["Content-Disposition"] = f'attachment; filename="{name}s.csv"'
        return answer
