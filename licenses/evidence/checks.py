"""What the checks of the evidence found, with their dates: on record for good, and for reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from licenses.models import EvidenceCheck, EvidenceDay

from .selfcheck import SetBack


@dataclass(frozen=True, slots=True)
class Found:
    """A check that found something.

    at:        when it ended. days: how many days were sealed then.
    entries:   how many were computed again.
    set_back:  what tells that the database was set back to an older state, in words.
    others:    how many other things did not fit. Their words may name what is somebody else's: a
               contract, a stream, a file.
    """

    at: int
    days: int
    entries: int
    set_back: tuple[str, ...]
    others: int


class Checks(NamedTuple):
    """The checks of a time: how many there were, and those that found something."""

    times: int
    found: tuple[Found, ...]


def record(
    problems: Sequence[str], now: datetime, entries: int, compared: Mapping[str, Any]
) -> None:
    """Keep what a check found. What is found again on the same day, as it is tried again until it
    fits, is kept once."""
    last = EvidenceDay.objects.order_by("number").last()
    row = EvidenceCheck(
        ended_at=now,
        days=last.number if last else 0,
        root=last.checkpoint.split("\n")[2] if last else "",
        entries=entries,
        set_back=[str(each) for each in problems if isinstance(each, SetBack)],
        problems=[str(each) for each in problems if not isinstance(each, SetBack)],
        compared=dict(compared),
    )
    before = EvidenceCheck.objects.last()
    if before is None or _told(before) != _told(row):
        row.save()


def _told(row: EvidenceCheck) -> tuple[object, ...]:
    found = row.set_back, row.problems, row.compared
    return row.ended_at.astimezone(UTC).date(), row.days, row.entries, *found


def compared_on(now: datetime) -> dict[str, Any]:
    """Return of what figures were counted again on a day; empty where none were."""
    night = datetime.combine(now.astimezone(UTC).date(), datetime.min.time(), UTC)
    rows = EvidenceCheck.objects.filter(ended_at__range=(night, now)).exclude(compared={})
    found: dict[str, Any] = rows.values_list("compared", flat=True).last() or {}
    return found


def between(start: datetime, end: datetime) -> Checks:
    """Return the checks that ended in a time, both ends included. One query."""
    rows = list(EvidenceCheck.objects.filter(ended_at__range=(start, end)).order_by("pk"))
    return Checks(
        len(rows),
        tuple(
            Found(
                at=int(row.ended_at.timestamp()),
                days=row.days,
                entries=row.entries,
                set_back=tuple(row.set_back),
                others=len(row.problems),
            )
            for row in rows
            if row.set_back or row.problems
        ),
    )
