"""Examples of the main requests and answers, as the schema and its pages show them."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view

_FIGURES = {
    "start": "2026-03-01T00:00:00+01:00",
    "end": "2026-04-01T00:00:00+02:00",
    "limit": 10,
    "peak": 9,
    "peak_low": 9,
    "peak_high": 9,
    "peak_at": "2026-03-10T10:42:07+01:00",
    "seat_seconds": 5_210_400,
    "full_seconds": 0,
    "over_seconds": 0,
    "observed_seconds": 2_674_800,
    "checkouts": 412,
    "denials": 3,
    "denial_episodes": 2,
    "people": 37,
    "logged_seconds": 2_674_800,
}
USAGE = {
    "pool": "Modeller",
    "zone": "Europe/Berlin",
    "from": "2026-03-01T00:00:00+01:00",
    "to": "2026-04-01T00:00:00+02:00",
    "limit": 10,
    "periods": [_FIGURES],
    "total": _FIGURES,
}
HOLDERS = {
    "pool": "Modeller",
    "at": "2026-03-10T10:45:00+01:00",
    "age_seconds": 41,
    "total": 1,
    "next": None,
    "holders": [
        {
            "person": "P-3f9a2c1b",
            "name": None,
            "host": "",
            "seats": 1,
            "since": "2026-03-10T08:58:12+01:00",
            "state": "held",
            "feature": "modeller",
            "server": "licence1",
            "marks": ["overnight"],
        }
    ],
}
ENTITLEMENT = {
    "pool": 7,
    "contract": 3,
    "quantity": 10,
    "metric": "concurrent",
    "valid_from": "2026-01-01",
    "valid_to": "2026-12-31",
    "purchase_order": "PO-4711",
}
OVER_USE_NOTE = {
    "pool": 7,
    "starts": "2026-03-31T14:00:00+02:00",
    "ends": "2026-03-31T14:38:00+02:00",
    "cause": "Two projects closed their quarter on the same afternoon.",
    "resolution": "Two more seats were ordered: PO-4712.",
    "owner": "Engineering IT",
}
CHANNEL = {
    "name": "Archive",
    "kind": "webhook",
    "target": "https://hooks.example.com/itam",
    "secret": "a long random text",
    "reports": True,
}
ALERT_RULE = {"name": "Modeller at 90 %", "kind": "use_percent", "pool": 7, "threshold": 90}

LIST = {
    "page": "licenses.licensepool",
    "name": "Pools",
    "columns": ["id", "Pool", "In use", "Free", "As of", "12-month peak", "Product", "Set-up"],
}
FOUND = {
    "kind": "pool",
    "id": 7,
    "title": "Modeller",
    "url": "http://127.0.0.1:8000/api/v1/pools/7/",
    "link": "http://127.0.0.1:8000/admin/licenses/licensepool/7/overview/",
}
IMPORTED = {
    "kind": "products",
    "stored": False,
    "new": 1,
    "changed": 1,
    "known": 12,
    "rows": [
        {
            "row": 4,
            "result": "new",
            "cells": [
                {"column": "vendor", "old": "", "new": "Example Software"},
                {"column": "product", "old": "", "new": "Modeller"},
            ],
        },
        {
            "row": 9,
            "result": "changed",
            "cells": [{"column": "category", "old": "CAD", "new": "Simulation"}],
        },
        {"row": 1, "result": "known", "cells": []},
    ],
    "more_rows": 0,
    "errors": [
        {
            "row": 7,
            "column": "vendor",
            "detail": "there is no vendor 'Nobody': record it first",
        }
    ],
    "more_errors": 0,
}


def asked(value: dict[str, Any], name: str = "Example") -> OpenApiExample:
    """Return an example of what is sent."""
    return OpenApiExample(name, value=value, request_only=True)


def answered(value: dict[str, Any], name: str = "Example") -> OpenApiExample:
    """Return an example of what is answered."""
    return OpenApiExample(name, value=value, response_only=True)


def creates(value: dict[str, Any]) -> Any:
    """Return a decorator for a viewset whose POST takes such a body."""
    return extend_schema_view(create=extend_schema(examples=[asked(value)]))
