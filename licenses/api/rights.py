"""Rights and the papers that prove them: never edited, corrected with a reason."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError as ModelError
from django.db.models import Prefetch
from django.http import FileResponse
from django_filters import rest_framework as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from licenses.access import reversible
from licenses.api import examples
from licenses.api.base import Scoped, filters_of
from licenses.api.corrections import CorrectedSerializer, reason_code
from licenses.api.row_history import RowChangeSerializer, TellsHistory
from licenses.api.scoped import ScopedSerializer, as_api_error
from licenses.evidence.rights_history import of_right
from licenses.importing.papers import (
    checked_document,
    open_document,
    prove,
    record_document,
    state_seats,
    tidy_name,
)
from licenses.importing.rights import (
    add_right,
    approve_correction,
    override_strength,
)
from licenses.models import Document, Entitlement, Proof, Strength

MAY_PROVE = "licenses.add_proof"


class SeenKeys(serializers.PrimaryKeyRelatedField):
    """Rows that the user may see, by their keys, in a serializer of no model."""

    def get_queryset(self) -> Any:
        request = self.context.get("request")
        rows: Any = super().get_queryset()
        return rows if request is None else rows.for_user(request.user)


def proving(**how: Any) -> Any:
    """Return the field of the documents that prove a line."""
    return SeenKeys(
        many=True,
        queryset=Document.objects.all(),
        help_text="Documents of its contract in which its product, quantity and metric can be "
        "read. They make it as strong as the best of them.",
        **how,
    )


class TieSerializer(serializers.ModelSerializer[Proof]):
    """How many seats of a line a document proves."""

    class Meta:
        model = Proof
        fields = ("document", "quantity", "taken_over")
        read_only_fields = fields


class EntitlementSerializer(CorrectedSerializer, ScopedSerializer):
    """A line: what it gives, what proves it, and which one it corrects."""

    strength = serializers.IntegerField(
        source="proof",
        read_only=True,
        help_text="4 proven, 3 partial, 2 weak, 1 claimed: as the documents that prove it say, or "
        "as somebody judged with a reason.",
    )
    strength_reason = serializers.CharField(source="proof_reason", read_only=True)
    seats_proven = serializers.SerializerMethodField(
        help_text="Of how many seats there is proof that counts (`ITAM_PROVEN_FROM_STRENGTH`): the "
        "document that proves most of them decides, or who judged the line."
    )
    documents = proving(required=False)
    proofs = TieSerializer(many=True, read_only=True)

    def get_seats_proven(self, line: Any) -> int:
        return max(line.seats_proven, 0)

    class Meta:
        model = Entitlement
        fields = (
            "id",
            "pool",
            "contract",
            "quantity",
            "metric",
            "valid_from",
            "valid_to",
            "overdraft",
            "unit_price",
            "currency",
            "purchase_order",
            "scope",
            "strength",
            "strength_reason",
            "seats_proven",
            "replaces",
            "withdrawn",
            "reason",
            "reason_code",
            "documents",
            "proofs",
            "recorded_at",
            "recorded_by",
            "approved_at",
            "approved_by",
        )
        read_only_fields = (
            *("id", "replaces", "withdrawn", "reason", "recorded_at", "recorded_by"),
        )


class DocumentSerializer(ScopedSerializer):
    """A paper. Its file is taken once, checked and hashed; it is fetched from `download`."""

    file = serializers.FileField(write_only=True)
    entitlements = serializers.PrimaryKeyRelatedField(
        many=True,
        required=False,
        queryset=Entitlement.objects.all(),
        help_text="Lines of the contract that it proves: their product, quantity and metric can "
        "be read in it.",
    )

    class Meta:
        model = Document
        fields = (
            "id",
            "contract",
            "kind",
            "for_group",
            "quantity",
            "title",
            "entitlements",
            "file",
            "file_name",
            "sha256",
            "size",
            "recorded_at",
            "recorded_by",
        )
        read_only_fields = ("id", "file_name", "sha256", "size", "recorded_at", "recorded_by")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        try:
            digest = checked_document(attrs["file"])
        except ModelError as error:
            raise as_api_error(ModelError({"file": error.messages})) from error
        attrs = super().validate(attrs)
        return attrs | {
            "sha256": digest,
            "size": attrs["file"].size,
            "file_name": tidy_name(attrs["file"].name),
        }


class CorrectionSerializer(serializers.Serializer[Any]):
    """What is wrong with an entitlement, and why."""

    reason = serializers.CharField(max_length=500)
    reason_code = reason_code()
    quantity = serializers.IntegerField(required=False)
    overdraft = serializers.IntegerField(required=False)
    valid_from = serializers.DateField(required=False)
    valid_to = serializers.DateField(required=False, allow_null=True)
    purchase_order = serializers.CharField(required=False, allow_blank=True, max_length=100)
    scope = serializers.CharField(required=False, allow_blank=True, max_length=300)
    documents = proving(
        required=False,
        default=None,
    )


class ProofSerializer(serializers.Serializer[Any]):
    """Which documents prove an entitlement, beside those that do already."""

    documents = proving(allow_empty=False)
    seats = serializers.IntegerField(
        required=False,
        default=None,
        allow_null=True,
        min_value=1,
        help_text="So many of its seats can be read in each of them; null: all of them.",
    )


class SeatsSerializer(serializers.Serializer[Any]):
    """How many seats can be read in a document, of all lines together."""

    quantity = serializers.IntegerField(min_value=0)


class WithdrawalSerializer(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=500)
    reason_code = reason_code()


class JudgementSerializer(serializers.Serializer[Any]):
    """How well an entitlement is proven, and why; null leaves it to the documents again."""

    strength = serializers.ChoiceField(choices=Strength.choices, allow_null=True)
    reason = serializers.CharField(max_length=500)
    reason_code = reason_code()


class EntitlementFilter(filters_of(Entitlement, "pool", "contract", "metric", "withdrawn")):  # type: ignore[misc]
    """current:  whether a line counts, and was neither replaced nor withdrawn."""

    current = filters.BooleanFilter(method="by_standing")

    def by_standing(self, rows: Any, _name: str, value: bool) -> Any:
        standing = {"replaced_by": None, "withdrawn": False}
        return rows.filter(**standing) if value else rows.exclude(**standing)


@examples.creates(examples.ENTITLEMENT)
class EntitlementViewSet(
    Scoped, mixins.CreateModelMixin, mixins.ListModelMixin, mixins.RetrieveModelMixin
):
    """Rights. Never edited: a correction replaces a line, with a reason."""

    queryset = (
        Entitlement.objects.with_proof()
        .with_seats_proven(settings.ITAM_PROVEN_FROM_STRENGTH)
        .select_related("correction__approved_by")
        .prefetch_related("documents", "proofs")
    )
    serializer_class = EntitlementSerializer
    filterset_class = EntitlementFilter
    ordering_fields = ("id", "valid_from")

    def perform_create(self, serializer: Any) -> None:
        given = dict(serializer.validated_data)
        papers = given.pop("documents", ())
        self._may_prove(papers)
        try:
            line = add_right(Entitlement(**given), user=self.request.user, documents=papers)
        except ModelError as error:
            raise as_api_error(ModelError({"documents": error.messages})) from error
        serializer.instance = self.queryset.get(pk=line.pk)

    @extend_schema(request=CorrectionSerializer, responses={201: EntitlementSerializer})
    @action(detail=True, methods=["post"])
    def correct(self, request: Request, pk: str | None = None) -> Response:
        """Replace a line by a corrected one."""
        return self._replace(request, CorrectionSerializer, withdraw=False)

    @extend_schema(request=WithdrawalSerializer, responses={201: EntitlementSerializer})
    @action(detail=True, methods=["post"])
    def withdraw(self, request: Request, pk: str | None = None) -> Response:
        """Take a line back that never held."""
        return self._replace(request, WithdrawalSerializer, withdraw=True)

    @extend_schema(responses={200: RowChangeSerializer(many=True)})
    @action(detail=True, pagination_class=None, filter_backends=())
    def history(self, request: Request, pk: str | None = None) -> Response:
        """List how the right came to be what it is, the newest first: the lines that it replaced,
        those that replaced it, and what was judged of their proof."""
        told = of_right(self.get_object(), request.user)
        return Response(RowChangeSerializer(told, many=True).data)

    def _replace(self, request: Request, shape: Any, *, withdraw: bool) -> Response:
        row = self.get_object()
        asked = shape(data=request.data, context=self.get_serializer_context())
        asked.is_valid(raise_exception=True)
        changes = dict(asked.validated_data)
        given = {"reason": changes.pop("reason"), "code": changes.pop("reason_code")}
        given["documents"] = changes.pop("documents", None)
        self._may_prove(given["documents"])
        try:
            copy, _step = reversible.correct_right(
                row, changes=changes, user=request.user, withdraw=withdraw, **given
            )
        except ModelError as error:
            raise as_api_error(error) from error
        return self._told(copy, status.HTTP_201_CREATED)

    @extend_schema(request=JudgementSerializer, responses={200: EntitlementSerializer})
    @action(detail=True, methods=["post"])
    def strength(self, request: Request, pk: str | None = None) -> Response:
        """Set how well a line is proven by hand, with a reason."""
        row = self.get_object()
        asked = JudgementSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        judged = dict(asked.validated_data)
        try:
            override_strength(row, code=judged.pop("reason_code"), **judged, user=request.user)
        except ModelError as error:
            raise as_api_error(error) from error
        return self._told(row, status.HTTP_200_OK)

    @extend_schema(request=None, responses={200: EntitlementSerializer})
    @action(detail=True, methods=["post"])
    def approve(self, request: Request, pk: str | None = None) -> Response:
        """Approve what was corrected with a line or judged of it, as a second person."""
        row = self.get_object()
        try:
            approve_correction(row, user=request.user)
        except ModelError as error:
            raise as_api_error(error) from error
        return self._told(row, status.HTTP_200_OK)

    @extend_schema(request=ProofSerializer, responses={200: EntitlementSerializer})
    @action(detail=True, methods=["post"], url_path="documents")
    def documents(self, request: Request, pk: str | None = None) -> Response:
        """Say which documents prove a line."""
        row = self.get_object()
        asked = ProofSerializer(data=request.data, context=self.get_serializer_context())
        asked.is_valid(raise_exception=True)
        self._may_prove([row])
        try:
            prove([row], **asked.validated_data, user=request.user)
        except ModelError as error:
            raise as_api_error(ModelError({"documents": error.messages})) from error
        return self._told(row, status.HTTP_200_OK)

    def _may_prove(self, documents: Any) -> None:
        if documents and not self.request.user.has_perm(MAY_PROVE):
            raise PermissionDenied

    def _told(self, line: Entitlement, code: int) -> Response:
        found = self.queryset.get(pk=line.pk)
        return Response(self.get_serializer(found).data, status=code)


@extend_schema_view(create=extend_schema(request={"multipart/form-data": DocumentSerializer}))
class DocumentViewSet(
    TellsHistory,
    Scoped,
    mixins.CreateModelMixin,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
):
    """Papers that prove something. Never swapped: a newer one is added."""

    queryset = Document.objects.select_related("contract")

    def get_queryset(self) -> Any:
        seen = Entitlement.objects.for_user(self.request.user)
        return super().get_queryset().prefetch_related(Prefetch("entitlements", seen))

    serializer_class = DocumentSerializer
    filterset_class = filters_of(Document, "contract", "kind", "sha256")
    search_fields = ("title", "file_name")

    def perform_create(self, serializer: Any) -> None:
        lines = serializer.validated_data.pop("entitlements", [])
        if lines and not self.request.user.has_perm(MAY_PROVE):
            raise PermissionDenied
        user: Any = self.request.user
        document = Document(**serializer.validated_data, recorded_by=user)
        try:
            record_document(document.save, document, proves=lines, user=user)
        except ModelError as error:
            raise as_api_error(ModelError({"entitlements": error.messages})) from error
        serializer.instance = document

    @extend_schema(request=SeatsSerializer, responses={200: DocumentSerializer})
    @action(detail=True, methods=["post"])
    def seats(self, request: Request, pk: str | None = None) -> Response:
        """Say how many seats can be read in a document, where nobody said it yet."""
        document = self.get_object()
        if not request.user.has_perm(MAY_PROVE):
            raise PermissionDenied
        asked = SeatsSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        try:
            state_seats(document, asked.validated_data["quantity"], user=request.user)
        except ModelError as error:
            raise as_api_error(ModelError({"quantity": error.messages})) from error
        return Response(self.get_serializer(document).data)

    @extend_schema(responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
    @action(detail=True)
    def download(self, request: Request, pk: str | None = None) -> FileResponse:
        """Send the file, to those who may download papers."""
        document = self.get_object()
        if not request.user.has_perm("licenses.download_document"):
            raise PermissionDenied
        try:
            stream = open_document(document, request.user)
        except FileNotFoundError as error:
            raise NotFound("The file is missing from the data folder.") from error
        return FileResponse(stream, as_attachment=True, filename=document.file_name)
