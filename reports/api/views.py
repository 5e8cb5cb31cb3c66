"""Reports over HTTP: ask for one, look how far it is, fetch it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from django.http import FileResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, PermissionDenied, ValidationError
from rest_framework.permissions import DjangoModelPermissions
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.serializers import as_serializer_error

from licenses.api import examples
from licenses.api.tables import ListsAsTables
from licenses.tasks import nudge
from reports import delivery, lifecycle
from reports.api import numbers as shapes_of_numbers
from reports.api.serializers import (
    LaterDataSerializer,
    OneReportSerializer,
    ReportRequestSerializer,
    ReportSerializer,
    StepSerializer,
)
from reports.models import LaterData, Report, SignOff
from reports.order import MAY_ASK

YEAR = {
    "name": "compliance",
    "vendor": 3,
    "start": "2025-11-01",
    "end": "2026-11-01",
    "zone": "Europe/Berlin",
}


class MayRead(DjangoModelPermissions):
    """Reading is for whoever may view; each step that writes asks for its own permission."""

    perms_map = {
        method: ["%(app_label)s.view_%(model_name)s"]
        for method in ("GET", "HEAD", "OPTIONS", "POST")
    }


class ReportViewSet(
    ListsAsTables,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    viewsets.GenericViewSet[Report],
):
    """The reports of the user; of everybody for asset managers."""

    queryset = Report.objects.none()
    serializer_class = ReportSerializer
    permission_classes = (MayRead,)
    filterset_fields = ("name", "state", "decision", "version")

    def get_serializer_class(self) -> Any:
        return OneReportSerializer if self.action == "retrieve" else ReportSerializer

    def get_queryset(self) -> Any:
        return Report.objects.for_user(self.request.user).prefetch_related("sign_offs")

    @extend_schema(
        request=ReportRequestSerializer,
        responses={202: ReportSerializer},
        examples=[examples.asked(YEAR)],
    )
    def create(self, request: Request) -> Response:
        """Put a report on record; its location tells how far it is."""
        self._may(MAY_ASK)
        asked = ReportRequestSerializer(data=request.data, context={"request": request})
        asked.is_valid(raise_exception=True)
        report = delivery.request_report(user=request.user, **asked.validated_data)
        return self._accepted(report)

    @extend_schema(request=None, responses={202: ReportSerializer})
    @action(detail=True, methods=["post"])
    def versions(self, request: Request, pk: str | None = None) -> Response:
        """Make the next version, as of now; it says what differs from this one."""
        self._may(MAY_ASK)
        with _refusals():
            return self._accepted(lifecycle.new_version(self.get_object(), request.user))

    @extend_schema(responses=LaterDataSerializer)
    @action(detail=True, methods=["get"])
    def later(self, request: Request, pk: str | None = None) -> Response:
        """Say what later data would change in a signed report. `found_at` null: no figure."""
        found = LaterData.objects.filter(report=self.get_object()).first()
        if found is None:
            raise NotFound("Nobody looked for later data on this report yet.")
        return Response(LaterDataSerializer(found).data)

    @extend_schema(request=StepSerializer, responses=ReportSerializer)
    @action(detail=True, methods=["post"])
    def review(self, request: Request, pk: str | None = None) -> Response:
        """Put on record that one has reviewed the report."""
        return self._step(request, SignOff.Step.REVIEWED)

    @extend_schema(request=StepSerializer, responses=ReportSerializer)
    @action(detail=True, methods=["post"])
    def sign(self, request: Request, pk: str | None = None) -> Response:
        """Sign the report. It is never changed again."""
        return self._step(request, SignOff.Step.APPROVED)

    @extend_schema(request=StepSerializer, responses=ReportSerializer)
    @action(detail=True, methods=["post"])
    def reject(self, request: Request, pk: str | None = None) -> Response:
        """Reject the report, with the reason as comment."""
        return self._step(request, SignOff.Step.REJECTED)

    def _step(self, request: Request, step: SignOff.Step) -> Response:
        self._may(lifecycle.PERMISSION)
        report = self.get_object()
        asked = StepSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        values = asked.validated_data
        with _refusals():
            lifecycle.confirm_password(request._request, request.user, values["password"])
            lifecycle.take_step(report, request.user, step, values["comment"])
        return Response(ReportSerializer(self.get_queryset().get(pk=report.pk)).data)

    def _may(self, permission: str) -> None:
        if not self.request.user.has_perm(permission):
            raise PermissionDenied

    def _accepted(self, report: Report) -> Response:
        request = self.request
        nudge("reports.tasks.build_report", report.pk)
        place = reverse("report-detail", args=[report.pk], request=request)
        body = ReportSerializer(report).data
        return Response(body, status=status.HTTP_202_ACCEPTED, headers={"Location": place})

    @extend_schema(responses={(200, "application/pdf"): OpenApiTypes.BINARY})
    @action(detail=True, methods=["get"])
    def file(self, request: Request, pk: str | None = None) -> FileResponse:
        """Return the PDF."""
        report = self.get_object()
        return download(report, request)

    @extend_schema(responses={(200, "application/json"): shapes_of_numbers.numbers()})
    @action(detail=True, methods=["get"])
    def numbers(self, request: Request, pk: str | None = None) -> FileResponse:
        """Return all numbers of the report as JSON."""
        report = self.get_object()
        return download(report, request, numbers=True)


@contextmanager
def _refusals() -> Iterator[None]:
    """Say what the rules refuse as the API says it."""
    try:
        yield
    except DjangoValidationError as error:
        raise ValidationError(as_serializer_error(error)) from error


def download(report: Report, request: Request, *, numbers: bool = False) -> FileResponse:
    """Return the file of a report that is done; raise NotFound with its state otherwise."""
    found = delivery.file_response(report, request.user, numbers=numbers)
    if found is None:
        raise NotFound(f"The file is not there: the report is {report.state}.")
    return found
