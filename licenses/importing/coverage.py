"""What time a source vouches for, and what time it does not."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from django.db.models import Q

from licenses.evidence import entries
from licenses.models import Capture, Coverage, Gap, LicenseServer


def moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def extend(
    server: LicenseServer, daemon: str, source: str, spans: Iterable[tuple[int, int]]
) -> list[tuple[int, int]]:
    """Add spans to what a source vouches for, and return the spans that were new to it.

    Spans that touch or overlap become one row, so the rows are the same whatever the order, number
    or cut of the pieces.
    """
    added = []
    for start, end in spans:
        if start >= end:
            continue
        rows = list(
            Coverage.objects.filter(
                server=server, daemon=daemon, source=source, starts__lte=end, ends__gte=start
            ).order_by("starts")
        )
        if rows and _seconds(rows[0].starts) <= start and _seconds(rows[0].ends) >= end:
            continue
        first = min([start, *(_seconds(row.starts) for row in rows)])
        last = max([end, *(_seconds(row.ends) for row in rows)])
        added += _uncovered(
            start, end, [(_seconds(row.starts), _seconds(row.ends)) for row in rows]
        )
        keep, rest = (rows[0], rows[1:]) if rows else (None, [])
        if rest:
            Coverage.objects.filter(pk__in=[row.pk for row in rest]).delete()
        if keep is None:
            Coverage.objects.create(
                server=server, daemon=daemon, source=source, starts=moment(first), ends=moment(last)
            )
        else:
            Coverage.objects.filter(pk=keep.pk).update(starts=moment(first), ends=moment(last))
    return added


def _uncovered(start: int, end: int, rows: list[tuple[int, int]]) -> list[tuple[int, int]]:
    free, at = [], start
    for first, last in rows:
        if first > at:
            free.append((at, first))
        at = max(at, last)
    if at < end:
        free.append((at, end))
    return free


def _seconds(value: datetime) -> int:
    return int(value.timestamp())


def open_gap(
    server: LicenseServer, daemon: str, start: int, cause: str, detail: str
) -> list[entries.Draft]:
    """Write that nothing is known from `start` on; a gap already open keeps its start, and takes a
    new cause as a new row.

    Returns the evidence entries for it.
    """
    current = Gap.objects.filter(server=server, daemon=daemon, ends=None).first()
    if current is not None:
        if current.cause == cause:
            return []
        # The cause changed under way: what was is over, what is begins now.
        Gap.objects.filter(pk=current.pk).update(ends=moment(max(start, _seconds(current.starts))))
        start = max(start, _seconds(current.starts))
    Gap.objects.create(
        server=server, daemon=daemon, starts=moment(start), cause=cause, detail=detail[:1000]
    )
    return [
        entries.draft(
            "gap", start, {"cause": cause, "daemon": daemon, "detail": detail, "from": start}
        )
    ]


def close_gaps(
    server: LicenseServer, end: int, daemons: Iterable[str] | None = None
) -> list[entries.Draft]:
    """End the open gaps of a server (or of these daemons) at the first answer that counts."""
    gaps = Gap.objects.filter(server=server, ends=None)
    if daemons is not None:
        gaps = gaps.filter(daemon__in=list(daemons))
    drafts = []
    for gap in gaps:
        last = max(end, _seconds(gap.starts))
        Gap.objects.filter(pk=gap.pk).update(ends=moment(last))
        drafts.append(
            entries.draft(
                "gap",
                last,
                {
                    "cause": gap.cause,
                    "daemon": gap.daemon,
                    "from": _seconds(gap.starts),
                    "to": last,
                },
            )
        )
    return drafts


def write_gap(
    server: LicenseServer, daemon: str, start: int, end: int, cause: str, detail: str
) -> list[entries.Draft]:
    """Write a gap that is known only now that it is over."""
    if start >= end:
        return []
    Gap.objects.get_or_create(
        server=server,
        daemon=daemon,
        starts=moment(start),
        ends=moment(end),
        cause=cause,
        defaults={"detail": detail[:1000]},
    )
    return [
        entries.draft(
            "gap",
            end,
            {"cause": cause, "daemon": daemon, "detail": detail, "from": start, "to": end},
        )
    ]


def fill_gaps(server: LicenseServer, spans: Iterable[tuple[int, int]], capture: Capture) -> None:
    """Mark the gaps that a log has since filled whole. The gap stays: it says that this was learned
    later."""
    for start, end in spans:
        Gap.objects.filter(
            Q(filled_by=None), server=server, starts__gte=start, ends__lte=end, ends__isnull=False
        ).update(filled_by=capture)
