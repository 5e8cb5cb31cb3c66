"""Whose use it was: the teams in force at the moment at which somebody took seats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta, tzinfo
from typing import NamedTuple, Self

import numpy as np
from django.db.models import Q

from licenses.analysis.rows import EVER, Listed, listed, tuples
from licenses.concurrency.intervals import Flags, Ints
from licenses.concurrency.periods import local_midnight
from licenses.concurrency.timeline import OPEN
from licenses.models import Membership, RuleMatch, Team, TeamRule

NOBODYS = 0
"""Stands for use by nobody's team; no team has this id."""
FEW = 500
"""Memberships and matches of so many people are asked for by name; of more, all are read."""


MOST_FLAGS = 2**26
"""Bytes in which each pair of use and team has one of its own."""


MemberRow = tuple[int, int, date | None, date | None]
"""What a Member says."""


class Member(NamedTuple):
    """A person is in a team from the first to the last day, both included."""

    person: int
    team: int
    first: date | None
    last: date | None


class Rule(NamedTuple):
    """Use by these people on these hosts is a team's, on these days; None is any of them."""

    team: int
    first: date | None
    last: date | None
    people: Ints | None
    hosts: Ints | None


@dataclass(frozen=True, eq=False, slots=True)
class Belonging:
    """Pairs of a use (its place among those asked for) and a team, each pair once, in the order of
    team and place.

    A use is there for each of its teams and each team above them; with NOBODYS where it has none.
    """

    place: Ints
    team: Ints
    size: int

    def where(self, flags: Flags) -> Self:
        """Keep the pairs of the flagged uses."""
        if flags.all():
            return self
        kept = flags[self.place]
        return replace(self, place=self.place[kept], team=self.team[kept])

    def among(self, flags: Flags) -> Self:
        """Keep the pairs of the flagged uses, with their places among these."""
        kept = self.where(flags)
        place = (np.cumsum(flags) - 1)[kept.place]
        return replace(kept, place=place, size=int(flags.sum()))

    def of(self, team: int) -> Flags:
        """Tell for each use whether it is the team's, or that of a team below it."""
        flags = np.zeros(self.size, dtype=np.bool_)
        head, tail = np.searchsorted(self.team, [team, team + 1])
        flags[self.place[head:tail]] = True
        return flags


@dataclass(frozen=True, eq=False, slots=True)
class Teams:
    """Who belongs where and when.

    above:    by team, its id and those of all teams above it.
    members:  in any order.
    rules:    the one that is asked first comes first.
    """

    above: dict[int, list[int]]
    members: Sequence[MemberRow]
    rules: list[Rule]

    def belonging(self, person: Ints, host: Ints, moment: Ints, zone: tzinfo) -> Belonging:
        """Return the teams of uses that began at these moments; days are those of *zone*.

        All memberships in force count, and of the rules in force the first that fits.
        O((n + members) log n + n x rules).
        """
        pairs = [_by_membership(self.members, person, moment, zone)]
        if self.rules:
            pairs.append(_by_rule(self.rules, person, host, moment, zone))
        place, team = (np.concatenate(column) for column in zip(*pairs, strict=True))
        place, team = self._with_above(place, team, len(person))
        alone = np.ones(len(person), dtype=np.bool_)
        alone[place] = False
        nobodys = np.flatnonzero(alone)
        return Belonging(
            np.append(nobodys, place),  # NOBODYS is below all ids
            np.append(np.full(len(nobodys), NOBODYS, dtype=np.int64), team),
            len(person),
        )

    def _with_above(self, place: Ints, team: Ints, size: int) -> tuple[Ints, Ints]:
        """Add the teams above, and make each pair of use and team one, in order."""
        if not len(team):
            return place, team
        names, ranks = ranked(team)
        chains = [self.above[name] for name in names.tolist()]
        lengths = np.array([len(chain) for chain in chains], dtype=np.int64)
        every, flat = np.unique(np.concatenate(chains), return_inverse=True)
        counts = lengths[ranks]
        heads = (np.cumsum(lengths) - lengths)[ranks]
        keys = (flat * size)[_runs(heads, counts)] + np.repeat(place, counts)
        if size * len(every) <= MOST_FLAGS:
            there = np.zeros(size * len(every), dtype=np.bool_)
            there[keys] = True
            keys = np.flatnonzero(there)  # a tenth of the time that `unique` takes
        else:
            keys = np.unique(keys)
        # A division of each would take longer.
        edges = np.arange(len(every) + 1) * size
        pairs = np.diff(np.searchsorted(keys, edges))
        return keys - np.repeat(edges[:-1], pairs), np.repeat(every, pairs)


def load_teams(people: Ints, hosts: Ints) -> Teams:
    """Return what decides on uses by these people on these hosts. Four queries at most."""
    parents = dict(Team.objects.order_by().values_list("pk", "parent_id"))
    if not parents:
        return Teams({}, [], [])
    who, where = (ranked(ids)[0].tolist() for ids in (people, hosts))
    few = len(who) <= FEW and len(where) <= FEW
    members = Membership.objects.order_by()
    members = members.filter(person__among=who) if few else members
    rows = tuples(members, "person_id", "team_id", "valid_from", "valid_to")
    return Teams(
        {team: _chain(team, parents) for team in parents},
        rows,
        load_rules((who, where) if few else None),
    )


def load_rules(names: tuple[list[int], list[int]] | None = None) -> list[Rule]:
    """Return the rules in order. Two queries.

    names:  ids of people and of hosts; only matches of these are read. None: all.
    """
    rules = list(TeamRule.objects.order_by("order", "pk"))
    if not rules:
        return []
    matches = RuleMatch.objects.order_by()
    if names is not None:
        matches = matches.filter(Q(person__among=names[0]) | Q(host__among=names[1]))
    told = matches.values("rule_id").annotate(people=Listed("person_id"), hosts=Listed("host_id"))
    known = {pk: texts for pk, *texts in tuples(told, "rule_id", "people", "hosts")}
    found = []
    for rule in rules:
        people, hosts = map(listed, known.get(rule.pk, (None, None)))
        found.append(
            Rule(
                rule.team_id,
                rule.valid_from,
                rule.valid_to,
                people if rule.user_pattern else None,
                hosts if rule.host_pattern else None,
            )
        )
    return found


def first_moment(day: date | None, zone: tzinfo) -> int:
    """Return when a first day begins in the zone; EVER where there is none."""
    return EVER if day is None or day.year < 1900 else local_midnight(day, zone)


def end_moment(day: date | None, zone: tzinfo) -> int:
    """Return when a last day is over in the zone; OPEN where there is none."""
    return OPEN if day is None or day.year > 9000 else local_midnight(day + timedelta(1), zone)


def within(
    owners: Ints, moments: Ints, holders: Ints, starts: Ints, ends: Ints
) -> tuple[Ints, Ints]:
    """Return the pairs (place among the moments, place among the spans) where a moment lies in a
    span [start, end) of its owner.

    owners, moments:        of the uses.
    holders, starts, ends:  of the spans; those of one holder may overlap.
    """
    nothing = np.empty(0, dtype=np.int64)
    if not len(owners) or not len(holders):
        return nothing, nothing
    names, ranks = ranked(owners)
    origin = int(moments.min())
    width = int(moments.max()) - origin + 1
    keys, order = _in_order(ranks * width + (moments - origin))
    rank = np.minimum(np.searchsorted(names, holders), len(names) - 1)
    known = np.flatnonzero(names[rank] == holders)
    base = rank[known] * width
    first = np.searchsorted(keys, base + np.clip(starts[known], origin, origin + width) - origin)
    last = np.searchsorted(keys, base + np.clip(ends[known], origin, origin + width) - origin)
    counts = np.maximum(last - first, 0)
    return order[_runs(first, counts)], np.repeat(known, counts)


def _by_membership(
    members: Sequence[MemberRow],
    person: Ints,
    moment: Ints,
    zone: tzinfo,
) -> tuple[Ints, Ints]:
    people, teams, firsts, lasts = zip(*members, strict=True) if members else ((),) * 4
    holders, theirs = (np.array(column, dtype=np.int64) for column in (people, teams))
    place, span = within(person, moment, holders, *spans(firsts, lasts, zone))
    return place, theirs[span]


def _by_rule(
    rules: Sequence[Rule], person: Ints, host: Ints, moment: Ints, zone: tzinfo
) -> tuple[Ints, Ints]:
    """Return the places that a rule decides on, with the team of the first one that does."""
    team = np.full(len(person), NOBODYS, dtype=np.int64)
    people, person_ranks = ranked(person)
    hosts, host_ranks = ranked(host)
    earliest, latest = (int(moment.min()), int(moment.max())) if len(moment) else (OPEN, OPEN)
    starts, ends = spans([row.first for row in rules], [row.last for row in rules], zone)
    # The last one first: those that are asked before it write over what it says.
    for rule, start, end in reversed(list(zip(rules, starts.tolist(), ends.tolist(), strict=True))):
        if any(names is not None and not len(names) for names in (rule.people, rule.hosts)):
            continue
        fits = np.ones(len(person), dtype=np.bool_)
        if rule.people is not None:
            fits &= _among(people, rule.people)[person_ranks]
        if rule.hosts is not None:
            fits &= _among(hosts, rule.hosts)[host_ranks]
        if start > earliest or latest >= end:
            fits &= (moment >= start) & (moment < end)
        team[fits] = rule.team
    place = np.flatnonzero(team != NOBODYS)
    return place, team[place]


def _among(names: Ints, some: Ints) -> Flags:
    """Tell which of the names, which are in order, are among *some*: as `np.isin`, without its
    sort of all."""
    flags = np.zeros(len(names), dtype=np.bool_)
    if len(names):
        places = np.minimum(np.searchsorted(names, some), len(names) - 1)
        flags[places[names[places] == some]] = True
    return flags


def spans(
    firsts: Sequence[date | None], lasts: Sequence[date | None], zone: tzinfo
) -> tuple[Ints, Ints]:
    """Return the moments at which spans of days begin and are over in the zone."""
    begins = {first: first_moment(first, zone) for first in set(firsts)}
    ends = {last: end_moment(last, zone) for last in set(lasts)}
    return (
        np.array([begins[first] for first in firsts], dtype=np.int64),
        np.array([ends[last] for last in lasts], dtype=np.int64),
    )


def _chain(team: int, parents: dict[int, int | None]) -> list[int]:
    """Return a team and those above it; a circle, which no form lets in, ends where it closes."""
    chain: list[int] = []
    step: int | None = team
    while step is not None and step not in chain:
        chain.append(step)
        step = parents.get(step)
    return chain


def ranked(ids: Ints) -> tuple[Ints, Ints]:
    """Return the ids in order, each once, and the place of each among these, as `np.unique` does; a
    tenth of its time where they are as close as those of a table."""
    low, high = (int(ids.min()), int(ids.max())) if len(ids) else (0, 0)
    if high - low > 4 * len(ids):
        names, ranks = np.unique(ids, return_inverse=True)
        return names, ranks
    there = np.zeros(high - low + 1, dtype=np.bool_)
    there[ids - low] = True
    return np.flatnonzero(there) + low, (np.cumsum(there) - 1)[ids - low]


def _in_order(keys: Ints) -> tuple[Ints, Ints]:
    """Return keys of 0 or more in order, and the places where they stood.

    Key and place share one number where 63 bits hold them: numpy sorts plain integers some ten
    times faster than it finds an order to apply.
    """
    bits = len(keys).bit_length()
    if bits + int(keys.max()).bit_length() > 63:
        order = np.argsort(keys, kind="stable")
        return keys[order], order
    both = np.sort(keys << bits | np.arange(len(keys)))
    return both >> bits, both & ((1 << bits) - 1)


def _runs(heads: Ints, counts: Ints) -> Ints:
    """Return head, head + 1, ... for each head, as many as its count."""
    offsets = np.cumsum(counts) - counts
    return np.repeat(heads - offsets, counts) + np.arange(int(counts.sum()), dtype=np.int64)
