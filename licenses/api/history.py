"""What a pool did: its use as a curve, when it is used, and who held seats at any moment."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.utils.translation import gettext
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from licenses.access.fairness import waits
from licenses.analysis.instant import instant
from licenses.analysis.pattern import heatmap, load_curve
from licenses.analysis.series import STEPS, series
from licenses.analysis.time_to_full import forecasts
from licenses.api import pool_answers
from licenses.api.asking import SPAN, ZONE, moment, span
from licenses.api.pagination import HOLDER_PAGES, holder_page, next_page
from licenses.concurrency.periods import iso
from licenses.importing.lines import MOST_HOLDINGS, lines_of
from licenses.models import PoolNow, sees_names

STEP = OpenApiParameter(
    "step",
    int,
    enum=list(STEPS),
    description="Seconds of a bucket. The shortest that makes 2,000 or fewer if left out.",
)
AT = [
    OpenApiParameter("at", str, required=True, description="Moment with an offset, or a day."),
    OpenApiParameter("lines", bool, description="`true`: add the raw lines that it rests on."),
    ZONE,
]


class PoolHistory:
    """The endpoints of a pool's history."""

    @extend_schema(parameters=[*SPAN, STEP], responses={200: pool_answers.SERIES})
    @action(detail=True)
    def series(self, request: Request, pk: str | None = None) -> Response:
        """Say how the pool was used, as the most of each bucket; gaps and limits stand apart.

        A bucket of which nothing is known has no peak, and never one of 0.
        """
        pool = self.get_object()  # type: ignore[attr-defined]
        asked = span(request, pool)
        step = _step(request)
        try:
            found = series(pool, asked.start, asked.end, step=step, zone=asked.zone)
        except ValueError as error:
            raise ValidationError({"step": str(error)}) from error
        return Response(found.as_dict(asked.zone))

    @extend_schema(responses={200: pool_answers.FORECAST})
    @action(detail=True)
    def forecast(self, request: Request, pk: str | None = None) -> Response:
        """Say when the pool is expected to be full: `seconds` from `at`, 0 where it is, null where
        it is not within four hours. `known` false: nothing can be said.

        From the slope of the last hour, and from how the same weekday went on in earlier weeks.
        """
        pool = self.get_object()  # type: ignore[attr-defined]
        row = PoolNow.objects.filter(pool=pool).select_related("pool").first()
        found = None if row is None else forecasts([row]).get(pool.pk)
        if found is None or not found.known:
            return Response({"pool": pool.name, "known": False, "seconds": None})
        return Response(
            {
                "pool": pool.name,
                "known": True,
                "at": iso(found.at, pool.tzinfo),
                "seconds": found.seconds,
                "in_use": found.in_use,
                "limit": found.limit,
                "seats_an_hour": round(found.slope, 2),
                "days": found.days,
                "alike": found.alike,
            }
        )

    @extend_schema(parameters=SPAN, responses={200: pool_answers.WAITS})
    @action(detail=True)
    def waits(self, request: Request, pk: str | None = None) -> Response:
        """Say how the waitlist served those who joined it in the window, in sums."""
        pool = self.get_object()  # type: ignore[attr-defined]
        if not request.user.has_perm("licenses.view_denial"):
            raise PermissionDenied
        asked = span(request, pool)
        start, end = (datetime.fromtimestamp(each, UTC) for each in (asked.start, asked.end))
        edges = {"from": iso(asked.start, asked.zone), "to": iso(asked.end, asked.zone)}
        return Response({"pool": pool.name, **edges, **waits(pool, start, end).as_dict()})

    @extend_schema(parameters=SPAN, responses={200: pool_answers.PATTERN})
    @action(detail=True)
    def pattern(self, request: Request, pk: str | None = None) -> Response:
        """Say when the pool is used, by hour and weekday, and how much of the time how many seats
        are."""
        pool = self.get_object()  # type: ignore[attr-defined]
        asked = span(request, pool)
        when = heatmap(pool, asked.start, asked.end, zone=asked.zone)
        load = load_curve(pool, asked.start, asked.end)
        zone = asked.zone
        return Response(
            {
                "pool": pool.name,
                "zone": str(zone),
                "heatmap": when.as_dict(zone),
                "load_duration": load.as_dict(zone),
            }
        )

    @extend_schema(parameters=[*AT, *HOLDER_PAGES], responses={200: pool_answers.AT})
    @action(detail=True)
    def at(self, request: Request, pk: str | None = None) -> Response:
        """Say who held seats at a moment, how well that is known, and on which raw lines it rests.

        The texts of the lines are told to those who may see names. `next` leads to the holders
        behind those of the answer, of which there are 200 at most with lines.
        """
        pool = self.get_object()  # type: ignore[attr-defined]
        if not request.user.has_perm("licenses.view_checkout"):
            raise PermissionDenied
        asked = moment(request, pool)
        names = sees_names(request.user, pool=pool.pk)
        with_lines = request.query_params.get("lines") == "true"
        behind, most = holder_page(request)
        most = min(most, MOST_HOLDINGS) if with_lines else most
        found = instant(pool, asked.at, names=names, behind=behind, most=most)
        answer = found.as_dict(asked.zone) | {"next": next_page(request, found.last)}
        if with_lines:
            told: dict[int, list[dict[str, Any]]] = {}
            for line in lines_of([row.checkout for row in found.holders], asked.at):
                shown = line if names else line.without_names()
                told.setdefault(line.checkout, []).append(shown.as_dict(asked.zone))
            for row, shown_row in zip(found.holders, answer["holders"], strict=True):
                shown_row["lines"] = told.get(row.checkout, [])
        return Response(answer)


def _step(request: Request) -> int | None:
    """Return the step asked for; None for one that fits."""
    text = request.query_params.get("step")
    if not text:
        return None
    if not text.isdecimal() or len(text) > 9:  # thousands of digits are no number
        told = gettext("Found %(text)s; expected a number of seconds.")
        raise ValidationError({"step": told % {"text": repr(text)}})
    return int(text)
