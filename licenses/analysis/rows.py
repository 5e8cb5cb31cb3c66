"""Rows as columns of whole numbers: how the maths reads the database, and how bulk is written."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from itertools import chain, islice, repeat
from typing import Any, Final, NamedTuple, Self

import numpy as np
from django.core.exceptions import EmptyResultSet
from django.db import connection, connections
from django.db.models import (
    Aggregate,
    BigIntegerField,
    ExpressionWrapper,
    F,
    Model,
    QuerySet,
    TextField,
    Value,
)
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce

from licenses.concurrency.intervals import Ints
from licenses.concurrency.timeline import OPEN

EVER: Final = -OPEN
"""The start of what has no start: earlier than any window."""
NONE: Final = -(2**62)
"""Stands for NULL in a column: -1 is a moment, a second before 1970."""
STATEMENT_ROWS: Final = 100
"""Rows of one INSERT: two to three times as fast as one for each, and more gain little."""
BLOCK_ROWS: Final = 200 * STATEMENT_ROWS
COPIED_ROWS: Final = 100
"""Rows from which on PostgreSQL copies; for fewer, making a table to copy to takes longer."""


def number(name: str, missing: int | None = None) -> Combinable:
    """Return a column as the database holds it, a moment as epoch seconds.

    missing:  put where the row has NULL.
    """
    # Without the wrapper an InstantField would make a datetime of each value: slow by the million.
    stored = ExpressionWrapper(F(name), output_field=BigIntegerField())
    if missing is None:
        return stored
    return Coalesce(stored, Value(missing, output_field=BigIntegerField()))


def columns(queryset: QuerySet[Any, Any], *names: str | Combinable) -> list[Ints]:
    """Return the columns of a queryset as int64 arrays, in the database's order, in one query.

    Cost: some 0.1 µs a value above the query; the rows are never all in memory as tuples.
    """
    try:
        sql, parameters = queryset.values_list(*names).query.sql_with_params()
    except EmptyResultSet:
        return [np.empty(0, dtype=np.int64) for _ in names]
    with connections[queryset.db].cursor() as cursor:
        # Past the converters of the ORM, which take three times as long as the database.
        cursor.execute(sql, parameters)
        return fetched(cursor)


def tuples(queryset: QuerySet[Any, Any], *names: str | Combinable) -> list[tuple[Any, ...]]:
    """Return columns of a queryset as the database holds them, row by row, in one query.

    For numbers and texts. As `columns`, it goes past the converters of the ORM.
    """
    try:
        sql, parameters = queryset.values_list(*names).query.sql_with_params()
    except EmptyResultSet:
        return []
    with connections[queryset.db].cursor() as cursor:
        cursor.execute(sql, parameters)
        return list(cursor.fetchall())


class Listed(Aggregate):
    """The whole numbers of a column in a group as one text, which `listed` reads: rows for each
    take three times as long."""

    function = "GROUP_CONCAT"
    output_field = TextField()

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template = "STRING_AGG((%(expressions)s)::text, ',')"
        return self.as_sql(compiler, connection, template=template, **context)


def listed(text: str | None) -> Ints:
    """Return the numbers that `Listed` told of, in no order; none of none."""
    if not text:
        return np.empty(0, dtype=np.int64)
    return np.fromstring(text, dtype=np.int64, sep=",")


def fetched(cursor: Any) -> list[Ints]:
    """Return the columns of what was asked for, which are whole numbers, as int64 arrays."""
    width = len(cursor.description)
    rows = chain.from_iterable(iter(lambda: cursor.fetchmany(10_000), []))
    table = np.fromiter(chain.from_iterable(rows), dtype=np.int64).reshape(-1, width)
    return [np.ascontiguousarray(table[:, place]) for place in range(width)]


class Coded(NamedTuple):
    """A column of something else than whole numbers: each row's place in *values*."""

    code: Ints
    values: Sequence[str] | Sequence[bool]

    @classmethod
    def of(cls, column: Sequence[Any]) -> Self:
        """Return a column that holds few values many times."""
        places = {value: place for place, value in enumerate(dict.fromkeys(column))}
        return cls(np.array([places[value] for value in column], dtype=np.int64), list(places))


Column = Ints | Coded


def insert(
    model: type[Model], names: Sequence[str], table: Sequence[Column], *, otherwise: str = ""
) -> int:
    """Insert rows as they are, and return how many were written: instances of models would take ten
    times as long as the counting.

    table:      the columns, of the same length; NONE is NULL.
    otherwise:  what to do with rows that are there already, an ON CONFLICT clause.

    Runs in a transaction. Rows in the order of the table's keys take half the time.
    """
    count = len(_numbers(table[0]))
    if not count:
        return 0
    quote = connection.ops.quote_name
    into = f"{quote(model._meta.db_table)} ({', '.join(quote(name) for name in names)})"
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql" and count >= COPIED_ROWS:
            return _copy(cursor, into, table, otherwise)
        many = 0 if connection.vendor == "postgresql" else count - count % STATEMENT_ROWS
        written = 0
        for at in range(0, many, BLOCK_ROWS):
            block = _cut(table, at, min(at + BLOCK_ROWS, many))
            written += _insert_block(cursor, into, block, otherwise)
        return written + _insert_each(cursor, into, _cut(table, many, count), otherwise)


def _insert_each(cursor: Any, into: str, table: Sequence[Column], otherwise: str) -> int:
    rows = list(zip(*map(_plain, table), strict=True))
    if not rows:
        return 0
    marks = ", ".join(["%s"] * len(table))
    cursor.executemany(f"INSERT INTO {into} VALUES ({marks}) {otherwise}", rows)
    return int(cursor.rowcount)


def _insert_block(cursor: Any, into: str, table: Sequence[Column], otherwise: str) -> int:
    """Insert rows on SQLite, as many as fill statements.

    More than half of the time would go into handing over values. So a column that holds one value
    is handed over once for each statement, and one that is equal to another not at all: its marks
    are the other's.
    """
    single, equal = _spared(table)
    own = [place for place in range(len(table)) if place not in single and place not in equal]
    sql = f"INSERT INTO {into} VALUES {_marks(tuple(own), tuple(single), tuple(equal.items()))}"
    values = chain.from_iterable(zip(*(_plain(table[place]) for place in own), strict=True))
    alike = [
        next(iter(_plain(column))) for column in _cut([table[place] for place in single], 0, 1)
    ]
    statements = (
        [*islice(values, STATEMENT_ROWS * len(own)), *alike]
        for _ in range(len(_numbers(table[0])) // STATEMENT_ROWS)
    )
    cursor.executemany(f"{sql} {otherwise}", statements)
    return int(cursor.rowcount)


@lru_cache(maxsize=64)
def _marks(
    own: tuple[int, ...], single: tuple[int, ...], equal: tuple[tuple[int, int], ...]
) -> str:
    """Return the rows of a statement whose values are, row by row, those of the columns *own*, and
    then one for each of *single*."""
    numbers = {place: STATEMENT_ROWS * len(own) + nth for nth, place in enumerate(single, 1)}
    rows = []
    for row in range(STATEMENT_ROWS):
        numbers |= {place: row * len(own) + nth for nth, place in enumerate(own, 1)}
        numbers |= {place: numbers[other] for place, other in equal}
        rows.append(f"({', '.join(f'?{numbers[place]}' for place in range(len(numbers)))})")
    return ", ".join(rows)


def _spared(table: Sequence[Column]) -> tuple[list[int], dict[int, int]]:
    """Return the columns that hold one value, and those that are equal to an earlier one, with
    that one. The first column is neither."""
    single, equal = [], {}
    for place, column in enumerate(table[1:], 1):
        numbers = _numbers(column)
        if (numbers == numbers[0]).all():
            single.append(place)
        elif not isinstance(column, Coded):
            earlier = (other for other in range(place) if _equal(table[other], column))
            if (first := next(earlier, None)) is not None:
                equal[place] = first
    return single, equal


def _equal(one: Column, other: Ints) -> bool:
    return not isinstance(one, Coded) and np.array_equal(one, other)


def _cut(table: Sequence[Column], first: int, last: int) -> list[Column]:
    """Return some of the rows: never all should be objects of Python at once."""
    part = slice(first, last)
    return [
        Coded(column.code[part], column.values) if isinstance(column, Coded) else column[part]
        for column in table
    ]


def _copy(cursor: Any, into: str, table: Sequence[Column], otherwise: str) -> int:
    """Insert rows by way of a table of the session to which all columns are copied as bigint: some
    thirty times as fast as an INSERT for each row."""
    names = [f"c{place}" for place in range(len(table))]
    numbers = [_numbers(column) for column in table]
    chosen, values = [], []
    for name, column in zip(names, table, strict=True):
        if isinstance(column, Coded):
            kind = "boolean" if isinstance(column.values[0], bool) else "text"
            chosen.append(f"(%s::{kind}[])[{name} + 1]")
            values.append(list(column.values))
        else:
            chosen.append(f"NULLIF({name}, {NONE})" if (column == NONE).any() else name)
    count = len(numbers[0])
    types = ", ".join(f"{name} bigint NOT NULL" for name in names)
    cursor.execute(f"CREATE TEMPORARY TABLE copied_rows ({types})")
    with cursor.copy("COPY copied_rows FROM STDIN (FORMAT BINARY)") as copy:
        copy.write(b"PGCOPY\n\xff\r\n\0" + bytes(8))
        for at in range(0, count, BLOCK_ROWS):
            copy.write(_binary([column[at : at + BLOCK_ROWS] for column in numbers]))
        copy.write(b"\xff\xff")
    cursor.execute(
        f"INSERT INTO {into} SELECT {', '.join(chosen)} FROM copied_rows {otherwise}", values
    )
    written = int(cursor.rowcount)
    cursor.execute("DROP TABLE copied_rows")
    return written


def _binary(columns: Sequence[Ints]) -> bytes:
    """Return rows of bigint as PostgreSQL copies them: the number of values, and before each value
    its length."""
    parts = [(f"{word}{place}", kind) for place in range(len(columns)) for word, kind in _VALUE]
    rows = np.empty(len(columns[0]), dtype=[("values", ">i2"), *parts])
    rows["values"] = len(columns)
    for place, column in enumerate(columns):
        rows[f"length{place}"] = 8
        rows[f"value{place}"] = column
    return rows.tobytes()


_VALUE: Final = (("length", ">i4"), ("value", ">i8"))


def _numbers(column: Column) -> Ints:
    return column.code if isinstance(column, Coded) else column


def _plain(column: Column) -> Iterable[Any]:
    if not isinstance(column, Coded):
        return optional(column)
    if len(column.values) == 1:
        return repeat(column.values[0], len(column.code))
    return [column.values[place] for place in column.code.tolist()]


def optional(column: Ints) -> list[int | None]:
    """Return a column as plain numbers, None where it has NONE."""
    values: list[int | None] = column.tolist()
    for place in np.flatnonzero(column == NONE).tolist():
        values[place] = None
    return values


def grouped(rows: Iterable[tuple[Any, ...]]) -> dict[Any, list[tuple[Any, ...]]]:
    """Return the rows by their first value, without it, in order."""
    found: dict[Any, list[tuple[Any, ...]]] = {}
    for key, *rest in rows:
        found.setdefault(key, []).append(tuple(rest))
    return found


def as_moment(epoch: int) -> datetime:
    """Return epoch seconds as models take them."""
    return datetime.fromtimestamp(epoch, UTC)


def now_epoch(now: int | None = None) -> int:
    """Return the present moment; *now* where the caller says what it is."""
    return int(time.time()) if now is None else now


def numbered(*columns: Ints) -> tuple[Ints, Ints]:
    """Number rows by their values, in order; return the numbers and a row for each of them."""
    code = np.zeros(len(columns[0]), dtype=np.int64)
    for column in columns if len(code) else ():
        place, count = column - column.min(), int(column.max() - column.min()) + 1
        if int(code.max()) >= 2**62 // count:
            code = np.unique(code, return_inverse=True)[1]
            values, place = np.unique(column, return_inverse=True)
            count = len(values)
        code = code * count + place
    _, firsts, code = np.unique(code, return_index=True, return_inverse=True)
    return code, firsts


def values(rows: Iterable[Iterable[int]]) -> str:
    """Return rows of whole numbers as they stand behind VALUES."""
    text = ",".join(f"({','.join(str(int(each)) for each in row)})" for row in rows)
    # Bare numbers would be int4, too small for "since ever".
    return text.replace(")", "::bigint)", 1) if connection.vendor == "postgresql" else text
