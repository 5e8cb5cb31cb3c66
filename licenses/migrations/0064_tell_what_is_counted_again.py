"""Say since when hours wait to be counted again, and how far a run is that makes all again."""

import django.utils.timezone
from django.db import migrations, models

import licenses.models.fields


class Migration(migrations.Migration):
    dependencies = [
        ("licenses", "0063_know_no_refusals_without_a_log"),
    ]

    operations = [
        migrations.CreateModel(
            name="Rebuild",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("begun_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("heard_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("ended_at", models.DateTimeField(null=True)),
                ("servers", models.PositiveIntegerField()),
                ("servers_done", models.PositiveIntegerField(default=0)),
                (
                    "hours",
                    models.PositiveBigIntegerField(
                        help_text="Of all pools together; empty: not that far yet.", null=True
                    ),
                ),
                ("hours_done", models.PositiveBigIntegerField(default=0)),
            ],
            options={
                "ordering": ["pk"],
            },
        ),
        migrations.AddField(
            model_name="dirtyspan",
            name="marked_at",
            field=licenses.models.fields.InstantField(default=django.utils.timezone.now),
        ),
    ]
