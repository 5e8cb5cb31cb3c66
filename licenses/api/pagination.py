"""Lists a page at a time, by position: of rows, and of the holders that an answer names."""

from __future__ import annotations

from django.utils.translation import gettext
from drf_spectacular.utils import OpenApiParameter
from rest_framework import pagination
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.utils.urls import replace_query_param

from licenses.analysis.holder_pages import Place

MOST_HOLDERS = 1000
HOLDER_PAGES = [
    OpenApiParameter(
        "page_size",
        int,
        description=f"Holders of one answer: {MOST_HOLDERS} at most, and if left out.",
    ),
    OpenApiParameter(
        "cursor", str, description="Where a page before ended, as its `next` says; none: the first."
    ),
]


class CursorPagination(pagination.CursorPagination):
    """Page by position, so that rows written meanwhile neither repeat nor hide others."""

    ordering = "-id"
    page_size = 100
    page_size_query_param = "page_size"
    max_page_size = 1000


def holder_page(request: Request) -> tuple[Place | None, int]:
    """Return behind which holder the page that is asked for begins, and how many it takes."""
    size, cursor = (request.query_params.get(name, "") for name in ("page_size", "cursor"))
    most = int(size) if size.isascii() and size.isdecimal() and len(size) < 10 else MOST_HOLDERS
    try:
        behind = Place.of(cursor) if cursor else None
    except ValueError as error:
        told = gettext("Expected the one that `next` names.")
        raise ValidationError({"cursor": told}) from error
    return behind, max(1, min(most, MOST_HOLDERS))


def next_page(request: Request, last: Place | None) -> str | None:
    """Return the address of the page behind a holder; None where there is none."""
    if last is None:
        return None
    return replace_query_param(request.build_absolute_uri(), "cursor", str(last))
