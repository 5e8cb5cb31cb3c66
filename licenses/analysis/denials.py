"""Who was refused, why, and how it ended."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from licenses.analysis import chains
from licenses.analysis.mappings import Mappings, load_mappings
from licenses.analysis.rows import number
from licenses.concurrency.denials import RULES, UNSERVED
from licenses.concurrency.intervals import IntervalSet
from licenses.models import Denial, DenialEpisode, DirtySpan, Identity, LicensePool, Person


class DenialRow(NamedTuple):
    """A refusal as logged, in a pool.

    label:      the person's pseudonym as people read it.
    served_at:  when the person got a seat after all, so soon that nobody was kept from work.
    rules:      version of the rules that told the class.
    episode:    start of the episode that it is part of; None where it was served after all.
    """

    id: int
    at: int
    person_id: int
    label: str
    host_id: int
    feature: str
    server: str
    seats: int
    code: int | None
    minor: str
    reason: str
    reason_class: str
    capacity: bool
    served_at: int | None
    rules: int
    episode: int | None = None

    @property
    def served(self) -> bool:
        """Tell whether it is a false one: logged, and no loss to anybody."""
        return self.served_at is not None


class EpisodeRow(NamedTuple):
    """One person's chain of refusals in a pool, and how it ended.

    capacity:        the refusals were for want of seats.
    outcome:         *waited* for a seat, *gave up*, or *open* where it is too early to tell.
    waited_seconds:  from the first refusal to the seat; None unless *waited*.
    lost_seconds:    the same or, without a seat, from the first refusal to the last.
    in_use, limit:   of the pool at the first refusal; None is not known.
    rules:           version of the rules by which it was derived.
    """

    start: int
    last: int
    person_id: int
    label: str
    capacity: bool
    refusals: int
    reason_class: str
    outcome: str
    granted_at: int | None
    lost_seconds: int
    in_use: int | None
    limit: int | None
    rules: int

    @property
    def waited_seconds(self) -> int | None:
        return None if self.granted_at is None else self.granted_at - self.start


@dataclass(frozen=True, slots=True)
class Blocked:
    """What refusals cost people: sums over episodes, of refusals for want of seats only.

    people:          different people who were kept from a seat.
    waited_seconds:  until those who got a seat got it.
    lost_seconds:    the same, and for the others the time from their first to their last try.
    unexplained:     episodes in which seats were free as far as we saw.
    """

    episodes: int
    people: int
    waited: int
    gave_up: int
    open: int
    unexplained: int
    waited_seconds: int
    lost_seconds: int


class Refused(NamedTuple):
    """All that was refused in a pool over a window, in time order."""

    denials: list[DenialRow]
    episodes: list[EpisodeRow]


def refused(pool: LicensePool, *, start: int, end: int) -> Refused:
    """Return the refusals of a pool in [start, end), whatever their reason, and the episodes that
    begin in it.

    As they are kept or, where something has touched the pool since, as the facts say now. Four
    queries, or some more.
    """
    mappings = load_mappings([pool.pk])
    rows = _denials(mappings, pool, start, end)
    if DirtySpan.objects.filter(pool=pool).exists():
        episodes, served = _from_facts(pool, mappings, start, end)
        rows = [row._replace(served_at=served.get(row.id)) for row in rows]
    else:
        episodes = _kept(pool, start, end)
    return Refused(_with_episodes(rows, episodes), [row for row in episodes if row.start >= start])


def episodes(pool: LicensePool, *, start: int, end: int) -> list[EpisodeRow]:
    """Return the episodes of a pool that begin in [start, end), by start. Two queries, or some
    more where something has touched the pool since they were made."""
    if DirtySpan.objects.filter(pool=pool).exists():
        rows, _served = _from_facts(pool, load_mappings([pool.pk]), start, end)
    else:
        rows = _kept(pool, start, end)
    return [row for row in rows if row.start >= start]


def blocked_by_pool(pool_ids: Collection[int], start: int, end: int) -> dict[int, Blocked]:
    """Return what refusals cost people in each pool, by the kept episodes that begin in
    [start, end). One query."""
    rows = _kept_by_pool(pool_ids, start, end)
    return {
        pool: blocked(row for row in rows.get(pool, ()) if row.start >= start) for pool in pool_ids
    }


def blocked(rows: Iterable[EpisodeRow]) -> Blocked:
    """Return the sums over the episodes of refusals for want of seats."""
    wanted = [row for row in rows if row.capacity]
    outcomes = [row.outcome for row in wanted]
    return Blocked(
        episodes=len(wanted),
        people=len({row.person_id for row in wanted}),
        waited=outcomes.count(DenialEpisode.Outcome.WAITED),
        gave_up=outcomes.count(DenialEpisode.Outcome.GAVE_UP),
        open=outcomes.count(DenialEpisode.Outcome.OPEN),
        unexplained=sum(row.reason_class == DenialEpisode.UNEXPLAINED for row in wanted),
        waited_seconds=sum(row.waited_seconds or 0 for row in wanted),
        lost_seconds=sum(row.lost_seconds for row in wanted),
    )


def _denials(mappings: Mappings, pool: LicensePool, start: int, end: int) -> list[DenialRow]:
    maps = mappings[pool.pk]
    rows = (
        Denial.objects.filter(feature__in=[m.feature for m in maps], at__gte=start, at__lt=end)
        .order_by("at", "pk")
        .values_list(
            "feature_id",
            "pk",
            number("at"),
            "person_id",
            "person__pseudonym",
            "host_id",
            "feature__name",
            "feature__server__name",
            "seats",
            "code",
            "minor",
            "reason",
            "reason_class",
            "capacity",
            number("served_at"),
            "rules",
        )
    )
    return [
        DenialRow(pk, at, person, label(name), *rest)
        for feature, pk, at, person, name, *rest in rows
        if any(m.feature == feature and m.start <= at < m.end for m in maps)
    ]


def _kept(pool: LicensePool, start: int, end: int) -> list[EpisodeRow]:
    """Return the kept episodes that touch [start, end), by start."""
    return _kept_by_pool([pool.pk], start, end).get(pool.pk, [])


def _kept_by_pool(pool_ids: Collection[int], start: int, end: int) -> dict[int, list[EpisodeRow]]:
    rows = (
        DenialEpisode.objects.filter(pool__in=pool_ids, starts__lt=end, last__gte=start)
        .order_by("starts", "person", "-capacity")
        .values_list(
            "pool_id",
            number("starts"),
            number("last"),
            "person_id",
            "person__pseudonym",
            "capacity",
            "refusals",
            "reason_class",
            "outcome",
            number("granted_at"),
            "lost_seconds",
            "in_use",
            "limit",
            "rules",
        )
    )
    found: dict[int, list[EpisodeRow]] = {}
    for pool, first, last, person, name, *rest in rows:
        found.setdefault(pool, []).append(EpisodeRow(first, last, person, label(name), *rest))
    return found


def _from_facts(
    pool: LicensePool, mappings: Mappings, start: int, end: int
) -> tuple[list[EpisodeRow], dict[int, int]]:
    """Return the episodes that touch [start, end), and when refusals were served, by their id."""
    found = chains.find([pool], mappings, {pool.pk: IntervalSet.of([start], [end])})[pool.pk]
    touching = [row for row in found.episodes if row.starts < end and row.last >= start]
    names = labels({row.person for row in touching})
    rows = [
        EpisodeRow(
            row.starts,
            row.last,
            row.person,
            names.get(row.person, ""),
            row.capacity,
            *row[4:],
            RULES,
        )
        for row in sorted(touching, key=lambda row: (row.starts, row.person, not row.capacity))
    ]
    refusals = found.refusals.where(found.refusals.served_at != UNSERVED)
    return rows, dict(zip(refusals.row.tolist(), refusals.served_at.tolist(), strict=True))


def _with_episodes(rows: list[DenialRow], episodes: list[EpisodeRow]) -> list[DenialRow]:
    """Return the refusals, each with the start of its episode."""
    spans: dict[tuple[int, bool], list[EpisodeRow]] = {}
    for episode in episodes:
        spans.setdefault((episode.person_id, episode.capacity), []).append(episode)
    found = []
    for row in rows:
        mine = () if row.served else spans.get((row.person_id, row.capacity), ())
        starts = (each.start for each in mine if each.start <= row.at <= each.last)
        found.append(row._replace(episode=next(starts, None)))
    return found


def label(pseudonym: str) -> str:
    """Return a pseudonym as people read it, such as P-3f9a2c1b."""
    return Person(pseudonym=pseudonym).label


def labels(person_ids: Collection[int]) -> dict[int, str]:
    """Return how each person is shown. One query."""
    rows = Person.objects.filter(pk__in=person_ids).order_by().values_list("pk", "pseudonym")
    return {pk: label(pseudonym) for pk, pseudonym in rows}


def names_of(person_ids: set[int]) -> dict[int, str]:
    """Return the names of people where they are known, for readers who may see them. One query."""
    if not person_ids:
        return {}
    return {row.person_id: str(row) for row in Identity.objects.filter(person__in=person_ids)}
