"""Store holdings as an import does, against `bulk_create` of a plain model with the same columns.

    python benchmarks/store.py [--holdings 200000] [--features 500] [--database sqlite|postgresql]

Both have the same rows, a year of them in order of time, in transactions of 20,000, and the same
key. The plain model is what one would write down first: foreign keys with their indexes, moments as
dates with a time.
"""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from typing import Any

import numpy as np
from common import Line, django_on, show, timed

CHUNK = 20_000
PEOPLE, HOSTS, YEAR = 2_000, 3_000, 365 * 86_400
START = 1_760_000_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--holdings", type=int, default=200_000)
    parser.add_argument("--features", type=int, default=500)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    arguments = parser.parse_args()
    with django_on(arguments.database):
        measure(arguments.holdings, arguments.features)


def measure(count: int, features: int) -> None:
    from django.db import connection, transaction

    from licenses.importing.holding_rows import upsert
    from licenses.models import Checkout

    parts = chunks(count, features)
    plain = plain_model()
    with connection.schema_editor() as editor:
        editor.create_model(plain)

    def by_models() -> None:
        for part in parts:
            rows = zip(*(column.tolist() for column in part), strict=True)
            with transaction.atomic():
                plain._default_manager.bulk_create([plain(**fields(row)) for row in rows])

    def as_columns(shift: int = 0) -> None:
        for part in parts:
            with transaction.atomic():
                upsert(table(part, shift))

    sizes = [size(connection, plain)]
    slow = timed(by_models)
    sizes += [size(connection, plain), size(connection, Checkout)]
    quick = timed(as_columns)
    sizes.append(size(connection, Checkout))
    again = timed(lambda: as_columns(1))
    assert Checkout.objects.count() == plain._default_manager.count() == count
    ours, theirs = sizes[3] - sizes[2], sizes[1] - sizes[0]
    work = f"{count:,} holdings stored"
    show([
        Line(work, f"{count / quick:,.0f} rows/s", slow / quick,
             "at least 10x bulk_create of a plain model", slow >= 10 * quick),
        Line("the same with other ends, all there already", f"{count / again:,.0f} rows/s",
             slow / again, "-", True),
        Line("bytes of a holding with its indexes", f"{ours / count:.0f} B", ours / theirs,
             "at most 0.4x the plain model", ours <= 0.4 * theirs),
    ])  # fmt: skip


def chunks(count: int, features: int) -> list[list[Any]]:
    """Store whom and what holdings refer to; return the columns of these, a chunk each."""
    from licenses.models import Feature, Host, LicenseServer, Person

    server = LicenseServer.objects.create(name="server", zone="UTC")
    Feature.objects.bulk_create(
        Feature(server=server, daemon="acmed", name=f"feat_{place}") for place in range(features)
    )
    Person.objects.bulk_create(Person(pseudonym=f"p{place}") for place in range(PEOPLE))
    Host.objects.bulk_create(Host(pseudonym=f"h{place}") for place in range(HOSTS))
    ids = [
        np.array(model.objects.order_by("pk").values_list("pk", flat=True))
        for model in (Feature, Person, Host)
    ]
    columns = holdings(count, ids)
    return [
        [column[first : first + CHUNK] for column in columns] for first in range(0, count, CHUNK)
    ]


def holdings(count: int, ids: list[Any]) -> list[Any]:
    """Return feature, person, host, taken and returned of each holding, in order of time."""
    chance = np.random.default_rng(1)
    weights = 1 / (np.arange(len(ids[0])) + 1) ** 0.8
    feature = chance.choice(len(ids[0]), count, p=weights / weights.sum())
    person = (feature * 97 + (chance.random(count) ** 2 * 400).astype(np.int64)) % PEOPLE
    taken = np.sort(START + chance.choice(YEAR, count, replace=False))
    returned = taken + chance.integers(60, 14_400, count)
    return [ids[0][feature], ids[1][person], ids[2][person * 3 % HOSTS], taken, returned]


def table(part: list[Any], shift: int) -> list[Any]:
    """Return holdings as an import hands them on; *shift* seconds are added to the ends."""
    from licenses.analysis.rows import NONE, Coded

    feature, person, host, taken, returned = part
    same = np.zeros(len(taken), dtype=np.int64)
    ends = returned + shift
    held, reason = Coded(same, ["held"]), Coded(same, ["returned"])
    whose = [feature, person, host, same + 1, same]
    return [*whose, taken, taken, ends, ends, same + 1, held, reason, same + NONE]


def plain_model() -> Any:
    from django.db import models

    class Plain(models.Model):  # noqa: DJ008 - nobody reads its rows
        feature = models.ForeignKey("licenses.Feature", models.PROTECT, related_name="+")
        person = models.ForeignKey("licenses.Person", models.PROTECT, related_name="+")
        host = models.ForeignKey("licenses.Host", models.PROTECT, related_name="+")
        seats = models.PositiveIntegerField()
        taken_at = models.DateTimeField()
        taken_by = models.DateTimeField()
        returned_after = models.DateTimeField(null=True)
        returned_at = models.DateTimeField(null=True)
        ordinal = models.PositiveSmallIntegerField(default=0)
        method = models.PositiveSmallIntegerField()
        state = models.CharField(max_length=10)
        end_reason = models.CharField(max_length=10)
        sighting = models.ForeignKey(
            "licenses.Sighting", models.PROTECT, null=True, related_name="+"
        )

        class Meta:
            app_label = "licenses"
            constraints = [
                models.UniqueConstraint(
                    fields=["feature", "taken_at", "person", "host", "seats", "ordinal"],
                    name="plain_once",
                )
            ]

    return Plain


def fields(row: tuple[int, ...]) -> dict[str, Any]:
    feature, person, host, taken, returned = row
    begin, end = datetime.fromtimestamp(taken, UTC), datetime.fromtimestamp(returned, UTC)
    moments = {"taken_at": begin, "taken_by": begin, "returned_after": end, "returned_at": end}
    whose = {"feature_id": feature, "person_id": person, "host_id": host, "seats": 1}
    return {**whose, **moments, "method": 1, "state": "held", "end_reason": "returned"}


def size(connection: Any, model: Any) -> int:
    """Return the bytes of a model's rows and indexes; on SQLite, of the whole database."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT pg_total_relation_size(%s)", [model._meta.db_table])
        else:
            cursor.execute("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")
        return int(cursor.fetchone()[0])


if __name__ == "__main__":
    main()
