"""Why somebody was refused: one answer for each episode of refusals, and who may read it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q

from licenses.access.accounts import has_a_role, people_of
from licenses.analysis.instant import HeldThen, Instant, instant
from licenses.analysis.mappings import load_mappings
from licenses.models import (
    LEAST,
    Denial,
    DenialEpisode,
    LicensePool,
    PoolFeature,
    QueueEntry,
    SharingRule,
    pseudonym,
    sees_names,
    sees_people,
    tells_apart,
)
from licenses.sources.flexnet.denials import DenialClass

MOST_LINES = 50
MOST_HOLDERS = 100
_ALWAYS = ("RESERVE", "MAX")
_WITHHELD = ("EXCLUDE", "EXCLUDEALL", "INCLUDE", "INCLUDEALL", "MAX")
_KEYWORDS = {
    -38: ("EXCLUDE", "EXCLUDEALL"),
    -39: ("INCLUDE", "INCLUDEALL"),
    -87: ("MAX",),
}
"""Lines of an options file by the number of the refusal; of others of their class all may be it."""


@dataclass(frozen=True, slots=True)
class Line:
    """One refusal as logged. reason: the server's own words, "" where they were not kept."""

    at: datetime
    feature: str
    seats: int
    code: int
    reason: str


@dataclass(frozen=True, slots=True)
class Holders:
    """Who held seats at the first refusal, as far as the reader may know.

    rows:            the first 100; None where the reader sees sums only. more: how many follow.
    people, seats:   as known then; None where nobody looked.
    longest_seconds: how long the longest had held; None where so few held that it tells of one.
    """

    rows: list[HeldThen] | None
    more: int
    people: int | None
    seats: int | None
    longest_seconds: int | None


@dataclass(frozen=True, slots=True)
class Why:
    """An episode with all that explains it.

    own:    it is the reader's.
    name:   of the person, where the reader sees it; None else.
    lines:  its refusals in order, the first 50.
    rules:  lines of options files that may have withheld seats, as last read.
    then:   the pool at the first refusal.
    """

    episode: DenialEpisode
    own: bool
    name: str | None
    lines: list[Line]
    rules: list[SharingRule]
    then: Instant
    holders: Holders


def own_episodes(user: Any) -> Any:
    """Return the episodes of an account's own refusals, in pools of the status page, newest first.

    One's own are told whatever the scope. None where nobody is told apart.
    """
    person = people_of([user]).get(user.pk) if has_a_role(user) else None
    mine = DenialEpisode.objects.filter(person=person, pool__on_status=True)
    rows = mine if person is not None else DenialEpisode.objects.none()
    return rows.select_related("pool__product__vendor", "person").order_by("-starts", "-pk")


def own_waits(user: Any) -> Any:
    """Return an account's own waits in queues of servers, for features that feed pools of the
    status page now, newest first. None where nobody is told apart."""
    if not tells_apart() or not has_a_role(user):
        return QueueEntry.objects.none()
    mine = pseudonym("person", user.get_username())
    shown = PoolFeature.objects.filter(mapped_until=None, pool__on_status=True)
    rows = QueueEntry.objects.filter(person__pseudonym=mine, feature__in=shown.values("feature"))
    return rows.select_related("feature").order_by("-queued_by", "-pk")


def may_read_others(user: Any) -> bool:
    """Tell whether a reader sees episodes of other people, in pools of the scope."""
    return bool(user.has_perm("licenses.view_denialepisode"))


def find(user: Any, pk: int) -> DenialEpisode | None:
    """Return an episode that a reader may open: the own, and those of the scope for who may read
    about single people."""
    found: DenialEpisode | None = own_episodes(user).filter(pk=pk).first()
    if found is not None or not may_read_others(user):
        return found
    scoped = DenialEpisode.objects.for_user(user).filter(pk=pk)
    other: DenialEpisode | None = scoped.select_related("pool__product__vendor", "person").first()
    return other


def explain(episode: DenialEpisode, user: Any) -> Why:
    """Return why an episode came about, as far as this reader may know. A constant number of
    queries."""
    pool = episode.pool
    own = people_of([user]).get(user.pk) == episode.person_id
    named = sees_names(user, pool=pool.pk)
    then = instant(pool, int(episode.starts.timestamp()), names=named, most=MOST_HOLDERS)
    refusals = _refusals(episode)
    identity = None
    if sees_names(user, pool=pool.pk, person=episode.person_id):
        identity = getattr(episode.person, "identity", None)
    return Why(
        episode=episode,
        own=own,
        name=str(identity) if identity is not None else None,
        lines=[
            Line(row.at, row.feature.name, row.seats, row.code, row.reason)
            for row in refusals[:MOST_LINES]
        ],
        rules=_rules(episode, refusals),
        then=then,
        holders=_holders(then, user, pool),
    )


def naming(why: Why) -> int:
    """Return how many people an answer names to who sees names."""
    named = sum(row.name is not None for row in why.holders.rows or ())
    return named + (why.name is not None)


def _refusals(episode: DenialEpisode) -> list[Denial]:
    """Return the logged refusals of an episode, in order. Two queries."""
    maps = load_mappings([episode.pool_id])[episode.pool_id]
    rows = Denial.objects.filter(
        feature__in={m.feature for m in maps},
        person=episode.person_id,
        capacity=episode.capacity,
        served_at=None,
        at__gte=episode.starts,
        at__lte=episode.last,
    )
    return [
        row
        for row in rows.select_related("feature").order_by("at", "pk")
        if any(m.feature == row.feature_id and m.start <= row.at.timestamp() < m.end for m in maps)
    ]


def _rules(episode: DenialEpisode, refusals: list[Denial]) -> list[SharingRule]:
    """Return the lines of options files that keep seats for others or withhold them. One query."""
    if episode.reason_class == DenialClass.POLICY:
        keywords = {
            word for row in refusals for word in _KEYWORDS.get(row.code, (*_WITHHELD, "RESERVE"))
        }
    else:
        keywords = set(_ALWAYS) if episode.capacity else set()
    bearing = Q(pk__in=[])
    for server, name in {(row.feature.server_id, row.feature.name) for row in refusals}:
        bearing |= Q(server=server, feature_name__in=["", name])
    if not keywords or not refusals:
        return []
    rows = SharingRule.objects.filter(bearing, keyword__in=keywords)
    return list(rows.select_related("capture")[:MOST_LINES])


def _holders(then: Instant, user: Any, pool: LicensePool) -> Holders:
    longest = None
    if then.people >= LEAST and then.since is not None:
        longest = then.at - then.since
    known = then.in_use is not None
    return Holders(
        rows=then.holders if _may_list(user, pool) else None,
        more=then.behind,
        people=then.people if known and tells_apart() else None,
        seats=then.in_use,
        longest_seconds=longest,
    )


def _may_list(user: Any, pool: LicensePool) -> bool:
    """Tell whether a reader sees who held seats one by one, by pseudonym or by name."""
    if not sees_people(user):
        return False
    return bool(LicensePool.objects.for_user(user).filter(pk=pool.pk).exists())
