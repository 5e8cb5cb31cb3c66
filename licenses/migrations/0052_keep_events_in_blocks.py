"""Put events into blocks, feature by feature: the layout is that of `licenses.analysis.events`."""

import django.db.models.deletion
import numpy as np
from django.db import migrations, models

import licenses.models.fields

MOST = 1000
NAMES = ("at", "person", "host", "seats", "ordinal", "kind", "reason")
ROW = np.dtype(
    [
        *(("at", "<i8"), ("person", "<u4"), ("host", "<u4"), ("seats", "<u4")),
        *(("ordinal", "<u4"), ("kind", "u1"), ("reason", "<u2")),
    ]
)


def pack(apps, editor):
    with editor.connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT feature_id FROM licenses_event ORDER BY feature_id")
        for (feature,) in cursor.fetchall():
            _pack(cursor, feature)


def _pack(cursor, feature):
    cursor.execute(
        "SELECT at, person_id, host_id, seats, ordinal, kind, reason FROM licenses_event "
        "WHERE feature_id = %s",
        [feature],
    )
    words, parts = {"": 0}, []
    while found := cursor.fetchmany(20_000):
        rows = [(*row[:6], words.setdefault(row[6], len(words))) for row in found]
        parts.append(np.array(rows, dtype=np.int64))
    table = np.concatenate(parts)
    table = table[np.lexsort((table[:, 5], table[:, 0]))]
    told = list(words)
    cursor.executemany(
        "INSERT INTO licenses_eventblock (feature_id, starts, ends, count, reasons, rows) "
        "VALUES (%s, %s, %s, %s, %s, %s)",
        [
            (feature, *_block(table[first : first + MOST], told))
            for first in range(0, len(table), MOST)
        ],
    )


def _block(table, told):
    """Return first moment, last moment, number of rows, reasons and rows of a block."""
    used = [place for place in np.unique(table[:, 6]).tolist() if place]
    places = np.zeros(len(told), dtype=np.int64)
    places[used] = np.arange(1, len(used) + 1)
    rows = np.empty(len(table), dtype=ROW)
    for place, name in enumerate(NAMES):
        rows[name] = table[:, place]
    rows["reason"] = places[table[:, 6]]
    reasons = "\n".join(told[place] for place in used)
    return int(table[0, 0]), int(table[-1, 0]), len(table), reasons, rows.tobytes()


def unpack(apps, editor):
    with editor.connection.cursor() as cursor:
        cursor.execute("SELECT id FROM licenses_eventblock ORDER BY id")
        for (block,) in cursor.fetchall():
            cursor.execute(
                "SELECT feature_id, reasons, rows FROM licenses_eventblock WHERE id = %s", [block]
            )
            feature, reasons, rows = cursor.fetchone()
            words = ["", *reasons.split("\n")]
            cursor.executemany(
                "INSERT INTO licenses_event "
                "(feature_id, at, person_id, host_id, seats, ordinal, kind, reason) "
                "VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
                [
                    (feature, *row[:-1], words[row[-1]])
                    for row in np.frombuffer(bytes(rows), dtype=ROW).tolist()
                ],
            )


class Migration(migrations.Migration):
    dependencies = [
        ("licenses", "0051_approve_changes_of_mappings"),
    ]

    operations = [
        migrations.CreateModel(
            name="EventBlock",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "starts",
                    licenses.models.fields.InstantField(verbose_name="first event"),
                ),
                (
                    "ends",
                    licenses.models.fields.InstantField(verbose_name="last event"),
                ),
                ("count", models.PositiveIntegerField(verbose_name="events")),
                (
                    "reasons",
                    models.TextField(
                        blank=True,
                        help_text="Why seats came back, a line for each word printed.",
                    ),
                ),
                ("rows", models.BinaryField()),
                (
                    "feature",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="licenses.feature",
                    ),
                ),
            ],
            options={
                "verbose_name": "log events",
                "verbose_name_plural": "log events",
            },
        ),
        migrations.AddIndex(
            model_name="eventblock",
            index=models.Index(fields=["feature", "ends"], name="eventblock_newest"),
        ),
        migrations.RunPython(pack, unpack, elidable=False),
        migrations.DeleteModel(
            name="Event",
        ),
    ]
