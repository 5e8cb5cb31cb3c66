"""Times above what is allowed, with what people found out about them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext

from licenses.analysis.coverage import coverage_share, percent_down
from licenses.analysis.rights import entitlement_steps
from licenses.analysis.usage import load_facts
from licenses.concurrency.measures import episodes
from licenses.concurrency.timeline import usage as in_use
from licenses.models import LicensePool, OverUseNote


@dataclass(frozen=True, slots=True)
class Note:
    """What is on record of the over-use that touches [start, end).

    resolution:  "" while it is open. author: the account; "" where none is known.
    at:          when it was recorded, epoch seconds. number: of its row.
    """

    start: int
    end: int
    cause: str
    resolution: str
    owner: str
    author: str
    at: int
    number: int


@dataclass(frozen=True, slots=True)
class Episode:
    """An unbroken time above what is allowed. peak: the most seats in it; excess: the most above.

    note: the newest one about it; None where nobody explained it.
    """

    start: int
    end: int
    peak: int
    excess: int
    note: Note | None


def load_notes(pool_ids: Collection[int], as_of: datetime | None = None) -> dict[int, list[Note]]:
    """Return what was on record of each pool at a moment (None: now), newest first. One query."""
    rows = OverUseNote.objects.filter(pool__in=list(pool_ids)).as_of(as_of)
    found: dict[int, list[Note]] = {}
    for row in rows.select_related("recorded_by"):
        by = row.recorded_by
        found.setdefault(row.pool_id, []).append(
            Note(
                start=int(row.starts.timestamp()),
                end=int(row.ends.timestamp()),
                cause=row.cause,
                resolution=row.resolution,
                owner=row.owner,
                author=by.get_username() if by is not None else "",
                at=int(row.recorded_at.timestamp()),
                number=row.pk,
            )
        )
    return found


def note_on(notes: Sequence[Note], start: int, end: int) -> Note | None:
    """Return the first of *notes* that is about a time in [start, end): the newest comes first."""
    return next((note for note in notes if note.start < end and start < note.end), None)


def over_use(
    pool: LicensePool, start: int, end: int, *, as_of: datetime | None = None
) -> list[Episode]:
    """Return each time above what is allowed in [start, end), cut there, in time order.

    as_of:  judge by the rights and notes on record then; None: now.
    """
    (facts,) = load_facts([pool], start, end, as_of=as_of)
    rows = facts.holdings
    used = in_use(rows.taken_by, rows.returned_after, rows.seats, start, end)
    found = episodes(used, facts.limits.allowed)
    notes = load_notes([pool.pk], as_of).get(pool.pk, []) if found else []
    return [Episode(*row, note_on(notes, row.start, row.end)) for row in found]


def none_seen(pool: LicensePool, start: int, end: int) -> str:
    """Say how much it means that no over-use was seen in [start, end): nothing, where nobody was to
    look or nothing says what is allowed."""
    share = coverage_share(pool, start, end)
    if share is None:
        return gettext("None was seen; nothing was expected to be observed.")
    if not any(step.start < end for step in entitlement_steps(pool)):
        return gettext("What is allowed is not known, so over-use cannot be told from use.")
    told = gettext("None was seen in the {seen} of the time that was observed.")
    return told.format(seen=percent_down(share))
