"""Queries that are asked for each poll: Django makes their text once, not each time."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import chain
from typing import Any, Final, NamedTuple, cast

from django.db import connection
from django.db.models import Model, QuerySet
from django.db.models.expressions import Combinable
from django.db.models.sql import DeleteQuery, Query, UpdateQuery

from licenses.analysis.rows import fetched
from licenses.concurrency.intervals import Ints

Names = Sequence[str | Combinable] | dict[str, Any]
"""Columns that are asked for, none: all; or columns and what they are set to."""
Asked = tuple[QuerySet[Any, Any], Names]
Given = int | str | Collection[int]

_STAND_IN: Final = -2_147_480_000
"""A moment of 1901 that nobody asks for: it and those before it stand for values in the texts. On
PostgreSQL, Django takes a sum for an integer of 32 bits, and leaves out what no such can be."""

CHUNK: Final = 2_000


class _Text(NamedTuple):
    """A text, and what it takes.

    places:      of the values among the parameters, each with the value's number.
    converters:  of columns, by their number, from what the database gives to what the model holds.
    """

    sql: str
    parameters: list[Any]
    places: list[tuple[int, int]]
    model: type[Model]
    converters: dict[int, tuple[list[Callable[..., Any]], Any]]


class Prepared:
    """A query whose text does not depend on its values: making that takes longer than the answer.

    make:  takes a stand-in for each value and returns the queryset, and its columns. The values are
           whole numbers, texts, and collections of whole numbers that `among` is asked of.
    """

    def __init__(self, make: Callable[..., Asked]) -> None:
        self._make = make
        self._texts: dict[tuple[str, str], _Text] = {}

    def columns(self, *values: Given) -> list[Ints]:
        """Return the columns, which are whole numbers, as `rows.columns` does."""
        with connection.cursor() as cursor:
            cursor.execute(*self._asked("SELECT", values))
            return fetched(cursor)

    def rows(self, *values: Given) -> list[tuple[Any, ...]]:
        """Return the rows as the database gives them: moments as epoch seconds."""
        with connection.cursor() as cursor:
            cursor.execute(*self._asked("SELECT", values))
            found: list[tuple[Any, ...]] = cursor.fetchall()
        return found

    def each(self, *values: Given) -> Iterator[tuple[Any, ...]]:
        """Yield the rows, of which there may be too many to have them all in memory."""
        with connection.chunked_cursor() as cursor:
            cursor.execute(*self._asked("SELECT", values))
            yield from chain.from_iterable(iter(lambda: cursor.fetchmany(CHUNK), []))

    def objects(self, *values: Given) -> list[Any]:
        """Return instances of the model. The query names no columns: it asks for all of them."""
        rows = self.rows(*values)
        if not rows:
            return []
        text = self._text("SELECT", values)
        names = [field.attname for field in text.model._meta.concrete_fields]
        found = []
        for row in rows:
            held = list(row)
            for place, (converters, column) in text.converters.items():
                for converted in converters:
                    held[place] = converted(held[place], column, connection)
            found.append(text.model.from_db(connection.alias, names, held))
        return found

    def first(self, *values: Given) -> Any:
        """Return the first instance of the model; None where there is none."""
        return next(iter(self.objects(*values)), None)

    def count(self, *values: Given) -> int:
        """Return how many rows there are."""
        sql, parameters = self._asked("SELECT", values)
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT COUNT(*) FROM ({sql}) counted", parameters)
            return int(cursor.fetchone()[0])

    def delete(self, *values: Given) -> None:
        """Delete the rows, to which nothing may refer."""
        with connection.cursor() as cursor:
            cursor.execute(*self._asked("DELETE", values))

    def update(self, *values: Given) -> None:
        """Set columns of the rows."""
        with connection.cursor() as cursor:
            cursor.execute(*self._asked("UPDATE", values))

    def _asked(self, verb: str, values: Sequence[Given]) -> tuple[str, list[Any]]:
        """Return the text for this database, and its parameters with the values among them."""
        text = self._text(verb, values)
        parameters = text.parameters.copy()
        for place, number in text.places:
            parameters[place] = _parameter(values[number])
        return text.sql, parameters

    def _text(self, verb: str, values: Sequence[Given]) -> _Text:
        key = verb, connection.vendor
        if key not in self._texts:
            self._texts[key] = self._written(verb, values)
        return self._texts[key]

    def _written(self, verb: str, values: Sequence[Given]) -> _Text:
        stand_ins = [_stand_in(place, value) for place, value in enumerate(values)]
        queryset, names = self._make(*stand_ins)
        compiler = _query(verb, queryset, names).get_compiler(connection=connection)
        sql, parameters = compiler.as_sql()
        known = [_parameter(each) for each in stand_ins]
        places = [
            (place, known.index(parameter))
            for place, parameter in enumerate(parameters)
            if parameter in known
        ]
        if len({number for _, number in places}) < len(known):
            raise ValueError(f"a value of the query does not stand in its text: {sql}")
        columns = [column for column, _sql, _alias in compiler.select or ()]
        converters = compiler.get_converters(columns)
        return _Text(sql, list(parameters), places, queryset.model, converters)


def _query(verb: str, queryset: QuerySet[Any, Any], names: Names) -> Query:
    if verb == "DELETE":
        return queryset.query.chain(DeleteQuery)
    if isinstance(names, dict):
        update = cast(UpdateQuery, queryset.query.chain(UpdateQuery))
        update.add_update_values(names)
        return update
    return queryset.values_list(*names).query


def _stand_in(place: int, value: Given) -> Given:
    if isinstance(value, str):
        return f"\0{place}"  # which no text of PostgreSQL holds
    return [_STAND_IN - place] if isinstance(value, Collection) else _STAND_IN - place


def _parameter(value: Given) -> Any:
    """Return a value as the lookups send it."""
    if isinstance(value, str):
        return str(value)
    if not isinstance(value, Collection):
        return int(value)
    return list(value) if connection.vendor == "postgresql" else json.dumps(list(value))
