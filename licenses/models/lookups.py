"""A lookup of our own: rows of hundreds of pools or features asked for at once."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Field, ForeignKey, Lookup
from django.db.models.sql.compiler import SQLCompiler

Sql = tuple[str, tuple[Any, ...]]


# A foreign key takes none of the lookups of fields.
@ForeignKey.register_lookup
@Field.register_lookup
class Among(Lookup):
    """`pool__among=ids` asks as `pool__in=ids` does, of a collection of whole numbers.

    They are sent as one parameter. `in` makes one of each and looks at each several times: for 500
    pools that takes longer than the database needs for the answer.
    """

    lookup_name = "among"
    prepare_rhs = False
    rhs: Collection[int]

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> Sql:
        column, parameters = self.process_lhs(compiler, connection)
        sql = f"{column} IN (SELECT value FROM json_each(%s))"
        return sql, (*parameters, json.dumps(list(self.rhs)))

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> Sql:
        column, parameters = self.process_lhs(compiler, connection)
        return f"{column} = ANY(%s::bigint[])", (*parameters, list(self.rhs))
