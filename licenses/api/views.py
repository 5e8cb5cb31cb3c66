"""Endpoints: a scoped queryset, a serializer, filters; deeds call what the admin calls."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError as ModelError
from django.db.models import Exists, OuterRef
from django.utils import timezone
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, status
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from licenses.access import reversible
from licenses.alerts.actions import send_test
from licenses.analysis import now as pools_now
from licenses.analysis.pool_teams import pool_teams
from licenses.analysis.portfolio import KEYS, newest, portfolio
from licenses.analysis.refusals_told import told
from licenses.analysis.rollup import mark_dirty
from licenses.analysis.rows import now_epoch
from licenses.analysis.usage import usage
from licenses.api import examples, pool_answers
from licenses.api import serializers as shapes
from licenses.api.alike import AlikeJSONRenderer, Table
from licenses.api.asking import FIGURES, HEADLINES, SPAN, WEEK, period, span, teams
from licenses.api.base import Deletable, Editable, ReadOnly, filters_of
from licenses.api.history import PoolHistory
from licenses.api.mappings import PoolMappings
from licenses.api.over_use import PoolOverUse
from licenses.api.pagination import HOLDER_PAGES, holder_page, next_page
from licenses.api.row_history import TellsHistory
from licenses.api.scoped import as_api_error
from licenses.api.standing import PoolStanding
from licenses.concurrency.periods import Moments, iso
from licenses.importing.teams import changing
from licenses.models import (
    Alert,
    Channel,
    DenialEpisode,
    Feature,
    Identity,
    LicensePool,
    Person,
    PoolFeature,
    SharingRule,
    Silence,
    sees_names,
    sees_people,
    visible_teams,
)


class PersonViewSet(Deletable, ReadOnly):
    """People who use licences, by pseudonym. They come from logs and from sheets."""

    named = frozenset({"list", "retrieve", "identity", "change_identity"})
    queryset = Person.objects.select_related("identity")
    serializer_class = shapes.PersonSerializer
    http_method_names = ["get", "patch", "delete", "head", "options"]
    filterset_class = filters_of(Person, "pseudonym")

    def perform_destroy(self, instance: Any) -> None:
        with changing():
            super().perform_destroy(instance)

    @extend_schema(responses={200: shapes.IdentitySerializer})
    @action(detail=True, pagination_class=None, filter_backends=())
    def identity(self, request: Request, pk: str | None = None) -> Response:
        """Say who a person is. 404 where nobody knows, or no longer."""
        return Response(shapes.IdentitySerializer(self._identity()).data)

    @extend_schema(request=shapes.IdentitySerializer, responses={200: shapes.IdentitySerializer})
    @identity.mapping.patch
    def change_identity(self, request: Request, pk: str | None = None) -> Response:
        """Change name and mail address."""
        if not request.user.has_perm("licenses.change_identity"):
            raise PermissionDenied
        context = self.get_serializer_context()
        asked = shapes.IdentitySerializer(
            self._identity(), data=request.data, partial=True, context=context
        )
        asked.is_valid(raise_exception=True)
        asked.save()
        return Response(asked.data)

    def _identity(self) -> Identity:
        """Return the identity of the person that is asked for, to who may see it."""
        person = self.get_object()
        if not sees_names(self.request.user, person=person.pk):
            raise PermissionDenied
        found: Identity | None = getattr(person, "identity", None)
        if found is None:
            raise NotFound
        return found


class DenialEpisodeViewSet(ReadOnly):
    """Who was kept from work, when and how long: people's chains of refusals in a pool."""

    queryset = DenialEpisode.objects.all()
    serializer_class = shapes.DenialEpisodeSerializer
    filterset_class = filters_of(
        DenialEpisode,
        *("pool", "person", "outcome", "reason_class", "capacity"),
        span_of="starts",
    )
    ordering_fields = ("id", "starts", "lost_seconds")


class FeatureFilter(filters_of(Feature, "server", "daemon", "ignored")):  # type: ignore[misc]
    """mapped:  whether a pool is fed by it now."""

    mapped = filters.BooleanFilter(method="by_mapping")

    def by_mapping(self, rows: Any, _name: str, value: bool) -> Any:
        now = Exists(PoolFeature.objects.filter(feature=OuterRef("pk"), mapped_until=None))
        return rows.filter(now if value else ~now)


class FeatureViewSet(TellsHistory, ReadOnly, mixins.UpdateModelMixin):
    """What servers count. Only whether a feature is ignored can be set."""

    queryset = Feature.objects.select_related("server")
    serializer_class = shapes.FeatureSerializer
    http_method_names = ["get", "post", "patch", "head", "options"]
    filterset_class = FeatureFilter
    search_fields = ("name",)
    ordering_fields = ("id", "name")

    @extend_schema(request=None, responses={201: shapes.PoolSerializer})
    @action(detail=True, methods=["post"])
    def pool(self, request: Request, pk: str | None = None) -> Response:
        """Make a pool named as the feature, and let the feature feed it."""
        if not request.user.has_perm("licenses.add_licensepool"):
            raise PermissionDenied
        try:
            made, _step = reversible.create_pool_for(self.get_object(), user=request.user)
        except ModelError as error:
            raise as_api_error(error) from error
        body = shapes.PoolSerializer(made, context=self.get_serializer_context()).data
        return Response(body, status=status.HTTP_201_CREATED)


class PoolViewSet(TellsHistory, PoolHistory, PoolStanding, PoolOverUse, PoolMappings, Editable):
    """Rights counted together under one limit."""

    named = frozenset({"at", "holders", "denials", "teams", "usage"})
    queryset = LicensePool.objects.prefetch_related("owner_teams")
    serializer_class = shapes.PoolSerializer
    filterset_class = filters_of(LicensePool, "product", "product__vendor", "owner_teams", "name")
    search_fields = ("name", "product__name")
    ordering_fields = ("id", "name")

    @extend_schema(parameters=[WEEK, HEADLINES], responses={200: pool_answers.NOW})
    @action(
        detail=False,
        pagination_class=None,
        filter_backends=(),
        renderer_classes=(AlikeJSONRenderer,),
    )
    def now(self, request: Request) -> Response:
        """Say what is in use in every active pool, and how old that is. One answer, not paged."""
        week = request.query_params.get("week") == "true"
        headlines = request.query_params.get("headlines") == "true"
        said = Moments()
        if not week and not headlines:
            at, zone = KEYS.index("at"), KEYS.index("zone")
            rows = newest(request.user, now_epoch())
            cards = [(*row[:at], said.iso(row[at], row[zone]), *row[at + 1 :]) for row in rows]
            return Response({"pools": Table(KEYS, cards)})
        costs = headlines and request.user.has_perm("licenses.view_entitlement")
        found = portfolio(request.user, week=week, headlines=headlines, costs=costs)
        for card in found:
            for part in (card, card.get("headline")):
                if part is not None:
                    part["at"] = said.iso(part["at"], card["zone"])
        return Response({"pools": found})

    @extend_schema(
        parameters=FIGURES,
        responses={200: pool_answers.USAGE},
        examples=[examples.answered(examples.USAGE)],
    )
    @action(detail=True)
    def usage(self, request: Request, pk: str | None = None) -> Response:
        """Say what `manage.py usage` prints; of people, sums alone to who may see no more."""
        pool = self.get_object()
        asked = span(request, pool)
        found = usage(
            pool,
            start=asked.start,
            end=asked.end,
            zone=asked.zone,
            by=period(request, asked),
            teams=teams(request, asked),
            people=sees_people(request.user),
            names=sees_names(request.user, pool=pool.pk),
        )
        return Response(found.as_dict())

    @extend_schema(
        parameters=HOLDER_PAGES,
        responses={200: pool_answers.HOLDERS},
        examples=[examples.answered(examples.HOLDERS)],
    )
    @action(detail=True)
    def holders(self, request: Request, pk: str | None = None) -> Response:
        """Say who holds seats now, the longest first, and how old that is. `next` leads to the
        holders behind those of the answer."""
        pool = self.get_object()
        if not request.user.has_perm("licenses.view_checkout"):
            raise PermissionDenied
        names = sees_names(request.user, pool=pool.pk)
        behind, most = holder_page(request)
        found = pools_now.holders(pool, names=names, behind=behind, most=most)
        zone = pool.tzinfo
        return Response(
            {
                "pool": pool.name,
                "at": None if found.at is None else iso(found.at, zone),
                "age_seconds": found.age_seconds,
                "total": found.total,
                "next": next_page(request, found.last),
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
                        "marks": list(row.marks),
                    }
                    for row in found.rows
                ],
            }
        )

    @extend_schema(parameters=SPAN, responses={200: pool_answers.DENIALS})
    @action(detail=True)
    def denials(self, request: Request, pk: str | None = None) -> Response:
        """Say what `manage.py denials` prints."""
        pool = self.get_object()
        if not request.user.has_perm("licenses.view_denial"):
            raise PermissionDenied
        asked = span(request, pool)
        names = sees_names(request.user, pool=pool.pk)
        return Response(told(pool, start=asked.start, end=asked.end, zone=asked.zone, names=names))

    @extend_schema(parameters=SPAN, responses={200: pool_answers.TEAMS})
    @action(detail=True)
    def teams(self, request: Request, pk: str | None = None) -> Response:
        """Say how the teams share the pool, and who held seats at its peak. Full UTC hours.

        `holders` is null for who may see sums only."""
        pool = self.get_object()
        if not request.user.has_perm("licenses.view_teamhour"):
            raise PermissionDenied
        asked = span(request, pool)
        found = pool_teams(
            pool,
            asked.start,
            asked.end,
            people=sees_people(request.user),
            names=sees_names(request.user, pool=pool.pk),
            visible=visible_teams(request.user),
        )
        return Response({"pool": pool.name, **found.as_dict(asked.zone)})

    def perform_update(self, serializer: Any) -> None:
        pool = serializer.instance
        before = pool.zone, pool.episode_gap_minutes
        pool = serializer.save()
        if (pool.zone, pool.episode_gap_minutes) != before:
            mark_dirty([pool.pk])  # its days begin, its episodes end, at other moments


class SharingRuleViewSet(ReadOnly):
    """Lines of options files that keep, limit or withhold seats."""

    named = frozenset({"list", "retrieve"})
    queryset = SharingRule.objects.all()
    serializer_class = shapes.SharingRuleSerializer
    filterset_class = filters_of(SharingRule, "server", "keyword")


class AlertViewSet(ReadOnly):
    """What the alert rules found."""

    queryset = Alert.objects.select_related("rule")
    serializer_class = shapes.AlertSerializer
    filterset_class = filters_of(
        Alert, *("rule", "state", "pool", "server", "contract", "past"), span_of="fired_at"
    )
    ordering_fields = ("id", "fired_at")

    @extend_schema(request=None, responses={200: shapes.AlertSerializer})
    @action(detail=True, methods=["post"])
    def acknowledge(self, request: Request, pk: str | None = None) -> Response:
        """Stop the repeats; the resolve notice still comes."""
        alert = self.get_object()
        reversible.acknowledge([alert], user=request.user, now=timezone.now())
        alert.refresh_from_db()
        return Response(self.get_serializer(alert).data)


@examples.creates(examples.CHANNEL)
class ChannelViewSet(TellsHistory, Editable):
    """Where messages go."""

    outward = frozenset({"test"})

    queryset = Channel.objects.all()
    serializer_class = shapes.ChannelSerializer
    filterset_class = filters_of(
        Channel, "kind", "enabled", "fallback", "still_watching", "reports"
    )

    @extend_schema(request=None, responses={202: shapes.NotificationSerializer(many=True)})
    @action(detail=True, methods=["post"], pagination_class=None, filter_backends=())
    def test(self, request: Request, pk: str | None = None) -> Response:
        """Send a message that tries the channel out."""
        if not request.user.has_perm("licenses.change_channel"):
            raise PermissionDenied
        sent = send_test(self.get_object(), request.user)
        context = self.get_serializer_context()
        body = shapes.NotificationSerializer(sent, many=True, context=context).data
        return Response(body, status=status.HTTP_202_ACCEPTED)


class SilenceViewSet(TellsHistory, Editable):
    """Times in which nobody is told."""

    queryset = Silence.objects.all()
    serializer_class = shapes.SilenceSerializer
    filterset_class = filters_of(Silence, "rule", "pool", "server")

    def perform_create(self, serializer: Any) -> None:
        serializer.save(author=self.request.user)

    @extend_schema(request=None, responses={200: shapes.SilenceSerializer})
    @action(detail=True, methods=["post"])
    def end(self, request: Request, pk: str | None = None) -> Response:
        """End a silence now: what still fires is told."""
        if not request.user.has_perm("licenses.change_silence"):
            raise PermissionDenied
        row = self.get_object()
        try:
            reversible.end_silence(row, user=request.user, now=timezone.now())
        except ModelError as error:
            raise as_api_error(error) from error
        return Response(self.get_serializer(row).data)
