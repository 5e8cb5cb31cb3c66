from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("licenses", "0031_explain_over_use"),
    ]

    operations = [
        migrations.AddField(
            model_name="channel",
            name="reports",
            field=models.BooleanField(
                default=False,
                help_text="Gets word of reports: ready, signed, rejected, not delivered, later data.",
            ),
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
                    ("fallback", "not delivered elsewhere"),
                    ("watching", "still watching"),
                    ("anchor", "signed head of the evidence"),
                    ("personal", "to one account"),
                    ("report", "of a report"),
                    ("test", "test"),
                ],
                max_length=10,
            ),
        ),
    ]
