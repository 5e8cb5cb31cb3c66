"""Queries that are asked for each poll: Django makes their text once, not each time."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from typing import Any, Final

from django.db import connection
from django.db.models import QuerySet
from django.db.models.expressions import Combinable
from django.db.models.sql import DeleteQuery

from licenses.analysis.rows import fetched
from licenses.concurrency.intervals import Ints

Names = Sequence[str | Combinable]
Asked = tuple[QuerySet[Any, Any], Names]

_STAND_IN: Final = -2_147_480_000
"""A moment of 1901 that nobody asks for: it and those before it stand for values in the texts. On
PostgreSQL, Django takes a sum for an integer of 32 bits, and leaves out what no such can be."""


class Prepared:
    """A query whose text does not depend on its values: making that takes longer than the answer.

    make:  takes a stand-in for each value and returns the queryset, and its columns. The values are
           whole numbers, and collections of whole numbers that `among` is asked of.
    """

    def __init__(self, make: Callable[..., Asked]) -> None:
        self._make = make
        self._texts: dict[tuple[str, str], tuple[str, list[Any], list[tuple[int, int]]]] = {}

    def columns(self, *values: int | Collection[int]) -> list[Ints]:
        """Return the columns, which are whole numbers, as `rows.columns` does."""
        with connection.cursor() as cursor:
            cursor.execute(*self._asked("SELECT", values))
            return fetched(cursor)

    def rows(self, *values: int | Collection[int]) -> list[tuple[Any, ...]]:
        """Return the rows as the database gives them: moments as epoch seconds."""
        with connection.cursor() as cursor:
            cursor.execute(*self._asked("SELECT", values))
            found: list[tuple[Any, ...]] = cursor.fetchall()
        return found

    def count(self, *values: int | Collection[int]) -> int:
        """Return how many rows there are."""
        sql, parameters = self._asked("SELECT", values)
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT COUNT(*) FROM ({sql}) counted", parameters)
            return int(cursor.fetchone()[0])

    def delete(self, *values: int | Collection[int]) -> None:
        """Delete the rows, to which nothing may refer."""
        with connection.cursor() as cursor:
            cursor.execute(*self._asked("DELETE", values))

    def _asked(self, verb: str, values: Sequence[int | Collection[int]]) -> tuple[str, list[Any]]:
        """Return the text for this database, and its parameters with the values among them."""
        key = verb, connection.vendor
        if key not in self._texts:
            self._texts[key] = self._written(verb, values)
        sql, parameters, places = self._texts[key]
        parameters = parameters.copy()
        for place, number in places:
            parameters[place] = _parameter(values[number])
        return sql, parameters

    def _written(
        self, verb: str, values: Sequence[int | Collection[int]]
    ) -> tuple[str, list[Any], list[tuple[int, int]]]:
        stand_ins: list[Any] = [
            [_STAND_IN - place] if isinstance(value, Collection) else _STAND_IN - place
            for place, value in enumerate(values)
        ]
        queryset, names = self._make(*stand_ins)
        query = queryset.query if verb == "DELETE" else queryset.values_list(*names).query
        if verb == "DELETE":
            query = query.chain(DeleteQuery)
        sql, parameters = query.get_compiler(connection=connection).as_sql()
        known = [_parameter(each) for each in stand_ins]
        places = [
            (place, known.index(parameter))
            for place, parameter in enumerate(parameters)
            if parameter in known
        ]
        if len({number for _, number in places}) < len(known):
            raise ValueError(f"a value of the query does not stand in its text: {sql}")
        return sql, list(parameters), places


def _parameter(value: int | Collection[int]) -> Any:
    """Return a value as the lookups send it."""
    if not isinstance(value, Collection):
        return int(value)
    return list(value) if connection.vendor == "postgresql" else json.dumps(list(value))
