"""Store what a server states of itself: where it changes, with its moment and an evidence entry."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from licenses.analysis.prepared import Asked, Prepared
from licenses.evidence import entries
from licenses.models import LicenseServer, ServerFact
from licenses.sources.records import Stated

from .coverage import moment

KIND = "server"
"""Of the entries."""
DAY = 86_400


@dataclass
class _Span:
    """A value that was stated at two moments and, as far as is known, between them.

    pk, stored:  of its row, and until when that says it was seen; None where it has none yet.
    """

    value: str
    start: int
    end: int
    pk: int | None = None
    stored: int | None = None


def digest(said: Iterable[Stated], at: int) -> bytes:
    """Return what tells that the same was stated on the same day: then nothing is to be stored."""
    told = [(str(row.what), row.daemon, row.host, row.value) for row in said]
    return hashlib.sha256(repr((told, at // DAY)).encode()).digest()


def store(server: LicenseServer, said: Sequence[Stated], source: str) -> list[entries.Draft]:
    """Store what is news, and return its evidence. In the caller's transaction, which holds the
    server's row. One query where nothing is new, none where nothing is stated.

    source:  the kind of text. What texts of different kinds state is not compared.
    """
    if not said:
        return []
    known: dict[tuple[str, str, str], list[_Span]] = defaultdict(list)
    for row in _KNOWN.objects(server.pk, source):
        start, end = int(row.at.timestamp()), int(row.seen_at.timestamp())
        known[row.what, row.daemon, row.host].append(_Span(row.value, start, end, row.pk, end))
    for each in sorted(said, key=lambda each: each.at):
        key = (str(each.what), each.daemon[:100], each.host[:255])
        _place(known[key], each.value[:255], each.at)
    seen, news = [], []
    for (what, daemon, host), spans in known.items():
        for span in spans:
            if span.pk is None:
                news.append(
                    ServerFact(
                        server=server,
                        source=source,
                        what=what,
                        daemon=daemon,
                        host=host,
                        value=span.value,
                        at=moment(span.start),
                        seen_at=moment(span.end),
                    )
                )
            elif span.end != span.stored:
                seen.append(ServerFact(pk=span.pk, seen_at=moment(span.end)))
    ServerFact.objects.bulk_update(seen, ["seen_at"])
    ServerFact.objects.bulk_create(news)
    return [entry for row in news for entry in _entries(row)]


@Prepared
def _KNOWN(server: int, source: str) -> Asked:
    return ServerFact.objects.filter(server=server, source=source).order_by("at"), ()


def _place(spans: list[_Span], value: str, at: int) -> None:
    """Put a statement among those of its kind, which are in order. What is stated in the middle of
    another value splits that one. Of two at one second the first stays."""
    place = next((i for i, span in enumerate(spans) if span.start > at), len(spans))
    before = spans[place - 1] if place else None
    found = [_Span(value, at, at)]
    if before is not None:
        if before.value == value:
            before.end = max(before.end, at)
            return
        if before.start == at:
            return
        if before.end > at:
            found.append(_Span(before.value, before.end, before.end))
            before.end = before.start
        elif before.end == at:
            before.end = before.start
    spans[place:place] = found


def _entries(row: ServerFact) -> Iterator[entries.Draft]:
    """Yield the evidence: one for each daemon that a licence file names, in whose stream it is."""
    for daemon in row.daemon.split(", "):
        body = {
            "daemon": daemon,
            "host": row.host,
            "source": str(row.source),
            "value": row.value,
            "what": str(row.what),
        }
        yield entries.draft(KIND, int(row.at.timestamp()), body)
