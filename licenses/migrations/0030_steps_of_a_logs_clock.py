from django.db import migrations, models

import licenses.models.fields


class Migration(migrations.Migration):
    dependencies = [
        ("licenses", "0029_tell_of_drift"),
    ]

    operations = [
        migrations.AlterField(
            model_name="boundary",
            name="kind",
            field=models.PositiveSmallIntegerField(
                choices=[(1, "start"), (2, "stop"), (3, "clock set back")]
            ),
        ),
        migrations.AlterField(
            model_name="boundary",
            name="last_seen",
            field=licenses.models.fields.InstantField(
                help_text="Last line before it in the same text; later than it if the clock was set back.",
                null=True,
            ),
        ),
    ]
