"""When somebody looked at the servers, and the time in which a log tells of every seat."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar
from zoneinfo import ZoneInfo

from django.db.models import OuterRef, Q, Subquery

from licenses.analysis.horizons import load_horizons
from licenses.analysis.mappings import Daemon, Mapping, Mappings, servers
from licenses.analysis.rows import EVER, number
from licenses.analysis.steps import AnswerSteps, load_steps
from licenses.analysis.unseen_hours import KINDS, unseen_hours
from licenses.concurrency.intervals import IntervalSet
from licenses.concurrency.timeline import OPEN
from licenses.models import (
    TAKEN_BY,
    Boundary,
    Checkout,
    Coverage,
    Disagreement,
)

Row = TypeVar("Row", int, tuple[int, int], tuple[int, int, bool])


@dataclass(frozen=True, slots=True)
class Sights:
    """When somebody looked at the servers. Spans by (server, daemon); daemon "" is all of them.

    logs, polls:  spans vouched for; a span of polls begins and ends with a complete answer.
    restarts:     moments at which a daemon began with nothing out.
    doubts:       moments from which on more seats may be out than a log tells.
    twice:        time that a clock showed twice, of a log that does not tell when it fell.
    missed:       what the log of a daemon lacks the OUT of: when that was at the latest, when it
                  shows, and whether an answer shows it, or the log that saw it returned. It has
                  lost lines then, and those may be of any feature of the daemon.
    steps:        by server, how far apart two answers of one span were at most, and when.
    newest:       by (server, daemon), the last moment that anything is told of.
    """

    logs: dict[Daemon, list[tuple[int, int]]]
    polls: dict[Daemon, list[tuple[int, int]]]
    restarts: dict[Daemon, list[int]]
    doubts: dict[Daemon, list[int]]
    twice: dict[Daemon, list[tuple[int, int]]]
    missed: dict[Daemon, list[tuple[int, int, bool]]]
    steps: dict[int, AnswerSteps]
    newest: dict[Daemon, int]

    def of(self, spans: dict[Daemon, list[tuple[int, int]]], mapping: Mapping) -> IntervalSet:
        """Return the spans of a feature's daemon, with those of its whole server."""
        return IntervalSet.of_spans(self.told(spans, mapping))

    def told(self, rows: dict[Daemon, list[Row]], mapping: Mapping) -> list[Row]:
        """Return what is told of a feature's daemon, with what is told of its whole server, in
        order."""
        both = {(mapping.server, ""), (mapping.server, mapping.daemon)}
        return sorted(each for key in both for each in rows.get(key, ()))


def load_sights(mappings: Mappings, start: int, end: int) -> Sights:
    ids = servers(mappings)
    logs: dict[Daemon, list[tuple[int, int]]] = {}
    polls: dict[Daemon, list[tuple[int, int]]] = {}
    # Answers after the window tell whether what is issued is still the same.
    rows = Coverage.objects.filter(server__in=ids, ends__gte=start).order_by("starts")
    for server, daemon, source, first, last in rows.values_list(
        "server_id", "daemon", "source", number("starts"), number("ends")
    ):
        spans = polls if source == Coverage.Source.POLLS else logs
        spans.setdefault((server, daemon), []).append((first, last))
    restarts: dict[Daemon, list[int]] = {}
    doubts: dict[Daemon, list[int]] = {}
    kinds = {Boundary.Kind.START: restarts, Boundary.Kind.DOUBT: doubts}
    # Those after the window tell how far back what shows even later may have been taken.
    told = Boundary.objects.filter(server__in=ids, kind__in=[*kinds, *KINDS])
    hours: dict[tuple[int, str], list[tuple[int, str, int, int | None]]] = {}
    for server, daemon, kind, at, until, zone in told.order_by("at").values_list(
        "server_id", "daemon", "kind", number("at"), number("last_seen"), "server__zone"
    ):
        if kind in KINDS:
            hours.setdefault((server, zone), []).append((kind, daemon, at, until))
        else:
            kinds[kind].setdefault((server, daemon), []).append(at)
    twice = {
        (server, daemon): [(hour.first, hour.end) for hour in found]
        for (server, zone), rows in hours.items()
        for daemon, found in unseen_hours(rows, ZoneInfo(zone)).items()
    }
    steps = load_steps(ids)
    horizons = load_horizons(ids)
    newest = dict(horizons.logs)
    for owner, moment in horizons.polls.items():
        newest[owner] = max(newest.get(owner, EVER), moment)
    return Sights(logs, polls, restarts, doubts, twice, _missed(ids, start), steps, newest)


def _missed(ids: Collection[int], start: int) -> dict[Daemon, list[tuple[int, int, bool]]]:
    kinds = Disagreement.Kind
    shown = Checkout.objects.filter(
        **{name: OuterRef(name) for name in ("feature", "person", "host", "seats")},
        taken_at=OuterRef("starts"),
        method=Checkout.Method.SAMPLED,
    )
    # A return tells nothing of the time after it; what an answer shows may, until the next one.
    telling = Q(kind=kinds.NOT_IN_LOG) | Q(kind=kinds.RETURN_ALONE, starts__gte=start)
    rows = Disagreement.objects.filter(telling, feature__server__in=ids).annotate(
        known=Subquery(shown.order_by("-taken_within").values(since=TAKEN_BY)[:1])
    )
    found: dict[Daemon, list[tuple[int, int, bool]]] = {}
    for server, daemon, kind, at, known in rows.order_by().values_list(
        "feature__server_id", "feature__daemon", "kind", number("starts"), "known"
    ):
        by_answer = kind == kinds.NOT_IN_LOG
        since = known if by_answer and known is not None else at + 1
        found.setdefault((server, daemon), []).append((at, since, by_answer))
    return found


def whole_log(mapping: Mapping, sights: Sights) -> IntervalSet:
    """Return the time in which a log tells of every holding of a feature, and of all others of
    its daemon.

    What was taken before a log began is in no line of it. It is known from the next start of the
    daemon on, with nothing out, or from the next complete answer, which shows what is. So is what
    a line may hide that cannot be read, or that was lost. In an hour whose lines may be an hour
    later than they read, a log alone tells of nothing in full.
    """
    known = _Known(mapping, sights)
    doubts = sights.told(sights.doubts, mapping)
    found = []
    for first, last in sights.of(sights.logs, mapping):
        cuts = doubts[bisect_left(doubts, first) : bisect_left(doubts, last)]
        for since, until in pairwise([first, *cuts, last]):
            found.append((known.after(since, doubted=since in cuts), until))
    told = IntervalSet.of_spans(found)
    # Since it was last known what is out, more may have been taken than that of which we know.
    lost = [
        (known.before(taken), known.after(shown) if by_answer else shown)
        for taken, shown, by_answer in sights.told(sights.missed, mapping)
    ]
    lost += sights.told(sights.twice, mapping)
    return told.subtract(IntervalSet.of_spans(lost)) if lost else told


class _Known:
    """When all that is out of a feature is known, whatever a log told before: by a start of its
    daemon, or a complete answer."""

    def __init__(self, mapping: Mapping, sights: Sights) -> None:
        answers = sights.of(sights.polls, mapping)
        self.begins, self.ends = answers.starts.tolist(), answers.ends.tolist()
        self.restarts = sights.told(sights.restarts, mapping)
        self.steps = sights.steps[mapping.server]

    def after(self, moment: int, *, doubted: bool = False) -> int:
        """Return the first such moment from one on; OPEN if there is none.

        doubted:  a start or an answer of that second may have come before what is in doubt.
        """
        look = bisect_right if doubted else bisect_left
        known = OPEN
        place = look(self.restarts, moment)
        if place < len(self.restarts):
            known = self.restarts[place]
        place = look(self.ends, moment)
        if place < len(self.ends):
            answer = self.begins[place]
            if answer <= moment:
                answer = min(self.ends[place], self.steps.latest_after(moment))
            known = min(known, answer)
        return known

    def before(self, moment: int) -> int:
        """Return the last such moment before one; EVER if there is none."""
        since = max([EVER, *self.restarts[: bisect_left(self.restarts, moment)][-1:]])
        place = bisect_left(self.begins, moment) - 1
        if place < 0:
            return since
        answer = self.ends[place]
        if answer >= moment:
            answer = max(self.begins[place], self.steps.earliest_before(moment))
        return max(since, answer)
