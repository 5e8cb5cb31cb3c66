"""Any list as a file: what it shows, filtered, searched and sorted as it stands, CSV or XLSX."""

from __future__ import annotations

import html
from array import array
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, tzinfo
from decimal import Decimal
from itertools import chain
from typing import Any

from django.contrib import messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import label_for_field, lookup_field
from django.core.exceptions import ObjectDoesNotExist, PermissionDenied
from django.db import models
from django.http import Http404, HttpRequest, HttpResponseNotAllowed, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import path, reverse
from django.utils import timezone, translation
from django.utils.html import strip_tags
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from itam import figures
from licenses.evidence.reads import note_read
from licenses.resources import disarm
from licenses.resources.files import MOST_OF_A_SHEET, TYPES, csv_pieces, xlsx_pieces

from .words import UNKNOWN, Figure

LIST_TOOLS = "admin/licenses/list_tools.html"
ROWS_AT_ONCE = 1000


class TooMany(Exception):
    """The list has more rows than a sheet holds."""

    def __str__(self) -> str:
        said = gettext(
            "This list has %(count)s rows, and a sheet holds %(most)s: take it as CSV, which holds"
            " any number, or narrow it by a filter."
        )
        count, most = self.args[0], MOST_OF_A_SHEET - 1
        return said % {"count": figures.number(count), "most": figures.number(most)}


class Exportable:
    """Adds `as-file/csv/` and `as-file/xlsx/` beside a list.

    also_in_files: what stands in other columns of the list, and has one of its own in a file.
    """

    also_in_files: tuple[str, ...] = ()

    def get_urls(self) -> list[Any]:
        of: Any = self
        view = of.admin_site.admin_view(self.list_file)
        name = f"{of.opts.app_label}_{of.opts.model_name}_listfile"
        return [path("as-file/<slug:kind>/", view, name=name), *super().get_urls()]  # type: ignore[misc]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        """Return a list that reads no page of its own while a file is made."""
        usual = super().get_changelist(request, **kwargs)  # type: ignore[misc]
        if not getattr(request, "makes_a_file", False):
            return usual

        class Unread(usual):  # type: ignore[misc, valid-type]
            def get_results(self, request: HttpRequest) -> None:
                self.result_list: list[Any] = []

        return Unread

    def rows_of_page(self, rows: list[Any]) -> list[Any]:
        """Return rows that stand together as a list shows them, with what is read for all at once.

        For lists that add something to their rows, or put them in an order of their own.
        """
        return rows

    def list_file(self, request: HttpRequest, kind: str) -> HttpResponseBase:
        of: Any = self
        if request.method != "GET":
            return HttpResponseNotAllowed(["GET"])
        if not of.has_view_permission(request):
            raise PermissionDenied
        if kind not in TYPES:
            raise Http404
        try:
            return self.as_file(request, kind)
        except TooMany as error:
            messages.error(request, str(error))
        except IncorrectLookupParameters:
            pass  # the list itself says so
        back = reverse(f"admin:{of.opts.app_label}_{of.opts.model_name}_changelist")
        return redirect(f"{back}?{request.GET.urlencode()}")

    def as_file(self, request: HttpRequest, kind: str) -> HttpResponseBase:
        """Return the list that a request asks for as a file, after writing who takes it.

        Raises IncorrectLookupParameters for what the list does not know, and TooMany.

        Which rows they are is read first, eight bytes for each, and then what they say, a thousand
        at a time: so all of them are counted before the first is sent, no row comes twice or is
        left out for others that come meanwhile, and nothing is kept open for a slow reader.
        """
        of: Any = self
        with translation.override("en"):  # whoever reads it, as every file
            heads = self.heads(request)
            rows = self._rows(request)
            keys = _keys(rows)
        if kind == "xlsx" and len(keys) >= MOST_OF_A_SHEET:
            raise TooMany(len(keys))
        what = str(of.opts.verbose_name_plural)
        note_read(request.user, "export", what, len(keys), where=request.path)
        if hasattr(of, "_note") and of.names_inline is None:
            of._note(request, len(keys))
        zone = timezone.get_current_timezone()
        pages = chain([[heads]], self._pages(rows, keys, self._columns(request), zone))
        name = f"{of.opts.model_name}-{timezone.localdate().isoformat()}.{kind}"
        pieces = {"csv": csv_pieces, "xlsx": xlsx_pieces}[kind](pages)
        charset = "; charset=utf-8" if kind == "csv" else ""
        answer = StreamingHttpResponse(pieces, content_type=TYPES[kind] + charset)
        answer["Content-Disposition"] = f'attachment; filename="{name}"'
        return answer

    def _columns(self, request: HttpRequest) -> list[str]:
        """Return the columns that say something: those without a head only lead elsewhere."""
        of: Any = self
        shown = [*of.get_list_display(request), *self.also_in_files]
        names = [name for name in shown if name != "action_checkbox"]
        return [name for name in names if label_for_field(name, of.model, of)]

    def heads(self, request: HttpRequest) -> list[str]:
        """Return what stands over the columns of the file."""
        of: Any = self
        heads = [str(label_for_field(name, of.model, of)) for name in self._columns(request)]
        return ["id", *(head[:1].upper() + head[1:] for head in heads)]

    def _rows(self, request: HttpRequest) -> models.QuerySet[Any]:
        """Return all rows of the list as it is asked for, in its order."""
        of: Any = self
        asked = request.GET.copy()
        for name in ("all", "p"):
            asked.pop(name, None)
        request.makes_a_file, request.GET = True, asked  # type: ignore[attr-defined, assignment]
        rows: models.QuerySet[Any] = of.get_changelist_instance(request).queryset
        return rows

    def _pages(
        self, rows: models.QuerySet[Any], keys: Sequence[Any], columns: list[str], zone: tzinfo
    ) -> Iterator[list[list[Any]]]:
        """Yield rows in cells, in the order of their keys. One that is gone meanwhile is left out.

        It goes on when the request's own language and zone are no longer those of its thread.
        """
        for start in range(0, len(keys), ROWS_AT_ONCE):
            some = keys[start : start + ROWS_AT_ONCE]
            with translation.override("en"), timezone.override(zone):
                found = {row.pk: row for row in rows.order_by().filter(pk__in=some)}
                shown = self.rows_of_page([found[key] for key in some if key in found])
                page = [[row.pk, *(cell(self, name, row) for name in columns)] for row in shown]
            yield page


def _keys(rows: models.QuerySet[Any]) -> Sequence[Any]:
    """Return the keys of rows in their order: of numbers in the least room."""
    found: Iterable[Any] = rows.prefetch_related(None).values_list("pk", flat=True).iterator()
    return array("q", found) if isinstance(rows.model._meta.pk, models.IntegerField) else [*found]


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
        return UNKNOWN if value.value is None else plain(value.value)
    text = str(value)
    if isinstance(value, SafeString):
        text = " ".join(html.unescape(strip_tags(text.replace("<", " <"))).split())
    return disarm(text)
