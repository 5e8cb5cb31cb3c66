"""The use of a pool as an auditor looks through it: peaks with the sessions behind, refusals."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from itam.said import label_of, said
from licenses.analysis.mappings import Mapping
from licenses.analysis.rows import number
from licenses.analysis.usage import PoolFacts
from licenses.concurrency.timeline import OPEN
from licenses.models import Checkout, Denial, Host, Person
from licenses.sources.flexnet.denials import WORDING, DenialClass
from reports.datasets.pool_days import Day

PEAKS: Final = 20


@dataclass(frozen=True, slots=True)
class Session:
    """A holding at a peak. start, end: known to be held over [start, end); end None: not returned
    before anybody looked last."""

    person: str
    host: str
    feature: str
    server: str
    seats: int
    start: int
    end: int | None
    method: str


@dataclass(frozen=True, slots=True)
class Peak:
    """The highest use of a day, with all that was held then: the seats of the sessions add up to
    it. seconds: how long the day was at it."""

    at: int
    seats: int
    exact: bool
    allowed: int | None
    seconds: int
    sessions: tuple[Session, ...]


@dataclass(frozen=True, slots=True)
class RefusalCode:
    """Refusals of one code. served: how many of them were followed by a seat within seconds."""

    code: int
    kind: str
    words: str
    refusals: int
    people: int
    served: int


@dataclass(frozen=True, slots=True)
class PoolUse:
    """What the audit says of a pool besides its compliance.

    people:   pseudonyms of those who held a seat in the period, in their own order; empty where the
              installation keeps counts only. people_count: how many they are.
    holdings: how many holdings touch the period.
    logged_seconds:  of the expected time, that of which logs told: unless it is all of it, the
              refusals are lower bounds.
    """

    pool: str
    peaks: tuple[Peak, ...]
    refusals: tuple[RefusalCode, ...]
    people: tuple[str, ...]
    people_count: int
    holdings: int
    logged_seconds: int
    expected_seconds: int


def pool_use(
    facts: PoolFacts, days: Sequence[Day], maps: Sequence[Mapping], *, tell: bool
) -> PoolUse:
    """Return the use behind the figures of a pool. Five queries.

    days:  of the same window.
    tell:  people may be told apart.
    """
    rows = facts.holdings
    inside = rows.where((rows.taken_by < facts.end) & (rows.returned_after > facts.start))
    persons = np.unique(inside.person).tolist()
    return PoolUse(
        pool=facts.pool.name,
        peaks=_peaks(facts, days),
        refusals=_refusals(maps, facts.start, facts.end),
        people=tuple(sorted(_labels(Person, persons).values())) if tell else (),
        people_count=len(persons),
        holdings=len(np.unique(inside.checkout)),
        logged_seconds=sum(day.logged_seconds for day in days),
        expected_seconds=sum(day.expected_seconds for day in days),
    )


def _peaks(facts: PoolFacts, days: Sequence[Day]) -> tuple[Peak, ...]:
    used = [day for day in days if day.peak]
    highest = sorted(used, key=lambda day: (-(day.peak or 0), day.start))[:PEAKS]
    held = [facts.holdings.held_at(day.peak_at or 0) for day in highest]
    sessions = _Sessions(np.concatenate([each.checkout for each in held]) if held else ())
    return tuple(
        Peak(
            at=day.peak_at or 0,
            seats=day.peak or 0,
            exact=day.peak_exact,
            allowed=day.allowed_high,
            seconds=day.peak_seconds or 0,
            sessions=tuple(
                sessions.of(*row)
                for row in zip(
                    each.checkout.tolist(),
                    each.seats.tolist(),
                    each.taken_by.tolist(),
                    each.returned_after.tolist(),
                    strict=True,
                )
            ),
        )
        for day, each in zip(highest, held, strict=True)
    )


class _Sessions:
    """The holdings behind some peaks, by id. Three queries."""

    def __init__(self, ids: Any) -> None:
        rows = Checkout.objects.filter(pk__in=[int(each) for each in set(ids)])
        found = rows.order_by().values_list(
            *("pk", "person", "host", "feature__name", "feature__server__name", "method"),
            number("returned_after", OPEN),
        )
        self.rows = {pk: rest for pk, *rest in found}
        self.people = _labels(Person, {row[0] for row in self.rows.values()})
        self.hosts = _labels(Host, {row[1] for row in self.rows.values()})

    def of(self, pk: int, seats: int, start: int, end: int) -> Session:
        person, host, feature, server, method, returned = self.rows[pk]
        return Session(
            person=self.people[person],
            host=self.hosts[host],
            feature=feature,
            server=server,
            seats=seats,
            start=start,
            end=None if returned == OPEN else end,
            method=said(label_of, Checkout.Method, method),
        )


def _labels(model: Any, ids: Collection[int]) -> dict[int, str]:
    return {row.pk: row.label for row in model.objects.filter(pk__in=list(ids))}


def _refusals(maps: Sequence[Mapping], start: int, end: int) -> tuple[RefusalCode, ...]:
    """Return the refusals of features while they fed the pool, by code. One query."""
    rows = Denial.objects.filter(
        feature__in={each.feature for each in maps}, at__gte=start, at__lt=end
    )
    spans: dict[int, list[tuple[int, int]]] = {}
    for each in maps:
        spans.setdefault(each.feature, []).append((each.start, each.end))
    found: dict[tuple[int, str], list[tuple[int, bool]]] = {}
    for feature, at, code, kind, person, served in rows.order_by().values_list(
        "feature", number("at"), "code", "reason_class", "person", number("served_at", -1)
    ):
        if any(first <= at < last for first, last in spans[feature]):
            found.setdefault((code, kind), []).append((person, served != -1))
    return tuple(
        RefusalCode(
            code=code,
            kind=kind,
            words=WORDING[DenialClass(kind)],
            refusals=len(each),
            people=len({person for person, _ in each}),
            served=sum(served for _, served in each),
        )
        for (code, kind), each in sorted(found.items(), key=lambda item: (-len(item[1]), item[0]))
    )
