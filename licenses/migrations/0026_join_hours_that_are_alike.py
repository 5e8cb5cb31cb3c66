"""Keep one row for a run of alike hours, clustered by pool and hour.

The rows are derived: they are thrown away, and counted again from the facts by the next drain.
"""

import time
from typing import Any

import django.db.models.deletion
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

import licenses.models.fields


class CreateClusteredModel(migrations.CreateModel):
    """A table that is kept in the order of its primary key where the database can (SQLite)."""

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: Any,
        to_state: Any,
    ) -> None:
        usual = schema_editor.sql_create_table
        if schema_editor.connection.vendor == "sqlite":
            schema_editor.sql_create_table = f"{usual} WITHOUT ROWID"
        try:
            super().database_forwards(app_label, schema_editor, from_state, to_state)
        finally:
            schema_editor.sql_create_table = usual


def count_again(apps: Any, _schema_editor: Any) -> None:
    """Mark all that is known of each pool, as a rebuild does."""
    dirty = apps.get_model("licenses", "DirtySpan")
    firsts = [
        apps.get_model("licenses", model).objects.order_by(field).values_list(field, flat=True)
        for model, field in (("Checkout", "taken_at"), ("Coverage", "starts"), ("Denial", "at"))
    ]
    known = [first for rows in firsts if (first := rows.first()) is not None]
    if known:
        pools = apps.get_model("licenses", "LicensePool").objects.values_list("pk", flat=True)
        dirty.objects.bulk_create(
            dirty(pool_id=pool, starts=min(known), ends=int(time.time()) + 1) for pool in pools
        )


class Migration(migrations.Migration):
    dependencies = [("licenses", "0025_care_for_servers")]

    operations = [
        migrations.DeleteModel("PoolHour"),
        CreateClusteredModel(
            name="PoolHour",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "pool_id",
                        "hour",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "pool",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="hours",
                        to="licenses.licensepool",
                    ),
                ),
                ("hour", licenses.models.fields.InstantField()),
                ("hours", models.PositiveSmallIntegerField(default=1)),
                ("peak", models.PositiveIntegerField(null=True)),
                ("peak_high", models.PositiveIntegerField(null=True)),
                ("peak_at", licenses.models.fields.InstantField(null=True)),
                ("seat_seconds", models.PositiveBigIntegerField(default=0)),
                ("full_seconds", models.PositiveIntegerField(null=True)),
                ("over_seconds", models.PositiveIntegerField(null=True)),
                ("observed_seconds", models.PositiveIntegerField(default=0)),
                ("checkouts", models.PositiveIntegerField(default=0)),
                ("denials", models.PositiveIntegerField(default=0)),
                (
                    "limit",
                    models.PositiveIntegerField(help_text="At the end of the hour.", null=True),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("hours__gte", 1), ("hours__lte", 24)),
                        name="pool_hours_of_one_day",
                    )
                ],
            },
        ),
        migrations.RunPython(count_again, migrations.RunPython.noop),
    ]
