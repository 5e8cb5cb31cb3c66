"""Teams side by side and together: their shares, their peaks, and who held seats at the joint
peak."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import tzinfo
from typing import Any

import numpy as np
from django.utils.translation import gettext_lazy

from licenses.analysis.crowds import is_crowd
from licenses.analysis.holdings import Holdings
from licenses.analysis.refusals import Refusals, refusals_known
from licenses.analysis.teams import Belonging
from licenses.concurrency.intervals import Flags, Ints
from licenses.concurrency.joint import Saved, joint
from licenses.concurrency.periods import iso
from licenses.models import Person, Team

UNASSIGNED = gettext_lazy("No team")
"""How use by nobody's team is called."""
MOST_HOLDERS = 1000
"""Of one answer; more are counted, and told a page at a time by the pool at that moment."""


@dataclass(frozen=True, slots=True)
class TeamFigures:
    """One team with the teams below it, over the whole window.

    peak:           None where nobody observed the pool and no use by the team is known.
    share:          of the pool's seat-time, 0 to 1; None where there was no use at all.
    at_joint_peak:  seats it held at the first moment of the joint peak; None where nobody observed
                    the pool and none are known.
    denials:        capacity refusals, as logged; None where no log tells of the time.
    people:         different people known to hold a seat.
    """

    team_id: int
    team: str
    peak: int | None
    peak_at: int | None
    at_joint_peak: int | None
    seat_seconds: int
    share: float | None
    checkouts: int
    denials: int | None
    people: int


@dataclass(frozen=True, slots=True)
class Holder:
    """Someone who held seats at the joint peak, and for which of the teams.

    name:  None where names were not asked for, or none is known.
    """

    person: str
    name: str | None
    seats: int
    teams: list[str]


@dataclass(frozen=True, slots=True)
class Sharing:
    """Seats shared by teams, against seats of their own.

    sum_of_peaks:          of the teams one by one; who is in several of them is in each peak.
    pooled, pooled_high:   seats that sharing saves, at least and at most: the same where nobody
                           is in several of the teams.
    several:               whether use by people in several of the teams stands in each of them.
    several_share:         of the teams' seat-time, 0 to 1; several_at_peak: seats of the joint
                           peak. None where so few people are in several that it would be a figure
                           about somebody.
    """

    sum_of_peaks: int
    pooled: int
    pooled_high: int
    several: bool = False
    several_share: float | None = 0.0
    several_at_peak: int | None = 0

    def as_dict(self, *, known: bool) -> dict[str, Any]:
        """Return the figures for programs: all null where the peaks are not known."""
        return asdict(self) if known else dict.fromkeys(asdict(self))


def sharing(found: Saved, seat_seconds: int, held: Holdings) -> Sharing:
    """Return what groups of holdings save by sharing.

    seat_seconds: of all groups together.
    """
    several = found.shared.seat_seconds > 0
    told = not several or is_crowd(len(np.unique(held.person[found.of_several])))
    share = found.shared.seat_seconds / seat_seconds if several and seat_seconds else 0.0
    return Sharing(
        found.sum_of_peaks,
        found.pooled,
        found.pooled_high,
        several,
        share if told else None,
        found.shared.at_joint_peak if told else None,
    )


@dataclass(frozen=True, slots=True)
class TeamsTogether:
    """Teams one by one and together. Who is in several of them counts once together.

    peak:          None where nobody observed the pool and no use by the teams is known.
    peak_at:       the first moment of the joint peak; None where there was no use.
    sharing:       means nothing unless the peaks of all are `known`.
    holders:       who held seats at the joint peak, by pseudonym, never by how much; the first
                   MOST_HOLDERS. more_holders: how many follow. Both None where people were not
                   asked for.
    """

    teams: list[TeamFigures]
    peak: int | None
    peak_at: int | None
    sharing: Sharing
    holders: list[Holder] | None
    more_holders: int | None

    @property
    def known(self) -> bool:
        """Tell whether the peak of each team is known, and so that of all."""
        return all(row.peak is not None for row in self.teams)

    def as_dict(self, zone: tzinfo) -> dict[str, Any]:
        """Return the keys `teams` and `joint` of the JSON answers, moments in the zone."""
        teams = [{name: getattr(row, name) for name in row.__slots__} for row in self.teams]
        for row in teams:
            del row["team_id"]
            row["peak_at"] = _moment(row["peak_at"], zone)
        return {
            "teams": teams,
            "joint": {
                "peak": self.peak,
                "peak_at": _moment(self.peak_at, zone),
                **self.sharing.as_dict(known=self.known),
                "holders": holder_rows(self.holders),
                "more_holders": self.more_holders,
            },
        }


def together(
    held: Holdings,
    refused: Refusals,
    use: Belonging,
    refusals: Belonging,
    teams: dict[int, str],
    window: tuple[int, int],
    *,
    observed_seconds: int,
    logged_seconds: int,
    people: bool = True,
    names: bool = False,
) -> TeamsTogether:
    """Return teams one by one and together over a window. One query.

    held, refused:  of the pool, all of them; what lies outside the window is cut off.
    use, refusals:  the teams of each holding and of each refusal.
    teams:          names of the teams asked for, by id; NOBODYS may be among them.
    observed_seconds, logged_seconds:
                    of the window, that which was observed, and that of which logs tell.
    people:         tell who held seats at the joint peak. Not for readers who may see sums only.
    names:          tell names of people. Ask for them only for readers who may see them.
    """
    start, end = window
    groups = [use.of(team) for team in teams]
    found = joint(held.taken_by, held.returned_after, held.seats, groups, start, end)
    seconds = np.minimum(held.returned_after, end) - np.maximum(held.taken_by, start)
    whole = int((np.maximum(seconds, 0) * held.seats).sum())
    begun = held.fresh & _inside(held.taken_at, window)
    denied = _inside(refused.at, window)
    rows = [
        TeamFigures(
            team_id=team,
            team=name,
            peak=seats_known(part.peak, observed_seconds),
            peak_at=part.peak_at,
            at_joint_peak=seats_known(part.at_joint_peak, observed_seconds),
            seat_seconds=part.seat_seconds,
            share=part.seat_seconds / whole if whole else None,
            checkouts=int((begun & flags).sum()),
            denials=refusals_known(int((denied & refusals.of(team)).sum()), logged_seconds),
            people=len(np.unique(held.person[flags & (seconds > 0)])),
        )
        for (team, name), flags, part in zip(teams.items(), groups, found.parts, strict=True)
    ]
    saves = sharing(found, found.seat_seconds, held)
    held = held.where(found.holders)
    flags_of_holders = [flags[found.holders] for flags in groups]
    holders, more = (
        holders_of(held, flags_of_holders, list(teams.values()), names=names)
        if people
        else (None, None)
    )
    peak = seats_known(found.peak, observed_seconds)
    return TeamsTogether(rows, peak, found.peak_at, saves, holders, more)


def named(teams: Sequence[Team]) -> dict[int, str]:
    """Return the names of teams by id, as `together` takes them."""
    return {team.pk: team.name for team in teams}


def holders_of(
    held: Holdings,
    groups: Sequence[Flags],
    titles: Sequence[str],
    *,
    names: bool,
    most: int = MOST_HOLDERS,
) -> tuple[list[Holder], int]:
    """Return who holds seats, each person once, by pseudonym, and how many follow. One query.

    groups, titles:  which of the holdings are of each team, and the team's name.
    most:            people at most.
    """
    everybody = np.unique(held.person)
    people = Person.objects.filter(pk__in=everybody.tolist()).order_by("pseudonym")
    if names:
        people = people.select_related("identity")
    shown = list(people[:most])
    told = np.isin(held.person, [person.pk for person in shown])
    seats: dict[int, int] = {}
    of: dict[int, set[str]] = {}
    for place in np.flatnonzero(told).tolist():
        person = int(held.person[place])
        seats[person] = seats.get(person, 0) + int(held.seats[place])
        mine = of.setdefault(person, set())
        mine.update(t for t, flags in zip(titles, groups, strict=True) if flags[place])
    holders = [
        Holder(person.label, _name(person, names), seats[person.pk], sorted(of[person.pk]))
        for person in shown
    ]
    return holders, len(everybody) - len(shown)


def holder_rows(holders: Sequence[Holder] | None) -> list[dict[str, Any]] | None:
    """Return holders as the JSON answers tell of them; None where people were not asked for."""
    if holders is None:
        return None
    return [{name: getattr(row, name) for name in row.__slots__} for row in holders]


def _name(person: Person, names: bool) -> str | None:
    identity = getattr(person, "identity", None) if names else None
    return str(identity) if identity else None


def seats_known(seats: int, observed_seconds: int) -> int | None:
    """Return the seats; None where nobody looked and nobody is known to have held one."""
    return seats if seats or observed_seconds else None


def _inside(moments: Ints, window: tuple[int, int]) -> Flags:
    return (moments >= window[0]) & (moments < window[1])


def _moment(epoch: int | None, zone: tzinfo) -> str | None:
    return None if epoch is None else iso(epoch, zone)
