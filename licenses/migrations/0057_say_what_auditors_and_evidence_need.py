from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("licenses", "0056_tie_documents_to_lines"),
    ]

    operations = [
        migrations.AlterField(
            model_name="entitlement",
            name="purchase_order",
            field=models.CharField(
                blank=True,
                help_text="Its number. It stands in the evidence for ever: name nobody.",
                max_length=100,
            ),
        ),
        migrations.AlterField(
            model_name="entitlement",
            name="scope",
            field=models.CharField(
                blank=True,
                help_text="Territory, entity, version, as the paper says it. It stands in the evidence for ever: name nobody.",
                max_length=300,
            ),
        ),
        migrations.AlterField(
            model_name="nameerasure",
            name="reason",
            field=models.CharField(
                help_text="Who asked for it, and on what ground. A keyed digest of it stands in the evidence.",
                max_length=500,
                verbose_name="reason",
            ),
        ),
        migrations.AlterField(
            model_name="scope",
            name="valid_until",
            field=models.DateTimeField(
                blank=True,
                help_text="From then on nothing is seen. Empty: until taken away. An auditor's needs an end.",
                null=True,
            ),
        ),
    ]
