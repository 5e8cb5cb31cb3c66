import django.db.models.deletion
from django.db import migrations, models

import licenses.models.fields


class Migration(migrations.Migration):
    dependencies = [
        ("licenses", "0079_vouch_from_when_answers_were_given"),
    ]

    operations = [
        migrations.CreateModel(
            name="QueueEntry",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("seats", models.PositiveIntegerField(help_text="That it asks for.")),
                (
                    "queued_at",
                    licenses.models.fields.InstantField(
                        help_text="Empty: nobody asked the server before, and no log tells.",
                        null=True,
                        verbose_name="waits since, at the earliest",
                    ),
                ),
                (
                    "queued_by",
                    licenses.models.fields.InstantField(verbose_name="waits since, at the latest"),
                ),
                (
                    "ended_after",
                    licenses.models.fields.InstantField(
                        null=True, verbose_name="waited until, at least"
                    ),
                ),
                (
                    "ended_at",
                    licenses.models.fields.InstantField(
                        null=True, verbose_name="waited until, at most"
                    ),
                ),
                (
                    "outcome",
                    models.CharField(
                        choices=[
                            ("waiting", "waits"),
                            ("seated", "was given a seat"),
                            ("gave up", "gave up"),
                            ("restart", "lost in a restart"),
                            ("unknown", "not known"),
                        ],
                        max_length=10,
                        verbose_name="ended",
                    ),
                ),
                ("method", models.PositiveSmallIntegerField(choices=[(1, "log"), (2, "polls")])),
                (
                    "feature",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="licenses.feature",
                    ),
                ),
                (
                    "host",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="licenses.host",
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="licenses.person",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "queue entries",
                "indexes": [
                    models.Index(fields=["feature", "person", "host"], name="queueentry_by_holder"),
                    models.Index(fields=["feature", "queued_by"], name="queueentry_by_start"),
                    models.Index(
                        condition=models.Q(("ended_at", None)),
                        fields=["feature"],
                        name="queueentry_not_ended",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="QueueEvent",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("at", licenses.models.fields.InstantField()),
                ("seats", models.PositiveIntegerField(default=1)),
                (
                    "kind",
                    models.PositiveSmallIntegerField(
                        choices=[(1, "QUEUED"), (2, "DEQUEUED"), (3, "shown waiting")]
                    ),
                ),
                ("ordinal", models.PositiveSmallIntegerField(default=0)),
                (
                    "feature",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="licenses.feature",
                    ),
                ),
                (
                    "host",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="licenses.host",
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="licenses.person",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["feature", "person", "host"], name="queueevent_by_holder")
                ],
                "constraints": [
                    models.UniqueConstraint(
                        models.F("feature"),
                        models.F("at"),
                        models.F("person"),
                        models.F("host"),
                        models.F("seats"),
                        models.F("kind"),
                        models.F("ordinal"),
                        name="queueevent_once",
                    )
                ],
            },
        ),
    ]
