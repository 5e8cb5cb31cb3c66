import django.utils.timezone
from django.db import migrations, models

import licenses.models.fields


class Migration(migrations.Migration):
    dependencies = [
        ("reports", "0005_schedule_reports"),
    ]

    operations = [
        migrations.CreateModel(
            name="SigningCertificate",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "certificate",
                    models.TextField(help_text="PEM, as those get it who are to trust it."),
                ),
                ("key", licenses.models.fields.EncryptedField(editable=False)),
                (
                    "sha256",
                    models.CharField(help_text="Of the certificate.", max_length=64, unique=True),
                ),
                ("valid_until", models.DateTimeField()),
                ("recorded_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                "ordering": ["pk"],
            },
        ),
    ]
