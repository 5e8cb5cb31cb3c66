import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("licenses", "0080_keep_who_waits_at_a_server"),
    ]

    operations = [
        migrations.CreateModel(
            name="EvidenceCheck",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "ended_at",
                    models.DateTimeField(db_index=True, default=django.utils.timezone.now),
                ),
                ("days", models.PositiveIntegerField(help_text="How many were sealed.")),
                (
                    "root",
                    models.CharField(
                        blank=True, help_text="Of all sealed days, as in the head.", max_length=100
                    ),
                ),
                (
                    "entries",
                    models.PositiveBigIntegerField(help_text="How many were computed again."),
                ),
                (
                    "set_back",
                    models.JSONField(
                        default=list,
                        help_text="What tells that the database was set back to an older state.",
                    ),
                ),
                ("problems", models.JSONField(default=list, help_text="What else did not fit.")),
                (
                    "compared",
                    models.JSONField(
                        default=dict,
                        help_text="Of which vendor's pools and days figures were counted again from the entries alone, and which are others (differ; null: too many entries). Empty: of none.",
                    ),
                ),
            ],
            options={
                "verbose_name": "check of the evidence",
                "verbose_name_plural": "checks of the evidence",
                "ordering": ["pk"],
            },
        ),
    ]
