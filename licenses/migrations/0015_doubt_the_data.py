"""Watch the data themselves: use that stands still, lines that nobody can read."""

import django.db.models.deletion
from django.db import migrations, models

import licenses.models.fields


class Migration(migrations.Migration):
    dependencies = [
        ("licenses", "0014_know_the_longest_holding"),
    ]

    operations = [
        migrations.AlterField(
            model_name="alertrule",
            name="kind",
            field=models.CharField(
                choices=[
                    ("use_percent", "Use reaches a share of the limit (%)"),
                    ("seats_left", "Free seats fall to a number"),
                    ("over_use", "Use passes what is allowed"),
                    ("denials", "Refusals for want of seats in an hour reach a number"),
                    ("server", "A licence server gives no complete answer"),
                    ("contract", "A contract's notice day or end comes near"),
                    ("license_expiry", "A licence file's line is about to expire"),
                    ("scheduler", "The scheduler or the workers stand still"),
                    ("flat", "A pool's use has not moved for a number of working days"),
                    ("unreadable", "Lines that could not be read reach a share (%)"),
                ],
                max_length=20,
            ),
        ),
        migrations.AlterField(
            model_name="alertrule",
            name="threshold",
            field=models.PositiveIntegerField(
                default=90, help_text="Percent, seats, refusals or working days, by the kind."
            ),
        ),
        migrations.CreateModel(
            name="PoolStillness",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "since",
                    licenses.models.fields.InstantField(
                        help_text="When the first day without movement began."
                    ),
                ),
                ("level", models.PositiveIntegerField(help_text="Seats in use all the while.")),
                (
                    "days",
                    models.PositiveIntegerField(
                        help_text="Working days without movement until now."
                    ),
                ),
                (
                    "days_before",
                    models.PositiveIntegerField(help_text="Observed working days before them."),
                ),
                (
                    "moved_before",
                    models.PositiveIntegerField(help_text="Those of them on which use moved."),
                ),
                (
                    "longest_before",
                    models.PositiveIntegerField(
                        help_text="Most working days without movement before."
                    ),
                ),
                (
                    "pool",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="stillness",
                        to="licenses.licensepool",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="UnreadableShare",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("lines", models.PositiveBigIntegerField()),
                ("unreadable", models.PositiveBigIntegerField()),
                (
                    "examples",
                    models.JSONField(default=list, help_text="Some of them, cut, without names."),
                ),
                (
                    "server",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="unreadable_share",
                        to="licenses.licenseserver",
                    ),
                ),
            ],
        ),
    ]
