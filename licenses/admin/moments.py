"""Addresses that lead to moments of a pool: who held seats then, and the raw lines it rests on."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.urls import reverse
from django.utils.http import urlencode

AROUND = 43_200
"""How much of a chart is shown before and after a moment."""


def moment_address(pool: Any, at: int, page: str = "admin:licenses_licensepool_at") -> str:
    """Return the page of a pool at a moment, or another one that is about a moment."""
    when = f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%S}Z"
    return f"{reverse(page, args=[pool.pk])}?at={when}"


def chart_address(pool: Any, at: int) -> str:
    """Return the chart of a pool around a moment."""
    place = reverse("admin:licenses_licensepool_overview", args=[pool.pk])
    return f"{place}?tab=use&from={at - AROUND}&to={at + AROUND}"


def peak_address(pool: Any, *, team: int | None = None, span: tuple[int, int] | None = None) -> str:
    """Return the page that leads to the 12-month peak that a pool's pages tell.

    team:  to that of a team instead. span: to that of [start, end).
    """
    place = reverse("admin:licenses_licensepool_peak", args=[pool.pk])
    if team is not None:
        return f"{place}?{urlencode({'team': team})}"
    return place if span is None else f"{place}?{urlencode({'from': span[0], 'to': span[1]})}"
