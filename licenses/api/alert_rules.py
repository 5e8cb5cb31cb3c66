"""Endpoints of alert rules: keeping them, and trying them on the past before they are kept."""

from __future__ import annotations

import time
import uuid
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from licenses.alerts.backtest import backtest
from licenses.api import examples
from licenses.api import serializers as shapes
from licenses.api.answers import SPAN, Moment, shape
from licenses.api.base import Editable, filters_of
from licenses.api.row_history import TellsHistory
from licenses.models import AlertRule, LicensePool

_FIRED = {"pool": str, "fired_at": Moment, "end": Moment, "worst": int}
TRIED = shape(
    "Backtest",
    {**SPAN, "possible": bool},
    dict.fromkeys(("pools", "of_pools", "fired", "shortages", "ahead"), int),
    {"median_lead_seconds": int | None, "observed_seconds": int, "expected_seconds": int},
    {"sentences": list[str]},
    {"latest": [shape("FiredThen", _FIRED, {"limit": int | None, "denials": int})]},
)


@examples.creates(examples.ALERT_RULE)
class AlertRuleViewSet(TellsHistory, Editable):
    """When somebody is to be told, about one pool, one server, or all of them."""

    queryset = AlertRule.objects.prefetch_related("channels")
    serializer_class = shapes.RuleSerializer
    filterset_class = filters_of(AlertRule, "kind", "enabled", "pool", "server")
    search_fields = ("name",)

    @extend_schema(
        operation_id="alert_rules_try",
        request=shapes.RuleSerializer,
        responses={200: TRIED},
    )
    @action(detail=False, methods=["post"], pagination_class=None, filter_backends=())
    def backtest(self, request: Request) -> Response:
        """Say what a rule that is not saved would have done in the last 12 months. Saves nothing;
        a name may be left out."""
        data = {**_plain(request.data), "name": f"tried {uuid.uuid4()}"}
        asked = self.get_serializer(data=data)
        asked.is_valid(raise_exception=True)
        return self._tried(request, AlertRule(**_columns(asked.validated_data)))

    @extend_schema(
        operation_id="alert_rules_try_again",
        request=shapes.RuleSerializer,
        responses={200: TRIED},
    )
    @action(detail=True, methods=["post"], url_path="backtest")
    def try_again(self, request: Request, pk: str | None = None) -> Response:
        """Say what a saved rule, with these changes if any, would have done. Saves nothing."""
        rule = self.get_object()
        asked = self.get_serializer(rule, data=_plain(request.data), partial=True)
        asked.is_valid(raise_exception=True)
        for name, value in _columns(asked.validated_data).items():
            setattr(rule, name, value)
        return self._tried(request, rule)

    def _tried(self, request: Request, rule: AlertRule) -> Response:
        pools = LicensePool.objects.for_user(request.user).active()
        return Response(backtest(rule, pools, now=int(time.time())).as_dict())


def _plain(data: Any) -> dict[str, Any]:
    return dict(data.items()) if hasattr(data, "items") else {}


def _columns(values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name != "channels"}
