"""Endpoints of the status page: free seats, and one's own places on waitlists."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from django.core.exceptions import ValidationError as ModelError
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import UserRateThrottle

from licenses.access import reversible, waitlist
from licenses.access.accounts import has_a_role, shown_pools
from licenses.analysis.availability import Availability, load_availability
from licenses.analysis.busy import BUSY, FREE, TIGHT, UNKNOWN, Busy
from licenses.analysis.busy_kept import usual_hours
from licenses.api.base import ReadOnly, filters_of
from licenses.api.scoped import ScopedSerializer, as_api_error
from licenses.api.throttling import WaitlistThrottle
from licenses.concurrency.periods import iso
from licenses.models import LicensePool, WaitlistEntry
from licenses.tasks import nudge


class HasRole(IsAuthenticated):
    """Whoever is let in on the status page: any account with a role but a program's."""

    def has_permission(self, request: Any, view: Any) -> bool:
        return bool(super().has_permission(request, view)) and has_a_role(request.user)


class SeatsSerializer(serializers.Serializer[Any]):
    """Null is not known, never zero. Of a figure that is too old nothing is free or taken now."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    vendor = serializers.CharField()
    product = serializers.CharField()
    free = serializers.IntegerField(allow_null=True)
    seats = serializers.IntegerField(allow_null=True)
    in_use = serializers.IntegerField(allow_null=True)
    reserved_idle = serializers.IntegerField()
    queued = serializers.IntegerField(help_text="Requests that wait at the server.")
    waiting = serializers.IntegerField(help_text="People on the waitlist.")
    at = serializers.CharField(allow_null=True)
    age_seconds = serializers.IntegerField(allow_null=True)
    freshness = serializers.ChoiceField(["fresh", "late", "stale", "none"])
    source = serializers.CharField()  # type: ignore[assignment]
    house_rules = serializers.CharField()


class NextFreeSerializer(serializers.Serializer[Any]):
    """When a seat is usually free next, from the hour after this one on."""

    at = serializers.CharField(help_text="The start of the hour.")
    sure = serializers.BooleanField(
        help_text="Whether a seat was free all through that hour in every week that was seen; else "
        "it is the hour with the fewest seats in use on average."
    )


class HoursSerializer(serializers.Serializer[Any]):
    """When a pool is usually busy, from its last eight weeks, in hours of its zone.

    levels and shares: seven days, Monday first, of 24 hours each.
    """

    zone = serializers.CharField()
    words = serializers.CharField()
    levels = serializers.ListField(
        child=serializers.ListField(
            child=serializers.ChoiceField([FREE, TIGHT, BUSY, UNKNOWN]), min_length=24
        ),
        help_text="`free`: a seat was free all through the hour in every week that was seen; "
        "`tight`: all were in use in some week, or somebody was refused; `busy`: 80 % or more in "
        "use on average; `unknown`: seen in fewer than two weeks.",
    )
    shares = serializers.ListField(
        child=serializers.ListField(child=serializers.FloatField(allow_null=True), min_length=24),
        help_text="The mean use of the hour as a share of the seats; null: not known.",
    )
    next_free = NextFreeSerializer(allow_null=True, help_text="Null: not known.")


def told(pools: Sequence[LicensePool]) -> list[dict[str, Any]]:
    """Return the seats of some pools as they are told. Three queries."""
    seats = load_availability(pools, int(time.time()))
    waiting = waitlist.lengths(pools)
    return [seats_of(pool, seats[pool.pk], waiting.get(pool.pk, 0)) for pool in pools]


def seats_of(pool: LicensePool, seats: Availability, waiting: int) -> dict[str, Any]:
    return {
        "id": pool.pk,
        "name": pool.name,
        "vendor": str(pool.product.vendor),
        "product": str(pool.product),
        "free": seats.free,
        "seats": seats.seats,
        "in_use": seats.in_use,
        "reserved_idle": seats.reserved_idle,
        "queued": seats.queued,
        "waiting": waiting,
        "at": None if seats.at is None else iso(seats.at, pool.tzinfo),
        "age_seconds": seats.age_seconds,
        "freshness": seats.freshness,
        "source": seats.source,
        "house_rules": pool.house_rules,
    }


class SeatsViewSet(ReadOnly):
    """How many seats somebody could take now, in each pool of the status page."""

    queryset = LicensePool.objects.all()
    permission_classes = (HasRole,)
    serializer_class = SeatsSerializer
    filterset_class = filters_of(LicensePool, "product", "product__vendor", "name")
    search_fields = ("name", "product__name")
    ordering_fields = ("id", "name")

    def get_queryset(self) -> Any:
        if getattr(self, "swagger_fake_view", False):
            return LicensePool.objects.none()
        return shown_pools(self.request.user).select_related("product__vendor")

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset())) or []
        return self.get_paginated_response(told(page))

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return Response(told([self.get_object()])[0])

    @extend_schema(responses={200: HoursSerializer})
    @action(detail=True, pagination_class=None, filter_backends=())
    def hours(self, request: Request, pk: str | None = None) -> Response:
        """Say when the pool is usually busy, so that one can come at another hour."""
        pool, now = self.get_object(), int(time.time())
        hours = usual_hours([pool], load_availability([pool], now), now)[pool.pk]
        return Response(
            {
                "zone": pool.zone,
                "words": hours.sentence(),
                "levels": hours.levels,
                "shares": hours.shares,
                "next_free": next_free(pool, hours, now),
            }
        )


def next_free(pool: LicensePool, hours: Busy, now: int) -> dict[str, Any] | None:
    """Return when a seat is usually free next; None: not known."""
    found = hours.next_free(now, pool.tzinfo)
    return None if found is None else {"at": iso(found.at, pool.tzinfo), "sure": found.sure}


class PlaceSerializer(ScopedSerializer):
    """A place on a waitlist.

    place:  how many are told before it and with it; null: it does not wait.
    """

    place = serializers.SerializerMethodField()

    class Meta:
        model = WaitlistEntry
        fields = (
            *("id", "pool", "state", "place", "joined_at", "expires_at"),
            *("offered_at", "offer_until", "closed_at"),
        )
        read_only_fields = (
            *("state", "joined_at", "expires_at", "offered_at", "offer_until", "closed_at"),
        )

    def get_fields(self) -> dict[str, Any]:
        fields = super().get_fields()
        request = self.context.get("request")
        if request is not None:
            fields["pool"].queryset = shown_pools(request.user)
        return fields

    def get_place(self, entry: WaitlistEntry) -> int | None:
        return waitlist.place(entry)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        return attrs  # the list's own rules are asked when somebody joins


class WaitlistViewSet(ReadOnly):
    """One's own places on the waitlists of pools. POST joins the list of a pool."""

    queryset = WaitlistEntry.objects.all()
    permission_classes = (HasRole,)
    throttle_classes = (UserRateThrottle, WaitlistThrottle)
    serializer_class = PlaceSerializer
    filterset_class = filters_of(WaitlistEntry, "pool", "state")
    ordering_fields = ("id",)

    @extend_schema(request=PlaceSerializer, responses={201: PlaceSerializer})
    def create(self, request: Request) -> Response:
        """Wait for a seat: a mail comes when one is free, to those first who came first."""
        asked = self.get_serializer(data=request.data)
        asked.is_valid(raise_exception=True)
        try:
            entry = waitlist.join(request.user, asked.validated_data["pool"], timezone.now())
        except ModelError as error:
            raise as_api_error(error) from error
        return Response(self.get_serializer(entry).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=None, responses={200: PlaceSerializer})
    @action(detail=True, methods=["post"])
    def leave(self, request: Request, pk: str | None = None) -> Response:
        """Leave the list; a seat that was offered goes to the next."""
        entry = self.get_object()
        if reversible.leave(entry, now=timezone.now()) is not None:
            nudge("licenses.tasks.deliver")
        entry.refresh_from_db()
        return Response(self.get_serializer(entry).data)
