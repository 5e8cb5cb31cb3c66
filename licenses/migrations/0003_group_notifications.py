"""Let several notifications go out as one message, and remember which one carried them."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("licenses", "0002_database_guards")]

    operations = [
        migrations.AddField(
            model_name="notification",
            name="group",
            field=models.CharField(
                blank=True, help_text="Messages of one group go out together.", max_length=100
            ),
        ),
        migrations.AddField(
            model_name="notification",
            name="carrier",
            field=models.ForeignKey(
                blank=True,
                help_text="The message that told of this one too.",
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="carried",
                to="licenses.notification",
            ),
        ),
    ]
