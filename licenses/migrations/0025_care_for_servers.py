"""Keep the shape of unreadable lines, so that those of one shape can be told and set aside together;
connections tried in the background; and how far a server's clock is from ours."""

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

from licenses.sources.shapes import shape_digest


def give_shapes(apps, schema_editor):
    lines = apps.get_model("licenses", "UnreadableLine")._base_manager.using(
        schema_editor.connection.alias
    )
    last = 0
    while rows := list(lines.filter(pk__gt=last).order_by("pk")[:2000]):
        for row in rows:
            row.shape = shape_digest(row.text, row.reason)
        lines.bulk_update(rows, ["shape"])
        last = rows[-1].pk


class Migration(migrations.Migration):
    dependencies = [
        ("licenses", "0024_wait_for_a_seat"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="pollstate",
            name="clock_offset_seconds",
            field=models.IntegerField(
                blank=True,
                help_text="By which the last answer's own time was ahead of ours; below 0: behind.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="unreadableline",
            name="shape",
            field=models.CharField(
                blank=True,
                editable=False,
                help_text="The same for lines that differ in names, numbers and times only.",
                max_length=32,
            ),
        ),
        migrations.RunPython(give_shapes, migrations.RunPython.noop),
        migrations.CreateModel(
            name="ConnectionCheck",
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
                            ("running", "running"),
                            ("done", "done"),
                            ("failed", "failed"),
                        ],
                        db_index=True,
                        default="waiting",
                        max_length=10,
                    ),
                ),
                ("ok", models.BooleanField(null=True)),
                ("result", models.CharField(blank=True, max_length=20)),
                (
                    "steps",
                    models.JSONField(
                        default=list, help_text="Name, whether it went well, and a sentence."
                    ),
                ),
                ("requested_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("started_at", models.DateTimeField(null=True)),
                ("finished_at", models.DateTimeField(null=True)),
                (
                    "requested_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "server",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="connection_checks",
                        to="licenses.licenseserver",
                    ),
                ),
            ],
            options={
                "ordering": ["-pk"],
            },
        ),
        migrations.CreateModel(
            name="IgnoredLines",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "digest",
                    models.CharField(help_text="Of the shape and the reason.", max_length=64),
                ),
                (
                    "pattern",
                    models.CharField(help_text="The shape, without names.", max_length=300),
                ),
                (
                    "unreadable_reason",
                    models.CharField(max_length=300, verbose_name="why unreadable"),
                ),
                ("note", models.CharField(blank=True, max_length=500, verbose_name="why ignored")),
                ("recorded_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "ended_at",
                    models.DateTimeField(help_text="When the lines were shown again.", null=True),
                ),
                (
                    "ended_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "recorded_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "server",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="ignored_lines",
                        to="licenses.licenseserver",
                    ),
                ),
            ],
            options={
                "verbose_name": "ignored lines",
                "verbose_name_plural": "ignored lines",
                "ordering": ["-pk"],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("ended_at", None)),
                        fields=("server", "digest"),
                        name="ignored_lines_once",
                        violation_error_message="Lines of this shape are ignored already.",
                    )
                ],
            },
        ),
    ]
