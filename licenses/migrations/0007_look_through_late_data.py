"""Note what was learned late, so that a killed look through it is gone on with."""

import django.db.models.deletion
from django.db import migrations, models

import licenses.models.fields


class Migration(migrations.Migration):
    dependencies = [
        ("licenses", "0006_index_what_alerts_ask"),
    ]

    operations = [
        migrations.CreateModel(
            name="LateSpan",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("starts", licenses.models.fields.InstantField()),
                ("ends", licenses.models.fields.InstantField()),
                (
                    "after_pool",
                    models.PositiveBigIntegerField(
                        default=0, help_text="Pools up to this id were looked through."
                    ),
                ),
                ("leased_until", models.DateTimeField(blank=True, null=True)),
                (
                    "server",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="late_spans",
                        to="licenses.licenseserver",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("ends__gt", models.F("starts"))),
                        name="late_span_ends_after_start",
                    )
                ],
            },
        ),
    ]
