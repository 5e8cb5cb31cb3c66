"""Who holds most of a pool, without a name:

how many people, the largest holding, the largest team.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass

from django.db.models import Sum

from itam.told import Told, tell_count
from licenses.analysis.crowds import too_few
from licenses.models import Checkout, Membership

from .words import plain
from .world import World


@dataclass(frozen=True, slots=True)
class Holders:
    """Holders of one pool.

    most: seats (of the servers) of the largest holder; team: with most seats, if any.
    """

    people: int
    most: int
    team: str = ""
    team_seats: int = 0

    def sentence(self) -> Told:
        told = {"most": self.most, "team": plain(self.team), "seats": self.team_seats}
        if self.most > 1 and self.team:
            return tell_count(
                "%(count)s person holds them, one of them %(most)s seats; most are with %(team)s"
                " (%(seats)s seats).",
                "%(count)s people hold them, one of them %(most)s seats; most are with %(team)s"
                " (%(seats)s seats).",
                self.people,
                **told,
            )
        if self.team:
            return tell_count(
                "%(count)s person holds them; most are with %(team)s (%(seats)s seats).",
                "%(count)s people hold them; most are with %(team)s (%(seats)s seats).",
                self.people,
                **told,
            )
        if self.most > 1:
            return tell_count(
                "%(count)s person holds them, one of them %(most)s seats.",
                "%(count)s people hold them, one of them %(most)s seats.",
                self.people,
                **told,
            )
        return tell_count(
            "%(count)s person holds them.", "%(count)s people hold them.", self.people
        )


def holders(world: World, pool_ids: Collection[int]) -> dict[int, Holders]:
    """Return who holds the seats of these pools now. Five queries, none for no pools.

    A team of which so few people are known that it would be somebody is not named.
    """
    pools_of: defaultdict[int, list[int]] = defaultdict(list)
    for pool in pool_ids:
        for feature in world.pool_features.get(pool, ()):
            pools_of[feature].append(pool)
    if not pools_of:
        return {}
    rows = (
        Checkout.objects.open()
        .filter(feature__in=list(pools_of))
        .order_by()
        .values_list("feature_id", "person_id")
        .annotate(total=Sum("seats"))
    )
    held: defaultdict[int, Counter[int]] = defaultdict(Counter)
    for feature, person, total in rows:
        for pool in pools_of[feature]:
            held[pool][person] += total
    teams: defaultdict[int, list[str]] = defaultdict(list)
    members = Membership.objects.filter(
        Membership.in_force_q(world.today),
        person__checkouts__feature__in=list(pools_of),
        person__checkouts__returned_at=None,
    )
    rows_of_teams = members.order_by().values_list("person_id", "team_id", "team__name").distinct()
    few = too_few(world.second, world.second + 1)
    for person, team_id, team in rows_of_teams:
        if team_id not in few:
            teams[person].append(team)
    return {pool: _summed(people, teams) for pool, people in held.items()}


def _summed(people: Counter[int], teams: dict[int, list[str]]) -> Holders:
    by_team: Counter[str] = Counter()
    for person, seats in people.items():
        for team in teams.get(person, ()):
            by_team[team] += seats
    # Of equal teams the first by name, so that the same data give the same words.
    best = min(by_team.items(), key=lambda item: (-item[1], item[0]), default=("", 0))
    return Holders(len(people), max(people.values()), *best)
