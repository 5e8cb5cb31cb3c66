"""Over-use over HTTP: its episodes, and what people found out about them."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError as ModelError
from drf_spectacular.utils import extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from licenses.analysis.over_use import Episode, none_seen, over_use
from licenses.api import examples, pool_answers
from licenses.api.asking import SPAN, Span, span
from licenses.api.base import ReadOnly, filters_of
from licenses.api.scoped import as_api_error, serializer_for
from licenses.concurrency.periods import iso
from licenses.importing.over_use import explain_over_use
from licenses.models import OverUseNote

OverUseNoteSerializer = serializer_for(
    OverUseNote,
    *("pool", "starts", "ends", "cause", "resolution", "owner", "recorded_at", "recorded_by"),
    read_only=("recorded_at", "recorded_by"),
)


@examples.creates(examples.OVER_USE_NOTE)
class OverUseNoteViewSet(ReadOnly, mixins.CreateModelMixin):
    """Why a pool was in use above what is allowed. Never edited: of several notes on an episode
    the newest counts."""

    queryset = OverUseNote.objects.all()
    serializer_class = OverUseNoteSerializer
    filterset_class = filters_of(OverUseNote, "pool", span_of="starts")
    ordering_fields = ("id", "starts", "recorded_at")

    def perform_create(self, serializer: Any) -> None:
        try:
            note = explain_over_use(**serializer.validated_data, user=self.request.user)
        except ModelError as error:
            raise as_api_error(error) from error
        serializer.instance = note


class PoolOverUse:
    """The endpoint of a pool's over-use."""

    @extend_schema(parameters=SPAN, responses={200: pool_answers.OVER_USE})
    @action(detail=True, url_path="over-use")
    def over_use(self, request: Request, pk: str | None = None) -> Response:
        """Say when more seats were in use than allowed, and what people found out about it.

        `note` is null where nobody explained an episode; its empty `resolution` means *still open*.
        Where there is no episode, `none_seen` says how much that means.
        """
        pool = self.get_object()  # type: ignore[attr-defined]
        asked = span(request, pool)
        found = over_use(pool, asked.start, asked.end)
        return Response(
            {
                "pool": pool.name,
                "episodes": [_told(row, asked) for row in found],
                "none_seen": "" if found else none_seen(pool, asked.start, asked.end),
            }
        )


def _told(row: Episode, asked: Span) -> dict[str, Any]:
    note = row.note
    return {
        "from": iso(row.start, asked.zone),
        "to": iso(row.end, asked.zone),
        "seconds": row.end - row.start,
        "peak": row.peak,
        "excess": row.excess,
        "note": None
        if note is None
        else {
            "cause": note.cause,
            "resolution": note.resolution,
            "owner": note.owner,
            "author": note.author,
            "recorded_at": iso(note.at, asked.zone),
        },
    }
