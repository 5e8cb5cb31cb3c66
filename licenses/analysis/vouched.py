"""What logs and polls vouch for, and the time in which all that feeds a pool is vouched for."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from django.db.models import Case, F, OuterRef, Q, Subquery, When
from django.db.models.functions import Coalesce

from licenses.analysis.mappings import Daemon, Mapping, Mappings
from licenses.analysis.prepared import Asked, Prepared
from licenses.analysis.rows import EVER, number
from licenses.concurrency.intervals import IntervalSet
from licenses.concurrency.timeline import OPEN
from licenses.models import Capture, Checkout, Coverage, Feature


class Vouched(NamedTuple):
    """The time that logs and polls vouch for, and that for which logs do, by server and daemon."""

    spans: dict[Daemon, IntervalSet]
    logs: dict[Daemon, IntervalSet]

    def of(self, mapping: Mapping) -> IntervalSet:
        """Return the time in which a feature was vouched for, by its daemon or its whole server.

        Answers that do not list it do not.
        """
        seen = _of_daemon(self.spans, mapping)
        listed = seen.clip(mapping.since, mapping.listed)
        if cuts := mapping.cuts:
            listed = listed.subtract(IntervalSet.of_spans(cuts))
        return seen if listed is seen else listed.union(_of_daemon(self.logs, mapping))

    def unserved(self, mapping: Mapping, heard: int) -> IntervalSet:
        """Return the time in which answers named the feature's daemon, before any of them listed
        the feature and before anybody is known to have held it, at *heard*: the server did not
        serve it then, as far as anybody knows."""
        return _of_daemon(self.spans, mapping).clip(EVER, min(mapping.since, heard))


def vouched_for(
    server_ids: Collection[int], start: int, end: int, source: Coverage.Source | None = None
) -> Vouched:
    """Return the time that logs and polls, or one of them, vouch for. One query."""
    return told_by(vouched_rows(source).rows(server_ids, start, end), start, end)


def told_by(rows: Collection[Sequence[Any]], start: int, end: int) -> Vouched:
    logs = [row for row in rows if row[-1] == Coverage.Source.LOG]
    return Vouched(_spans(rows, start, end), _spans(logs, start, end))


def _spans(rows: Iterable[Sequence[Any]], start: int, end: int) -> dict[Daemon, IntervalSet]:
    spans: dict[Daemon, tuple[list[int], list[int]]] = {}
    for server, daemon, first, last, _source in rows:
        starts, ends = spans.setdefault((server, daemon), ([], []))
        starts.append(first)
        ends.append(last)
    return {key: IntervalSet.of(*span).clip(start, end) for key, span in spans.items()}


def begins() -> Case:
    """Return from when on a row of coverage vouches: where it begins with an answer that prints the
    minute alone, from the last second in which that may have been given."""
    # One that failed vouches for nothing.
    answer = Capture.objects.filter(
        server=OuterRef("server"),
        kind=Capture.Kind.STATUS,
        starts=OuterRef("starts"),
        result__in=(Capture.Result.PARSED, Capture.Result.DAEMON_DOWN),
    )
    latest = Subquery(answer.order_by("ends").values(latest=number("ends"))[:1])
    by_minute = Q(source=Coverage.Source.POLLS, server__poll_state__by_minute=True)
    return Case(When(by_minute, then=Coalesce(latest, number("starts"))), default=number("starts"))


@lru_cache
def vouched_rows(source: Coverage.Source | None) -> Prepared:
    def rows(server_ids: Collection[int], start: int, end: int) -> Asked:
        found = Coverage.objects.filter(server__among=server_ids, ends__gt=start, starts__lt=end)
        found = found if source is None else found.filter(source=source)
        columns = ("server_id", "daemon", begins(), number("ends"), "source")
        return found.order_by(), columns

    return Prepared(rows)


def _of_daemon(spans: dict[Daemon, IntervalSet], mapping: Mapping) -> IntervalSet:
    whole = spans.get((mapping.server, ""), IntervalSet.empty())
    if not mapping.daemon or (mapping.server, mapping.daemon) not in spans:
        return whole
    return whole.union(spans[mapping.server, mapping.daemon])


class Part(NamedTuple):
    """A mapping with the time in which its feature was vouched for, and the time in which its
    server did not serve it: then the pool is what the others make of it."""

    mapping: Mapping
    seen: IntervalSet
    unserved: IntervalSet = IntervalSet.empty()


def parts_of(maps: Iterable[Mapping], spans: Vouched, held: dict[int, int]) -> list[Part]:
    """held: as of `first_held`."""
    return [
        Part(m, spans.of(m), spans.unserved(m, held[m.feature]))
        if m.feature in held
        else Part(m, spans.of(m))
        for m in maps
    ]


def first_held(mappings: Mappings, start: int) -> dict[int, int]:
    """Return when anybody first held each feature that answers do not list until after *start*,
    where others feed its pool as well. One query at most."""
    wanted = {
        m.feature for maps in mappings.values() if len(maps) > 1 for m in maps if m.since > start
    }
    return dict(_FIRST_HELD.rows(wanted)) if wanted else {}


@Prepared
def _FIRST_HELD(feature_ids: Collection[int]) -> Asked:
    holding = Checkout.objects.taken().filter(feature=OuterRef("pk")).order_by("taken_at")
    rows = Feature.objects.filter(pk__among=feature_ids).order_by()
    rows = rows.annotate(first_held=Subquery(holding.values("taken_at")[:1]))
    return rows, (F("pk"), number("first_held", OPEN))


def observed_time(parts: Iterable[Part], start: int, end: int) -> IntervalSet:
    """Return the time in which something feeds a pool and all that does is vouched for."""
    real = [part for part in parts if part.mapping.start < end and part.mapping.end > start]
    if len(real) == 1:
        mapping, seen, _unserved = real[0]
        return seen.clip(max(mapping.start, start), min(mapping.end, end))
    mapped = missing = IntervalSet.empty()
    for mapping, seen, unserved in real:
        span = IntervalSet.of([mapping.start], [mapping.end]).clip(start, end)
        if len(unserved):
            span = span.subtract(unserved.subtract(seen))
        mapped = mapped.union(span)
        missing = missing.union(span.subtract(seen))
    return mapped.subtract(missing)
