"""The lists of the administration as files of any length, and its search."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import ValidationError as ModelError
from django.http import QueryDict
from django.http.response import HttpResponseBase
from django.utils.text import capfirst
from django.utils.translation import gettext
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.views import APIView

from licenses.admin.exporting import TooMany
from licenses.admin.saved_filters import check, lists
from licenses.api import examples
from licenses.api.permissions import ReadsPools
from licenses.api.scoped import as_api_error
from licenses.api.tables import TABLES, CsvRenderer, RefusesInJson, XlsxRenderer

OURS = ("licenses.", "reports.")
"""Whose lists are told: who may come in, and who tried, is for people in the administration."""
ENDPOINTS = {
    "licenses.licensepool": "pool",
    "licenses.product": "product",
    "licenses.licenseserver": "server",
    "licenses.feature": "feature",
    "licenses.contract": "contract",
    "licenses.vendor": "vendor",
    "licenses.team": "team",
    "licenses.person": "people",
}
"""Where the API has a row that the search finds: its model, and the name of the address."""


class ListPageSerializer(serializers.Serializer[Any]):
    """A list of the administration. page: as saved filters name it."""

    page = serializers.CharField()
    name = serializers.CharField()
    columns = serializers.ListField(child=serializers.CharField())


class SearchResultSerializer(serializers.Serializer[Any]):
    """A row that fits. kind: what it is, in words; url: the row itself; link: its page."""

    kind = serializers.CharField()
    id = serializers.IntegerField()
    title = serializers.CharField()
    url = serializers.URLField()
    link = serializers.URLField()


def pages_of(request: Any) -> dict[str, Any]:
    """Return the lists that a reader may look at, by model."""
    return {
        name: page
        for name, page in sorted(lists().items())
        if name.startswith(OURS) and page.has_view_permission(request)
    }


class ListsView(APIView):
    """Which lists the administration has for you, and what their columns are."""

    permission_classes = (ReadsPools,)

    @extend_schema(
        responses={200: ListPageSerializer(many=True)},
        examples=[examples.answered(examples.LIST)],
    )
    def get(self, request: Request) -> Response:
        asked = request._request
        return Response(
            [
                {
                    "page": name,
                    "name": capfirst(str(page.opts.verbose_name_plural)),
                    "columns": page.heads(asked),
                }
                for name, page in pages_of(asked).items()
            ]
        )


PAGE = OpenApiParameter(
    "page",
    str,
    OpenApiParameter.PATH,
    description="Which list, by its model as `lists/` names it: such as `licenses.licensepool`.",
)
QUERY = OpenApiParameter(
    "query",
    str,
    description="Which rows, in which order: a query string as the list itself writes it, and as "
    "`query` of a saved filter has it. Left out: all rows.",
)


class ListFileView(RefusesInJson, APIView):
    """A list of the administration as a file: all of its rows, with the columns that it shows."""

    permission_classes = (ReadsPools,)
    renderer_classes = TABLES

    @extend_schema(
        parameters=[PAGE, QUERY],
        responses={
            (200, CsvRenderer.media_type): OpenApiTypes.STR,
            (200, XlsxRenderer.media_type): OpenApiTypes.BINARY,
        },
    )
    def get(self, request: Request, page: str) -> HttpResponseBase:
        """Return the list, `format=csv` or `xlsx`. It comes while it is read, however long it is;
        but a sheet holds 1,048,575 rows, and longer lists are refused as one."""
        asked: Any = request._request
        found = pages_of(asked).get(page)
        if found is None:
            raise NotFound
        query = request.query_params.get("query", "")
        try:
            asked.GET = QueryDict(check(request.user, page, query) if query else "")
            return found.as_file(asked, request.accepted_renderer.format)
        except ModelError as error:
            raise as_api_error(error) from error
        except TooMany as error:
            raise ValidationError({"format": str(error)}) from error
        except IncorrectLookupParameters as error:
            told = gettext("This list has no such filter.")
            raise ValidationError({"query": told}) from error


class TermSerializer(serializers.Serializer[Any]):
    """What is looked for."""

    q = serializers.CharField(max_length=200, help_text="A word, or a part of one.")


class SearchView(APIView):
    """What the search box of the administration finds."""

    permission_classes = (ReadsPools,)

    @extend_schema(
        parameters=[TermSerializer],
        responses={200: SearchResultSerializer(many=True)},
        examples=[examples.answered(examples.FOUND)],
    )
    def get(self, request: Request) -> Response:
        """Look for pools, products, servers, features, contracts, vendors, teams and people; the
        first eight of each kind that you may see."""
        asked = TermSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        site: Any = admin.site
        return Response(
            [
                {
                    "kind": str(row._meta.verbose_name),
                    "id": row.pk,
                    "title": title,
                    "url": reverse(
                        f"api:{ENDPOINTS[row._meta.label_lower]}-detail", [row.pk], request=request
                    ),
                    "link": request.build_absolute_uri(site.place(row)),
                }
                for row, title in site.found(request._request, asked.validated_data["q"].lower())
            ]
        )
