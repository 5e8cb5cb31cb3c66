"""Endpoint of one's own refusals, and of why an episode came about."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from itam.asked import asked_id
from licenses.access import why as whys
from licenses.access import why_words
from licenses.analysis.availability import load_availability
from licenses.analysis.busy_kept import usual_hours
from licenses.api import pool_answers
from licenses.api.base import ReadOnly, filters_of
from licenses.api.serializers import DenialEpisodeSerializer
from licenses.api.status import HasRole, next_free
from licenses.evidence.reads import note_names
from licenses.models import DenialEpisode


class RefusalViewSet(ReadOnly):
    """One's own refusals. A single one says why; who may read about other people opens theirs."""

    queryset = DenialEpisode.objects.all()
    permission_classes = (HasRole,)
    serializer_class = DenialEpisodeSerializer
    filterset_class = filters_of(DenialEpisode, "pool", "outcome", "reason_class", "capacity")
    ordering_fields = ("id", "starts", "lost_seconds")

    def get_queryset(self) -> Any:
        if getattr(self, "swagger_fake_view", False):
            return DenialEpisode.objects.none()
        return whys.own_episodes(self.request.user)

    @extend_schema(responses={200: pool_answers.WHY})
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Say why: the class in words, the limit or rule that was hit, who held the seats."""
        episode = whys.find(request.user, asked_id(kwargs["pk"]) or 0)
        if episode is None:
            raise NotFound
        found = whys.explain(episode, request.user)
        note_names(
            request, "why somebody was refused", whys.naming(found),
            pool=episode.pool_id, single=True,
        )  # fmt: skip
        told = _told(found, request.user, self.get_serializer(episode).data)
        return Response({**told, "usual": _usual(episode) if episode.capacity else None})


def _usual(episode: DenialEpisode) -> dict[str, Any]:
    """Return how the hour of the refusal usually is, and when a seat is usually free next."""
    pool, now = episode.pool, int(time.time())
    hours = usual_hours([pool], load_availability([pool], now), now)[pool.pk]
    return {
        "that_hour": hours.level_at(episode.starts, pool.tzinfo),
        "next_free": next_free(pool, hours, now),
    }


def _told(found: whys.Why, reader: Any, episode: dict[str, Any]) -> dict[str, Any]:
    rows = found.holders.rows
    zone = found.episode.pool.tzinfo
    return {
        "episode": episode,
        "own": found.own,
        "name": found.name,
        "what": why_words.what(found.episode),
        "what_to_do": why_words.what_to_do(found.episode),
        "then": why_words.then(found),
        "outcome": why_words.outcome(found.episode),
        "refusals": [
            {
                "at": line.at.astimezone(zone).isoformat(),
                "feature": line.feature,
                "seats": line.seats,
                "code": line.code,
                "reason": line.reason,
            }
            for line in found.lines
        ],
        "rules": [why_words.rule(row, reader) for row in found.rules],
        "held_by": {
            "words": why_words.holders(found),
            "people": found.holders.people,
            "seats": found.holders.seats,
            "holders": None
            if rows is None
            else [
                {
                    "person": row.label,
                    "name": row.name,
                    "seats": row.seats,
                    "since": datetime.fromtimestamp(row.taken_at, UTC).astimezone(zone).isoformat(),
                    "sure": row.sure,
                }
                for row in rows
            ],
            "more_holders": None if rows is None else found.holders.more,
        },
        "house_rules": found.episode.pool.house_rules,
    }
