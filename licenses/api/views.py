"""Endpoints: a scoped queryset, a serializer, filters; deeds call what the admin calls."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django.core.exceptions import ValidationError as ModelError
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from licenses.alerts.actions import acknowledge
from licenses.analysis import denials as refusals
from licenses.analysis import now as pools_now
from licenses.analysis.usage import usage
from licenses.api import serializers as shapes
from licenses.api.permissions import ModelPermissions
from licenses.concurrency.periods import iso, local_midnight
from licenses.importing import jobs, mapping, polling
from licenses.models import (
    Alert,
    Entitlement,
    Feature,
    LicensePool,
    LicenseServer,
    Person,
    PoolFeature,
    Silence,
    Team,
    correct_entitlement,
)

PERIODS = ("hour", "day", "week", "month")
SPAN = [
    OpenApiParameter("from", str, required=True, description="Local date or ISO 8601 moment."),
    OpenApiParameter("to", str, required=True, description="Exclusive."),
    OpenApiParameter("zone", str, description="IANA zone; the pool's own if left out."),
]


class Scoped(viewsets.GenericViewSet[Any]):
    """Rows of one model, those that the user may see. Foreign and absent rows answer alike: 404."""

    permission_classes = (ModelPermissions,)

    def get_queryset(self) -> Any:
        rows: Any = super().get_queryset()
        if getattr(self, "swagger_fake_view", False):
            return rows.none()
        return rows.for_user(self.request.user)


class ReadOnly(Scoped, mixins.ListModelMixin, mixins.RetrieveModelMixin):
    """Facts: nobody writes them by hand."""


class Editable(Scoped, viewsets.ModelViewSet[Any]):
    """What asset managers keep. Updates are partial."""

    http_method_names = ["get", "post", "patch", "delete", "head", "options"]


def viewset(
    shape: type[shapes.ScopedSerializer],
    base: type[Scoped] = Editable,
    *,
    filters: tuple[str, ...] = (),
    search: tuple[str, ...] = (),
    related: tuple[str, ...] = (),
    **extra: Any,
) -> type[Scoped]:
    """Return the endpoints of a model that needs no more than its serializer and filters."""
    model: Any = shape.Meta.model
    return type(
        f"{model.__name__}ViewSet",
        (base,),
        {
            "queryset": model._default_manager.all().select_related(*related),
            "serializer_class": shape,
            "filterset_fields": filters,
            "search_fields": search,
            "ordering_fields": ("id",),
            "__doc__": (model.__doc__ or "").strip(),
            **extra,
        },
    )


class PersonViewSet(ReadOnly):
    """People who use licences, by pseudonym."""

    queryset = Person.objects.select_related("identity")
    serializer_class = shapes.PersonSerializer
    filterset_fields = ("pseudonym",)
    ordering_fields = ("id",)


class EntitlementViewSet(
    Scoped, mixins.CreateModelMixin, mixins.ListModelMixin, mixins.RetrieveModelMixin
):
    """Rights. Never edited: a correction replaces a line, with a reason."""

    queryset = Entitlement.objects.all()
    serializer_class = shapes.EntitlementSerializer
    filterset_fields = ("pool", "contract", "metric", "withdrawn")
    ordering_fields = ("id", "valid_from")

    def perform_create(self, serializer: Any) -> None:
        serializer.save(recorded_by=self.request.user)

    @extend_schema(
        request=shapes.CorrectionSerializer, responses={201: shapes.EntitlementSerializer}
    )
    @action(detail=True, methods=["post"])
    def correct(self, request: Request, pk: str | None = None) -> Response:
        """Replace a line by a corrected one."""
        return self._replace(request, shapes.CorrectionSerializer, withdraw=False)

    @extend_schema(
        request=shapes.WithdrawalSerializer, responses={201: shapes.EntitlementSerializer}
    )
    @action(detail=True, methods=["post"])
    def withdraw(self, request: Request, pk: str | None = None) -> Response:
        """Take a line back that never held."""
        return self._replace(request, shapes.WithdrawalSerializer, withdraw=True)

    def _replace(self, request: Request, shape: Any, *, withdraw: bool) -> Response:
        row = self.get_object()
        asked = shape(data=request.data)
        asked.is_valid(raise_exception=True)
        changes = dict(asked.validated_data)
        reason = changes.pop("reason")
        try:
            copy = correct_entitlement(
                row, changes=changes, reason=reason, author=request.user, withdraw=withdraw
            )
        except ModelError as error:
            raise shapes.as_api_error(error) from error
        return Response(self.get_serializer(copy).data, status=status.HTTP_201_CREATED)


class MappingViewSet(Scoped, mixins.ListModelMixin, mixins.RetrieveModelMixin):
    """Which feature feeds which pool, and when."""

    queryset = PoolFeature.objects.select_related("pool", "feature")
    serializer_class = shapes.MappingSerializer
    filterset_fields = ("pool", "feature")
    ordering_fields = ("id",)

    @extend_schema(request=shapes.MappingSerializer, responses={201: shapes.MappingSerializer})
    def create(self, request: Request) -> Response:
        """Let a feature feed a pool."""
        asked = self.get_serializer(data=request.data)
        asked.is_valid(raise_exception=True)
        try:
            row = mapping.map_feature(**asked.validated_data, user=request.user)
        except ModelError as error:
            raise shapes.as_api_error(error) from error
        return Response(self.get_serializer(row).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=None, responses={200: shapes.MappingSerializer})
    @action(detail=True, methods=["post"])
    def end(self, request: Request, pk: str | None = None) -> Response:
        """End a mapping now. What was counted stays counted."""
        try:
            row = mapping.unmap_feature(self.get_object(), user=request.user)
        except ModelError as error:
            raise shapes.as_api_error(error) from error
        return Response(self.get_serializer(row).data)


class FeatureViewSet(ReadOnly, mixins.UpdateModelMixin):
    """What servers count. Only whether a feature is ignored can be set."""

    queryset = Feature.objects.select_related("server")
    serializer_class = shapes.FeatureSerializer
    http_method_names = ["get", "patch", "head", "options"]
    filterset_fields = ("server", "daemon", "ignored")
    search_fields = ("name",)
    ordering_fields = ("id", "name")


class PoolViewSet(Editable):
    """Rights counted together under one limit."""

    queryset = LicensePool.objects.prefetch_related("owner_teams")
    serializer_class = shapes.PoolSerializer
    filterset_fields = ("product", "product__vendor", "name")
    search_fields = ("name", "product__name")
    ordering_fields = ("id", "name")

    @extend_schema(
        parameters=[
            *SPAN,
            OpenApiParameter("by", str, enum=PERIODS, description="Length of the periods."),
            OpenApiParameter("team", str, description="Count this team and those below it."),
        ],
        responses={200: OpenApiTypes.OBJECT},
    )
    @action(detail=True)
    def usage(self, request: Request, pk: str | None = None) -> Response:
        """Say what `manage.py usage` prints."""
        pool = self.get_object()
        zone, start, end = _span(request, pool)
        by = request.query_params.get("by") or None
        if by is not None and by not in PERIODS:
            raise ValidationError({"by": f"Found {by!r}; expected one of {', '.join(PERIODS)}."})
        team = None
        if name := request.query_params.get("team"):
            team = Team.objects.for_user(request.user).filter(name=name).first()
            if team is None:
                raise ValidationError({"team": f"There is no team {name!r}."})
        found = usage(pool, start=start, end=end, zone=zone, by=by, team=team)  # type: ignore[arg-type]
        return Response(found.as_dict())

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    @action(detail=True)
    def holders(self, request: Request, pk: str | None = None) -> Response:
        """Say who holds seats now, and how old that is."""
        pool = self.get_object()
        names = request.user.has_perm("licenses.view_names")
        found = pools_now.holders(pool, names=names)
        zone = pool.tzinfo
        return Response(
            {
                "pool": pool.name,
                "at": None if found.at is None else iso(found.at, zone),
                "age_seconds": found.age_seconds,
                "holders": [
                    {
                        "person": row.label,
                        "name": row.name,
                        "host": row.host,
                        "seats": row.seats,
                        "since": iso(row.since, zone),
                        "state": row.state,
                        "feature": row.feature,
                        "server": row.server,
                    }
                    for row in found.rows
                ],
            }
        )

    @extend_schema(parameters=SPAN, responses={200: OpenApiTypes.OBJECT})
    @action(detail=True)
    def denials(self, request: Request, pk: str | None = None) -> Response:
        """Say who was refused, in episodes."""
        pool = self.get_object()
        zone, start, end = _span(request, pool)
        found = refusals.episodes(pool, start=start, end=end)
        return Response(
            {"pool": pool.name, "zone": str(zone), "episodes": [_plain(row, zone) for row in found]}
        )


def _plain(row: Any, zone: ZoneInfo) -> dict[str, Any]:
    values = (
        row._asdict() if hasattr(row, "_asdict") else {n: getattr(row, n) for n in row.__slots__}
    )
    moments = {"start", "last", "granted_at", "end"}
    return {
        name: iso(value, zone) if name in moments and isinstance(value, int) else value
        for name, value in values.items()
        if isinstance(value, int | str | float | bool | type(None))
    }


def _span(request: Request, pool: LicensePool) -> tuple[ZoneInfo, int, int]:
    """Return the zone and span that a request asks for, or refuse it with what was expected."""
    name = request.query_params.get("zone") or pool.zone
    if name not in available_timezones():
        raise ValidationError(
            {"zone": f"Unknown time zone {name!r}; expected a name such as Europe/Berlin."}
        )
    zone = ZoneInfo(name)
    start, end = (_moment(request, field, zone) for field in ("from", "to"))
    if start >= end:
        raise ValidationError({"to": "The end lies before the start."})
    if end - start > 11 * 366 * 86400:
        raise ValidationError({"to": "At most eleven years at one time."})
    return zone, start, end


def _moment(request: Request, field: str, zone: ZoneInfo) -> int:
    text = request.query_params.get(field, "")
    try:
        if len(text) == 10:
            return local_midnight(date.fromisoformat(text), zone)
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=zone)
        return int(moment.timestamp())
    except (ValueError, OverflowError) as error:
        raise ValidationError(
            {
                field: f"Found {text!r}; expected a date such as 2026-03-31, or a moment "
                "with an offset."
            }
        ) from error


class ServerViewSet(Editable):
    """Licence servers."""

    queryset = LicenseServer.objects.all()
    serializer_class = shapes.ServerSerializer
    http_method_names = ["get", "post", "patch", "head", "options"]
    filterset_fields = ("name", "kind", "polling", "enabled")
    search_fields = ("name", "address")
    ordering_fields = ("id", "name")

    @extend_schema(
        request={"multipart/form-data": shapes.UploadSerializer},
        responses={202: shapes.ImportJobSerializer},
    )
    @action(detail=True, methods=["post"])
    def imports(self, request: Request, pk: str | None = None) -> Response:
        """Take a log, status, licence file or options file; its location tells how far it is."""
        server = self.get_object()
        asked = shapes.UploadSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        values = dict(asked.validated_data)
        try:
            job = jobs.hand_in(server, values.pop("file"), **values, user=request.user)
        except ModelError as error:
            raise shapes.as_api_error(error) from error
        location = reverse("api:import-detail", [job.pk], request=request)
        body = shapes.ImportJobSerializer(job, context=self.get_serializer_context()).data
        return Response(body, status=status.HTTP_202_ACCEPTED, headers={"Location": location})

    @extend_schema(request=None, responses={200: shapes.CaptureSerializer})
    @action(detail=True, methods=["post"])
    def poll(self, request: Request, pk: str | None = None) -> Response:
        """Ask the server now."""
        server = self.get_object()
        capture = polling.poll_now(server)
        if capture is None:
            raise ValidationError("The server is not polled, or is being asked at this moment.")
        return Response(
            shapes.CaptureSerializer(capture, context=self.get_serializer_context()).data
        )

    @extend_schema(request=None, responses={200: OpenApiTypes.OBJECT})
    @action(detail=True, methods=["post"])
    def test(self, request: Request, pk: str | None = None) -> Response:
        """Test the connection, and name the step that fails. Stores nothing."""
        found = polling.test_connection(self.get_object())
        steps = [
            {"step": step.name, "ok": step.ok, "sentence": step.sentence} for step in found.steps
        ]
        return Response({"ok": found.ok, "result": found.result, "steps": steps})


class AlertViewSet(ReadOnly):
    """What the alert rules found."""

    queryset = Alert.objects.select_related("rule")
    serializer_class = shapes.AlertSerializer
    filterset_fields = ("rule", "state", "pool", "server", "contract")
    ordering_fields = ("id", "fired_at")

    @extend_schema(request=None, responses={200: shapes.AlertSerializer})
    @action(detail=True, methods=["post"])
    def acknowledge(self, request: Request, pk: str | None = None) -> Response:
        """Stop the repeats; the resolve notice still comes."""
        alert = self.get_object()
        acknowledge(alert, request.user)
        alert.refresh_from_db()
        return Response(self.get_serializer(alert).data)


class SilenceViewSet(Editable):
    """Times in which nobody is told."""

    queryset = Silence.objects.all()
    serializer_class = shapes.SilenceSerializer
    filterset_fields = ("rule", "pool", "server")
    ordering_fields = ("id",)

    def perform_create(self, serializer: Any) -> None:
        serializer.save(author=self.request.user)
