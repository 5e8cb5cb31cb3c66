import django.db.models.deletion
import django.db.models.functions.comparison
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import licenses.models.fields


class Migration(migrations.Migration):
    dependencies = [
        ("licenses", "0009_escalate_alerts"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="TeamRule",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "order",
                    models.PositiveIntegerField(
                        default=100,
                        help_text="The lowest is asked first; the first rule that fits decides.",
                    ),
                ),
                (
                    "user_pattern",
                    models.CharField(
                        blank=True,
                        help_text="The whole login as the licence server prints it, such as cae-*: * stands for any characters, ? for one; case does not matter. Empty: everybody.",
                        max_length=255,
                        verbose_name="users",
                    ),
                ),
                (
                    "host_pattern",
                    models.CharField(
                        blank=True,
                        help_text="The whole name of the machine, such as ws-cae-??. Empty: every machine.",
                        max_length=255,
                        verbose_name="hosts",
                    ),
                ),
                (
                    "valid_from",
                    models.DateField(
                        blank=True, help_text="First day. Empty: since ever.", null=True
                    ),
                ),
                (
                    "valid_to",
                    models.DateField(
                        blank=True, help_text="Last day. Empty: until further notice.", null=True
                    ),
                ),
                ("notes", models.TextField(blank=True)),
                (
                    "recorded_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False),
                ),
                (
                    "recorded_by",
                    models.ForeignKey(
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "team",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="rules",
                        to="licenses.team",
                    ),
                ),
            ],
            options={
                "ordering": ["order", "pk"],
            },
        ),
        migrations.CreateModel(
            name="RuleMatch",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "host",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="licenses.host",
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="licenses.person",
                    ),
                ),
                (
                    "rule",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="matches",
                        to="licenses.teamrule",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "rule matches",
            },
        ),
        migrations.CreateModel(
            name="TeamHour",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("hour", licenses.models.fields.InstantField()),
                ("peak", models.PositiveIntegerField(default=0)),
                ("seat_seconds", models.PositiveBigIntegerField(default=0)),
                ("checkouts", models.PositiveIntegerField(default=0)),
                ("denials", models.PositiveIntegerField(default=0)),
                (
                    "pool",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="team_hours",
                        to="licenses.licensepool",
                    ),
                ),
                (
                    "team",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="hours",
                        to="licenses.team",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        models.F("pool"),
                        models.F("hour"),
                        django.db.models.functions.comparison.Coalesce("team", models.Value(0)),
                        name="team_hour_once",
                    )
                ],
            },
        ),
        migrations.AddConstraint(
            model_name="teamrule",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("valid_from", None),
                    ("valid_to", None),
                    ("valid_to__gte", models.F("valid_from")),
                    _connector="OR",
                ),
                name="team_rule_ends_after_start",
                violation_error_message="The rule ends before it starts.",
            ),
        ),
        migrations.AddConstraint(
            model_name="teamrule",
            constraint=models.CheckConstraint(
                condition=models.Q(("host_pattern", ""), ("user_pattern", ""), _negated=True),
                name="team_rule_says_something",
                violation_error_message="Give a pattern for users, for hosts, or both.",
            ),
        ),
        migrations.AddConstraint(
            model_name="rulematch",
            constraint=models.UniqueConstraint(
                models.F("rule"),
                models.F("person"),
                condition=models.Q(("host", None)),
                name="rule_match_person_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="rulematch",
            constraint=models.UniqueConstraint(
                models.F("rule"),
                models.F("host"),
                condition=models.Q(("person", None)),
                name="rule_match_host_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="rulematch",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("host__isnull", False), ("person", None)),
                    models.Q(("host", None), ("person__isnull", False)),
                    _connector="OR",
                ),
                name="rule_match_one_name",
            ),
        ),
    ]
