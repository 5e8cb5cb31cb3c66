"""How a row came to be as it is, as the evidence log tells."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from licenses.evidence import row_history


class ValueSerializer(serializers.Serializer[Any]):
    """A value that became another: as the log has it (ids of related rows), and in words."""

    field = serializers.CharField()
    known = serializers.BooleanField(
        help_text="False: the log tells that it changed, not from what to what."
    )
    old = serializers.JSONField(help_text="Any value, null for none.")
    new = serializers.JSONField(help_text="Any value, null for none.")
    old_words = serializers.CharField(allow_blank=True)
    new_words = serializers.CharField(allow_blank=True)


class RowChangeSerializer(serializers.Serializer[Any]):
    """Somebody made or changed the row; entry `number` of `stream` in the evidence log tells it."""

    at = serializers.DateTimeField()
    who = serializers.CharField(help_text="Account, or command.")
    deed = serializers.CharField(help_text="In words.")
    values = ValueSerializer(many=True)
    why = serializers.CharField(allow_blank=True, help_text="In the words of whoever did it.")
    stream = serializers.CharField(allow_blank=True)
    number = serializers.IntegerField(
        allow_null=True, help_text="Null where a record of its own tells it, as of rights."
    )
    error = serializers.CharField(allow_blank=True, help_text="Why the entry cannot be read.")


class TellsHistory:
    """The endpoint of a row's history. Comes before the view set's base class."""

    @extend_schema(responses={200: RowChangeSerializer(many=True)})
    @action(detail=True, filter_backends=())
    def history(self, request: Request, pk: str | None = None) -> Response:
        """List who changed what of the row, by whatever way, the newest first."""
        view: Any = self
        row = view.get_object()
        page = view.paginate_queryset(row_history.told_of(row))
        told = row_history.changes(page, type(row), request.user)
        answer: Response = view.get_paginated_response(RowChangeSerializer(told, many=True).data)
        return answer
