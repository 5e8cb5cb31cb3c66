"""Tell daily that we still watch, and by another channel what one could not deliver."""

import datetime

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("licenses", "0010_team_rules_and_hours"),
    ]

    operations = [
        migrations.CreateModel(
            name="Chore",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=50, unique=True)),
                (
                    "begun_at",
                    models.DateTimeField(
                        default=datetime.datetime(1970, 1, 1, 0, 0, tzinfo=datetime.UTC)
                    ),
                ),
                ("done_at", models.DateTimeField(help_text="When it last went well.", null=True)),
                (
                    "error",
                    models.CharField(blank=True, help_text="Empty: it went well.", max_length=500),
                ),
            ],
        ),
        migrations.AddField(
            model_name="channel",
            name="fallback",
            field=models.BooleanField(
                default=False,
                help_text="Gets the messages that another channel could not deliver for a day.",
            ),
        ),
        migrations.AddField(
            model_name="channel",
            name="still_watching",
            field=models.BooleanField(
                default=False,
                help_text="Gets a message a day that says what is watched. If it stays away, look.",
            ),
        ),
        migrations.AlterField(
            model_name="notification",
            name="sequence",
            field=models.PositiveIntegerField(
                default=0, help_text="Which repeat or step, which day, which message not delivered."
            ),
        ),
        migrations.AlterField(
            model_name="notification",
            name="transition",
            field=models.CharField(
                choices=[
                    ("firing", "firing"),
                    ("repeat", "still firing"),
                    ("escalated", "not acknowledged"),
                    ("resolved", "resolved"),
                    ("fallback", "not delivered elsewhere"),
                    ("watching", "still watching"),
                    ("test", "test"),
                ],
                max_length=10,
            ),
        ),
        migrations.AddConstraint(
            model_name="notification",
            constraint=models.UniqueConstraint(
                models.F("sequence"),
                models.F("channel"),
                models.F("recipient"),
                condition=models.Q(("transition", "watching")),
                name="notification_once_a_day",
            ),
        ),
    ]
