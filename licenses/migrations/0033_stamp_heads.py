from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("licenses", "0032_tell_of_reports"),
    ]

    operations = [
        migrations.AddField(
            model_name="evidenceanchor",
            name="token",
            field=models.BinaryField(
                help_text="A time stamp's answer, as RFC 3161 has it.", null=True
            ),
        ),
        migrations.AlterField(
            model_name="evidenceanchor",
            name="kind",
            field=models.CharField(
                choices=[("file", "file"), ("mail", "mail"), ("stamp", "time stamp")], max_length=10
            ),
        ),
    ]
