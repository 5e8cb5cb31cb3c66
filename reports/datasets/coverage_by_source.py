"""How much of a period each source of each licence server vouches for, and how often it looked."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from django.db.models import Count

from licenses.analysis.rows import number
from licenses.concurrency.intervals import IntervalSet
from licenses.models import Coverage, Gap, LicensePool, LicenseServer


@dataclass(frozen=True, slots=True)
class SourceCoverage:
    """One source of a server: its log, or polls of it.

    seconds, share:  the part of the window, up to the as-of time, that the source vouches for; of
                     several daemons, that of any.
    every_seconds:   between two polls, as set now; None for a log, which tells each event.
    clock_steps:     how often our clock went back while the server was polled.
    """

    server: str
    source: str
    every_seconds: int | None
    seconds: int
    share: Fraction | None
    clock_steps: int


def load_source_coverage(
    pools: Collection[LicensePool], start: int, end: int, as_of: datetime
) -> tuple[SourceCoverage, ...]:
    """Return the sources of the servers that ever fed the pools, by name. Three queries."""
    end = max(start, min(end, int(as_of.timestamp())))
    chosen = [pool.pk for pool in pools]
    servers = LicenseServer.objects.filter(features__mappings__pool__in=chosen).distinct()
    known = {row.pk: row for row in servers.only("name", "polling", "poll_seconds")}
    rows = Coverage.objects.filter(server__in=known, ends__gt=start, starts__lt=end)
    spans: dict[tuple[int, str], tuple[list[int], list[int]]] = {}
    for server, source, first, last in rows.order_by().values_list(
        "server", "source", number("starts"), number("ends")
    ):
        starts, ends = spans.setdefault((server, source), ([], []))
        starts.append(first)
        ends.append(last)
    for pk, row in known.items():
        if row.polling != LicenseServer.Polling.OFF:
            spans.setdefault((pk, Coverage.Source.POLLS), ([], []))
    steps = _clock_steps(known, start, end, as_of)
    found = [
        _of(known[server], source, IntervalSet.of(*span).clip(start, end), start, end, steps)
        for (server, source), span in spans.items()
    ]
    return tuple(sorted(found, key=lambda each: (each.server, each.source)))


def _of(
    server: LicenseServer,
    source: str,
    seen: IntervalSet,
    start: int,
    end: int,
    steps: dict[int, int],
) -> SourceCoverage:
    polled = source == Coverage.Source.POLLS
    return SourceCoverage(
        server=server.name,
        source=source,
        every_seconds=server.poll_seconds if polled else None,
        seconds=seen.seconds,
        share=Fraction(seen.seconds, end - start) if end > start else None,
        clock_steps=steps.get(server.pk, 0) if polled else 0,
    )


def _clock_steps(servers: Collection[int], start: int, end: int, as_of: datetime) -> dict[int, int]:
    rows = Gap.objects.filter(
        server__in=list(servers),
        cause=Gap.Cause.CLOCK_SUSPECT,
        starts__lt=end,
        ends__gt=start,
        detected_at__lte=as_of,
    )
    return dict(rows.order_by().values_list("server").annotate(Count("pk")))
