"""What the first page of the admin says, for programs."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from itam.asked import asked_id
from licenses.analysis.rows import as_moment
from licenses.analysis.waiting import Waiting
from licenses.api.answers import Nullable, Sometimes, shape
from licenses.api.permissions import ReadsPools, SetsUp
from licenses.models import LicensePool, sees_everything
from licenses.overview import attention, counting, installation, setup
from licenses.overview.totals import Totals, UnusedTotal, spare_of, totals, unused_total

_STEP = shape("SetUpStep", setup.Step)
STEPS = shape("SetUpSteps", {"steps": [_STEP]})
_ALL = {"counted_at": datetime | None, "news_at": datetime | None}
OVERVIEW = shape(
    "Overview",
    {"at": datetime, "totals": shape("Totals", Totals, _ALL)},
    {"attention": [shape("Attention", attention.Task)], "stopped": list[str]},
    {"unused": Sometimes(shape("UnusedTotal", UnusedTotal)), "set_up": Sometimes([_STEP])},
    {"unattended": Sometimes(list[str])},
)
_RUN = {
    **{"begun_at": datetime, "heard_at": datetime, "servers": int, "servers_done": int},
    **{"hours": int | None, "hours_done": int},
}
COUNTING = shape(
    "Counting",
    {"at": datetime, "waiting": shape("Waiting", Waiting)},
    {"rebuild": Nullable(shape("RebuildRun", _RUN))},
)


class OverviewView(APIView):
    """All pools in a few figures, what needs you, and what of the installation stands still.

    The figures of each pool are those of `pools/now/?headlines=true`.
    """

    permission_classes = (ReadsPools,)

    @extend_schema(responses={200: OVERVIEW})
    def get(self, request: Request) -> Response:
        user: Any = request.user
        found = totals(user).as_dict()
        for name in ("counted_at", "news_at"):
            found[name] = None if found[name] is None else as_moment(found[name])
        answer: dict[str, Any] = {
            "at": timezone.now(),
            "totals": found,
            "attention": [asdict(task) for task in attention.tasks(user)],
            "stopped": installation.stopped(),
        }
        spare = spare_of(user)
        if spare is not None:
            answer["unused"] = asdict(unused_total(spare))
        if user.has_perm("licenses.add_licenseserver"):
            answer["set_up"] = [asdict(step) for step in setup.steps()]
        if sees_everything(user):
            answer["unattended"] = installation.unattended()
        return Response(answer)


class CountingView(APIView):
    """What of the figures is being counted again: until then, what was known before is told.

    `waiting`: hours, and pools that they are of, and since when the first of them waits; at least
    so many where `exact` is false. `rebuild`: a run that makes all figures again and how far it is,
    for who sees everything.
    """

    permission_classes = (ReadsPools,)

    @extend_schema(
        parameters=[OpenApiParameter("pool", int, description="Of this pool alone.")],
        responses={200: COUNTING},
    )
    def get(self, request: Request) -> Response:
        asked = request.query_params.get("pool", "")
        pool_id = asked_id(asked)
        if asked and pool_id is None:
            raise ValidationError({"pool": gettext("Expected the id of a pool.")})
        pool: Any = None
        if asked:
            pool = LicensePool.objects.for_user(request.user).filter(pk=pool_id).first()
            if pool is None:
                raise NotFound
        found = counting.counting(request.user, pool and pool.pk)
        run = found.run
        return Response(
            {
                "at": timezone.now(),
                "waiting": asdict(found.waiting),
                "rebuild": None if run is None else {name: getattr(run, name) for name in _RUN},
            }
        )


class SkipSerializer(serializers.Serializer[Any]):
    """A step of the set-up, as `overview/` names it, and whether it is left for later."""

    step = serializers.CharField(max_length=30)
    skipped = serializers.BooleanField()


class SetUpView(APIView):
    """Leave a step of the set-up for later, or take it up again."""

    permission_classes = (SetsUp,)

    @extend_schema(request=SkipSerializer, responses={200: STEPS})
    def post(self, request: Request) -> Response:
        asked = SkipSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        try:
            setup.skip(
                asked.validated_data["step"],
                skipped=asked.validated_data["skipped"],
                user=request.user,
            )
        except KeyError as error:
            told = gettext("The set-up has no such step.")
            raise ValidationError({"step": told}) from error
        return Response({"steps": [asdict(step) for step in setup.steps()]})
