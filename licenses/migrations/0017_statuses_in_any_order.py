from typing import Any

import django.db.models.deletion
from django.db import migrations, models

import licenses.models.fields


def scope(apps: Any, _schema_editor: Any) -> None:
    """Let the complete answers of before tell of all features that their server has."""
    features = apps.get_model("licenses", "Feature")
    captures = apps.get_model("licenses", "Capture")
    scopes = apps.get_model("licenses", "StatusScope")
    answers = captures.objects.filter(kind="lmstat", result="parsed")
    for server in answers.order_by().values_list("server_id", flat=True).distinct():
        ids = features.objects.filter(server_id=server).order_by("pk").values_list("pk", flat=True)
        row = scopes.objects.create(server_id=server, digest="before scopes", features=list(ids))
        answers.filter(server_id=server).update(scope=row)


class Migration(migrations.Migration):
    dependencies = [
        ("licenses", "0016_one_row_for_a_status_row"),
    ]

    operations = [
        migrations.CreateModel(
            name="Disagreement",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("seats", models.PositiveIntegerField()),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("not_in_log", "a status shows it, the log never saw it taken"),
                            (
                                "not_in_status",
                                "the log has it out, a complete status does not show it",
                            ),
                            ("still_shown", "a status shows it after the log saw it returned"),
                            ("return_alone", "the log saw it returned and never taken"),
                        ],
                        max_length=15,
                    ),
                ),
                ("starts", licenses.models.fields.InstantField()),
                (
                    "ends",
                    licenses.models.fields.InstantField(
                        null=True,
                        help_text="The last moment at which the two are known to differ. Empty: still.",
                    ),
                ),
                ("seats_logged", models.PositiveIntegerField()),
                (
                    "seats_shown",
                    models.PositiveIntegerField(help_text="Empty: no status was asked.", null=True),
                ),
            ],
            options={
                "ordering": ["-starts", "pk"],
            },
        ),
        migrations.CreateModel(
            name="StatusScope",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("digest", models.CharField(max_length=64)),
                (
                    "daemons",
                    models.JSONField(default=dict, help_text="Name to whether it was up."),
                ),
                ("features", models.JSONField(default=list, help_text="Ids of features.")),
            ],
        ),
        migrations.RemoveConstraint(
            model_name="sighting",
            name="sighting_once",
        ),
        migrations.RemoveConstraint(
            model_name="sighting",
            name="sighting_open_once",
        ),
        migrations.AlterField(
            model_name="sighting",
            name="gone_at",
            field=licenses.models.fields.InstantField(
                help_text="First complete answer without it, after the last that showed it.",
                null=True,
            ),
        ),
        migrations.AlterField(
            model_name="sighting",
            name="started_at",
            field=licenses.models.fields.InstantField(
                help_text="As printed, to the minute. Empty: could not be read.", null=True
            ),
        ),
        migrations.AddIndex(
            model_name="sighting",
            index=models.Index(fields=["feature", "gone_at"], name="sighting_gone"),
        ),
        migrations.AddConstraint(
            model_name="sighting",
            constraint=models.UniqueConstraint(
                models.F("feature"), models.F("row_key"), name="sighting_once"
            ),
        ),
        migrations.AddField(
            model_name="disagreement",
            name="feature",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="disagreements",
                to="licenses.feature",
            ),
        ),
        migrations.AddField(
            model_name="disagreement",
            name="host",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="licenses.host",
            ),
        ),
        migrations.AddField(
            model_name="disagreement",
            name="person",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="licenses.person",
            ),
        ),
        migrations.AddField(
            model_name="statusscope",
            name="server",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="licenses.licenseserver",
            ),
        ),
        migrations.AddField(
            model_name="capture",
            name="scope",
            field=models.ForeignKey(
                editable=False,
                help_text="For a status that adds up: what it told in full.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="licenses.statusscope",
            ),
        ),
        migrations.AddIndex(
            model_name="capture",
            index=models.Index(fields=["server", "kind", "starts"], name="capture_by_moment"),
        ),
        migrations.AddIndex(
            model_name="disagreement",
            index=models.Index(fields=["feature", "person", "host"], name="disagreement_by_holder"),
        ),
        migrations.AddIndex(
            model_name="disagreement",
            index=models.Index(fields=["-starts"], name="disagreement_newest"),
        ),
        migrations.AddConstraint(
            model_name="statusscope",
            constraint=models.UniqueConstraint(
                models.F("server"), models.F("digest"), name="status_scope_once"
            ),
        ),
        migrations.RunPython(scope, migrations.RunPython.noop),
    ]
