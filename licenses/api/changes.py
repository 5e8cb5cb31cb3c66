"""Endpoints of changes of several rows at once: preview, store, undo."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError as ModelError
from django.utils.translation import gettext
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from itam.asked import BIGGEST_ID
from licenses.access.reversible import change_several
from licenses.api import serializers as shapes
from licenses.api.base import Scoped, filters_of
from licenses.api.rights import EntitlementSerializer
from licenses.api.scoped import as_api_error
from licenses.importing.changes import EDITABLE, MOST, may_change, preview, undo
from licenses.models import BulkChange

SHAPES: dict[str, Any] = {
    "pools": shapes.PoolSerializer,
    "products": shapes.ProductSerializer,
    "contracts": shapes.ContractSerializer,
    "entitlements": EntitlementSerializer,
}


class PartSerializer(serializers.Serializer[Any]):
    """A value that becomes another: as stored (ids of related rows), and in words."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    field = serializers.CharField()
    old = serializers.JSONField(help_text="Any value, null for none.")
    new = serializers.JSONField(help_text="Any value, null for none.")
    old_words = serializers.CharField(allow_blank=True)
    new_words = serializers.CharField(allow_blank=True)


class BulkChangeSerializer(serializers.ModelSerializer[BulkChange]):
    """What was changed for several rows at once, and whether it was taken back."""

    parts = PartSerializer(many=True)

    class Meta:
        model = BulkChange
        fields = (
            "id",
            "kind",
            "parts",
            "reason",
            "recorded_at",
            "recorded_by",
            "undone_at",
            "undone_by",
        )
        read_only_fields = fields


class WishSerializer(serializers.Serializer[Any]):
    """Which rows, and what they are to become: fields as in the rows' own endpoint."""

    kind = serializers.ChoiceField(BulkChange.Kind.choices)
    ids = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=BIGGEST_ID),
        min_length=1,
        max_length=MOST,
    )
    changes = serializers.DictField(child=serializers.JSONField(allow_null=True), allow_empty=False)
    reason = serializers.CharField(required=False, allow_blank=True, default="", max_length=300)


class BulkChangeViewSet(Scoped, mixins.ListModelMixin, mixins.RetrieveModelMixin):
    """Changes of several pools, products, contracts or entitlements at once. All rows become so, or
    none. Entitlements are replaced by new lines, for which a reason is needed."""

    queryset = BulkChange.objects.all()
    serializer_class = BulkChangeSerializer
    filterset_class = filters_of(BulkChange, "kind")

    @extend_schema(request=WishSerializer, responses={201: BulkChangeSerializer})
    def create(self, request: Request) -> Response:
        """Change the rows."""
        kind, rows, changes, reason = self._wish(request)
        try:
            done, _step = change_several(kind, rows, changes, user=request.user, reason=reason)
        except ModelError as error:
            raise as_api_error(error) from error
        return Response(self.get_serializer(done).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=WishSerializer, responses={200: PartSerializer(many=True)})
    @action(detail=False, methods=["post"], pagination_class=None, filter_backends=())
    def preview(self, request: Request) -> Response:
        """Say what would become other. Stores nothing."""
        kind, rows, changes, _reason = self._wish(request)
        try:
            parts = preview(kind, rows, changes)
        except ModelError as error:
            raise as_api_error(error) from error
        return Response([part._asdict() for part in parts])

    @extend_schema(request=None, responses={200: BulkChangeSerializer})
    @action(detail=True, methods=["post"])
    def undo(self, request: Request, pk: str | None = None) -> Response:
        """Give all rows the values that they had before, unless one was changed since."""
        done = self.get_object()
        if not may_change(request.user, done.kind):
            raise PermissionDenied
        try:
            undo(done, user=request.user)
        except ModelError as error:
            raise as_api_error(error) from error
        return Response(self.get_serializer(done).data)

    def _wish(self, request: Request) -> tuple[str, list[Any], dict[str, Any], str]:
        """Return what is asked for: rows in the user's scope, values as the models take them."""
        asked = WishSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        kind, wanted = asked.validated_data["kind"], set(asked.validated_data["ids"])
        model: Any = EDITABLE[kind][0]
        if not may_change(request.user, kind):
            raise PermissionDenied
        rows = list(model._default_manager.for_user(request.user).filter(pk__in=wanted))
        if missing := wanted - {row.pk for row in rows}:
            told = gettext("There is no row %(row)s.")
            raise ValidationError({"ids": told % {"row": min(missing)}})
        shape = SHAPES[kind](context=self.get_serializer_context())
        changes = {}
        for name, value in asked.validated_data["changes"].items():
            if name not in EDITABLE[kind][1]:
                told = gettext("This is not changed for several at once.")
                raise ValidationError({name: told})
            try:
                changes[name] = shape.fields[name].run_validation(value)
            except ValidationError as error:
                raise ValidationError({name: error.detail}) from error
        return kind, rows, changes, asked.validated_data["reason"]
