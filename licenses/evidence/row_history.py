"""How a row came to be as it is: who changed what of it and when, from which value to which.

Read from the evidence log for people, so nothing but the log says it. What the log names by number
is named here for who may see it. An erased login, which an entry keeps, is shown as the pseudonym.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple

from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db import models
from django.utils.formats import date_format
from django.utils.text import capfirst
from django.utils.translation import gettext

from itam import figures
from licenses.models import Person, RowChange, pseudonym, sees_everything

from . import entries
from .changes import TOLD, Told, label, list_key

NONE: Final = "–"
_WORD: Final = re.compile(r"[\w@-]+(?:\.[\w@-]+)*")


class Value(NamedTuple):
    """A field that became another. known: false where the log tells only that it did.

    old, new: as the log has them, "" for none; old is None where the row was made.
    """

    field: str
    name: str
    known: bool
    old: Any
    new: Any
    old_words: str
    new_words: str


class Change(NamedTuple):
    """A deed.

    stream, number:  the entry that tells of it; "" and None where a record of its own does.
    error:           why the entry cannot be read.
    why:             in the words of whoever did it.
    """

    at: datetime
    who: str
    deed: str
    values: list[Value]
    stream: str = ""
    number: int | None = None
    error: str = ""
    why: str = ""


def told_of(row: models.Model) -> models.QuerySet[RowChange]:
    """Return where the log tells of a row, the newest first."""
    found = RowChange.objects.filter(model=label(type(row)), row=row.pk)
    return found.select_related("block__stream").order_by("-block")


def changes(found: Sequence[RowChange], model: type[models.Model], user: Any) -> list[Change]:
    """Return in words what the log tells there of rows of a model, as *user* may see it."""
    read = [(row, *_body(row)) for row in found]
    bodies = [body for _row, body, _error in read]
    words = Words(model, TOLD[model], bodies, user)
    return [
        Change(
            row.block.recorded_at,
            words.who(body),
            deed(body),
            words.values(body),
            row.block.stream.name,
            row.block.first,
            error,
        )
        for row, body, error in read
    ]


def _body(row: RowChange) -> tuple[dict[str, Any], str]:
    try:
        return json.loads(entries.read(row.block))["body"], ""
    except ValueError as error:
        return {}, str(error)


def deed(body: Mapping[str, Any]) -> str:
    """Return what was done, in words."""
    done = str(body.get("what", "")).rpartition(" ")[2]
    said = {
        "made": gettext("Added"),
        "changed": gettext("Changed"),
        "corrected": gettext("Corrected"),
        "deleted": gettext("Deleted"),
        "judged": gettext("Judged"),
        "restored": gettext("Restored"),
        "withdrawn": gettext("Withdrawn"),
    }
    return said.get(done, done)


class Words:
    """What entries about rows of a model say, with as many queries as it has related models.

    more: what is told as fields and is none of the model's own.
    """

    def __init__(
        self,
        model: type[models.Model],
        told: Told,
        bodies: Sequence[Mapping[str, Any]],
        user: Any,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        self.model, self.told, self.more = model, told, more or {}
        self.lists = {list_key(name): name for name in self.told.lists}
        self.known = _named(self._ids(bodies), user)
        self.erased = _erased(bodies)

    def who(self, body: Mapping[str, Any]) -> str:
        return str(self._kept(body.get("who", ""))) or gettext("nobody signed in")

    def values(self, body: Mapping[str, Any]) -> list[Value]:
        old, new = body.get("old", {}), body.get("new", {})
        found = [
            self._value(name, old.get(name), new[name])
            for name in sorted(new, key=self._place)
            if name not in self._digests() and (name in old or new[name] != "")
        ]
        found += [
            self._value(name, old.get(key), body[key])
            for key, name in self.lists.items()
            if key in body
        ]
        texts = [name for name in self.told.texts if f"{name}_digest" in new]
        changed = [*texts, *body.get("others", ())]
        return found + [self._unsaid(name, name in texts) for name in changed]

    def _digests(self) -> set[str]:
        return {f"{name}_digest" for name in self.told.texts}

    def _place(self, name: str) -> int:
        fields = self.told.fields
        return fields.index(name) if name in fields else len(fields)

    def _value(self, name: str, old: Any, new: Any) -> Value:
        field = self._field(name)
        old, new = self._kept(old), self._kept(new)
        said = (self._kept(self._said(field, value)) for value in (old, new))
        return Value(name, _called(field, name), True, old, new, *said)

    def _unsaid(self, name: str, text: bool) -> Value:
        field = self._field(name)
        plain = isinstance(field, models.CharField | models.TextField)
        said = gettext("text changed") if text or plain else gettext("changed")
        return Value(name, _called(field, name), False, None, None, "", said)

    def _field(self, name: str) -> Any:
        if name in self.more:
            return self.more[name]
        try:
            return self.model._meta.get_field(name)
        except FieldDoesNotExist:
            return None  # of a version before

    def _said(self, field: Any, value: Any) -> str:
        if value in ("", [], None):
            return NONE
        if isinstance(value, list):
            return ", ".join(sorted(self._row(field, one) for one in value))
        if field is None:
            return str(value)
        if field.is_relation:
            return self._row(field, value)
        for choice, said in field.flatchoices or ():
            if str(choice) == str(value):
                return str(said)
        if isinstance(field, models.BooleanField):
            return gettext("yes") if value else gettext("no")
        return _plain_words(field, value)

    def _row(self, field: Any, key: Any) -> str:
        if isinstance(key, str) and not key.isdecimal():
            return key
        name = self.known.get((field.related_model, int(key)) if field else None)
        return name or gettext("no. %(number)s") % {"number": key}

    def _ids(self, bodies: Iterable[Mapping[str, Any]]) -> dict[type[models.Model], set[int]]:
        """Return the rows that are named by number, by their model."""
        found: dict[type[models.Model], set[int]] = {}
        for body in bodies:
            parts = [*body.get("old", {}).items(), *body.get("new", {}).items(), *body.items()]
            for name, value in parts:
                field = self._field(self.lists.get(name, name))
                if field is None or not field.is_relation:
                    continue
                keys = value if isinstance(value, list) else [value]
                numbers = {int(key) for key in keys if str(key).isdecimal()}
                found.setdefault(field.related_model, set()).update(numbers)
        return found

    def _kept(self, value: Any) -> Any:
        """Return a value with erased logins replaced."""
        if isinstance(value, list):
            return [self._kept(one) for one in value]
        if not isinstance(value, str):
            return value
        return _WORD.sub(lambda word: self.erased.get(word[0], word[0]), value)


def _called(field: Any, name: str) -> str:
    return str(capfirst(str(getattr(field, "verbose_name", name.replace("_", " ")))))


def _plain_words(field: Any, value: Any) -> str:
    """Return a plain value as pages write it; as it stands in the log where it is no such value."""
    try:
        value = field.to_python(value)
    except (ValidationError, ValueError):
        return str(value)
    if isinstance(value, datetime):
        return figures.moment(value if value.tzinfo else value.replace(tzinfo=UTC))
    if isinstance(value, date):
        return date_format(value)
    if isinstance(value, int | Decimal):
        return figures.number(value, getattr(field, "decimal_places", 0))
    return str(value)


def _named(
    wanted: Mapping[type[models.Model], set[int]], user: Any
) -> dict[tuple[type[models.Model], int] | None, str]:
    """Return the names of rows, those that *user* may see."""
    found: dict[tuple[type[models.Model], int] | None, str] = {}
    for model, keys in wanted.items():
        rows: Any = model._default_manager.all()
        if hasattr(rows, "for_user"):
            rows = rows.for_user(user)
        elif not sees_everything(user):
            continue
        found |= {(model, row.pk): str(row) for row in rows.filter(pk__in=keys)}
    return found


def _erased(bodies: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return the logins in entries whose person was erased, with what is shown in their place."""
    words = {word for body in bodies for text in _texts(body) for word in _WORD.findall(text)}
    pseudonyms = {word: pseudonym("person", word) for word in words}
    gone = Person.objects.filter(pseudonym__in=pseudonyms.values(), erased_at__isnull=False)
    labels = {person.pseudonym: person.label for person in gone}
    return {word: labels[each] for word, each in pseudonyms.items() if each in labels}


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)
