"""Which feature feeds which pool, and what was said of that before."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError as ModelError
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from licenses.access import reversible
from licenses.api.base import Scoped, filters_of
from licenses.api.corrections import CorrectedSerializer, reason_code
from licenses.api.scoped import as_api_error, serializer_for
from licenses.importing import mapping
from licenses.models import MappingChange, PoolFeature

MappingSerializer = serializer_for(
    PoolFeature,
    *("pool", "feature", "weight", "mapped_from", "mapped_until", "recorded_at"),
    read_only=("recorded_at",),
)


class MappingCorrectionSerializer(MappingSerializer):  # type: ignore[valid-type,misc]
    """What a mapping says otherwise from now on, and why where that is of the past."""

    reason = serializers.CharField(max_length=500, required=False, default="", write_only=True)
    reason_code = reason_code(write_only=True)

    class Meta(MappingSerializer.Meta):  # type: ignore[name-defined]
        fields = (*MappingSerializer.Meta.fields, "reason", "reason_code")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        why = {name: attrs.pop(name) for name in ("reason", "reason_code") if name in attrs}
        return super().validate(attrs) | why


class MappingChangeSerializer(CorrectedSerializer, serializers.ModelSerializer[MappingChange]):
    """Before and after, as `since` on; an empty side is no mapping to this pool."""

    recorded_by = serializers.CharField(
        source="recorded_by.username", read_only=True, allow_null=True, default=None
    )

    class Meta:
        model = MappingChange
        fields = (
            *("id", "before", "after", "since", "reason", "reason_code", "recorded_at"),
            *("recorded_by", "approved_at", "approved_by"),
        )
        read_only_fields = fields


class MappingViewSet(Scoped, mixins.ListModelMixin, mixins.RetrieveModelMixin):
    """Which feature feeds which pool, and when."""

    queryset = PoolFeature.objects.select_related("pool", "feature")
    serializer_class = MappingSerializer
    filterset_class = filters_of(PoolFeature, "pool", "feature")

    @extend_schema(request=MappingSerializer, responses={201: MappingSerializer})
    def create(self, request: Request) -> Response:
        """Let a feature feed a pool."""
        asked = self.get_serializer(data=request.data)
        asked.is_valid(raise_exception=True)
        try:
            row, _step = reversible.map_feature(**asked.validated_data, user=request.user)
        except ModelError as error:
            raise as_api_error(error) from error
        return Response(self.get_serializer(row).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=None, responses={200: MappingSerializer})
    @action(detail=True, methods=["post"])
    def end(self, request: Request, pk: str | None = None) -> Response:
        """End a mapping now. What was counted stays counted."""
        try:
            row = self.get_object()
            reversible.end_mapping(row, user=request.user, now=timezone.now())
        except ModelError as error:
            raise as_api_error(error) from error
        return Response(self.get_serializer(row).data)

    @extend_schema(request=MappingCorrectionSerializer, responses={200: MappingSerializer})
    @action(detail=True, methods=["post"])
    def correct(self, request: Request, pk: str | None = None) -> Response:
        """Change what a mapping says; of the past only with a reason. What it said stays on record,
        and a second person approves that (`pools/{id}/approve-mappings/`)."""
        row = self.get_object()
        asked = MappingCorrectionSerializer(
            row, data=request.data, partial=True, context=self.get_serializer_context()
        )
        asked.is_valid(raise_exception=True)
        changes = dict(asked.validated_data)
        why = {"reason": changes.pop("reason", "")}
        if "reason_code" in changes:
            why["code"] = changes.pop("reason_code")
        for name, value in changes.items():
            setattr(row, name, value)
        try:
            reversible.change_mappings([(row, why)], user=request.user)
        except ModelError as error:
            raise as_api_error(error) from error
        return Response(self.get_serializer(row).data)


class PoolMappings:
    """The endpoints of what was changed of a pool's mappings."""

    @extend_schema(responses={200: MappingChangeSerializer(many=True)})
    @action(detail=True, url_path="mapping-changes", pagination_class=None, filter_backends=())
    def mapping_changes(self, request: Request, pk: str | None = None) -> Response:
        """List what the pool's mappings said before they were changed, the oldest first."""
        return Response(_told(self.get_object()))  # type: ignore[attr-defined]

    @extend_schema(request=None, responses={200: MappingChangeSerializer(many=True)})
    @action(detail=True, methods=["post"], url_path="approve-mappings", pagination_class=None)
    def approve_mappings(self, request: Request, pk: str | None = None) -> Response:
        """Approve what was changed of the pool's mappings for the past, as a second person."""
        pool = self.get_object()  # type: ignore[attr-defined]
        try:
            mapping.approve_changes(pool, user=request.user)
        except ModelError as error:
            raise as_api_error(error) from error
        return Response(_told(pool))


def _told(pool: Any) -> Any:
    rows = pool.mapping_changes.select_related("recorded_by", "correction__approved_by")
    return MappingChangeSerializer(rows.order_by("recorded_at", "pk"), many=True).data
