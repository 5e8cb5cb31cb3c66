from itertools import islice

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


def tie(apps, schema_editor):
    """Keep what was proven: until now each document proved all lines of its contract, from when
    both were on record. Reports of earlier days stay what they were."""
    using = schema_editor.connection.alias
    lines = apps.get_model("licenses", "Entitlement").objects.using(using)
    proofs = apps.get_model("licenses", "Proof").objects.using(using)
    rows = (
        lines.exclude(contract__documents=None)
        .order_by("pk", "contract__documents")
        .values_list("pk", "contract__documents", "recorded_at", "contract__documents__recorded_at")
    )
    made = (
        proofs.model(
            entitlement_id=line, document_id=document, taken_over=True, recorded_at=max(moments)
        )
        for line, document, *moments in rows.iterator()
    )
    while batch := list(islice(made, 1000)):
        proofs.bulk_create(batch)


class Migration(migrations.Migration):
    dependencies = [
        ("licenses", "0055_find_changes_of_a_row"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Proof",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("taken_over", models.BooleanField(default=False, editable=False)),
                (
                    "recorded_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False),
                ),
                (
                    "document",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="proofs",
                        to="licenses.document",
                    ),
                ),
                (
                    "entitlement",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="proofs",
                        to="licenses.entitlement",
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
                "verbose_name": "proof",
                "verbose_name_plural": "proofs",
                "ordering": ["entitlement", "recorded_at", "pk"],
            },
        ),
        migrations.AddField(
            model_name="entitlement",
            name="documents",
            field=models.ManyToManyField(
                blank=True,
                help_text="Documents of the contract that name product, quantity and metric of this line.",
                related_name="entitlements",
                through="licenses.Proof",
                to="licenses.document",
                verbose_name="proven by",
            ),
        ),
        migrations.AddConstraint(
            model_name="proof",
            constraint=models.UniqueConstraint(
                fields=("entitlement", "document"), name="proof_once_for_line_and_document"
            ),
        ),
        migrations.RunPython(tie, migrations.RunPython.noop),
    ]
