"""Packs for auditors over HTTP: ask for one, look how far it is, fetch it."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from django.http import FileResponse
from django.utils.translation import gettext
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, PermissionDenied, ValidationError
from rest_framework.permissions import DjangoModelPermissions
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.serializers import as_serializer_error

from licenses.api.tables import ListsAsTables
from licenses.models import Vendor
from licenses.tasks import nudge
from reports.models import EvidencePack
from reports.packs import orders


class ReadOrAsk(DjangoModelPermissions):
    """Reading needs the right to view, asking that to add."""

    perms_map = {
        **DjangoModelPermissions.perms_map,
        "GET": ["%(app_label)s.view_%(model_name)s"],
        "HEAD": ["%(app_label)s.view_%(model_name)s"],
        "OPTIONS": ["%(app_label)s.view_%(model_name)s"],
    }


class EvidencePackSerializer(serializers.ModelSerializer[EvidencePack]):
    """What was asked for, and how far it is."""

    vendor = serializers.PrimaryKeyRelatedField(queryset=Vendor.objects.none())

    class Meta:
        model = EvidencePack
        fields = (
            "id",
            "vendor",
            "first",
            "end",
            "zone",
            "shared",
            "names_basis",
            "approved_by",
            "approved_at",
            "state",
            "progress",
            "sha256",
            "size",
            "requested_at",
            "requested_by",
            "finished_at",
            "error",
        )
        read_only_fields = fields[7:]

    def get_fields(self) -> dict[str, Any]:
        fields: dict[str, Any] = super().get_fields()
        request = self.context.get("request")
        if request is not None:
            fields["vendor"].queryset = Vendor.objects.for_user(request.user)
        return fields

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["first"] >= attrs["end"]:
            told = gettext("%(end)s is not after %(first)s: it is exclusive.")
            raise serializers.ValidationError(
                {"end": told % {"end": attrs["end"], "first": attrs["first"]}}
            )
        return attrs


class EvidencePackViewSet(
    ListsAsTables,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    viewsets.GenericViewSet[EvidencePack],
):
    """The packs of the vendors that the user may see."""

    queryset = EvidencePack.objects.none()
    serializer_class = EvidencePackSerializer
    permission_classes = (ReadOrAsk,)
    filterset_fields = ("vendor", "state")

    def get_queryset(self) -> Any:
        return EvidencePack.objects.for_user(self.request.user)

    @extend_schema(responses={202: EvidencePackSerializer})
    def create(self, request: Request) -> Response:
        """Put a pack on record; its location tells how far it is. One with names waits until
        somebody else approves it."""
        asked = self.get_serializer(data=request.data)
        asked.is_valid(raise_exception=True)
        try:
            pack = orders.order(EvidencePack(**asked.validated_data), request.user)
        except DjangoValidationError as error:
            raise ValidationError(as_serializer_error(error)) from error
        if pack.state == EvidencePack.State.WAITING:
            nudge("reports.tasks.build_pack", pack.pk)
        place = reverse("evidencepack-detail", args=[pack.pk], request=request)
        body = self.get_serializer(pack).data
        return Response(body, status=status.HTTP_202_ACCEPTED, headers={"Location": place})

    @extend_schema(request=None, responses=EvidencePackSerializer)
    @action(detail=True, methods=["post"])
    def approve(self, request: Request, pk: str | None = None) -> Response:
        """Approve the names in a pack that somebody else asked for."""
        if not request.user.has_perm(orders.PERMISSION):
            raise PermissionDenied
        pack = self.get_object()
        try:
            orders.approve(pack, request.user)
        except DjangoValidationError as error:
            raise ValidationError(as_serializer_error(error)) from error
        nudge("reports.tasks.build_pack", pack.pk)
        return Response(self.get_serializer(pack).data)

    @extend_schema(responses={(200, "application/zip"): OpenApiTypes.BINARY})
    @action(detail=True, methods=["get"])
    def file(self, request: Request, pk: str | None = None) -> FileResponse:
        """Return the ZIP file."""
        pack = self.get_object()
        found = orders.file_response(pack, request.user)
        if found is None:
            raise NotFound(f"The file is not there: the pack is {pack.state}.")
        return found
