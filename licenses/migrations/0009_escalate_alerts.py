"""Tell others of what nobody acknowledges."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("licenses", "0008_when_raw_text_was_dropped"),
    ]

    operations = [
        migrations.AddField(
            model_name="alert",
            name="escalated_at",
            field=models.DateTimeField(
                blank=True,
                help_text="When it was first told, then when each step was taken.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="alert",
            name="escalated_to",
            field=models.PositiveSmallIntegerField(
                default=0, help_text="The last step of the escalation that was taken."
            ),
        ),
        migrations.AlterField(
            model_name="notification",
            name="sequence",
            field=models.PositiveIntegerField(default=0, help_text="Which repeat, or which step."),
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
                    ("test", "test"),
                ],
                max_length=10,
            ),
        ),
        migrations.CreateModel(
            name="EscalationStep",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("step", models.PositiveSmallIntegerField(help_text="1, 2 or 3.")),
                (
                    "wait_minutes",
                    models.PositiveIntegerField(
                        default=60,
                        help_text="Minutes without acknowledgement since the last step; for the first step, since the alert was told.",
                    ),
                ),
                (
                    "channel",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="escalation_steps",
                        to="licenses.channel",
                    ),
                ),
                (
                    "rule",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="escalation",
                        to="licenses.alertrule",
                    ),
                ),
            ],
            options={
                "ordering": ["rule", "step"],
                "constraints": [
                    models.UniqueConstraint(
                        models.F("rule"),
                        models.F("step"),
                        name="escalation_step_once",
                        violation_error_message="The rule has this step already.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("step__gte", 1), ("step__lte", 3)),
                        name="escalation_three_steps",
                        violation_error_message="An alert is escalated in at most three steps: 1, 2, 3.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("wait_minutes__gte", 1)),
                        name="escalation_waits",
                        violation_error_message="Give people at least 1 minute to acknowledge.",
                    ),
                ],
            },
        ),
    ]
