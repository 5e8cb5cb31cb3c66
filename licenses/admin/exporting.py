"""Any list as a file: what it shows, filtered, searched and sorted as it stands, CSV or XLSX."""

from __future__ import annotations

import csv
import html
import io
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import label_for_field, lookup_field
from django.core.exceptions import ObjectDoesNotExist, PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.urls import path, reverse
from django.utils import timezone, translation
from django.utils.html import strip_tags
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from openpyxl import Workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

from itam import figures
from licenses.evidence.reads import note_read
from licenses.resources import disarm

from .words import UNKNOWN, Figure

LIST_TOOLS = "admin/licenses/list_tools.html"
MOST_ROWS = 50_000
ROWS_A_PAGE = 1000
TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


class TooMany(Exception):
    """The list has more rows than one file takes."""


class Exportable:
    """Adds `as-file/csv/` and `as-file/xlsx/` beside a list."""

    def get_urls(self) -> list[Any]:
        of: Any = self
        view = of.admin_site.admin_view(self.list_file)
        name = f"{of.opts.app_label}_{of.opts.model_name}_listfile"
        return [path("as-file/<slug:kind>/", view, name=name), *super().get_urls()]  # type: ignore[misc]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        """Return a list of longer pages while a file is made."""
        usual = super().get_changelist(request, **kwargs)  # type: ignore[misc]
        if not getattr(request, "makes_a_file", False):
            return usual

        class Long(usual):  # type: ignore[misc, valid-type]
            def get_results(self, request: HttpRequest) -> None:
                self.list_per_page = ROWS_A_PAGE
                super().get_results(request)

        return Long

    def list_file(self, request: HttpRequest, kind: str) -> HttpResponse:
        """Return the list as a file, after writing who takes it."""
        of: Any = self
        if request.method != "GET":
            return HttpResponseNotAllowed(["GET"])
        if not of.has_view_permission(request):
            raise PermissionDenied
        if kind not in TYPES:
            raise Http404
        opts = of.opts
        try:
            # Whoever reads it, as every file: English words, ISO dates.
            with translation.override("en"):
                heads = self._heads(request)
                shown = [row for page in self._pages(request) for row in page]
        except (IncorrectLookupParameters, TooMany) as error:
            if isinstance(error, TooMany):
                said = gettext(
                    "This list has more than %(most)s rows: narrow it by a filter first."
                )
                messages.error(request, said % {"most": figures.number(MOST_ROWS)})
            back = reverse(f"admin:{opts.app_label}_{opts.model_name}_changelist")
            return redirect(f"{back}?{request.GET.urlencode()}")
        note_read(
            request.user, "export", str(opts.verbose_name_plural), len(shown), where=request.path
        )
        if hasattr(of, "_note") and of.names_inline is None:
            of._note(request, len(shown))
        content = {"csv": as_csv, "xlsx": as_xlsx}[kind]([heads, *shown])
        day = timezone.localdate().isoformat()
        name = f"{opts.model_name}-{day}.{kind}"
        answer = HttpResponse(content, content_type=TYPES[kind])
        answer["Content-Disposition"] = f'attachment; filename="{name}"'
        return answer

    def _columns(self, request: HttpRequest) -> list[str]:
        """Return the columns that say something: those without a head only lead elsewhere."""
        of: Any = self
        names = [name for name in of.get_list_display(request) if name != "action_checkbox"]
        return [name for name in names if label_for_field(name, of.model, of)]

    def _heads(self, request: HttpRequest) -> list[str]:
        of: Any = self
        heads = [str(label_for_field(name, of.model, of)) for name in self._columns(request)]
        return ["id", *(head[:1].upper() + head[1:] for head in heads)]

    def _pages(self, request: HttpRequest) -> Iterator[list[list[Any]]]:
        """Yield the pages of the list as it is asked for, in cells."""
        of: Any = self
        columns = self._columns(request)
        request.makes_a_file = True  # type: ignore[attr-defined]
        asked = request.GET.copy()
        asked.pop("all", None)
        for number in range(1, MOST_ROWS // ROWS_A_PAGE + 1):
            asked["p"] = str(number)
            request.GET = asked  # type: ignore[assignment]
            changes = of.get_changelist_instance(request)
            if number == 1 and changes.queryset[MOST_ROWS : MOST_ROWS + 1].exists():
                raise TooMany
            rows = list(changes.result_list)
            yield [[row.pk, *(cell(of, name, row) for name in columns)] for row in rows]
            if len(rows) < ROWS_A_PAGE or number * ROWS_A_PAGE >= changes.result_count > 0:
                return


def cell(model_admin: Any, name: str, row: Any) -> Any:
    """Return what a column of a list says of a row: a number, a date, or text without markup."""
    try:
        field, _attr, value = lookup_field(name, row, model_admin)
    except ObjectDoesNotExist:
        return ""
    if field is not None and getattr(field, "flatchoices", None):
        value = dict(field.flatchoices).get(value, value)
    return plain(value)


def plain(value: Any) -> Any:
    """Return a value as a cell holds it. Moments are ISO 8601 with their offset."""
    if value is None or value == "–":
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return (timezone.localtime(value) if timezone.is_aware(value) else value).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, int | float | Decimal):
        return value
    if isinstance(value, tuple) and len(value) == 2:
        return plain(value[1])  # the key of a colour, and the words
    if isinstance(value, list | tuple):
        return ", ".join(str(plain(part)) for part in value)
    if isinstance(value, Figure):
        return UNKNOWN if value.value is None else value.value
    text = str(value)
    if isinstance(value, SafeString):
        text = " ".join(html.unescape(strip_tags(text.replace("<", " <"))).split())
    return disarm(text)


def as_csv(rows: list[list[Any]]) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue().encode()


def as_xlsx(rows: list[list[Any]]) -> bytes:
    book = Workbook(write_only=True)
    sheet = book.create_sheet()
    for row in rows:
        sheet.append([ILLEGAL_CHARACTERS_RE.sub("\N{REPLACEMENT CHARACTER}", value)
                      if isinstance(value, str) else value for value in row])  # fmt: skip
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()
