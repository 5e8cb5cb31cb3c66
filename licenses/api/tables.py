"""Any list of the API as CSV or XLSX: the same page of the same rows, one a line."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from rest_framework.renderers import BaseRenderer, JSONRenderer

from licenses.evidence.reads import note_read
from licenses.resources import disarm
from licenses.resources.files import TYPES, csv_pieces, xlsx_pieces


class CsvRenderer(BaseRenderer):
    """A page of a list, as `Accept: text/csv` or `format=csv` asks for. Columns are the fields of a
    row; what is a list or an object in JSON stands as JSON in its cell."""

    media_type = TYPES["csv"]
    format = "csv"
    charset = "utf-8"

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None
    ) -> bytes:
        view = (renderer_context or {}).get("view")
        return self.write(table(data["results"], columns_of(view)))

    def write(self, rows: Sequence[Sequence[Any]]) -> bytes:
        return b"".join(csv_pieces([rows]))


class XlsxRenderer(CsvRenderer):
    """The same as a sheet."""

    media_type = TYPES["xlsx"]
    format = "xlsx"
    charset = None  # type: ignore[assignment]
    render_style = "binary"

    def write(self, rows: Sequence[Sequence[Any]]) -> bytes:
        return b"".join(xlsx_pieces([rows]))


TABLES = (CsvRenderer, XlsxRenderer)


def columns_of(view: Any) -> list[str]:
    """Return the columns of a view's list, which are told also where it has no row."""
    return [name for name, field in view.get_serializer().fields.items() if not field.write_only]


def table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> list[Sequence[Any]]:
    """Return rows in cells, with a head. No cell is one that a spreadsheet would run."""
    return [columns, *([cell(row.get(name)) for name in columns] for row in rows)]


def cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping | list | tuple):
        return disarm(json.dumps(value, default=str, ensure_ascii=False))
    return value if isinstance(value, int | float) else disarm(str(value))


class RefusesInJson:
    """Refuses in JSON whatever was asked for: there is one shape of refusals. Comes before the
    view's base class."""

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        answer = super().finalize_response(request, response, *args, **kwargs)  # type: ignore[misc]
        if answer.status_code != 200 and isinstance(
            getattr(answer, "accepted_renderer", None), TABLES
        ):
            answer.accepted_renderer = JSONRenderer()
            answer.accepted_media_type = JSONRenderer.media_type
        return answer


class ListsAsTables(RefusesInJson):
    """Lets a view set's list be asked for as CSV or XLSX. Comes before the view's base class.

    A page is as long as in JSON (`page_size`); the next one stands in the header Link. Who takes
    it is on record, as of any file.
    """

    def get_renderers(self) -> list[BaseRenderer]:
        found: list[BaseRenderer] = super().get_renderers()  # type: ignore[misc]
        more = [each() for each in TABLES] if getattr(self, "action", None) == "list" else []
        return [*found, *more]

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        answer = super().finalize_response(request, response, *args, **kwargs)
        shown = getattr(answer, "accepted_renderer", None)
        if not isinstance(shown, TABLES):
            return answer
        turns = {"next": answer.data.get("next"), "prev": answer.data.get("previous")}
        links = [f'<{place}>; rel="{way}"' for way, place in turns.items() if place]
        if links:
            answer["Link"] = ", ".join(links)
        name = request.path.rstrip("/").rpartition("/")[2]
        answer["Content-Disposition"] = f'attachment; filename="{name}.{shown.format}"'
        view: Any = self
        what = str(view.queryset.model._meta.verbose_name_plural)
        rows = len(answer.data["results"])
        note_read(request.user, "export", what, rows, where=request.path)
        return answer
