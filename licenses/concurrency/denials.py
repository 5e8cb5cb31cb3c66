"""Refusals of one pool as people lived them: chains of attempts that end in a seat, or do not."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from licenses.concurrency.intervals import Ints, ints

GAP_SECONDS = 900
"""Attempts at most this far apart are one episode; a seat at most this late ends it."""


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
    granted = _by_person(grant_times, grant_persons)
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
