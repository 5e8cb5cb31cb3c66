"""What is put on record of a piece of a log: its raw text, and what it is evidence of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from licenses.evidence import entries
from licenses.models import Capture, LicenseServer
from licenses.sources import records

from . import coverage
from .captures import store_unreadable
from .facts import Stored
from .texts import OTHER_TEXT


class Raw(NamedTuple):
    """A piece of a log as it came.

    source: what the log is called. offset: bytes before the piece. lines: how many it has.
    digest, path: of its text, and where that is kept.
    """

    source: str
    block: bytes
    offset: int
    lines: int
    digest: str
    path: str


def capture(
    server: LicenseServer,
    raw: Raw,
    items: Iterable[records.LogRecord],
    spans: Sequence[tuple[int, int]],
    unreadable: list[records.Unreadable],
    stored: Stored,
) -> Capture:
    """Record a piece of a log that was not read before.

    items: what it says besides events. spans: what it vouches for.
    """
    steps = [item for item in items if isinstance(item, records.ClockStep)]
    detail = "; ".join(f"line {step.line}: {step.reason} ({step.seconds} s)" for step in steps)
    found = Capture.objects.create(
        server=server,
        kind=Capture.Kind.LOG,
        source=raw.source[:255],
        result=Capture.Result.PARSED,
        detail=detail[:1000],
        sha256=raw.digest,
        size=len(raw.block),
        offset=raw.offset,
        stored=raw.path,
        starts=coverage.moment(spans[0][0]) if spans else None,
        ends=coverage.moment(spans[-1][1]) if spans else None,
        lines=raw.lines,
        unreadable_count=len(unreadable),
        new=stored.new,
        known=stored.known,
    )
    store_unreadable(found, unreadable)
    return found


def drafts(stored: Stored, added: Mapping[str, Iterable[tuple[int, int]]]) -> list[entries.Draft]:
    """Return what a piece is evidence of: facts that it brought, and time for which it vouches.

    added: by daemon, what no text vouched for before.
    """
    return list(stored.drafts) + [
        entries.draft(
            "coverage", end, {"daemon": daemon, "from": start, "source": "log", "to": end}
        )
        for daemon, spans in added.items()
        for start, end in spans
    ]


def of_text(
    items: Iterable[records.LogRecord], found: Capture | None, source: str
) -> list[entries.Draft]:
    """Return what a piece that was not read before is evidence of: itself, and how its clock
    moved. source: what the log is called."""
    told = []
    if found is not None:
        # Every vendor reads this: names of files and counts of lines may tell of another's use.
        body = {
            "bytes": found.size,
            **entries.digests(file=source),
            "from": "" if found.starts is None else int(found.starts.timestamp()),
            "kind": str(found.kind),
            "offset": found.offset,
            "sha256": found.sha256,
            "to": "" if found.ends is None else int(found.ends.timestamp()),
            "unreadable": found.unreadable_count,
        }
        told.append(entries.draft("capture", int(found.recorded_at.timestamp()), body))
    return told + [
        entries.draft(
            "clock", item.at, {"line": item.line, "reason": item.reason, "step": item.seconds}
        )
        for item in items
        if isinstance(item, records.ClockStep) and item.reason != OTHER_TEXT
    ]
