"""Signed reports of one kind and one period that tell of some of the same pools.

Each is right by what was known at its as-of time, so both may stand, with different figures.
Whoever signs the second says why, and its paper names the first.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from reports.datasets.standing import Beside, differences
from reports.models import Report


def signed_beside(report: Report) -> list[Report]:
    """Return the signed reports of its kind and period about other sets of pools that share one
    with it, without those of which a later version is signed."""
    signed = Report.Decision.SIGNED
    shared = report.pools.order_by().values("pk")
    rows = Report.objects.filter(name=report.name, decision=signed, pools__in=shared)
    rows = rows.exclude(scope_key=report.scope_key).exclude(superseded_by__decision=signed)
    return [
        row
        for row in rows.order_by("pk").distinct()
        if _period(row.params) == _period(report.params)
    ]


def load_beside(report: Report, numbers: Mapping[str, Any] | None = None) -> tuple[Beside, ...]:
    """Return what those reports say of the same pools, against the numbers of this one as JSON;
    None: those of its file."""
    others = signed_beside(report)
    if not others:
        return ()
    if numbers is None:
        numbers = _numbers(report)
    return tuple(_beside(report, numbers, other) for other in others)


def _beside(report: Report, numbers: Mapping[str, Any] | None, other: Report) -> Beside:
    own = set(report.pools.order_by().values_list("pk", flat=True))
    shared = own & set(other.pools.order_by().values_list("pk", flat=True))
    before = _numbers(other)
    known = None
    if before is not None and numbers is not None:
        known = len(differences(*(_of_pools(each, shared) for each in (before, numbers))))
    return Beside(other.pk, other.version, len(shared), known)


def _of_pools(numbers: Mapping[str, Any], pools: set[int]) -> dict[str, Any]:
    rows = numbers["pools"]
    return {"pools": [row for row in rows if row["position"]["pool_id"] in pools]}


def _numbers(report: Report) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads(report.data_path.read_text())
    except FileNotFoundError:
        return None
    return found


def _period(params: Mapping[str, Any]) -> tuple[int, int]:
    return params["start"], params["end"]
