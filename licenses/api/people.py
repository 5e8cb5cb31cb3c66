"""Endpoint for reveals of names: ask, decide, list."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError as ModelError
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from licenses.api.base import ReadOnly, filters_of
from licenses.api.scoped import as_api_error, serializer_for
from licenses.evidence import reveals
from licenses.models import NameReveal

RevealSerializer = serializer_for(
    NameReveal,
    *("person", "pool", "reason"),
    *("requested_by", "requested_at", "decided_by", "decided_at", "granted", "valid_until"),
    read_only=(
        *("requested_by", "requested_at", "decided_by", "decided_at", "granted", "valid_until"),
    ),
)


class DecisionSerializer(serializers.Serializer[Any]):
    granted = serializers.BooleanField()


class RevealViewSet(ReadOnly, mixins.CreateModelMixin):
    """Who asked to see which names, why, and what was decided. A month: `from` and `to`."""

    queryset = NameReveal.objects.all()
    serializer_class = RevealSerializer
    filterset_class = filters_of(NameReveal, "granted", span_of="requested_at")
    ordering_fields = ("id", "requested_at")

    def perform_create(self, serializer: Any) -> None:
        values = serializer.validated_data
        try:
            serializer.instance = reveals.ask(
                self.request.user,
                values["reason"],
                person=values.get("person"),
                pool=values.get("pool"),
            )
        except ModelError as error:
            raise as_api_error(error) from error

    @extend_schema(request=DecisionSerializer, responses={200: RevealSerializer})
    @action(detail=True, methods=["post"], permission_classes=(IsAuthenticated,))
    def decide(self, request: Request, pk: str | None = None) -> Response:
        """Grant or refuse what somebody else asked for."""
        if not request.user.has_perm("licenses.approve_reveal"):
            raise PermissionDenied
        asked = DecisionSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        try:
            found = reveals.decide(
                self.get_object().pk, request.user, granted=asked.validated_data["granted"]
            )
        except ModelError as error:
            raise as_api_error(error) from error
        return Response(self.get_serializer(found).data)
