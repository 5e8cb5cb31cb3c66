"""Reads of the database that belong together: all of them see one moment of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction


@contextmanager
def one_moment() -> Iterator[None]:
    """Let all that is read here be of one moment, whatever others write meanwhile.

    Nothing can be written here. It holds nobody up: PostgreSQL keeps a snapshot, SQLite a mark in
    its log. Inside another transaction it is that one's moments that are read.
    """
    if connection.in_atomic_block:
        yield
    elif connection.vendor == "postgresql":
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield
    else:
        with connection.cursor() as cursor:
            cursor.execute("BEGIN DEFERRED")  # not as `atomic` does, which would lock out writers
            try:
                yield
            finally:
                cursor.execute("ROLLBACK")
