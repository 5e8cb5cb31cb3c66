"""Names of a person in the texts of tables, and in entries of the evidence, which stay."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import reduce
from itertools import chain
from operator import and_
from typing import Any, NamedTuple

from django.apps import apps
from django.db import IntegrityError, models, transaction
from django.db.models import Q, TextField
from django.db.models.functions import Cast

from licenses.evidence import entries
from licenses.models import EvidenceBlock, Identity, NameErasure

from .batches import batches
from .erasure_names import Needles

_ACCOUNTS = {"auth_user"}
"""An account is not a name behind use: whoever manages accounts deletes it."""

BLOCKS = 50
"""Of entries, unpacked one by one: so many are read at once, as each may have a megabyte."""


class Text(NamedTuple):
    """A text that holds a name. row: its key."""

    model: type[models.Model]
    field: models.Field[Any, Any]
    row: Any


def texts_with(needles: Needles) -> Iterator[Text]:
    """Yield each text of each table that holds a name. Identities go as a whole."""
    for model in apps.get_models():
        for field in _texts(model) if model is not Identity else []:
            for row in _holding_rows(model, field, needles):
                yield Text(model, field, row.pk)


def scrub_tables(texts: list[Text], needles: Needles, left: set[str]) -> int:
    """Replace names in texts and return in how many; the place of one that may not be changed is
    added to those left."""
    changed = 0
    for text in texts:
        table = text.model._meta.db_table
        if table not in _ACCOUNTS and _rewrite(text, needles):
            changed += 1
        else:
            left.add(f"{table}.{text.field.column}")
    return changed


def _rewrite(text: Text, needles: Needles) -> bool:
    """Replace names in a text as it stands now; tell whether the database allowed it."""
    model, field, row = text
    mine = model._base_manager.filter(pk=row)
    for old in mine.select_for_update().values_list(field.attname, flat=True):
        value = needles.replace(old)
        if isinstance(value, str) and field.max_length:
            value = value[: field.max_length]
        try:
            with transaction.atomic():
                mine.update(**{field.attname: value})
        except IntegrityError:
            return False
    return True


def left_in_evidence(needles: Needles) -> Iterator[str]:
    """Yield where entries are kept if one holds a name, or cannot be read and may."""
    spelled = [json.dumps(name, ensure_ascii=False)[1:-1].lower().split() for name in needles.names]
    for block in chain.from_iterable(batches(EvidenceBlock.objects.all(), BLOCKS)):
        try:
            text = entries.read(block).decode()
        except ValueError:
            found = True
        else:
            # Few blocks hold one at all: a plain search is faster than the pattern.
            low = text.lower()
            found = any(all(word in low for word in name) for name in spelled) and any(
                needles.within(said) for line in text.splitlines() for said in _said(line)
            )
        if found:
            yield f"{EvidenceBlock._meta.db_table}.payload"
            return


def _said(line: str) -> Iterator[str]:
    """Yield the texts of an entry without the words of its form."""
    inner: list[Any] = [json.loads(line)["body"]]
    while inner:
        value = inner.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict | list):
            inner += value.values() if isinstance(value, dict) else value


def _texts(model: type[models.Model]) -> list[models.Field[Any, Any]]:
    kinds = (models.CharField, models.TextField, models.JSONField)
    managed = not model._meta.proxy and model._meta.managed
    fields = model._meta.local_concrete_fields if managed else []
    if model is NameErasure:  # names go last, so that it can be done again
        fields = [field for field in fields if field.name != "known_as"]
    # A pseudonym, a key or a hash holds no name, and a link to a row must stay one.
    return [f for f in fields if isinstance(f, kinds) and not f.primary_key and not f.choices]


def holding(name: str, needles: Needles) -> Q:
    """Return what finds the rows in which a field may hold a name: all of its words."""
    wanted = Q(pk__in=[])
    for spelling in sorted(needles.spellings()):
        words = [Q(**{f"{name}__icontains": word}) for word in spelling.split()]
        wanted |= reduce(and_, words, Q())
    return wanted


def _holding_rows(
    model: type[models.Model], field: models.Field[Any, Any], needles: Needles
) -> Iterator[models.Model]:
    rows = model._base_manager.annotate(_as_text=Cast(field.name, TextField()))
    for batch in batches(rows.filter(holding("_as_text", needles))):
        for row in batch:
            value = getattr(row, field.attname)
            if needles.replace(value) != value:
                yield row
