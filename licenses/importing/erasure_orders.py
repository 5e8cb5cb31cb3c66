"""Erasing a name by order of a page or the API: looked at before, confirmed, done by a worker."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext

from licenses.evidence import entries
from licenses.models import (
    Checkout,
    Denial,
    Identity,
    NameErasure,
    Person,
    Work,
    normalized_name,
    pseudonym,
    sees_names,
)
from licenses.models.reasons import says_something

from . import erasure
from .erasure_names import PSEUDONYM, find_person, names_of, needles_of, own_hosts
from .erasure_papers import Paper, papers

log = logging.getLogger(__name__)

LEASE = timedelta(minutes=6)
"""Longer than a task may take: whoever began longer ago is dead."""
TRIES = 3


class Outlook(NamedTuple):
    """What erasing a name will do, and what it will not; nothing in it is a name.

    identity:   whether login, name or mail address are on record.
    machines:   names of machines that nobody else used, or that are called after the person: they
                go, too.
    holdings:   uses that stay under the pseudonym, as refusals do.
    account:    an account of this installation has the login: it stays.
    documents:  what holds the name, or may hold it and cannot be searched: it stays.
    holds:      legal holds, in sentences; where there are any, it is refused.
    """

    person: Person
    identity: bool
    machines: int
    holdings: int
    refusals: int
    account: bool
    documents: list[Paper]
    holds: list[str]


def find(who: str) -> Person:
    """Return the person of a login or pseudonym. Raises ValidationError where there is none."""
    person = _known(who)
    if person is None:
        raise ValidationError({"who": gettext("Nobody is known by that login or pseudonym.")})
    return person


def look(who: str, user: Any) -> Outlook | None:
    """Return what erasing would do. Changes nothing, but that somebody asked for a login is noted.

    returns:  None for a login, known or not, whose name the user may not read: what is on record
              of it would tell that it is there, and whose pseudonym is whose.

    Raises ValidationError where nobody is known by *who*.
    """
    person = _known(who)
    if _is_login(person, who):
        _note_look(who, user)
        if not sees_names(user, person=person.pk if person else None):
            return None
    person = person or find(who)
    needles = needles_of(person, who)
    return Outlook(
        person=person,
        identity=Identity.objects.filter(person=person).exists(),
        machines=len(own_hosts(person, names_of(person, who))),
        holdings=Checkout.objects.filter(person=person).count(),
        refusals=Denial.objects.filter(person=person).count(),
        account=any(
            normalized_name(name) in {normalized_name(each) for each in needles.names}
            for name in get_user_model().objects.values_list("username", flat=True)
        ),
        documents=papers(person, needles),
        holds=[erasure.hold_words(hold) for hold in erasure.holds_on(person)],
    )


def ask(user: Any, *, who: str, reason: str, confirm: str) -> NameErasure:
    """Store that a name is to be erased, and return it; the one that waits already if there is.

    confirm:  login or pseudonym once more, as *who* says it.

    Raises ValidationError where nobody is known by *who*, the reason says nothing, *confirm* is
    something else, or a legal hold covers what the person used.
    """
    if _is_login(_known(who), who) and not sees_names(user):
        _note_look(who, user)  # a refusal tells whether somebody has it
    person = find(who)
    reason = reason.strip()
    wrong: dict[str, str] = {}
    if len(reason) < 10 or not says_something(reason):
        wrong["reason"] = gettext("Say in a sentence who asked for it, and on what ground.")
    if confirm.strip() != who.strip():
        wrong["confirm"] = gettext("It is not what was asked for: nothing was erased.")
    if wrong:
        raise ValidationError(wrong)
    try:
        erasure.refuse_held(person)
    except erasure.Held as error:
        raise ValidationError(str(error)) from error
    row = NameErasure(
        person=person,
        reason=reason,
        requested_by=user,
        known_as=who.strip() if _is_login(person, who) else "",
    )
    row.full_clean(exclude=["person"], validate_constraints=False)
    with transaction.atomic():
        # Of two at the same time the second waits here, and finds the first.
        Person.objects.select_for_update().get(pk=person.pk)
        going_on = NameErasure.objects.filter(
            person=person, state__in=[Work.WAITING, Work.RUNNING]
        ).first()
        if going_on is not None:
            return going_on
        row.save()
    return row


def due(now: datetime) -> list[int]:
    """Return the ids of the erasures that nobody does. One query."""
    rows = NameErasure.objects.free(now, LEASE).order_by("pk")
    return list(rows.values_list("pk", flat=True))


def run(erasure_id: int) -> None:
    """Erase what was asked for, unless somebody else does; the row tells what came of it."""
    now = timezone.now()
    free = NameErasure.objects.free(now, LEASE).filter(pk=erasure_id)
    if free.update(state=Work.RUNNING, started_at=now) != 1:
        return
    row = NameErasure.objects.select_related("person", "requested_by").get(pk=erasure_id)
    if row.attempts >= TRIES:
        told = f"Gave up after {TRIES} attempts that ended without a word: use the command."
        _finish(row, Work.FAILED, error=told)
        return
    NameErasure.objects.filter(pk=row.pk).update(attempts=row.attempts + 1)
    try:
        done = erasure.erase(
            row.person,
            row.reason,
            known_as=row.known_as,
            by=row.requested_by.get_username(),
            source="web",
            on_record=True,
        )
    except erasure.Held as error:
        _finish(row, Work.FAILED, error=str(error))
        return
    log.info("the name of a person was erased")
    _finish(
        row, Work.DONE, result=done._asdict() | {"documents": [list(d) for d in done.documents]}
    )


def documents(row: NameErasure) -> list[Paper]:
    """Return the documents that somebody has to look at, as stored with the result."""
    return [Paper(*each) for each in row.result.get("documents", [])]


def _finish(row: NameErasure, state: str, **values: Any) -> None:
    rows = NameErasure.objects.filter(pk=row.pk, state=Work.RUNNING)
    rows.update(state=state, known_as="", finished_at=timezone.now(), **values)


def _known(who: str) -> Person | None:
    return None if "\0" in who else find_person(who)


def _is_login(person: Person | None, who: str) -> bool:
    """Tell whether *who*, which found that person or nobody, is no pseudonym."""
    if person is None:
        return PSEUDONYM.fullmatch(who.strip()) is None
    return pseudonym("person", who) == person.pseudonym


def _note_look(who: str, user: Any) -> None:
    """Note that somebody asked what is known of a login."""
    body: dict[str, str | int] = {
        "count": 1,
        "person": pseudonym("person", who),
        "what": "login looked up to erase the name",
        "who": user.get_username(),
    }
    entry = entries.draft("reveal", int(timezone.now().timestamp()), body)
    with transaction.atomic():
        entries.append(entries.INSTALLATION, [entry], source="web")


__all__ = ["Outlook", "ask", "documents", "due", "find", "look", "run"]
