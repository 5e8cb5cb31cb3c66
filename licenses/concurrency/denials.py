"""Refusals of one pool as people lived them: false ones that were served at once, and chains of
attempts that end in a seat, or do not."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from licenses.concurrency.intervals import Flags, Ints, ints

RULES = 1
"""Version of the rules by which refusals are classed, relabelled and chained. Raise it with any
change of theirs, and what is stored is derived again over all of the past."""

GAP_SECONDS = 900
"""Attempts at most this far apart are one episode; a seat at most this late ends it."""

TOLERANCE_SECONDS = 5
"""A refusal that a seat follows within this is false: another server, or a second try, had one."""

UNSERVED: Final = -(2**62)
"""Stands for no moment: -1 is one, a second before 1970."""


@dataclass(frozen=True, eq=False, slots=True)
class Requests:
    """Requests for seats of one pool, in any order: who asked, where, and of which server."""

    at: Ints
    person: Ints
    host: Ints
    server: Ints


@dataclass(frozen=True, slots=True)
class Episode:
    """One person's chain of refusals, from the first to the last of them."""

    person: int
    start: int
    last: int
    count: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an episode ended.

    kind:            *waited* for a seat; *gave up*; or *open* where it is too early to tell.
    granted_at:      first seat after the first refusal, None unless *waited*.
    waited_seconds:  from the first refusal to that seat, None unless *waited*.
    """

    kind: Literal["waited", "gave up", "open"]
    granted_at: int | None = None
    waited_seconds: int | None = None


def served(
    refused: Requests, granted: Requests, tolerance_seconds: int = TOLERANCE_SECONDS
) -> Ints:
    """Return for each refusal when it was served after all; UNSERVED where it was not.

    A seat for the same person on the same host serves it, of whatever feature of the pool: from
    any server from the second of the refusal until *tolerance_seconds* after it, or from another
    server up to as long before it, since clocks differ. One server's own clock tells the order: a
    seat before the refusal was another request. Of several seats the first after the refusal
    counts, else the last before it. One seat may serve any number of refusals.

    O(r log g) for r refusals and g seats of the people who were refused.
    """
    found = np.full(len(refused.at), UNSERVED, dtype=np.int64)
    seats: dict[tuple[int, int], list[tuple[int, int]]] = {}
    wanted = _among(granted.person, refused.person)
    for person, host, at, server in zip(
        *(column[wanted].tolist() for column in _who_when(granted)), strict=True
    ):
        seats.setdefault((person, host), []).append((at, server))
    for row in seats.values():
        row.sort()
    for place, (person, host, at, server) in enumerate(
        zip(*(column.tolist() for column in _who_when(refused)), strict=True)
    ):
        given = seats.get((person, host))
        if given is not None:
            found[place] = _served(given, at, server, tolerance_seconds)
    return found


def _served(seats: list[tuple[int, int]], at: int, server: int, tolerance: int) -> int:
    """Return the seat that serves a refusal, out of (moment, server) in order."""
    after = bisect_left(seats, (at,))
    if after < len(seats) and seats[after][0] <= at + tolerance:
        return seats[after][0]
    while after and seats[after - 1][0] >= at - tolerance:
        after -= 1
        if seats[after][1] != server:
            return seats[after][0]
    return UNSERVED


def _who_when(requests: Requests) -> tuple[Ints, Ints, Ints, Ints]:
    return requests.person, requests.host, requests.at, requests.server


def _among(persons: Ints, wanted: Ints) -> Flags:
    flags: Flags = np.isin(persons, np.unique(wanted))
    return flags


def islands(
    times: npt.ArrayLike, groups: npt.ArrayLike, gap_seconds: int = GAP_SECONDS
) -> tuple[Ints, Ints, Ints]:
    """Return which refusals hang together: (island of each refusal, firsts, lasts of the islands).

    times, groups:  of each refusal, in any order; a group is what is chained apart.
    gap_seconds:    refusals of a group further apart than this are of two islands.

    Episodes are parts of islands, so whatever changes in one leaves the others as they are.
    """
    moments, group = ints(times, "times"), ints(groups, "groups")
    order = np.lexsort((moments, group))
    ranked, owners = moments[order], group[order]
    begins = np.ones(len(ranked), dtype=np.bool_)
    begins[1:] = (owners[1:] != owners[:-1]) | (np.diff(ranked) > gap_seconds)
    numbers = np.empty(len(ranked), dtype=np.int64)
    numbers[order] = np.cumsum(begins) - 1
    heads = np.flatnonzero(begins)
    tails = np.append(heads[1:], len(ranked)) - 1 if len(heads) else heads
    return numbers, ranked[heads], ranked[tails]


def episodes(
    times: npt.ArrayLike,
    persons: npt.ArrayLike,
    gap_seconds: int = GAP_SECONDS,
    *,
    grant_times: npt.ArrayLike = (),
    grant_persons: npt.ArrayLike = (),
) -> list[Episode]:
    """Return the episodes of a pool's refusals, by start, then person.

    times, persons:    of each refusal, in any order; a repeated line counts again.
    gap_seconds:       two refusals exactly this far apart are still one episode.
    grant_times, grant_persons:  seats given in the same pool, in any order. A seat ends the
                       episode, so that a refusal after it starts another. A refusal and a seat
                       in the same second are taken in this order.
    """
    refused = _by_person(times, persons)
    granted = _grants_of(persons, grant_times, grant_persons)
    found = [
        episode
        for person, moments in refused.items()
        for episode in _chains(person, moments, granted.get(person, []), gap_seconds)
    ]
    return sorted(found, key=lambda episode: (episode.start, episode.person))


def outcome(
    episode: Episode,
    grants: Sequence[int] | Ints,
    gap_seconds: int = GAP_SECONDS,
    *,
    known_until: int | None = None,
) -> Outcome:
    """Tell how an episode ended.

    grants:       moments at which this person got a seat in the pool, rising. The first one from
                  the start of the episode counts, if not later than *gap_seconds* after its end.
    known_until:  end of what is known. An episode without a seat is *open* while one could
                  still have come in time. None: everything is known.
    """
    deadline = episode.last + gap_seconds
    place = bisect_left(grants, episode.start)
    if place < len(grants) and grants[place] <= deadline:
        granted_at = int(grants[place])
        return Outcome("waited", granted_at, granted_at - episode.start)
    if known_until is not None and known_until <= deadline:
        return Outcome("open")
    return Outcome("gave up")


def _grants_of(
    persons: npt.ArrayLike, grant_times: npt.ArrayLike, grant_persons: npt.ArrayLike
) -> dict[int, list[int]]:
    """Return the seats of those who were refused; the others are many."""
    times, people = ints(grant_times, "grant_times"), ints(grant_persons, "grant_persons")
    wanted = _among(people, ints(persons, "persons")) if len(times) == len(people) else slice(None)
    return _by_person(times[wanted], people[wanted])


def _by_person(times: npt.ArrayLike, persons: npt.ArrayLike) -> dict[int, list[int]]:
    moments, people = ints(times, "times"), ints(persons, "persons")
    if len(moments) != len(people):
        raise ValueError(f"expected a person for each of {len(moments)} times, found {len(people)}")
    order = np.lexsort((moments, people))
    rows: dict[int, list[int]] = {}
    for person, moment in zip(people[order].tolist(), moments[order].tolist(), strict=True):
        rows.setdefault(person, []).append(moment)
    return rows


def _chains(
    person: int, moments: list[int], grants: list[int], gap_seconds: int
) -> Iterator[Episode]:
    """Yield the episodes of one person; both lists are rising."""
    start = last = moments[0]
    count = 0
    for moment in moments:
        served = bisect_left(grants, moment) > bisect_left(grants, last)
        if count and (moment - last > gap_seconds or served):
            yield Episode(person, start, last, count)
            start, count = moment, 0
        last = moment
        count += 1
    yield Episode(person, start, last, count)
