"""How a pool stands: its verdicts, what is missing, and whether its sources agree on its seats."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.utils.translation import gettext
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from licenses.analysis.bounds import bounded_gaps
from licenses.analysis.coverage import load_coverage, nothing_expected
from licenses.analysis.drift import Said, drift
from licenses.analysis.mappings import load_mappings
from licenses.analysis.rights import entitlement_steps
from licenses.analysis.verdict import months, period_verdict, verdicts
from licenses.api import pool_answers
from licenses.api.asking import SPAN, Span, span
from licenses.concurrency.periods import iso
from licenses.models import LicensePool

MOST_MONTHS = 60


class PoolStanding:
    """The endpoints of what can be said of a pool and its rights."""

    @extend_schema(parameters=SPAN, responses={200: pool_answers.VERDICTS})
    @action(detail=True)
    def verdicts(self, request: Request, pk: str | None = None) -> Response:
        """Judge each month of the window, cut at its ends, and the window: the worst of them.

        `coverage` is observed / expected; null where nothing was expected. Over-use is null where
        nothing says what is allowed, or nothing is known of the use.
        """
        pool = _with_rights(self, request)
        asked = span(request, pool)
        spans = months(asked.start, asked.end, asked.zone)
        if len(spans) > MOST_MONTHS:
            told = gettext("That is more than %(most)s months: ask for fewer.")
            raise ValidationError({"to": told % {"most": MOST_MONTHS}})
        found = verdicts(
            pool, spans, zone=asked.zone, proven_from=settings.ITAM_PROVEN_FROM_STRENGTH
        )
        whole = period_verdict(found)
        return Response(
            {
                "pool": pool.name,
                "verdict": str(whole.verdict),
                "reason": whole.reason,
                "months": [_month(row, asked) for row in found],
            }
        )

    @extend_schema(parameters=SPAN, responses={200: pool_answers.GAPS})
    @action(detail=True)
    def gaps(self, request: Request, pk: str | None = None) -> Response:
        """Say for which time nobody can vouch, why, and how much of it is bounded all the same:
        the servers could not issue more than what is proven.

        Of time in which nothing was expected of the pool nobody can say anything, gaps neither:
        `expected_seconds` is 0 then, `coverage` null, and `reason` says so.
        """
        pool = self.get_object()  # type: ignore[attr-defined]
        asked = span(request, pool)
        found = bounded_gaps(
            pool, asked.start, asked.end, proven_from=settings.ITAM_PROVEN_FROM_STRENGTH
        )
        rows = [
            {
                "from": iso(gap.start, asked.zone),
                "to": iso(gap.end, asked.zone),
                "seconds": gap.end - gap.start,
                "cause": gap.cause,
                "cause_label": gap.cause_label,
                "detail": gap.detail,
                "bounded_seconds": gap.bounded_seconds,
                "bound": gap.bound,
                "bound_basis": gap.bound_basis,
            }
            for gap in found
        ]
        seen = load_coverage([pool], load_mappings([pool.pk]), asked.start, asked.end)[pool.pk]
        return Response(
            {
                "pool": pool.name,
                "expected_seconds": seen.expected.seconds,
                "observed_seconds": seen.seen.seconds,
                "coverage": None if seen.share is None else float(seen.share),
                "reason": nothing_expected() if seen.share is None else "",
                "gaps": rows,
            }
        )

    @extend_schema(responses={200: pool_answers.DRIFT})
    @action(detail=True)
    def drift(self, request: Request, pk: str | None = None) -> Response:
        """Say how many seats contracts, licence files and servers say the pool has. Null: nothing.

        `since` is null where it has been so for ever.
        """
        pool = _with_rights(self, request)
        found = drift(pool)

        def told(said: Said) -> dict[str, Any]:
            since = None if said.since is None else iso(said.since, pool.tzinfo)
            return {"seats": said.seats, "since": since}

        return Response(
            {
                "pool": pool.name,
                "differs": found.differs,
                "sentence": found.sentence(pool.tzinfo),
                **{name: told(getattr(found, name)) for name in found._fields},
            }
        )

    @extend_schema(responses={200: pool_answers.RIGHTS})
    @action(detail=True)
    def rights(self, request: Request, pk: str | None = None) -> Response:
        """Say what was and will be allowed, step by step, and by which entitlements: the oldest
        first, by the days of the pool's zone.

        Before the first step nothing is known; `to` is null where a step has no end. A step after
        the end of all entitlements allows 0.
        """
        pool = _with_rights(self, request)
        zone = pool.tzinfo
        steps = [
            {
                "from": iso(step.start, zone),
                "to": None if step.end is None else iso(step.end, zone),
                "entitled": step.quantity,
                "overdraft": step.overdraft,
                "allowed": step.allowed,
                "entitlements": list(step.entitlement_ids),
            }
            for step in entitlement_steps(pool)
        ]
        return Response({"pool": pool.name, "zone": pool.zone, "steps": steps})


def _with_rights(view: Any, request: Request) -> LicensePool:
    """Return the pool for readers who may see what is bought."""
    pool: LicensePool = view.get_object()
    if not request.user.has_perm("licenses.view_entitlement"):
        raise PermissionDenied
    return pool


def _month(row: Any, asked: Span) -> dict[str, Any]:
    moments = ("start", "end", "peak_at")
    figures = (
        *("peak", "allowed", "expected_seconds", "observed_seconds", "bounded_seconds"),
        *("proven_seconds", "sampled"),
    )
    judged = bool(row.over_seconds) or not (row.peak is None or row.allowed is None)
    told = {name: getattr(row, name) for name in moments}
    return {
        **{name: None if at is None else iso(at, asked.zone) for name, at in told.items()},
        "verdict": str(row.verdict),
        "reason": row.reason,
        "coverage": None if row.coverage is None else float(row.coverage),
        **{name: getattr(row, name) for name in figures},
        **{name: getattr(row, name) if judged else None for name in pool_answers.OVER},
    }
