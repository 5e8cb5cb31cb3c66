"""The names of a person that an erasure looks for: logins, names and those of machines."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any, Final

from django.db.models import Q

from licenses.models import (
    Checkout,
    Denial,
    Host,
    Identity,
    Person,
    QueueEvent,
    Sighting,
    pseudonym,
)

_BLANKS: Final = r"(?:\s|\\t|\\x[0-9a-f]{2}|\\u[0-9a-f]{4})+"
"""Between the words of a name: a text may have it with other blanks than we keep, or spell them
out."""


class Needles:
    """Names to be found as whole words, in any case and with any blanks between."""

    def __init__(self, names: Iterable[str], label: str) -> None:
        self.names = sorted({name for name in names if name.strip()}, key=lambda n: (-len(n), n))
        self.label = label
        # Logs are JSON, in which other letters than English ones are escaped.
        forms = {*self.names, *self.spellings()}
        longest = sorted(forms, key=lambda form: (-len(form), form))
        parts = "|".join(map(_fitting, longest)) or "(?!)"  # which fits nowhere
        # A name ends where a sentence ends, not at the dot within a longer name.
        self.pattern = re.compile(rf"(?<![\w.-])(?:{parts})(?![\w-]|\.\w)", re.IGNORECASE)

    def replace(self, value: Any) -> Any:
        """Return the value with the names replaced: a text, or what JSON holds."""
        if isinstance(value, str):
            return self.pattern.sub(self.label, value)
        if isinstance(value, dict):
            return {self.replace(key): self.replace(inner) for key, inner in value.items()}
        return [self.replace(inner) for inner in value] if isinstance(value, list) else value

    def within(self, text: str) -> bool:
        return self.pattern.search(text) is not None

    def spellings(self) -> set[str]:
        """Return the names as a database may have to look for them."""
        forms = {form for n in self.names for form in (n, n.lower(), n.upper(), n.title())}
        return forms | {json.dumps(form)[1:-1] for form in forms}


def _fitting(name: str) -> str:
    return _BLANKS.join(map(re.escape, name.split()))


PSEUDONYM: Final = re.compile(r"P-[0-9a-f]{8}|[0-9a-f]{32}", re.IGNORECASE)


def find_person(who: str) -> Person | None:
    """Return a person by login, pseudonym, or its short form such as P-3f9a2c1b."""
    who = who.strip()
    found = Person.objects.filter(pseudonym__in=[pseudonym("person", who), who.lower()]).first()
    if found is None and PSEUDONYM.fullmatch(who) and who[1] == "-":
        several = Person.objects.filter(pseudonym__startswith=who[2:].lower())[:2]
        found = several[0] if len(several) == 1 else None
    person: Person | None = found
    return person


def needles_of(person: Person, known_as: str) -> Needles:
    names = names_of(person, known_as)
    return Needles([*names, *(row.name for row in own_hosts(person, names))], person.label)


def names_of(person: Person, known_as: str) -> list[str]:
    """Return what a person is called: in identities, and as somebody asked for them."""
    names = [known_as] if pseudonym("person", known_as) == person.pseudonym else []
    identity = Identity.objects.filter(person=person).first()
    if identity is not None:
        names += [identity.login, identity.name, identity.email]
    return [name for name in names if name]


def own_hosts(person: Person, names: list[str]) -> list[Host]:
    """Return the machines whose names go with the person's: nobody else used or asked from them,
    or they are called after the person, and no facts tell of others alone."""
    mine, others = _hosts_in_facts(Q(person=person)), _hosts_in_facts(~Q(person=person))
    alone = Host.objects.filter(pk__in=mine - others).exclude(name="")
    return sorted(
        {*alone, *(row for row in called_after(names) if row.pk in mine or row.pk not in others)},
        key=lambda row: row.pk,
    )


def called_after(names: list[str]) -> list[Host]:
    """Return the machines that have one of the names as a part of theirs, such as *login-pc*."""
    parts = "|".join(map(re.escape, names)) or "(?!)"
    whole = re.compile(rf"(?<![^\W_])(?:{parts})(?![^\W_])", re.IGNORECASE)
    wanted = Q(pk__in=[])
    for name in names:
        wanted |= Q(name__icontains=name)
    rows = Host.objects.filter(wanted).order_by("pk")
    return [row for row in rows if whole.search(row.name)]


def _hosts_in_facts(whose: Q) -> set[int]:
    return {
        host
        for facts in (Checkout, Denial, QueueEvent, Sighting)
        for host in facts.objects.filter(whose).order_by().values_list("host", flat=True).distinct()
    }
