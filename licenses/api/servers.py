"""Endpoints of licence servers: asking them, handing in what they wrote, what none could read."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.core.exceptions import ValidationError as ModelError
from django.utils.translation import gettext
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from licenses.access.reversible import ignore_lines, show_lines
from licenses.analysis.server_days import year_of
from licenses.analysis.server_facts import facts_for
from licenses.analysis.server_health import health
from licenses.analysis.unreadable import groups, report
from licenses.api import serializers as shapes
from licenses.api import server_answers
from licenses.api.base import Editable, Scoped, filters_of
from licenses.api.row_history import TellsHistory
from licenses.api.scoped import as_api_error
from licenses.concurrency.periods import iso
from licenses.importing import connection, jobs, machines, polling
from licenses.models import IgnoredLines, LicenseServer, PollState, ServerFact, sees_names
from licenses.tasks import nudge


class FactSerializer(serializers.Serializer[Any]):
    """What a server states of itself."""

    what = serializers.ChoiceField(choices=ServerFact.What.choices)
    daemon = serializers.CharField(help_text="Whom it is about, or who says it.")
    host = serializers.CharField(help_text="The machine that it is about, where one is named.")
    value = serializers.CharField()
    source = serializers.CharField(help_text="The kind of text that states it.")  # type: ignore[assignment]
    at = serializers.DateTimeField(help_text="When it was stated first.")
    until = serializers.DateTimeField(allow_null=True, help_text="When another value was.")


class DaySerializer(serializers.Serializer[Any]):
    """A day of the server's zone, and how much of it is vouched for."""

    day = serializers.DateField()
    key = serializers.ChoiceField(
        choices=["full", "part", "none", "before"],
        help_text="`before` the first record; else `full`, in `part` or `none` of it.",
    )
    percent = serializers.IntegerField(help_text="Of the day, cut.")


class HealthSerializer(serializers.Serializer[Any]):
    """Whether a server answers, how its clock stands to ours, and what its records vouch for."""

    key = serializers.ChoiceField(choices=["well", "failing", "silent", "off", "new"])
    words = serializers.CharField()
    failures = serializers.IntegerField(help_text="Attempts failed in a row.")
    last_attempt_at = serializers.DateTimeField(allow_null=True)
    last_answer_at = serializers.DateTimeField(allow_null=True, help_text="The last complete one.")
    last_result = serializers.CharField(allow_blank=True)
    last_duration_ms = serializers.IntegerField(allow_null=True)
    due_at = serializers.DateTimeField(allow_null=True, help_text="When it is asked next.")
    clock_offset_seconds = serializers.IntegerField(
        allow_null=True,
        help_text="By which the last answer's own time was ahead of ours, to the minute; below 0: "
        "behind; null: it told none.",
    )
    covered_percent = serializers.IntegerField(
        allow_null=True, help_text="Of the time since `covered_since`; null: nothing is recorded."
    )
    covered_since = serializers.DateTimeField()
    machines_waiting = serializers.ListField(
        child=serializers.CharField(),
        help_text="Machines that logs name and that nobody has named for this server: nothing of "
        "such a log is read until its `machines` have them.",
    )
    days = DaySerializer(many=True, help_text="The last 365, the oldest first.")


class ServerViewSet(TellsHistory, Editable):
    """Licence servers."""

    named = frozenset({"unreadable"})
    outward = frozenset({"poll"})

    queryset = LicenseServer.objects.all()
    serializer_class = shapes.ServerSerializer
    filterset_class = filters_of(LicenseServer, "name", "kind", "polling", "enabled")
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
            raise as_api_error(error) from error
        nudge("licenses.tasks.import_file", job.pk)
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
            raise ValidationError(
                gettext("The server is not polled, or is being asked at this moment.")
            )
        return Response(
            shapes.CaptureSerializer(capture, context=self.get_serializer_context()).data
        )

    @extend_schema(request=None, responses={202: shapes.ConnectionCheckSerializer})
    @action(detail=True, methods=["post"])
    def test(self, request: Request, pk: str | None = None) -> Response:
        """Have a worker try the connection; the location tells how far it is, and which step
        fails."""
        check = connection.ask_for(self.get_object(), request.user)
        nudge("licenses.tasks.check_connection", check.pk)
        location = reverse("api:connection-check-detail", [check.pk], request=request)
        body = shapes.ConnectionCheckSerializer(check, context=self.get_serializer_context()).data
        return Response(body, status=status.HTTP_202_ACCEPTED, headers={"Location": location})

    @extend_schema(responses={200: HealthSerializer})
    @action(detail=True, pagination_class=None, filter_backends=())
    def health(self, request: Request, pk: str | None = None) -> Response:
        """Say whether the server answers, how its clock stands to ours, and what of each day of the
        last year its records vouch for."""
        server = self.get_object()
        if not request.user.has_perm("licenses.view_coverage"):
            raise PermissionDenied
        key, words = health(server)
        poll = getattr(server, "poll_state", None) or PollState(server=server)
        year = year_of(server)
        told = {
            "key": key,
            "words": words,
            "failures": poll.failures,
            "last_attempt_at": poll.last_attempt_at,
            "last_answer_at": poll.last_parsed_at,
            "last_result": poll.last_result,
            "last_duration_ms": poll.last_duration_ms,
            "due_at": poll.due_at,
            "clock_offset_seconds": poll.clock_offset_seconds,
            "covered_percent": year.share,
            "covered_since": year.since,
            "machines_waiting": machines.waiting(server),
            "days": [day._asdict() for day in year.days],
        }
        return Response(HealthSerializer(told).data)

    @extend_schema(responses={200: FactSerializer(many=True)})
    @action(detail=True, pagination_class=None, filter_backends=())
    def facts(self, request: Request, pk: str | None = None) -> Response:
        """Say which host ids, names and versions the server stated of itself, and when.

        `until` is null for what it states now.
        """
        server = self.get_object()
        if not request.user.has_perm("licenses.view_capture"):
            raise PermissionDenied
        found = facts_for(server, request.user)
        zone = server.tzinfo
        return Response(
            [
                row._asdict()
                | {
                    "at": iso(row.at, zone),
                    "until": None if row.until is None else iso(row.until, zone),
                }
                for row in found
            ]
        )

    @extend_schema(responses={200: server_answers.UNREADABLE})
    @action(detail=True, pagination_class=None, filter_backends=())
    def unreadable(self, request: Request, pk: str | None = None) -> Response:
        """Say which kinds of lines of the last week could not be read, and a report on those that
        are not ignored, without names."""
        server = self.get_object()
        if not request.user.has_perm("licenses.view_capture"):
            raise PermissionDenied
        found = groups(server, user=request.user)
        names = sees_names(request.user)
        rows = [{**asdict(row), "example": row.example if names else None} for row in found]
        text = report(server, [row for row in found if not row.ignored])
        return Response({"results": rows, "report": text})


class IgnoredLinesViewSet(Scoped, mixins.ListModelMixin, mixins.RetrieveModelMixin):
    """Kinds of unreadable lines that somebody set aside, and who took that back."""

    queryset = IgnoredLines.objects.all()
    serializer_class = shapes.IgnoredLinesSerializer
    filterset_class = filters_of(IgnoredLines, "server", "digest")

    @extend_schema(
        request=shapes.IgnoredLinesSerializer, responses={201: shapes.IgnoredLinesSerializer}
    )
    def create(self, request: Request) -> Response:
        """Ignore the lines of one shape, as `servers/{id}/unreadable/` names it."""
        asked = self.get_serializer(data=request.data)
        asked.is_valid(raise_exception=True)
        given = asked.validated_data
        try:
            row, _step = ignore_lines(
                given["server"], given["digest"], note=given.get("note", ""), user=request.user
            )
        except ModelError as error:
            raise as_api_error(error) from error
        return Response(self.get_serializer(row).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=None, responses={200: shapes.IgnoredLinesSerializer})
    @action(detail=True, methods=["post"])
    def end(self, request: Request, pk: str | None = None) -> Response:
        """Show and count these lines again."""
        row = self.get_object()
        try:
            shown, _step = show_lines(row, user=request.user)
            return Response(self.get_serializer(shown).data)
        except ModelError as error:
            raise as_api_error(error) from error
