from rest_framework import pagination


class CursorPagination(pagination.CursorPagination):
    """Page by position, so that rows written meanwhile neither repeat nor hide others."""

    ordering = "-id"
    page_size = 100
    page_size_query_param = "page_size"
    max_page_size = 1000
