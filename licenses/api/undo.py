"""Endpoints of what one did in the last minutes and may take back."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError as ModelError
from django.utils import timezone, translation
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from licenses.access.undo import KINDS, take_back
from licenses.api.base import ReadOnly, filters_of
from licenses.api.scoped import as_api_error
from licenses.api.status import HasRole
from licenses.models import UndoStep


class UndoStepSerializer(serializers.ModelSerializer[UndoStep]):
    """Something that was done and can be taken back for ten minutes. words: what, in English."""

    kind = serializers.ChoiceField([(key, key) for key in KINDS], read_only=True)
    words = serializers.SerializerMethodField()

    class Meta:
        model = UndoStep
        fields = ("id", "kind", "words", "recorded_at", "used_at")
        read_only_fields = fields

    def get_words(self, step: UndoStep) -> str:
        with translation.override("en-gb"):
            return str(KINDS[step.kind].words)


class UndoStepViewSet(ReadOnly):
    """What one did oneself in the last ten minutes and can take back, the newest first."""

    queryset = UndoStep.objects.all()
    permission_classes = (HasRole,)
    serializer_class = UndoStepSerializer
    filterset_class = filters_of(UndoStep, "kind")

    def get_queryset(self) -> Any:
        return super().get_queryset().open(timezone.now())

    @extend_schema(request=None, responses={200: UndoStepSerializer})
    @action(detail=True, methods=["post"], url_path="take-back")
    def take_back(self, request: Request, pk: str | None = None) -> Response:
        """Undo it, unless something else changed it since."""
        step = self.get_object()
        try:
            take_back(step, user=request.user)
        except ModelError as error:
            raise as_api_error(error) from error
        return Response(self.get_serializer(step).data)
