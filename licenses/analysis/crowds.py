"""Which teams are so small that figures about them would be figures about somebody."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import numpy as np
from django.conf import settings
from django.db.models import BigIntegerField, Case, Count, F, Q, Value, When
from django.db.models.functions import Coalesce

from licenses.analysis.rows import columns
from licenses.concurrency.intervals import Flags, Ints
from licenses.models import LEAST, Membership, RuleMatch, Team


def too_few(start: int, end: int) -> set[int]:
    """Return the ids of teams whose figures over [start, end) are not told; none where names are
    shown anyhow.

    These are teams with one to four people, with those in teams below them, on the first or on the
    last day; and those of whom nobody knows how many they are. Four queries.
    """
    if settings.ITAM_NAMES == "named":
        return set()
    parents = dict(Team.objects.order_by().values_list("pk", "parent_id"))
    enough = _enough(parents, (start, end - 1))
    # Who is in the others is looked at; that takes the rows of few people.
    left = [team for team in parents if not all(team in teams for teams in enough)]
    team, person, *flags = columns(
        Membership.objects.order_by().filter(team__among=left),
        "team_id",
        "person_id",
        *(_in_force(moment) for moment in (start, end - 1)),
    )
    # A person and a machine are somebody each; the ids of the machines are made negative.
    fitting = columns(
        RuleMatch.objects.order_by().filter(rule__team__among=left),
        "rule__team_id",
        Coalesce("person_id", -F("host_id"), output_field=BigIntegerField()),
    )
    few: set[int] = set()
    known: set[int] = set()
    for inside, teams in zip(flags, enough, strict=True):
        crowd = _crowds(parents, team, person, inside != 0, fitting)
        few |= {team for team, people in crowd.items() if len(people) < LEAST} - teams
        known |= crowd.keys() | teams
    return few | (parents.keys() - known)


def is_crowd(people: int) -> bool:
    """Tell whether a figure about so many people may be told: of fewer it is about somebody."""
    return settings.ITAM_NAMES == "named" or people >= LEAST


def _enough(parents: dict[int, int | None], moments: Sequence[int]) -> list[set[int]]:
    """Return for each moment teams that are large enough by their own members alone, and those
    above them. Others may be, too."""
    members = Membership.objects.order_by().values("team_id")
    counts = {
        f"day{place}": Count("person_id", distinct=True, filter=_day(moment))
        for place, moment in enumerate(moments)
    }
    told = members.annotate(**counts).values_list("team_id", *counts)
    found: list[set[int]] = [set() for _ in moments]
    for team, *numbers in told:
        for teams, number in zip(found, numbers, strict=True):
            above: int | None = team if number >= LEAST else None
            while above is not None and above not in teams:
                teams.add(above)
                above = parents.get(above)
    return found


def _day(moment: int) -> Q:
    """Return what is asked of a membership that is in force on the day of a moment."""
    return Membership.in_force_q(datetime.fromtimestamp(moment, UTC).date())


def _in_force(moment: int) -> Case:
    """Return 1 for a membership that is in force on the day of a moment, else 0."""
    then = When(_day(moment), then=Value(1))
    return Case(then, default=Value(0), output_field=BigIntegerField())


def _crowds(
    parents: dict[int, int | None], team: Ints, who: Ints, inside: Flags, fitting: Iterable[Ints]
) -> dict[int, set[int]]:
    """Return who is in each team, with those in teams below it; teams with nobody are missing."""
    rules, fits = fitting
    team, who = np.append(team[inside], rules), np.append(who[inside], fits)
    if not len(team):
        return {}
    order = np.argsort(team, kind="stable")
    team, who = team[order], who[order]
    teams, heads = np.unique(team, return_index=True)
    found: defaultdict[int, set[int]] = defaultdict(set)
    for own, people in zip(teams.tolist(), np.split(who, heads[1:]), strict=True):
        mine = set(people.tolist())
        above: int | None = own
        while above is not None:
            found[above] |= mine
            above = parents.get(above)
    return found
