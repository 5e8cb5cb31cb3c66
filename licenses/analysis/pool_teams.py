"""All teams of one pool side by side: from the stored hours, quick however many holdings it has."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

from django.db.models import F, Sum
from django.utils.translation import gettext

from licenses.analysis.coverage import load_logged
from licenses.analysis.crowds import too_few
from licenses.analysis.horizons import load_horizons
from licenses.analysis.kept import load_held, team_sums
from licenses.analysis.mappings import load_mappings, servers
from licenses.analysis.refusals import refusals_known
from licenses.analysis.rows import number
from licenses.analysis.team_use import (
    MOST_HOLDERS,
    UNASSIGNED,
    Holder,
    Sharing,
    holder_rows,
    holders_of,
    seats_known,
    sharing,
)
from licenses.analysis.teams import NOBODYS, Belonging, load_teams
from licenses.concurrency.intervals import Flags
from licenses.concurrency.joint import saved
from licenses.concurrency.periods import HOUR_SECONDS, iso
from licenses.models import LicensePool, Membership, PoolHour, Team, TeamRule


@dataclass(frozen=True, slots=True)
class TeamRow:
    """One team with the teams below it.

    depth:         0 at the top of the tree.
    share:         of the pool's seat-time, 0 to 1; None where there was none.
    peak, at_pool_peak:
                   its own peak, and the seats it held at the first moment of the pool's; None where
                   nobody observed the pool and none are known.
    denials:       capacity refusals, as logged; None where no log tells of the time.
    """

    team_id: int
    team: str
    depth: int
    peak: int | None
    at_pool_peak: int | None
    seat_seconds: int
    share: float | None
    checkouts: int
    denials: int | None


@dataclass(frozen=True, slots=True)
class PoolTeams:
    """The teams that used or wanted a pool over [start, end), in the order of the tree.

    peak, peak_at:  of the pool: all of its teams together. None where nothing is known.
    compared:       teams that cover all use with as little overlap as the tree allows.
    sharing:        what these save by sharing. Means nothing unless the peak of each is `known`.
    holders:        who held seats at the pool's peak, by pseudonym, never by how much; as many as
                    were asked for. more_holders: how many follow. Both None where people were not
                    asked for.
    """

    start: int
    end: int
    rows: list[TeamRow]
    peak: int | None
    peak_at: int | None
    compared: list[str]
    known: bool
    sharing: Sharing
    holders: list[Holder] | None
    more_holders: int | None

    def as_dict(self, zone: tzinfo) -> dict[str, Any]:
        """Return what the API answers, moments in the zone."""
        rows = [{name: getattr(row, name) for name in row.__slots__} for row in self.rows]
        for row in rows:
            del row["team_id"]
        return {
            "from": iso(self.start, zone),
            "to": iso(self.end, zone),
            "teams": rows,
            "joint": {
                "peak": self.peak,
                "peak_at": None if self.peak_at is None else iso(self.peak_at, zone),
                "compared": self.compared,
                **self.sharing.as_dict(known=self.known),
                "holders": holder_rows(self.holders),
                "more_holders": self.more_holders,
            },
        }


def pool_teams(
    pool: LicensePool,
    start: int,
    end: int,
    *,
    people: bool = True,
    names: bool = False,
    visible: Collection[int] | None = None,
    most: int = MOST_HOLDERS,
) -> PoolTeams:
    """Return the teams of a pool over the full UTC hours that [start, end) touches.

    people:   tell who held seats at the peak. Not for readers who may see sums only.
    names:    tell names of people. Ask for them only for readers who may see them.
    visible:  ids of the teams to tell of; None: all, and use by nobody's team. The sums are
              those of all teams all the same. Teams of too few people are told of to nobody.
    most:     holders at most.

    A constant number of queries. No more holdings are read than those at the pool's peak, unless
    somebody is in several teams, or in one with others below it: all of them then.
    """
    start, end = start // HOUR_SECONDS * HOUR_SECONDS, -(-end // HOUR_SECONDS) * HOUR_SECONDS
    found = {
        NOBODYS if team is None else team: sums
        for team, sums in team_sums(pool.pk, start, end).items()
    }
    hours = PoolHour.objects.filter(pool=pool).inside(start, end)
    totals = hours.aggregate(
        used=Sum(F("seat_seconds") * F("inside")), seen=Sum(F("observed_seconds") * F("inside"))
    )
    whole, observed = totals["used"] or 0, totals["seen"] or 0
    top = hours.filter(peak__isnull=False).order_by("-peak", "hour")
    peak, peak_at = None, None
    if row := top.values_list("peak", number("peak_at"), number("hour")).first():
        # A row that began earlier tells of its first hour: the same comes in each of its hours.
        peak, peak_at = row[0], row[1] + max(0, start - row[2])
    tree = {pk: (parent, name) for pk, parent, name in _tree()}
    parents = {pk: parent for pk, (parent, _) in tree.items()}
    title = {pk: name for pk, (_, name) in tree.items()} | {NOBODYS: str(UNASSIGNED)}
    mappings = load_mappings([pool.pk])
    compared = split(parents, found.keys(), _with_people_of_their_own())
    alone = not any(compared.values()) and whole == sum(found[t].seat_seconds for t in compared)
    at = peak_at or 0
    span = (at, at + 1) if alone else (start, end)
    held = load_held(mappings, load_horizons(servers(mappings)), *span)[pool.pk]
    known = load_teams(held.person, held.host)
    use = known.belonging(held.person, held.host, held.began, pool.tzinfo)
    if alone:
        sums = sum(found[team].peak for team in compared)
        saves = Sharing(sums, sums - (peak or 0), sums - (peak or 0))
    else:
        known_peaks = [None if below else found[team].peak for team, below in compared.items()]
        groups = _compared(use, compared)
        joint_peak = peak or 0, at
        columns = held.taken_by, held.returned_after, held.seats
        shared = saved(*columns, groups, start, end, peaks=known_peaks, joint_peak=joint_peak)
        saves = sharing(shared, whole, held)
    at_peak = held.known_at(at) & bool(peak)
    held, use = held.where(at_peak), use.among(at_peak)
    few = too_few(start, end)
    told = load_logged(mappings, start, end)[pool.pk].seconds
    shown = {
        team: depth
        for team, depth in [*in_order(parents, title), (NOBODYS, 0)]
        if team in found and team not in few and (visible is None or team in visible)
    }
    groups, titles = [use.of(t) for t in shown], [title[t] for t in shown]
    holders, more = (
        holders_of(held, groups, titles, names=names, most=most) if people else (None, None)
    )
    return PoolTeams(
        start,
        end,
        [
            TeamRow(
                team_id=team,
                team=title[team],
                depth=depth,
                peak=seats_known(found[team].peak, observed),
                at_pool_peak=seats_known(int(held.seats[use.of(team)].sum()), observed),
                seat_seconds=found[team].seat_seconds,
                share=found[team].seat_seconds / whole if whole else None,
                checkouts=found[team].checkouts,
                denials=refusals_known(found[team].denials, told),
            )
            for team, depth in shown.items()
        ],
        peak,
        peak_at,
        [
            gettext("%(team)s (directly)") % {"team": title[team]} if below else title[team]
            for team, below in compared.items()
            if team in shown
        ],
        peak is not None and (observed > 0 or all(found[team].peak for team in compared)),
        saves,
        holders,
        more,
    )


def _compared(use: Belonging, compared: Mapping[int, list[int]]) -> list[Flags]:
    """Return which uses are of each of the compared teams."""
    groups = []
    for team, below in compared.items():
        flags = use.of(team)
        for other in below:
            flags &= ~use.of(other)
        groups.append(flags)
    return groups


def split(
    parents: Mapping[int, int | None], used: Collection[int], direct: Collection[int]
) -> dict[int, list[int]]:
    """Return teams that together cover all use, as low in the tree as that goes, each with those
    below it whose use is not meant: of a team with people of its own, theirs alone.

    parents:  of all teams.
    used:     teams with use of their own or below; NOBODYS for use without a team.
    direct:   teams that may have use that is not of a team below them.
    """
    below: dict[int | None, list[int]] = {}
    for team in sorted(team for team in used if team != NOBODYS):
        below.setdefault(parents.get(team), []).append(team)
    chosen: dict[int, list[int]] = {NOBODYS: []} if NOBODYS in used else {}
    waiting = list(below.get(None, ()))
    while waiting:
        team = waiting.pop()
        children = below.get(team, [])
        waiting += children
        if team in direct or not children:
            chosen[team] = children
    return dict(sorted(chosen.items()))


def in_order(parents: Mapping[int, int | None], names: Mapping[int, str]) -> list[tuple[int, int]]:
    """Return (team, depth) with each team below its parent, and brothers by name."""
    below: dict[int | None, list[int]] = {}
    for team in sorted(parents, key=lambda team: names[team].casefold(), reverse=True):
        below.setdefault(parents[team], []).append(team)
    found = []
    waiting = [(team, 0) for team in below.get(None, ())]
    while waiting:
        team, depth = waiting.pop()
        found.append((team, depth))
        waiting += [(child, depth + 1) for child in below.get(team, ())]
    return found


def _tree() -> list[tuple[int, int | None, str]]:
    return list(Team.objects.order_by().values_list("pk", "parent_id", "name"))


def _with_people_of_their_own() -> set[int]:
    members = Membership.objects.order_by().values("team_id")
    return set(
        members.union(TeamRule.objects.order_by().values("team_id")).values_list(
            "team_id", flat=True
        )
    )
