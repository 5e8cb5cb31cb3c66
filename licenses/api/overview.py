"""What the first page of the admin says, for programs."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from licenses.analysis.headlines import unused
from licenses.analysis.rows import as_moment
from licenses.api.permissions import ReadsPools
from licenses.models import LicensePool, sees_everything
from licenses.overview import attention, installation
from licenses.overview.totals import totals, unused_total


class OverviewView(APIView):
    """All pools in a few figures, what needs you, and what of the installation stands still.

    The figures of each pool are those of `pools/now/?headlines=true`.
    """

    permission_classes = (ReadsPools,)

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request) -> Response:
        user: Any = request.user
        found = totals(user).as_dict()
        at = found["counted_at"]
        found["counted_at"] = None if at is None else as_moment(at)
        answer: dict[str, Any] = {
            "at": timezone.now(),
            "totals": found,
            "attention": [asdict(task) for task in attention.tasks(user)],
            "stopped": installation.stopped(),
        }
        if user.has_perm("licenses.view_entitlement"):
            mine = LicensePool.objects.for_user(user).active().order_by()
            peaks = dict(mine.values_list("pk", "now__peak_12_months"))
            answer["unused"] = asdict(unused_total(unused(peaks)))
        if sees_everything(user):
            answer["unattended"] = installation.unattended()
        return Response(answer)
