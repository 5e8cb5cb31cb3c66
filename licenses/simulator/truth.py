"""Answers by brute force, straight from the simulated sessions: what the product's figures are
compared with.

Written to be obviously right and without a line of the product's own counting: one sorted list of
moments, one loop.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from .entities import World
from .history import Denial, Session

Steps = Sequence[tuple[int, int | None]]
"""(epoch second, value from then on), in time order; before the first: None, which is unknown."""

CAPACITY_CODES = frozenset({-4, -26})


@dataclass(frozen=True, slots=True)
class Period:
    """The figures of [start, end). The three about the limit are None where it is unknown in any
    moment of the period."""

    start: int
    end: int
    limit: int | None
    """At the period's last second."""
    peak: int
    peak_at: int | None
    """First moment at which the peak was reached; None where nobody held a seat."""
    seat_seconds: int
    full_seconds: int | None
    over_seconds: int | None
    checkouts: int
    denials: int
    denial_episodes: int
    people: int


@dataclass(frozen=True, slots=True)
class Episode:
    """One person's chain of refusals."""

    login: str
    start: int
    last: int
    refusals: int
    granted_at: int | None


def boundaries(zone: str, first: date, last: date, by: str) -> list[int]:
    """Return the edges of the periods from `first` to `last` (exclusive): local hours, days, weeks
    (from Monday) or months.

    The first and the last period are cut at the given days. Hours are counted from each local
    midnight, so that a day
    with a clock change has 23 or 25.
    """
    tz = ZoneInfo(zone)

    def midnight(day: date) -> int:
        return int(datetime.combine(day, time(), tz).timestamp())

    edges: list[int] = []
    day = first
    while day < last:
        new = (
            day == first
            or {"hour": True, "day": True, "week": day.weekday() == 0, "month": day.day == 1}[by]
        )
        if by == "hour":
            edges += range(midnight(day), midnight(day + timedelta(days=1)), 3600)
        elif new:
            edges.append(midnight(day))
        day += timedelta(days=1)
    return [*edges, midnight(last)]


def value_at(steps: Steps, at: int) -> int | None:
    """Return a step function's value at a moment."""
    value = None
    for since, new in steps:
        if since <= at:
            value = new
    return value


def allowed_steps(world: World, pool: str) -> list[tuple[int, int | None]]:
    """Return what the entitlements of a pool allow (quantities plus overdrafts); None from where no
    entitlement is left."""
    zone = ZoneInfo(world.pools[pool].zone)
    own = [right for right in world.entitlements if right.pool == pool]
    days = {right.valid_from for right in own} | {
        right.valid_to + timedelta(days=1) for right in own if right.valid_to
    }
    steps: list[tuple[int, int | None]] = []
    for day in sorted(days):
        valid = [
            right
            for right in own
            if right.valid_from <= day and (right.valid_to is None or day <= right.valid_to)
        ]
        total = sum(right.quantity + right.overdraft for right in valid) if valid else None
        steps.append((int(datetime.combine(day, time(), zone).timestamp()), total))
    return steps


def periods(
    sessions: Iterable[Session], denials: Iterable[Denial], edges: Sequence[int], limit: Steps = ()
) -> list[Period]:
    """Return the figures of the periods between neighbouring edges.

    A session of a weighted feature counts its units. Denials are those for want of a seat, as
    logged.
    """
    held = [session for session in sessions if session.end > session.start]
    refused = [denial for denial in denials if denial.code in CAPACITY_CODES]
    chains = episodes(held, refused)
    result = []
    for start, end in pairwise(edges):
        inside = [session for session in held if session.start < end and session.end > start]
        moments = {start, end}
        for session in inside:
            moments |= {max(start, session.start), min(end, session.end)}
        moments |= {at for at, _ in limit if start < at < end}
        changes: dict[int, int] = dict.fromkeys(moments, 0)
        for session in inside:
            changes[max(start, session.start)] += session.units
            changes[min(end, session.end)] -= session.units
        times = sorted(moments)
        level = peak = seat_seconds = full = over = 0
        peak_at = None
        known = True
        for at, following in pairwise(times):
            level += changes[at]
            length = following - at
            seat_seconds += level * length
            if level > peak:
                peak, peak_at = level, at
            value = value_at(limit, at)
            if value is None:
                known = False
            else:
                full += length if level >= value else 0
                over += length if level > value else 0
        result.append(
            Period(
                start,
                end,
                value_at(limit, end - 1),
                peak,
                peak_at,
                seat_seconds,
                full if known else None,
                over if known else None,
                sum(start <= session.start < end for session in held),
                sum(start <= denial.at < end for denial in refused),
                sum(start <= chain.start < end for chain in chains),
                len({session.login.casefold() for session in inside}),
            )
        )
    return result


def level_at(sessions: Iterable[Session], at: int) -> int:
    """Return the units held at one moment."""
    return sum(session.units for session in sessions if session.start <= at < session.end)


def episodes(
    sessions: Iterable[Session], denials: Iterable[Denial], *, gap: int = 900, at_once: int = 5
) -> list[Episode]:
    """Return the episodes of one pool, by start.

    A refusal that is followed within `at_once` seconds by a grant in the pool is not counted. One
    person's other refusals
    chain with gaps of up to `gap` seconds; a grant ends the chain, as it does when it comes within
    `gap` of the last refusal.
    """
    grants: dict[str, list[int]] = {}
    for session in sessions:
        grants.setdefault(session.login.casefold(), []).append(session.start)
    refusals: dict[str, list[int]] = {}
    for denial in denials:
        who = denial.login.casefold()
        if denial.code in CAPACITY_CODES and not any(
            denial.at <= at <= denial.at + at_once for at in grants.get(who, ())
        ):
            refusals.setdefault(who, []).append(denial.at)
    found = []
    for who, times in refusals.items():
        times.sort()
        chain = [times[0]]
        for at in [*times[1:], None]:
            granted = [
                g
                for g in grants.get(who, ())
                if chain[-1] < g <= chain[-1] + gap and (at is None or g <= at)
            ]
            if at is not None and not granted and at - chain[-1] <= gap:
                chain.append(at)
                continue
            found.append(Episode(who, chain[0], chain[-1], len(chain), min(granted, default=None)))
            if at is not None:
                chain = [at]
    return sorted(found, key=lambda episode: (episode.start, episode.login))
