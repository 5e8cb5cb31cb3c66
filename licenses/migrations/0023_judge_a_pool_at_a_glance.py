"""Keep what the last 30 days of each pool come to, so that the first page need not count it."""

import django.db.models.deletion
from django.db import migrations, models

import licenses.models.fields


class Migration(migrations.Migration):
    dependencies = [
        ("licenses", "0022_show_pools_on_the_status_page"),
    ]

    operations = [
        migrations.CreateModel(
            name="PoolHeadline",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("at", licenses.models.fields.InstantField(help_text="The end of the 30 days.")),
                (
                    "due",
                    models.BooleanField(
                        default=False, help_text="Something older was learned since."
                    ),
                ),
                (
                    "expected_seconds",
                    models.PositiveBigIntegerField(help_text="In which use could have been."),
                ),
                (
                    "proven_seconds",
                    models.PositiveBigIntegerField(
                        help_text="Of them, those in which over-use was impossible."
                    ),
                ),
                (
                    "over_seconds",
                    models.PositiveBigIntegerField(help_text="Known use above what is allowed."),
                ),
                (
                    "blocked_seconds",
                    models.PositiveBigIntegerField(
                        help_text="That people waited for seats, or tried in vain."
                    ),
                ),
                ("people_blocked", models.PositiveIntegerField()),
                ("peak", models.PositiveIntegerField(null=True)),
                ("expected_seconds_before", models.PositiveBigIntegerField()),
                ("proven_seconds_before", models.PositiveBigIntegerField()),
                ("over_seconds_before", models.PositiveBigIntegerField()),
                ("blocked_seconds_before", models.PositiveBigIntegerField()),
                ("people_blocked_before", models.PositiveIntegerField()),
                ("peak_before", models.PositiveIntegerField(null=True)),
                (
                    "pool",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="headline",
                        to="licenses.licensepool",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["at"], name="pool_headline_by_age"),
                    models.Index(
                        condition=models.Q(("due", True)), fields=["due"], name="pool_headline_due"
                    ),
                ],
            },
        ),
    ]
