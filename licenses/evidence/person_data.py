"""All that is on record about one person, for a request of access."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils import timezone

from licenses.analysis.events import events_by_feature, in_time
from licenses.analysis.rows import as_moment
from licenses.evidence import entries
from licenses.models import (
    Checkout,
    Denial,
    DenialEpisode,
    Feature,
    Identity,
    Membership,
    NameReveal,
    Person,
    QueueEntry,
    RuleMatch,
    WaitlistEntry,
    pseudonym,
)


def collect(person: Person) -> dict[str, Any]:
    """Return what is stored about a person, moments in ISO 8601; notes it in the evidence."""
    identity = Identity.objects.filter(person=person).first()
    found: dict[str, Any] = {
        "pseudonym": person.pseudonym,
        "known_since": person.recorded_at.isoformat(),
        "name_erased_at": _plain(person.erased_at),
        "identity": None
        if identity is None
        else {"login": identity.login, "name": identity.name, "email": identity.email},
        "teams": _rows(Membership, person, "team__name", "valid_from", "valid_to"),
        "team_rules": _rows(RuleMatch, person, "rule__team__name"),
        "checkouts": _rows(
            Checkout,
            person,
            *("feature__name", "feature__server__name", "host__name", "seats"),
            *("taken_at", "returned_at", "end_reason"),
        ),
        "denials": _rows(Denial, person, "feature__name", "at", "seats", "reason_class", "reason"),
        "denial_episodes": _rows(
            DenialEpisode, person, "pool__name", "starts", "last", "refusals", "outcome"
        ),
        "queue_entries": _rows(
            QueueEntry,
            person,
            *("feature__name", "feature__server__name", "host__name", "seats", "queued_at"),
            *("queued_by", "ended_after", "ended_at", "outcome"),
        ),
        "log_events": _events(person),
        "reveals_of_the_name": _rows(
            NameReveal, person, "requested_by__username", "requested_at", "granted", "reason"
        ),
    }
    found["waitlists"] = _waits(person)
    now = int(timezone.now().timestamp())
    body = {"person": person.pseudonym, "what": "access request", "who": "command", "count": 1}
    with transaction.atomic():
        entries.append(entries.INSTALLATION, [entries.draft("export", now, body)], source="command")
    return found


def _rows(model: Any, person: Person, *names: str) -> list[dict[str, Any]]:
    rows = model._default_manager.filter(person=person).order_by("pk").values(*names)
    return [{name: _plain(value) for name, value in row.items()} for row in rows]


def _events(person: Person) -> list[dict[str, Any]]:
    names = dict(Feature.objects.order_by("name", "pk").values_list("pk", "name"))
    found = []
    for feature, events in events_by_feature(names):
        mine = in_time(events.only(events.person == person.pk))
        columns = (mine.kind.tolist(), mine.at.tolist(), mine.seats.tolist())
        found += [
            {
                "feature__name": names[feature],
                "kind": kind,
                "at": as_moment(at).isoformat(),
                "seats": seats,
            }
            for kind, at, seats in zip(*columns, strict=True)
        ]
    return found


def _waits(person: Person) -> list[dict[str, Any]]:
    """Return the places on waitlists of the accounts whose name is the person's login."""
    accounts = get_user_model().objects.filter(waitlist_entries__isnull=False).distinct()
    mine = [
        user.pk for user in accounts if pseudonym("person", user.get_username()) == person.pseudonym
    ]
    rows = WaitlistEntry.objects.filter(user__in=mine).order_by("pk")
    names = ("pool__name", "state", "joined_at", "expires_at", "offered_at", "closed_at")
    return [{name: _plain(value) for name, value in row.items()} for row in rows.values(*names)]


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return value if value is None or isinstance(value, str | int) else str(value)
