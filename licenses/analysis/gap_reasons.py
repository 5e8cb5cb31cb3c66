"""Why time of a server could not be vouched for: what somebody noted, and what logs tell."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple

from django.db.models import Q
from django.utils.translation import gettext, gettext_noop

from itam.said import said
from licenses.analysis.mappings import Daemon, Mapping
from licenses.analysis.rows import EVER, number
from licenses.concurrency.timeline import OPEN
from licenses.models import Boundary, Coverage, Gap

NOT_NAMED = gettext_noop("The server answered, and did not name this daemon.")
"""As it is stored with the gaps that an import notes, and said of those that are inferred here."""

OF_DAEMONS = frozenset([Gap.Cause.PARTIAL, Gap.Cause.VENDOR_DAEMON_DOWN])
"""Causes whose detail is what an answer said of single daemons and features."""


def said_of(detail: str, daemons: Collection[str]) -> str:
    """Return of such a detail what is said of some daemons by their names, and nothing else."""
    parts = [part for part in detail.split("; ") if part.partition(": ")[0] in daemons]
    return detail if detail == NOT_NAMED else "; ".join(parts)


class Reason(NamedTuple):
    """Why a daemon could not be vouched for over [start, end)."""

    start: int
    end: int
    cause: str
    detail: str


def noted_gaps(server_ids: Collection[int], start: int, end: int) -> dict[Daemon, list[Reason]]:
    """Return the gaps that were written down, by server and daemon; the latest found come first."""
    rows = Gap.objects.filter(Q(ends=None) | Q(ends__gt=start), server__in=server_ids)
    found: dict[Daemon, list[Reason]] = {}
    for server, daemon, *reason in (
        rows.filter(starts__lt=end)
        .order_by("-detected_at", "-pk")
        .values_list(
            "server_id", "daemon", number("starts"), number("ends", OPEN), "cause", "detail"
        )
    ):
        found.setdefault((server, daemon), []).append(Reason(*reason))
    return found


def times_down(server_ids: Collection[int], start: int, end: int) -> dict[Daemon, list[Reason]]:
    """Return the times between a stop and the next start, by server and daemon, as logs tell."""
    kinds = (Boundary.Kind.START, Boundary.Kind.STOP)
    rows = Boundary.objects.filter(server__in=server_ids, kind__in=kinds, at__lt=end)
    since: dict[Daemon, int] = {}
    found: dict[Daemon, list[Reason]] = {}
    cause = Gap.Cause.VENDOR_DAEMON_DOWN.value
    detail = said(lambda: gettext("The log tells of a stop and a later start."))
    columns = ("server_id", "daemon", number("at"), "kind")
    for server, daemon, at, kind in rows.order_by("at", "kind").values_list(*columns):
        if kind == Boundary.Kind.STOP:
            since.setdefault((server, daemon), at)
        elif (server, daemon) in since:
            found.setdefault((server, daemon), []).append(
                Reason(since.pop((server, daemon)), at, cause, detail)
            )
    for key, at in since.items():
        found.setdefault(key, []).append(
            Reason(at, end, cause, said(lambda: gettext("The log ends with a stop.")))
        )
    return {key: [r for r in reasons if r.end > start] for key, reasons in found.items()}


def times_answered(server_ids: Collection[int], start: int, end: int) -> dict[Daemon, list[Reason]]:
    """Return, by server and daemon, the times for which answers vouch for it, as the reason why
    another daemon of the server is not vouched for then."""
    rows = Coverage.objects.filter(
        server__in=server_ids, source=Coverage.Source.POLLS, ends__gt=start, starts__lt=end
    )
    cause = Gap.Cause.VENDOR_DAEMON_DOWN.value
    detail = said(gettext, NOT_NAMED)
    found: dict[Daemon, list[Reason]] = {}
    for server, daemon, first, last in rows.order_by("starts").values_list(
        "server_id", "daemon", number("starts"), number("ends")
    ):
        found.setdefault((server, daemon), []).append(Reason(first, last, cause, detail))
    return found


def times_unlisted(mapping: Mapping, answered: Iterable[Reason]) -> list[Reason]:
    """Return the times for which answers name the daemon of a feature, and do not list it.

    answered:  as of `times_answered`, of its daemon.
    """
    detail = said(lambda: gettext("The server answered, and did not list this feature."))
    spans = [(EVER, mapping.since), *mapping.cuts, (mapping.listed, OPEN)]
    return [
        Reason(max(each.start, start), min(each.end, end), Gap.Cause.PARTIAL.value, detail)
        for each in answered
        for start, end in spans
        if each.end > start and each.start < end
    ]
