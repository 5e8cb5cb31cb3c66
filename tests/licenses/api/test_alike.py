"""Rows with the same keys are the same JSON as the framework makes of them, byte for byte."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.utils.translation import gettext_lazy
from rest_framework.renderers import JSONRenderer

from licenses.api.alike import AlikeJSONRenderer, Table

ROW: dict[str, Any] = {
    "id": 1, "name": 'a "quoted"\\ ü \u2028 <b>\x00%s 😀', "limit": None, "share": 0.25, "on": True,
    "50 %": "%d", "at": datetime(2026, 1, 2, tzinfo=UTC), "cost": Decimal("1.50"),
    "label": gettext_lazy("Denials"), "many": [1, {"a": None}], "none": {},
    "week": {"peak": 3, "before": {"peak": None, "of": "x"}},
}  # fmt: skip
OTHER: dict[str, Any] = dict.fromkeys(ROW) | {"id": -(10**20), "name": "", "limit": 7}


@pytest.mark.parametrize(
    "data",
    [
        *({"pools": []}, {"pools": [ROW]}, {"pools": [ROW, OTHER, ROW]}, {"pools": [OTHER] * 2}),
        {"pools": [ROW, dict(reversed(ROW.items()))]},
        {"pools": [ROW, {"id": 2}]},
        {"pools": [{"id": True}, {"id": 2}, {"id": None}]},
        {"pools": [{"id": 2.5}, {"id": 2}, {"id": "x"}]},
        {"pools": [{"week": {"a": 1}}, {"week": {"b": 1}}, {"week": None}]},
        {"pools": [{1: "a"}, {1: "b"}]},
        {"pools": [{}, {}]},
        {"pools": [ROW], "rows": [1, 2], "next": None, "title": "x\u2029"},
        *(None, [], [ROW], "text", {}, {1: [ROW]}),
    ],
)
def test_the_bytes_are_those_of_the_framework(data: Any) -> None:
    for accepted in (None, "application/json", "application/json; indent=4"):
        expected = JSONRenderer().render(data, accepted, {})
        assert AlikeJSONRenderer().render(data, accepted, {}) == expected


def test_a_table_is_the_list_of_its_mappings() -> None:
    for rows in ([], [tuple(ROW.values())], [tuple(row.values()) for row in (ROW, OTHER, ROW)]):
        table = Table(tuple(ROW), rows)
        for accepted in ("application/json", "application/json; indent=4"):
            expected = JSONRenderer().render({"pools": table.mappings()}, accepted, {})
            assert AlikeJSONRenderer().render({"pools": table}, accepted, {}) == expected


def test_what_json_cannot_hold_is_refused() -> None:
    for value in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="JSON"):
            AlikeJSONRenderer().render({"pools": [{"share": value}, {"share": 1.0}]})
