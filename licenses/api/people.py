"""Endpoints for reveals of names, for erasing them, and for holds that keep them."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError as ModelError
from drf_spectacular.utils import extend_schema, extend_schema_serializer
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from licenses.api.base import ReadOnly, filters_of
from licenses.api.row_history import TellsHistory
from licenses.api.scoped import as_api_error, serializer_for
from licenses.evidence import reveals
from licenses.importing import erasure_orders
from licenses.models import LegalHold, NameErasure, NameReveal
from licenses.tasks import nudge

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


NameErasureSerializer = serializer_for(
    NameErasure,
    *("person", "reason", "requested_by", "requested_at", "state"),
    *("started_at", "finished_at", "error", "result"),
)


class WhoSerializer(serializers.Serializer[Any]):
    who = serializers.CharField(max_length=200, help_text="Login or pseudonym.")


_HOLD = (LegalHold, "vendor", "contract", "reason", "set_by", "set_at", "released_at")
LegalHoldSerializer = serializer_for(*_HOLD, read_only=("set_by", "set_at"))
ReleaseSerializer = extend_schema_serializer(component_name="LegalHoldRelease")(
    serializer_for(*_HOLD, read_only=("vendor", "contract", "reason", "set_by", "set_at"))
)


class LegalHoldViewSet(TellsHistory, ReadOnly, mixins.CreateModelMixin, mixins.UpdateModelMixin):
    """What must be kept, whatever retention says. A hold is released by its `released_at`, and
    never deleted."""

    http_method_names = ["get", "post", "patch", "head", "options"]
    queryset = LegalHold.objects.all()
    serializer_class = LegalHoldSerializer
    filterset_class = filters_of(LegalHold, "vendor", "contract")
    ordering_fields = ("id", "set_at")

    def get_serializer_class(self) -> Any:
        return ReleaseSerializer if self.action == "partial_update" else LegalHoldSerializer

    def perform_create(self, serializer: Any) -> None:
        serializer.save(set_by=self.request.user)


class ErasingSerializer(WhoSerializer):
    reason = serializers.CharField(
        max_length=500, help_text="A keyed digest of it stands in the evidence."
    )
    confirm = serializers.CharField(max_length=200, help_text="The same as `who`, once more.")


class OutlookSerializer(serializers.Serializer[Any]):
    """What erasing a name will do, and what it will not. All but `told` is null for a login whose
    name the account may not read, whether somebody has it or not."""

    told = serializers.BooleanField(help_text="Whether what is on record is told.")
    identity = serializers.BooleanField(
        allow_null=True, help_text="Login, name or mail address are on record."
    )
    machines = serializers.IntegerField(
        allow_null=True, help_text="Names of machines that go, too."
    )
    holdings = serializers.IntegerField(
        allow_null=True, help_text="Uses that stay under the pseudonym."
    )
    refusals = serializers.IntegerField(
        allow_null=True, help_text="Refusals that stay under the pseudonym."
    )
    account = serializers.BooleanField(
        allow_null=True, help_text="An account of that login is there, and stays."
    )
    documents = serializers.ListField(
        child=serializers.CharField(), allow_null=True, help_text="What stays."
    )
    holds = serializers.ListField(
        child=serializers.CharField(),
        allow_null=True,
        help_text="Legal holds: while there are any, it is refused.",
    )


class NameErasureViewSet(ReadOnly):
    """Which names were erased, why, by whom, and what still holds them. A month: `from`, `to`."""

    queryset = NameErasure.objects.all()
    serializer_class = NameErasureSerializer
    filterset_class = filters_of(NameErasure, "state", span_of="requested_at")
    ordering_fields = ("id", "requested_at")

    @extend_schema(request=ErasingSerializer, responses={202: NameErasureSerializer})
    def create(self, request: Request) -> Response:
        """Have the names of a person erased, for good; the location tells what came of it."""
        asked = ErasingSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        try:
            row = erasure_orders.ask(request.user, **asked.validated_data)
        except ModelError as error:
            raise as_api_error(error) from error
        nudge("licenses.tasks.erase_name", row.pk)
        location = reverse("api:name-erasure-detail", [row.pk], request=request)
        body = self.get_serializer(row).data
        return Response(body, status=status.HTTP_202_ACCEPTED, headers={"Location": location})

    @extend_schema(request=WhoSerializer, responses={200: OutlookSerializer})
    @action(detail=False, methods=["post"], pagination_class=None, filter_backends=())
    def preview(self, request: Request) -> Response:
        """Say what erasing would do, to whoever may read the name. Changes nothing; that a login
        was looked up is noted."""
        asked = WhoSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        try:
            found = erasure_orders.look(asked.validated_data["who"], request.user)
        except ModelError as error:
            raise as_api_error(error) from error
        if found is None:
            unknown = dict.fromkeys(OutlookSerializer().fields)
            return Response(unknown | {"told": False})
        told = found._asdict() | {"documents": [row.words for row in found.documents]}
        return Response(OutlookSerializer(told | {"told": True}).data)
