import django.db.models.deletion
from django.db import migrations, models

import licenses.models.fields


class Migration(migrations.Migration):
    dependencies = [
        ("licenses", "0033_stamp_heads"),
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
                    ("evidence", "The sealed evidence does not fit, or was not sealed"),
                    ("flat", "A pool's use has not moved for a number of working days"),
                    ("unreadable", "Lines that could not be read reach a share (%)"),
                    ("drift", "Contract, licence file and server differ on a pool's seats"),
                    ("time_to_full", "A pool is expected to be full within minutes"),
                ],
                max_length=20,
            ),
        ),
        migrations.AlterField(
            model_name="alertrule",
            name="threshold",
            field=models.PositiveIntegerField(
                default=90,
                help_text="Percent, seats, refusals, working days or minutes, by the kind.",
            ),
        ),
        migrations.CreateModel(
            name="PoolForecast",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("at", licenses.models.fields.InstantField(help_text="As of when.")),
                ("seconds", models.PositiveIntegerField(help_text="Until it is full; 0: it is.")),
                ("slope", models.FloatField(help_text="Seats an hour, of the last hour.")),
                (
                    "days",
                    models.PositiveSmallIntegerField(help_text="Same weekdays that were observed."),
                ),
                (
                    "alike",
                    models.PositiveSmallIntegerField(help_text="Those on which use rose as much."),
                ),
                (
                    "pool",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="forecast",
                        to="licenses.licensepool",
                    ),
                ),
            ],
        ),
    ]
