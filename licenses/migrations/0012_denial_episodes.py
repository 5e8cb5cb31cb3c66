"""Keep how each chain of refusals ended, and which refusals were no loss."""

import django.db.models.deletion
from django.db import migrations, models

import licenses.models.fields


class Migration(migrations.Migration):
    dependencies = [
        ("licenses", "0011_say_that_we_still_watch"),
    ]

    operations = [
        migrations.AddField(
            model_name="denial",
            name="rules",
            field=models.PositiveSmallIntegerField(
                db_index=True, default=0, help_text="Version of the rules that told the class."
            ),
        ),
        migrations.AddField(
            model_name="denial",
            name="served_at",
            field=licenses.models.fields.InstantField(
                help_text="When this person got a seat of the pool after all, within seconds: nobody was kept from work.",
                null=True,
            ),
        ),
        migrations.CreateModel(
            name="DenialEpisode",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("capacity", models.BooleanField(help_text="The refusals were for want of seats.")),
                ("starts", licenses.models.fields.InstantField(verbose_name="first refused")),
                ("last", licenses.models.fields.InstantField(verbose_name="last refused")),
                ("refusals", models.PositiveIntegerField()),
                (
                    "reason_class",
                    models.CharField(
                        choices=[
                            ("no_seat", "All seats were in use"),
                            (
                                "request_too_large",
                                "More seats were asked for at once than there are",
                            ),
                            ("queued", "Others were waiting already"),
                            (
                                "policy",
                                "Withheld by the options file or a vendor's rule; seats may have been free",
                            ),
                            ("not_licensed", "Not licensed, or not in this version"),
                            (
                                "license_content",
                                "The licence is expired, damaged or made for another machine",
                            ),
                            ("server_or_network", "The server or the network did not answer"),
                            ("clock", "The clocks of client and server differ"),
                            ("remote_session", "Not allowed in a remote session"),
                            ("administration", "An administrative request was refused"),
                            ("other", "Another reason"),
                            ("unexplained", "Unexplained: seats were free as far as we saw"),
                        ],
                        max_length=30,
                        verbose_name="why",
                    ),
                ),
                (
                    "outcome",
                    models.CharField(
                        choices=[
                            ("waited", "waited and got a seat"),
                            ("gave up", "gave up"),
                            ("open", "too early to tell"),
                        ],
                        max_length=10,
                    ),
                ),
                (
                    "granted_at",
                    licenses.models.fields.InstantField(
                        help_text="When the person got a seat after all.", null=True
                    ),
                ),
                (
                    "lost_seconds",
                    models.PositiveIntegerField(
                        help_text="From the first refusal to the seat or, without one, to the last refusal."
                    ),
                ),
                (
                    "in_use",
                    models.PositiveIntegerField(
                        help_text="Seats known to be in use at the first refusal; empty: not observed.",
                        null=True,
                    ),
                ),
                (
                    "limit",
                    models.PositiveIntegerField(
                        help_text="At the first refusal; empty: not known.", null=True
                    ),
                ),
                (
                    "rules",
                    models.PositiveSmallIntegerField(
                        help_text="Version of the rules by which this was derived."
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="denial_episodes",
                        to="licenses.person",
                    ),
                ),
                (
                    "pool",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="denial_episodes",
                        to="licenses.licensepool",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["starts"], name="denial_episode_by_start"),
                    models.Index(
                        condition=models.Q(("outcome", "open")),
                        fields=["pool"],
                        name="denial_episode_open",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("pool", "starts", "person", "capacity"), name="denial_episode_once"
                    )
                ],
            },
        ),
    ]
