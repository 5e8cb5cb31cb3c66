"""Keep who waits for a seat, and mark messages that are for one account."""

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("licenses", "0023_judge_a_pool_at_a_glance"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
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
                    ("anchor", "signed head of the evidence"),
                    ("personal", "to one account"),
                    ("test", "test"),
                ],
                max_length=10,
            ),
        ),
        migrations.CreateModel(
            name="WaitlistEntry",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "waiting"),
                            ("offered", "a seat is free"),
                            ("served", "got a seat"),
                            ("missed", "did not come in time"),
                            ("left", "left the list"),
                            ("expired", "no seat became free in time"),
                        ],
                        default="waiting",
                        max_length=10,
                    ),
                ),
                ("joined_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "expires_at",
                    models.DateTimeField(
                        help_text="Who was not told by then is not told any more."
                    ),
                ),
                (
                    "seat",
                    models.PositiveIntegerField(
                        help_text="Which of the free seats is offered, counted from 1.", null=True
                    ),
                ),
                ("offered_at", models.DateTimeField(null=True)),
                (
                    "offer_until",
                    models.DateTimeField(help_text="Then the next in line is told.", null=True),
                ),
                ("closed_at", models.DateTimeField(null=True)),
                (
                    "notice",
                    models.ForeignKey(
                        help_text="The last message about this entry.",
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="licenses.notification",
                    ),
                ),
                (
                    "pool",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="waitlist",
                        to="licenses.licensepool",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="waitlist_entries",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "place on a waitlist",
                "verbose_name_plural": "places on waitlists",
                "ordering": ["pk"],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state__in", ["waiting", "offered"])),
                        fields=("pool", "user"),
                        name="waitlist_one_place_each",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("state", "offered")),
                        fields=("pool", "seat"),
                        name="waitlist_seat_offered_once",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("offered_at__isnull", False),
                                ("seat__gte", 1),
                                ("state", "offered"),
                                ("offer_until__gt", models.F("offered_at")),
                            ),
                            models.Q(
                                models.Q(("state", "offered"), _negated=True),
                                ("offer_until", None),
                                ("seat", None),
                            ),
                            _connector="OR",
                        ),
                        name="waitlist_offer_whole",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("closed_at", None), ("state__in", ["waiting", "offered"])),
                            models.Q(
                                models.Q(("state__in", ["waiting", "offered"]), _negated=True),
                                ("closed_at__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="waitlist_closed_or_open",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("expires_at__gt", models.F("joined_at"))),
                        name="waitlist_expires_after_start",
                    ),
                ],
            },
        ),
    ]
