"""Call a pool a pool in every page and message."""

from django.db import migrations

import licenses.models.fields


class Migration(migrations.Migration):
    dependencies = [
        ("licenses", "0004_keys_without_nulls"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="licensepool",
            options={"ordering": ["name"], "verbose_name": "pool"},
        ),
        migrations.AlterField(
            model_name="sighting",
            name="last_seen",
            field=licenses.models.fields.InstantField(
                help_text="Latest poll known to show it; for open rows the last complete answer counts."
            ),
        ),
    ]
