"""Which teams are so small that figures about them would be figures about somebody."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime

from django.conf import settings

from licenses.models import LEAST, Membership, RuleMatch, Team


def too_few(start: int, end: int) -> set[int]:
    """Return the ids of teams whose figures over [start, end) are not told; none where names are
    shown anyhow.

    These are teams with one to four people, with those in teams below them, on the first or on the
    last day; and those of whom nobody knows how many they are. Three queries.
    """
    if settings.ITAM_NAMES == "named":
        return set()
    parents = dict(Team.objects.order_by().values_list("pk", "parent_id"))
    members = list(
        Membership.objects.order_by().values_list("team_id", "person_id", "valid_from", "valid_to")
    )
    fitting = RuleMatch.objects.order_by().values_list("rule__team_id", "person_id", "host_id")
    matched = [(team, (person, host)) for team, person, host in fitting]
    few: set[int] = set()
    known: set[int] = set()
    for moment in (start, end - 1):
        day = datetime.fromtimestamp(moment, UTC).date()
        crowd: defaultdict[int, set[object]] = defaultdict(set)
        for team, person, first, last in members:
            if (first or date.min) <= day <= (last or date.max):
                _add(crowd, parents, team, (person, None))
        for team, who in matched:
            _add(crowd, parents, team, who)
        few |= {team for team, people in crowd.items() if len(people) < LEAST}
        known |= crowd.keys()
    return few | (parents.keys() - known)


def _add(
    crowd: defaultdict[int, set[object]], parents: dict[int, int | None], team: int, who: object
) -> None:
    """Count somebody in a team and in all teams above it."""
    above: int | None = team
    while above is not None:
        crowd[above].add(who)
        above = parents.get(above)
