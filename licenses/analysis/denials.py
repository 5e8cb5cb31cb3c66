"""Who was refused, why, and how it ended."""

from __future__ import annotations

from typing import Literal, NamedTuple

from licenses.analysis.holdings import load_holdings, load_horizons
from licenses.analysis.mappings import load_mappings, servers
from licenses.analysis.refusals import load_refusals
from licenses.analysis.rows import number
from licenses.concurrency.denials import episodes as chain
from licenses.concurrency.denials import outcome
from licenses.models import Denial, Identity, LicensePool, Person

TAIL_SECONDS = 86400
"""How far after the window episodes that begin in it are followed."""


class DenialRow(NamedTuple):
    """A refusal as logged, in a pool. label: the person's pseudonym as people read it."""

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


class EpisodeRow(NamedTuple):
    """One person's chain of refusals for want of seats, and how it ended.

    outcome:         *waited* for a seat, *gave up*, or *open* where it is too early to tell.
    waited_seconds:  from the first refusal to the seat; None unless *waited*.
    """

    start: int
    last: int
    person_id: int
    label: str
    refusals: int
    outcome: Literal["waited", "gave up", "open"]
    granted_at: int | None
    waited_seconds: int | None


def denials(pool: LicensePool, *, start: int, end: int) -> list[DenialRow]:
    """Return all refusals of a pool in [start, end), whatever their reason, in time order.

    Two queries.
    """
    maps = load_mappings([pool.pk])[pool.pk]
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
        )
    )
    return [
        DenialRow(pk, at, person, label(name), *rest)
        for feature, pk, at, person, name, *rest in rows
        if any(m.feature == feature and m.start <= at < m.end for m in maps)
    ]


def episodes(pool: LicensePool, *, start: int, end: int) -> list[EpisodeRow]:
    """Return the episodes of a pool that begin in [start, end), by start.

    They are followed for TAIL_SECONDS after the window; refusals later than that are not in them.
    A constant number of queries.
    """
    gap = pool.episode_gap_minutes * 60
    mappings = load_mappings([pool.pk])
    horizons = load_horizons(servers(mappings))
    # One gap earlier tells whether the first refusals begin an episode or go on with one.
    window = start - gap, end + TAIL_SECONDS + gap
    refused = load_refusals(mappings, *window)[pool.pk]
    if not len(refused.at):
        return []
    held = load_holdings(mappings, horizons, *window)[pool.pk]
    held = held.where(held.fresh)
    chains = [
        episode
        for episode in chain(
            refused.at,
            refused.person,
            gap,
            grant_times=held.taken_at,
            grant_persons=held.person,
        )
        if start <= episode.start < end
    ]
    names = labels({episode.person for episode in chains})
    # Only when every server was heard after an episode can it be said that no seat came.
    known_until = min(horizons.newest(m.server, m.daemon) for m in mappings[pool.pk])
    grants: dict[int, list[int]] = {}
    for person, moment in sorted(zip(held.person.tolist(), held.taken_at.tolist(), strict=True)):
        grants.setdefault(person, []).append(moment)
    found = []
    for episode in chains:
        end_of_it = outcome(episode, grants.get(episode.person, []), gap, known_until=known_until)
        found.append(
            EpisodeRow(
                episode.start,
                episode.last,
                episode.person,
                names.get(episode.person, ""),
                episode.count,
                end_of_it.kind,
                end_of_it.granted_at,
                end_of_it.waited_seconds,
            )
        )
    return found


def label(pseudonym: str) -> str:
    """Return a pseudonym as people read it, such as P-3f9a2c1b."""
    return Person(pseudonym=pseudonym).label


def labels(person_ids: set[int]) -> dict[int, str]:
    """Return how each person is shown. One query."""
    rows = Person.objects.filter(pk__in=person_ids).order_by().values_list("pk", "pseudonym")
    return {pk: label(pseudonym) for pk, pseudonym in rows}


def names_of(person_ids: set[int]) -> dict[int, str]:
    """Return the names of people where they are known, for readers who may see them. One query."""
    if not person_ids:
        return {}
    return {row.person_id: str(row) for row in Identity.objects.filter(person__in=person_ids)}
