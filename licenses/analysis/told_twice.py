"""Time that a log tells twice, as its clock was set back: what stands there may be of either pass.

Holdings are made from the set of what lines tell, and not from their order. So who took a seat in
the first pass, at a time by the clock that the second one came to later, may have held it all
through the second; who returned one in the second, all through the first.

What is known is what was out in the last pass, whichever pass a line is of: who took a seat within
the time and returned it later had it then; who returned one within it may have done so before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from licenses.analysis.mappings import Mappings
from licenses.concurrency.intervals import Ints

if TYPE_CHECKING:
    from licenses.analysis.holdings import Holdings

OUT_OF_ORDER_SECONDS = 5
"""A clock that falls by no more than this was not set back: lines stand out of order."""

Span = tuple[int, int]
"""First and last moment, both included."""


def told_twice(steps: Iterable[Span]) -> list[Span]:
    """Return the time that a log tells twice, in order; spans that overlap are one.

    steps:  moment to which its clock was set back, and from which, of one server.
    """
    found: list[Span] = []
    for at, until in sorted(steps):
        if until - at <= OUT_OF_ORDER_SECONDS:
            continue
        if found and at <= found[-1][1]:
            at, until = found[-1][0], max(found.pop()[1], until)
        found.append((at, until))
    return found


def around(spans: Iterable[Span], start: int, end: int) -> tuple[int, int]:
    """Return [start, end) with the whole of each span that it touches."""
    near = [(at, until) for at, until in spans if at <= end and start <= until]
    return min([start, *(at for at, _ in near)]), max([end, *(until + 1 for _, until in near)])


def around_all(
    spans: Mapping[int, Sequence[Span]], mappings: Mappings, start: int, end: int
) -> tuple[int, int]:
    """Return [start, end) with the whole of what the logs of servers in the mappings tell twice.

    spans:  by server.
    """
    if not spans:
        return start, end
    feeding = {mapping.server for maps in mappings.values() for mapping in maps}
    return around([each for server in feeding for each in spans.get(server, ())], start, end)


def possible(rows: Holdings, mappings: Mappings, spans: Mapping[int, Sequence[Span]]) -> Holdings:
    """Let what a log tells twice begin as early and end as late as it may have.

    rows:   with their spans as they are told.
    spans:  by server.
    """
    if not spans or not len(rows):
        return rows
    earliest, latest = rows.earliest.copy(), rows.latest.copy()
    for mine, first, last in _by_server(rows, mappings, spans):
        for moments, edges in ((earliest, first), (latest, last)):
            moments[mine] = _moved(moments[mine], first, last, edges)
    return replace(rows, earliest=earliest, latest=latest)


def known(rows: Holdings, mappings: Mappings, spans: Mapping[int, Sequence[Span]]) -> Holdings:
    """Let what may have been returned in either pass be known until the first begins.

    rows:   with their spans as they are told, whose `returned_after` tells of a return.
    spans:  by server.
    """
    if not spans or not len(rows):
        return rows
    after = rows.returned_after.copy()
    for mine, first, last in _by_server(rows, mappings, spans):
        after[mine] = _moved(after[mine], first, last, first)
    cut = after != rows.returned_after
    # Both within it: known for no second.
    after = np.where(cut, np.maximum(after, np.minimum(rows.taken_by, rows.returned_after)), after)
    return replace(rows, returned_after=after, exact=rows.exact & ~cut)


def _by_server(
    rows: Holdings, mappings: Mappings, spans: Mapping[int, Sequence[Span]]
) -> Iterator[tuple[Ints, Ints, Ints]]:
    """Yield for each server the places of what its log tells, and where its spans begin and end."""
    for server, twice in spans.items():
        fed = {m.feature for maps in mappings.values() for m in maps if m.server == server}
        first, last = np.array(twice, dtype=np.int64).T
        yield np.flatnonzero(rows.logged & np.isin(rows.feature, list(fed))), first, last


def _moved(moments: Ints, first: Ints, last: Ints, edges: Ints) -> Ints:
    """Return the moments, each that lies in a span replaced by that span's edge."""
    place = np.searchsorted(first, moments, side="right") - 1
    inside = (place >= 0) & (moments <= last[place])
    return np.where(inside, edges[place], moments)
