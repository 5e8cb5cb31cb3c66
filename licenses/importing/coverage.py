"""What time a source vouches for, and what time it does not."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from licenses.analysis.prepared import Asked, Prepared
from licenses.analysis.rows import number
from licenses.concurrency.intervals import IntervalSet
from licenses.evidence import entries
from licenses.models import Capture, Coverage, Feature, Gap, LicenseServer

from . import dirty


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
        rows: list[Coverage] = _MET.objects(server.pk, daemon, source, start, end)
        if rows and _seconds(rows[0].starts) <= start and _seconds(rows[0].ends) >= end:
            continue
        first = min([start, *(_seconds(row.starts) for row in rows)])
        last = max([end, *(_seconds(row.ends) for row in rows)])
        added += list(IntervalSet.of([start], [end]).subtract(_set_of(rows)))
        keep, rest = (rows[0], rows[1:]) if rows else (None, [])
        if rest:
            Coverage.objects.filter(pk__in=[row.pk for row in rest]).delete()
        if keep is None:
            if source == Coverage.Source.POLLS:
                server.keep_steps()
            Coverage.objects.create(
                server=server, daemon=daemon, source=source, starts=moment(first), ends=moment(last)
            )
        else:
            _LENGTHENED.update(keep.pk, first, last)
    return added


@Prepared
def _MET(server: int, daemon: str, source: str, start: int, end: int) -> Asked:
    rows = Coverage.objects.filter(
        server=server, daemon=daemon, source=source, starts__lte=end, ends__gte=start
    )
    return rows.order_by("starts"), ()


@Prepared
def _LENGTHENED(row: int, start: int, end: int) -> Asked:
    return Coverage.objects.filter(pk=row), {"starts": start, "ends": end}


def replace(
    server: LicenseServer,
    daemon: str,
    source: str,
    start: int,
    end: int,
    spans: Iterable[tuple[int, int]],
    *,
    known: Iterable[Coverage] | None = None,
) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Have a source vouch for these spans of [start, end] and for nothing else of it. Returns the
    spans that are new, and those that it no longer vouches for.

    known: what it vouches for that reaches into that time, where the caller has read it.
    """
    rows = known
    if rows is None:
        rows = Coverage.objects.filter(
            server=server, daemon=daemon, source=source, starts__lt=end, ends__gt=start
        )
    old, wanted = _set_of(rows).clip(start, end), IntervalSet.of_spans(spans)
    new, lost = list(wanted.subtract(old)), list(old.subtract(wanted))
    for first, last in lost:
        _withdraw(server, daemon, source, first, last)
    extend(server, daemon, source, new)
    return new, lost


def withdraw_log(
    server: LicenseServer, daemons: Iterable[str], spans: Iterable[tuple[int, int]]
) -> list[entries.Draft]:
    """Have logs vouch no longer for these spans; return the evidence."""
    drafts = []
    for daemon in sorted(daemons):
        for start, end in spans:
            _new, lost = replace(server, daemon, Coverage.Source.LOG, start, end, [])
            for first, last in lost:
                body = {"daemon": daemon, "from": first, "source": "log", "to": last}
                drafts.append(entries.draft("coverage", last, body | {"what": "withdrawn"}))
                dirty.mark_server(server, first, last + 1)
    return drafts


def log_spans(server: LicenseServer) -> dict[str, IntervalSet]:
    """Return what logs vouch for, by daemon; "" is the whole server. One query."""
    found: dict[str, list[tuple[int, int]]] = {}
    for daemon, start, end in _LOGGED.rows(server.pk):
        found.setdefault(daemon, []).append((start, end))
    return {daemon: IntervalSet.of_spans(spans) for daemon, spans in found.items()}


def _logged(server: int) -> Asked:
    rows = Coverage.objects.filter(server=server, source=Coverage.Source.LOG)
    return rows.order_by(), ("daemon", number("starts"), number("ends"))


_LOGGED = Prepared(_logged)


def of_daemon(spans: dict[str, IntervalSet], daemon: str) -> IntervalSet:
    """Return what logs vouch for of one daemon: its own and those of the whole server."""
    nothing = IntervalSet.empty()
    return spans.get("", nothing).union(spans.get(daemon, nothing))


def heard(
    spans: dict[str, IntervalSet], seconds: Iterable[tuple[str, int]], daemon: str
) -> list[tuple[int, int]]:
    """Return of what time logs tell anything of one daemon.

    spans:    what they vouch for.
    seconds:  daemon and moment of pieces of a single second, which vouch for no time.
    """
    alone = [(at, at) for of, at in seconds if of in ("", daemon)]
    return [*of_daemon(spans, daemon), *alone]


def _set_of(rows: Iterable[Coverage]) -> IntervalSet:
    return IntervalSet.of_spans((_seconds(row.starts), _seconds(row.ends)) for row in rows)


def _withdraw(server: LicenseServer, daemon: str, source: str, start: int, end: int) -> None:
    rows = Coverage.objects.filter(
        server=server, daemon=daemon, source=source, starts__lt=end, ends__gt=start
    )
    for row in rows:
        first, last = _seconds(row.starts), _seconds(row.ends)
        row.delete()
        Coverage.objects.bulk_create(
            Coverage(
                server=server,
                daemon=daemon,
                source=source,
                starts=moment(piece[0]),
                ends=moment(piece[1]),
            )
            for piece in ((first, start), (end, last))
            if piece[0] < piece[1]
        )


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


def fill_gaps(server: LicenseServer, start: int, end: int) -> None:
    """Mark the gaps that touch [start, end) and that logs vouch for whole. The gap stays: it says
    that this was learned later."""
    daemons: list[str] | None = None
    for gap, of, first, last in _UNFILLED.rows(server.pk, start, end):
        if daemons is None:
            daemons = sorted({name for (name,) in _DAEMONS.rows(server.pk)})
        told = {daemon for (daemon,) in _TOLD.rows(server.pk, first, last)}
        needed = [of] if of else daemons
        if "" in told or (needed and told.issuperset(needed)):
            piece = Capture.objects.filter(
                server=server, kind=Capture.Kind.LOG, starts__lte=last
            ).order_by("-starts", "-pk")
            Gap.objects.filter(pk=gap).update(filled_by=piece.first())


@Prepared
def _DAEMONS(server: int) -> Asked:
    return Feature.objects.filter(server=server).order_by(), ("daemon",)


def _unfilled(server: int, start: int, end: int) -> Asked:
    rows = Gap.objects.filter(server=server, filled_by=None, ends__gt=start, starts__lt=end)
    return rows.order_by(), ("pk", "daemon", number("starts"), number("ends"))


def _told(server: int, start: int, end: int) -> Asked:
    rows = Coverage.objects.filter(
        server=server, source=Coverage.Source.LOG, starts__lte=start, ends__gte=end
    )
    return rows.order_by(), ("daemon",)


_UNFILLED = Prepared(_unfilled)
_TOLD = Prepared(_told)
