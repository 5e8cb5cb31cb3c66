"""Asking for names, deciding on it, and the list of it: each leaves an entry in the evidence."""

from __future__ import annotations

from datetime import date, datetime, timedelta, tzinfo
from typing import Any, NamedTuple

from django.db import transaction
from django.utils import timezone

from licenses.concurrency.periods import local_midnight
from licenses.evidence import entries
from licenses.models import LicensePool, NameReveal, Person


def ask(
    by: Any, reason: str, *, person: Person | None = None, pool: LicensePool | None = None
) -> NameReveal:
    """Store a request to see a name, the names of a pool, or (neither) all names.

    Raises ValidationError where the reason says nothing, or *by* could not see names anyhow.
    """
    reveal = NameReveal(requested_by=by, reason=reason, person=person, pool=pool)
    reveal.check_requester()
    reveal.full_clean()
    with transaction.atomic():
        reveal.save()
        _note(reveal, "asked", by, reveal.requested_at)
    return reveal


def decide(reveal_id: int, by: Any, *, granted: bool) -> NameReveal:
    """Grant or refuse a request. Of two decisions at the same time the first counts.

    Raises ValidationError as `NameReveal.decide` does, NameReveal.DoesNotExist where there is none.
    """
    now = timezone.now()
    with transaction.atomic():
        reveal = NameReveal.objects.select_for_update(of=("self",)).get(pk=reveal_id)
        reveal.decide(by, granted, now)
        reveal.save()
        _note(reveal, "granted" if granted else "refused", by, now)
    return reveal


def _note(reveal: NameReveal, step: str, by: Any, at: datetime) -> None:
    body: dict[str, str | int] = {
        "for": reveal.requested_by.get_username(),
        "request": reveal.pk,
        "step": step,
        "what": reveal.scope_words if reveal.person_id is None else "name of a person",
        "who": by.get_username(),
    }
    if reveal.person is not None:
        body["person"] = reveal.person.pseudonym
    if reveal.valid_until is not None:
        body["until"] = int(reveal.valid_until.timestamp())
    entry = entries.draft("reveal", int(at.timestamp()), body)
    entries.append(entries.INSTALLATION, [entry], source="web")


class Listed(NamedTuple):
    """A line of the works council's list; moments in ISO 8601, empty where there is none."""

    who: str
    what: str
    reason: str
    asked_at: str
    decision: str
    decided_by: str
    valid_until: str


class Month(NamedTuple):
    """A month of reveals.

    requests:  what was asked for, newest last.
    looks:     how often pages or answers showed names, by user name.
    """

    month: str
    requests: list[Listed]
    looks: dict[str, int]


def month(first: date, zone: tzinfo) -> Month:
    """Return the month that begins on *first*, in a zone: for the works council.

    Requests belong to the month in which they were made.
    """
    end = (first.replace(day=1) + timedelta(days=32)).replace(day=1)
    start_at, end_at = local_midnight(first.replace(day=1), zone), local_midnight(end, zone)
    rows = (
        NameReveal.objects.filter(
            requested_at__gte=datetime.fromtimestamp(start_at, zone),
            requested_at__lt=datetime.fromtimestamp(end_at, zone),
        )
        .select_related("requested_by", "decided_by", "person", "pool")
        .order_by("requested_at", "pk")
    )
    return Month(f"{first:%Y-%m}", [_listed(row, zone) for row in rows], _looks(start_at, end_at))


def _listed(row: NameReveal, zone: tzinfo) -> Listed:
    def shown(moment: datetime | None) -> str:
        return "" if moment is None else moment.astimezone(zone).isoformat(timespec="seconds")

    decisions = {None: "waiting", True: "granted", False: "refused"}
    return Listed(
        who=row.requested_by.get_username(),
        what=row.scope_words,
        reason=row.reason,
        asked_at=shown(row.requested_at),
        decision=decisions[row.granted],
        decided_by=row.decided_by.get_username() if row.decided_by else "",
        valid_until=shown(row.valid_until),
    )


def _looks(start: int, end: int) -> dict[str, int]:
    found: dict[str, int] = {}
    for entry in entries.entries(entries.INSTALLATION[0]):
        body = entry["body"]
        looked = entry["kind"] == "reveal" and "step" not in body
        if looked and start <= entry["event_time"] < end:
            found[body["who"]] = found.get(body["who"], 0) + 1
    return dict(sorted(found.items()))
