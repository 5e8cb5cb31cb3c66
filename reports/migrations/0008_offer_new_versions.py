import django.core.serializers.json
import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("reports", "0007_packs_for_auditors"),
    ]

    operations = [
        migrations.CreateModel(
            name="LaterData",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "checked_at",
                    models.DateTimeField(db_index=True, default=django.utils.timezone.now),
                ),
                (
                    "found_at",
                    models.DateTimeField(
                        help_text="Since when figures differ. Empty: none does.", null=True
                    ),
                ),
                ("count", models.PositiveIntegerField(default=0, help_text="Figures that differ.")),
                (
                    "rows",
                    models.JSONField(
                        default=list,
                        encoder=django.core.serializers.json.DjangoJSONEncoder,
                        help_text="The first of them: pool, month, what, before and after.",
                    ),
                ),
                (
                    "told_at",
                    models.DateTimeField(help_text="When people were mailed, once.", null=True),
                ),
                (
                    "report",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="later",
                        to="reports.report",
                    ),
                ),
            ],
            options={
                "verbose_name": "later data",
                "verbose_name_plural": "later data",
                "ordering": ["-found_at", "-pk"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("count", 0), ("found_at", None)),
                            models.Q(("count__gt", 0), ("found_at__isnull", False)),
                            _connector="OR",
                        ),
                        name="later_data_found_or_not",
                    )
                ],
            },
        ),
    ]
