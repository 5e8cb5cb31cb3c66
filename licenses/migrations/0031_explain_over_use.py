import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import licenses.models.fields


class Migration(migrations.Migration):
    dependencies = [
        ("licenses", "0030_steps_of_a_logs_clock"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="OverUseNote",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("starts", licenses.models.fields.InstantField(help_text="From when on.")),
                (
                    "ends",
                    licenses.models.fields.InstantField(
                        help_text="The first moment that is no longer meant."
                    ),
                ),
                ("cause", models.CharField(help_text="Why it came about.", max_length=500)),
                (
                    "resolution",
                    models.CharField(
                        blank=True,
                        help_text="What was done about it. Empty: it is still open.",
                        max_length=500,
                    ),
                ),
                (
                    "owner",
                    models.CharField(
                        help_text="Who sees to it: best a role or a team, as it prints in reports.",
                        max_length=200,
                    ),
                ),
                (
                    "recorded_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False),
                ),
                (
                    "pool",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="over_use_notes",
                        to="licenses.licensepool",
                    ),
                ),
                (
                    "recorded_by",
                    models.ForeignKey(
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "note on over-use",
                "verbose_name_plural": "notes on over-use",
                "ordering": ["-recorded_at", "-pk"],
                "indexes": [models.Index(fields=["pool", "starts"], name="over_use_note_by_pool")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("ends__gt", models.F("starts"))),
                        name="over_use_note_ends_after_start",
                        violation_error_message="The time ends before it starts.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("cause", ""), _negated=True),
                            models.Q(("owner", ""), _negated=True),
                        ),
                        name="over_use_note_says_why_and_who",
                        violation_error_message="Say why it came about, and who sees to it.",
                    ),
                ],
            },
        ),
    ]
