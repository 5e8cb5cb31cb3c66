"""Which reports come before another: periods are judged in the order of their ends.

Whoever signs a later period first could leave an earlier one, with what it says, unsigned for good.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Q

from licenses.concurrency.intervals import IntervalSet
from reports.models import Report

Window = tuple[int, int]

MAY_ASK, MAY_SIGN = "reports.add_report", "reports.sign_report"


def open_before(report: Report) -> list[Report]:
    """Return the reports of its kind that have to be decided before it, earliest first.

    They share a pool with it, end earlier, or together with it and begin earlier; nobody signed or
    rejected them, and no newer version takes their place. A look back into time that is signed
    already holds nothing up, nor does what somebody asked for who may neither ask for reports of
    the company nor sign them.
    """
    pools = set(_pools_of(report))
    kind = Report.objects.filter(name=report.name).exclude(pk=report.pk)
    still = kind.filter(_ours(), decision="", superseded_by=None, pools__in=pools).distinct()
    earlier = [
        row
        for row in still.exclude(state=Report.State.FAILED)
        if _place(row.params) < _place(report.params)
    ]
    signed = _signed(kind, pools) if earlier else {}
    return sorted(
        (row for row in earlier if not _settled(row, pools, signed)),
        key=lambda row: (_place(row.params), row.pk),
    )


def _ours() -> Q:
    """Return the condition that a report was asked for by itself, or by one who may ask or sign.

    Whoever left the company keeps what they asked for: to be inactive loses no permission here.
    """
    backend = "django.contrib.auth.backends.ModelBackend"
    users = User.objects
    asking, signing = (
        users.with_perm(name, is_active=None, backend=backend)  # type: ignore[arg-type]
        for name in (MAY_ASK, MAY_SIGN)
    )
    whose = [rows.order_by().values("pk") for rows in (asking, signing)]
    return Q(requested_by=None) | Q(requested_by__in=whose[0]) | Q(requested_by__in=whose[1])


def _place(params: dict[str, int]) -> Window:
    return params["end"], params["start"]


def _pools_of(report: Report) -> Collection[int]:
    return report.pools.order_by().values_list("pk", flat=True)


def _signed(kind: Any, pools: Collection[int]) -> dict[int, IntervalSet]:
    """Return the time of each pool of which a signed report tells."""
    rows = kind.filter(decision=Report.Decision.SIGNED, pools__in=pools)
    spans: dict[int, list[Window]] = {}
    for pool, params in rows.order_by().values_list("pools", "params"):
        spans.setdefault(pool, []).append((params["start"], params["end"]))
    return {pool: IntervalSet.of_spans(found) for pool, found in spans.items()}


def _settled(row: Report, pools: Collection[int], signed: dict[int, IntervalSet]) -> bool:
    """Tell whether all that a report says of the pools lies in time that is signed."""
    window = IntervalSet.of_spans([(row.params["start"], row.params["end"])])
    shared = [pool for pool in _pools_of(row) if pool in pools]
    nothing = IntervalSet.empty()
    return not any(len(window.subtract(signed.get(pool, nothing))) for pool in shared)
