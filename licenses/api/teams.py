"""Endpoints for teams, memberships and the rules that put use into teams."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from licenses.api import serializers as shapes
from licenses.api.base import Editable, filters_of
from licenses.api.row_history import TellsHistory
from licenses.importing.teams import changing, count_fitting
from licenses.models import Membership, Team, TeamRule


class _Changing(Editable):
    """What changes whose use it was: the hours that it touches are counted again."""

    rules = False

    def perform_create(self, serializer: Any) -> None:
        with changing(rules=self.rules):
            serializer.save()

    def perform_update(self, serializer: Any) -> None:
        with changing(rules=self.rules):
            serializer.save()

    def perform_destroy(self, instance: Any) -> None:
        with changing(rules=self.rules):
            super().perform_destroy(instance)


class TeamViewSet(TellsHistory, _Changing):
    """Groups of people, in a tree."""

    queryset = Team.objects.all()
    serializer_class = shapes.TeamSerializer
    filterset_class = filters_of(Team, "parent")
    search_fields = ("name",)


class MembershipViewSet(_Changing):
    """Who was in which team, and when. A person may be in several at once."""

    queryset = Membership.objects.all()
    serializer_class = shapes.MembershipSerializer
    filterset_class = filters_of(Membership, "person", "team")


class FitsSerializer(serializers.Serializer[Any]):
    """How many of the names known now fit; null where the rule does not ask for any."""

    people = serializers.IntegerField(allow_null=True)
    hosts = serializers.IntegerField(allow_null=True)


class TeamRuleViewSet(TellsHistory, _Changing):
    """Rules that put use into teams by the names of people and machines."""

    rules = True
    queryset = TeamRule.objects.all()
    serializer_class = shapes.TeamRuleSerializer
    filterset_class = filters_of(TeamRule, "team")
    ordering_fields = ("id", "order")

    def perform_create(self, serializer: Any) -> None:
        with changing(rules=True):
            serializer.save(recorded_by=self.request.user)

    @extend_schema(request=shapes.TeamRuleSerializer, responses={200: FitsSerializer})
    @action(detail=False, methods=["post"])
    def preview(self, request: Request) -> Response:
        """Say how many people and machines would fit a rule. Stores nothing."""
        asked = self.get_serializer(data=request.data)
        asked.is_valid(raise_exception=True)
        fits = count_fitting(TeamRule(**asked.validated_data))
        return Response(FitsSerializer(fits._asdict()).data)
