"""The inventory as sheets: out as CSV or XLSX, and in again, with a preview first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.core.exceptions import NON_FIELD_ERRORS
from django.core.exceptions import ValidationError as ModelError
from django.db import models
from django.http import FileResponse, HttpResponse
from django.utils.translation import gettext
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, viewsets
from rest_framework.exceptions import NotFound, PermissionDenied, ValidationError
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from itam.figures import number
from licenses.admin.importing import CsvFile, ExcelFile, Importable, read_sheet
from licenses.admin.setup_page import sample
from licenses.api import examples
from licenses.api.idempotency import IdempotentPosts
from licenses.api.permissions import ReadsPools
from licenses.api.scoped import NOT_OF_A_FIELD
from licenses.api.tables import TABLES, CsvRenderer, RefusesInJson, XlsxRenderer
from licenses.models import Contract, Entitlement, LicensePool, Person, Product, Team, Vendor
from licenses.resources.files import TYPES

KINDS: dict[str, type[models.Model]] = {
    "vendors": Vendor,
    "products": Product,
    "teams": Team,
    "people": Person,
    "pools": LicensePool,
    "contracts": Contract,
    "entitlements": Entitlement,
}
"""Kind of sheet to model, in the order in which they build on each other."""
FORMATS = {"csv": CsvFile, "xlsx": ExcelFile}
CONTENT_TYPES = {**TYPES, "csv": f"{TYPES['csv']}; charset=utf-8"}
RESULTS = {"new": "new", "update": "changed", "skip": "known"}
MOST_ROWS = 10_000
MOST_ERRORS = 1000
KIND = OpenApiParameter("kind", str, OpenApiParameter.PATH, enum=list(KINDS))


class SheetSerializer(serializers.Serializer[Any]):
    """A sheet, and whether it is only tried."""

    file = serializers.FileField(help_text="CSV in UTF-8, or XLSX; 10,000,000 bytes at most.")
    dry_run = serializers.BooleanField(
        required=False, default=False, help_text="True: tell what would become, and store nothing."
    )


class SheetCellSerializer(serializers.Serializer[Any]):
    """A cell that becomes another."""

    column = serializers.CharField()
    old = serializers.CharField(allow_blank=True)
    new = serializers.CharField(allow_blank=True)


class SheetRowSerializer(serializers.Serializer[Any]):
    """What becomes of a row. What it adds beside (a mapping, a membership) has no old value."""

    row = serializers.IntegerField(help_text="Counted from 1 below the head.")
    result = serializers.ChoiceField(list(RESULTS.values()))
    cells = SheetCellSerializer(many=True)


class SheetErrorSerializer(serializers.Serializer[Any]):
    """What is wrong in a sheet. row: null for all of it; column: empty for the whole row."""

    row = serializers.IntegerField(allow_null=True)
    column = serializers.CharField(allow_blank=True)
    detail = serializers.CharField()


class ImportedSerializer(serializers.Serializer[Any]):
    """What became of a sheet or, of one that was tried, would become of it."""

    kind = serializers.ChoiceField(list(KINDS))
    stored = serializers.BooleanField()
    new = serializers.IntegerField()
    changed = serializers.IntegerField()
    known = serializers.IntegerField(help_text="Rows that change nothing.")
    rows = SheetRowSerializer(
        many=True, help_text="Those that are new or change something first: up to 10,000."
    )
    more_rows = serializers.IntegerField()
    errors = SheetErrorSerializer(many=True, help_text="Of a sheet that was tried: up to 1,000.")  # type: ignore[assignment]
    more_errors = serializers.IntegerField()


class InventoryViewSet(RefusesInJson, IdempotentPosts, viewsets.ViewSet):
    """A kind of the inventory as a sheet; its columns are those of `import_inventory`."""

    permission_classes = (ReadsPools,)

    def get_renderers(self) -> list[BaseRenderer]:
        if getattr(self, "action", None) == "retrieve":
            return [each() for each in TABLES]
        if getattr(self, "action", None) == "sample":
            return [CsvRenderer()]
        return super().get_renderers()

    @extend_schema(
        operation_id="inventory_sample",
        parameters=[KIND],
        responses={(200, CsvRenderer.media_type): OpenApiTypes.STR},
    )
    def sample(self, request: Request, kind: str) -> FileResponse:
        """Return a small sheet that can be imported as it stands, to fill in."""
        return sample(request._request, kind)

    @extend_schema(
        parameters=[KIND],
        responses={
            (200, CsvRenderer.media_type): OpenApiTypes.STR,
            (200, XlsxRenderer.media_type): OpenApiTypes.BINARY,
        },
    )
    def retrieve(self, request: Request, kind: str) -> HttpResponse:
        """Return what is on record as a sheet that goes in again, `format=csv` or `xlsx`."""
        page, asked = _page(kind), request._request
        if not page.has_export_permission(asked):
            raise PermissionDenied
        form = request.accepted_renderer.format
        rows = page.model._default_manager.for_user(request.user)
        content = page.get_export_data(FORMATS[form](), asked, rows)
        answer = HttpResponse(content, content_type=CONTENT_TYPES[form])
        answer["Content-Disposition"] = f'attachment; filename="{kind}.{form}"'
        return answer

    @extend_schema(
        parameters=[KIND],
        request={"multipart/form-data": SheetSerializer},
        responses={200: ImportedSerializer},
        examples=[examples.answered(examples.IMPORTED)],
    )
    def create(self, request: Request, kind: str) -> Response:
        """Store all rows of a sheet, or none: one with errors is refused, each error with row and
        column (`file.3.vendor`). With `dry_run` nothing is stored, and errors are told beside what
        the other rows would become."""
        page, asked = _page(kind), request._request
        if not page.has_import_permission(asked):
            raise PermissionDenied
        given = SheetSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        try:
            lines = read_sheet(given.validated_data["file"])
        except ModelError as error:
            raise ValidationError({"file": error.messages}) from error
        dry_run = given.validated_data["dry_run"]
        found = page.import_sheet(asked, lines, dry_run=dry_run)
        wrong = list(errors_of(found))
        if wrong and not dry_run:
            raise ValidationError({"file": _as_refusal(wrong)})
        rows = rows_of(found)
        return Response(
            {
                "kind": kind,
                "stored": not dry_run,
                **{name: found.totals[key] for key, name in RESULTS.items()},
                "rows": rows[:MOST_ROWS],
                "more_rows": max(len(rows) - MOST_ROWS, 0),
                "errors": wrong[:MOST_ERRORS],
                "more_errors": max(len(wrong) - MOST_ERRORS, 0),
            }
        )


def _page(kind: str) -> Any:
    """Return the page of the administration that takes such sheets."""
    if kind not in KINDS:
        raise NotFound
    page = admin.site._registry[KINDS[kind]]
    assert isinstance(page, Importable)
    return page


def errors_of(found: Any) -> Iterator[dict[str, Any]]:
    """Yield what is wrong in a sheet, the sheet itself first, then row by row."""
    for error in found.base_errors:
        for text in _texts(error.error):
            yield {"row": None, "column": "", "detail": text}
    told: list[dict[str, Any]] = []
    for row, errors in found.row_errors():
        for error in errors:
            told += [{"row": row, "column": "", "detail": text} for text in _texts(error.error)]
    for row in found.invalid_rows:
        for column, texts in row.error_dict.items():
            name = "" if column == NON_FIELD_ERRORS else column
            told += [{"row": row.number, "column": name, "detail": text} for text in texts]
    yield from sorted(told, key=lambda each: each["row"])


def _texts(error: Exception) -> list[str]:
    return error.messages if isinstance(error, ModelError) else [str(error)]


def _as_refusal(wrong: list[dict[str, Any]]) -> dict[str, Any]:
    """Return errors by row and column, as the one shape of refusals takes them."""
    told: dict[str, Any] = {}
    for each in wrong[:MOST_ERRORS]:
        row = told.setdefault(str(each["row"] or NOT_OF_A_FIELD), {})
        row.setdefault(each["column"] or NOT_OF_A_FIELD, []).append(each["detail"])
    more = len(wrong) - MOST_ERRORS
    if more > 0:
        said = gettext("and %(count)s more")
        told.setdefault(NOT_OF_A_FIELD, {})["more"] = [said % {"count": number(more)}]
    return told


def rows_of(found: Any) -> list[dict[str, Any]]:
    """Return what becomes of each row that is sound, those that change something first."""
    rows = []
    for place, row in enumerate(found.rows, 1):
        if row.import_type in RESULTS:
            result = RESULTS[row.import_type]
            cells = _cells(found.diff_headers, row.diff, new=result == "new")
            rows.append({"row": place, "result": result, "cells": cells})
    return sorted(rows, key=lambda row: row["result"] == "known")


def _cells(columns: list[str], diff: list[tuple[Any, Any]], *, new: bool) -> list[dict[str, str]]:
    """Return the cells that become others; nothing stood in those of a row that is new."""
    told = [("" if new or old is None else str(old), "" if now is None else str(now))
            for old, now in diff]  # fmt: skip
    return [
        {"column": column, "old": old, "new": now}
        for column, (old, now) in zip(columns, told, strict=True)
        if old != now
    ]
