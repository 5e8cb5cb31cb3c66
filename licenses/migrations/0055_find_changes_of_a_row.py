import json
import zlib
from itertools import islice

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import F

MODELS = {
    "account": "auth.user",
    "alert rule": "licenses.alertrule",
    "channel": "licenses.channel",
    "contract": "licenses.contract",
    "document": "licenses.document",
    "escalation step": "licenses.escalationstep",
    "feature": "licenses.feature",
    "legal hold": "licenses.legalhold",
    "pool": "licenses.licensepool",
    "product": "licenses.product",
    "report schedule": "reports.reportschedule",
    "role": "auth.group",
    "scope": "licenses.scope",
    "server": "licenses.licenseserver",
    "silence": "licenses.silence",
    "team": "licenses.team",
    "team rule": "licenses.teamrule",
    "vendor": "licenses.vendor",
}
"""By what entries called the rows that they told of until then."""
AT_ONCE = 1000


def find(apps, schema_editor):
    """Find what the log told already: each in a block of one entry, among those of much else."""
    using = schema_editor.connection.alias
    blocks = apps.get_model("licenses", "EvidenceBlock").objects.using(using)
    changes = apps.get_model("licenses", "RowChange").objects.using(using)
    single = blocks.filter(last=F("first"), size__lt=100_000).order_by("pk")
    rows = single.values_list("pk", "payload").iterator(chunk_size=AT_ONCE)
    told = ((pk, *_told_of(zlib.decompress(payload))) for pk, payload in rows)
    made = (changes.model(model=model, row=row, block_id=pk) for pk, model, row in told if model)
    while some := list(islice(made, AT_ONCE)):
        changes.bulk_create(some)


def _told_of(text):
    """Return of which model's row an entry tells; "" where it tells of none."""
    if b'"source":"settings"' not in text:
        return "", 0
    body = json.loads(text)["body"]
    words = body["what"].split(" ")
    for count in (2, 1):
        model = MODELS.get(" ".join(words[:count]))
        if model and "id" in body:
            return model, body["id"]
    return "", 0


class Migration(migrations.Migration):
    dependencies = [("licenses", "0053_let_erasure_change_why_a_right_changed")]

    operations = [
        migrations.CreateModel(
            name="RowChange",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("model", models.CharField(help_text="As app.model.", max_length=100)),
                ("row", models.PositiveBigIntegerField()),
                (
                    "block",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="licenses.evidenceblock",
                    ),
                ),
            ],
            options={
                "verbose_name": "change of a row",
                "verbose_name_plural": "changes of rows",
                "ordering": ["-block"],
                "indexes": [models.Index(fields=["model", "row", "block"], name="row_change_of")],
            },
        ),
        migrations.RunPython(find, migrations.RunPython.noop),
    ]
