"""Leave open how long people were blocked where no log tells of it.

The rows are derived, and say 0 where nobody knows: they go, and are counted again within minutes.
They go last, so that they go first on the way back, where none of the columns may be empty.
"""

from django.db import migrations, models

DELETE = "DELETE FROM licenses_poolheadline"


class Migration(migrations.Migration):
    dependencies = [("licenses", "0062_keep_how_far_apart_answers_were")]

    operations = [
        migrations.AlterField(
            model_name="poolheadline",
            name="blocked_seconds",
            field=models.PositiveBigIntegerField(
                help_text=(
                    "That people waited for seats, or tried in vain. Empty: no log for this time."
                ),
                null=True,
            ),
        ),
        migrations.AlterField(
            model_name="poolheadline",
            name="blocked_seconds_before",
            field=models.PositiveBigIntegerField(null=True),
        ),
        migrations.AlterField(
            model_name="poolheadline",
            name="people_blocked",
            field=models.PositiveIntegerField(null=True),
        ),
        migrations.AlterField(
            model_name="poolheadline",
            name="people_blocked_before",
            field=models.PositiveIntegerField(null=True),
        ),
        migrations.RunSQL(DELETE, DELETE),
    ]
