"""Endpoints of what logs told of checkouts: some OUTs and INs of a feature at a time."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from licenses.analysis.events import in_time, unpacked
from licenses.analysis.rows import as_moment
from licenses.api.base import ReadOnly, filters_of
from licenses.api.scoped import serializer_for
from licenses.models import EventBlock, tells_apart

EventBlockSerializer = serializer_for(EventBlock, "feature", "starts", "ends", "count")


class EventSerializer(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    kind = serializers.ChoiceField(choices=EventBlock.Kind.choices)
    person = serializers.IntegerField(
        allow_null=True, help_text="Null where the installation tells nobody apart."
    )
    seats = serializers.IntegerField()
    reason = serializers.CharField(help_text="Why seats came back, as printed; mostly empty.")


class ToldSerializer(EventBlockSerializer):  # type: ignore[valid-type, misc]
    """A block with its events, in the order of time."""

    events = serializers.SerializerMethodField()

    class Meta(EventBlockSerializer.Meta):  # type: ignore[name-defined]
        fields = (*EventBlockSerializer.Meta.fields, "events")

    @extend_schema_field(EventSerializer(many=True))
    def get_events(self, block: EventBlock) -> list[dict[str, Any]]:
        events = in_time(unpacked([(block.feature_id, block.reasons, block.rows)]))
        apart = tells_apart()
        columns = (events.at, events.kind, events.person, events.seats, events.reason)
        told = [
            {
                "at": as_moment(at),
                "kind": kind,
                "person": person if apart else None,
                "seats": seats,
                "reason": events.reasons[reason],
            }
            for at, kind, person, seats, reason in zip(
                *(column.tolist() for column in columns), strict=True
            )
        ]
        return list(EventSerializer(told, many=True).data)


class EventBlockViewSet(ReadOnly):
    """What logs told, some events of a feature at a time: `{id}/` tells each of them. Those that
    begin in a month: `from` and `to`."""

    queryset = EventBlock.objects.defer("reasons", "rows")
    serializer_class = EventBlockSerializer
    filterset_class = filters_of(EventBlock, "feature", span_of="starts")

    @extend_schema(responses={200: ToldSerializer})
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return Response(
            ToldSerializer(self.get_object(), context=self.get_serializer_context()).data
        )
