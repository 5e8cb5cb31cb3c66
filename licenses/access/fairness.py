"""How a pool's waitlist served those who waited: in numbers, never one by one."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from datetime import datetime
from statistics import median
from typing import Any

from licenses.models import LicensePool, WaitlistEntry

State = WaitlistEntry.State


@dataclass(frozen=True, slots=True)
class Waits:
    """Sums over the places that were taken in a window.

    waiting:   still open at the time of asking.
    told:      were told of a free seat, the newest time counts where it was more than once.
    served, missed, left, expired:  how the others ended; see `WaitlistEntry.State`.
    overtaken: were not told before somebody who joined later was; never, while the list is served
               in order, but by who kept a place when others took the seat, or was no longer let in.
    median_seconds, longest_seconds:  from joining to being told; None where nobody was.
    """

    joined: int
    waiting: int
    told: int
    served: int
    missed: int
    left: int
    expired: int
    overtaken: int
    median_seconds: int | None
    longest_seconds: int | None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def waits(pool: LicensePool, start: datetime, end: datetime) -> Waits:
    """Return how those fared who joined the list in [start, end). One query."""
    rows = list(
        WaitlistEntry.objects.filter(pool=pool, joined_at__gte=start, joined_at__lt=end)
        .order_by("pk")
        .values_list("state", "joined_at", "offered_at", "closed_at")
    )
    states = Counter(state for state, *_ in rows)
    told = [
        int((offered - joined).total_seconds())
        for _state, joined, offered, _closed in rows
        if offered is not None
    ]
    return Waits(
        joined=len(rows),
        waiting=states[State.WAITING] + states[State.OFFERED],
        told=len(told),
        served=states[State.SERVED],
        missed=states[State.MISSED],
        left=states[State.LEFT],
        expired=states[State.EXPIRED],
        overtaken=_overtaken([row[2:] for row in rows]),
        median_seconds=int(median(told)) if told else None,
        longest_seconds=max(told, default=None),
    )


def _overtaken(rows: list[tuple[datetime | None, datetime | None]]) -> int:
    """Count the places after which a later one was told while they still waited.

    rows:  (told, closed) of each place, in the order of coming.
    """
    earliest: datetime | None = None
    count = 0
    for told, closed in reversed(rows):
        ended = min((each for each in (told, closed) if each is not None), default=None)
        if earliest is not None and (ended is None or ended > earliest):
            count += 1
        if told is not None and (earliest is None or told < earliest):
            earliest = told
    return count
