"""Whether PostgreSQL would store and find holdings better in monthly partitions, or with BRIN.

    python benchmarks/layouts.py [--holdings 1000000] [--features 500]

Each layout gets the rows of benchmarks/store.py by the same insert, into a table without the guards
that keep facts; then the holdings are read that reach into a day or a month of the largest feature,
and into an hour of all features. Ratios are to the layout as it is: of time and bytes above 1 is
worse, of rows stored a second below 1.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

import numpy as np
from common import Line, django_on, show, timed, typical
from store import START, YEAR, chunks, table

DAY = 86_400
MONTHS = 13
KEY = "feature_id, taken_at, person_id, host_id, seats, ordinal"
AS_IT_IS = "as it is"
BRIN = "BRIN of both moments instead of an index of long holdings"
PARTITIONS = "monthly partitions"
INDEXES = [
    f"ALTER TABLE licenses_checkout ADD CONSTRAINT once UNIQUE ({KEY})",
    "CREATE INDEX ON licenses_checkout (feature_id) WHERE returned_at IS NULL",
    "CREATE INDEX ON licenses_checkout (feature_id, person_id, host_id)",
]
LONG = "CREATE INDEX ON licenses_checkout (feature_id, returned_at) WHERE {longer}"
LAYOUTS = {
    AS_IT_IS: [*INDEXES, "ALTER TABLE licenses_checkout ADD PRIMARY KEY (id)", LONG],
    BRIN: [
        *INDEXES,
        "ALTER TABLE licenses_checkout ADD PRIMARY KEY (id)",
        "CREATE INDEX ON licenses_checkout USING brin (taken_at, returned_at)",
    ],
    PARTITIONS: [*INDEXES, "CREATE INDEX ON licenses_checkout (id)", LONG],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--holdings", type=int, default=1_000_000)
    parser.add_argument("--features", type=int, default=500)
    arguments = parser.parse_args()
    with django_on("postgresql"):
        measure(arguments.holdings, arguments.features)


def measure(count: int, features: int) -> None:
    from django.db import connection

    from licenses.models import Checkout, Feature

    parts = chunks(count, features)
    ids = list(Feature.objects.order_by("pk").values_list("pk", flat=True))
    run(["ALTER TABLE licenses_checkout RENAME TO kept", "CREATE SEQUENCE numbers"])
    _measured(AS_IT_IS, parts[:2], ids)  # the first one prepares what all use
    found = {name: _measured(name, parts, ids) for name in LAYOUTS}
    assert Checkout.objects.count() == count
    assert connection.vendor == "postgresql"
    lines = []
    for place, (what, unit) in enumerate(
        [
            ("stored", "rows/s"), ("size", "B"), ("a day of one feature", "ms"),
            ("a month of one feature", "ms"), ("an hour of all features", "ms"),
        ]
    ):  # fmt: skip
        for name, measured in found.items():
            ratio = measured[place] / found[AS_IT_IS][place]
            told = f"{measured[place]:,.{1 if unit == 'ms' else 0}f} {unit}"
            lines.append(Line(f"{count:,} holdings, {what}: {name}", told, ratio, "-", True))
    show(lines)


def run(statements: Sequence[str]) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def _make(name: str) -> None:
    """Have an empty table of the layout stand where holdings are stored."""
    from django.db import connection

    from licenses.models import Checkout

    long = next(index for index in Checkout._meta.indexes if index.name == "checkout_long")
    with connection.schema_editor(collect_sql=True) as editor:
        made = str(long.create_sql(Checkout, editor))
    longer = made.partition(" WHERE ")[2]
    like = "CREATE TABLE licenses_checkout (LIKE kept INCLUDING DEFAULTS)"
    parted = name == PARTITIONS
    run([
        "DROP TABLE IF EXISTS licenses_checkout",
        like + (" PARTITION BY RANGE (taken_at)" if parted else ""),
        "ALTER TABLE licenses_checkout ALTER id SET DEFAULT nextval('numbers')",
        *(
            f"CREATE TABLE month_{month} PARTITION OF licenses_checkout FOR VALUES "
            f"FROM ({START + month * 30 * DAY}) TO ({START + (month + 1) * 30 * DAY})"
            for month in range(MONTHS if parted else 0)
        ),
        *(statement.format(longer=longer) for statement in LAYOUTS[name]),
    ])  # fmt: skip


def _measured(name: str, parts: list[list[Any]], features: list[int]) -> tuple[float, ...]:
    """Return rows a second, bytes of a row, and milliseconds of each kind of reading."""
    from django.db import connection, transaction

    from licenses.importing.holding_rows import upsert
    from licenses.models import Checkout

    _make(name)

    def store() -> None:
        for part in parts:
            with transaction.atomic():
                upsert(table(part, 0))

    count = sum(len(part[0]) for part in parts)
    took = timed(store)
    run(["VACUUM ANALYZE licenses_checkout"])
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT SUM(pg_total_relation_size(relid)) FROM pg_partition_tree('licenses_checkout')"
            if name == PARTITIONS
            else "SELECT pg_total_relation_size('licenses_checkout')"
        )
        size = float(cursor.fetchone()[0])
    chance = np.random.default_rng(2)
    starts = (START + chance.integers(0, YEAR - 40 * DAY, 20)).tolist()

    def read(chosen: list[int], span: int) -> float:
        def deed() -> None:
            for start in starts:
                rows = Checkout.objects.reaching(chosen, start, start + span)
                list(rows.values_list("person_id", "taken_at", "returned_at"))

        return 1000 * typical(deed, 3) / len(starts)

    largest = features[:1]
    reads = read(largest, DAY), read(largest, 30 * DAY), read(features, 3600)
    return count / took, size / count, *reads


if __name__ == "__main__":
    main()
