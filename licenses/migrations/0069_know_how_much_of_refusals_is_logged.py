"""Know beside how long people were blocked how much of the time logs tell of.

The rows are derived, and none of them knows it: they go, and are counted again within minutes.
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("licenses", "0068_note_whose_checkouts_share_seats")]

    operations = [
        migrations.RunSQL("DELETE FROM licenses_poolheadline", migrations.RunSQL.noop),
        migrations.AddField(
            model_name="poolheadline",
            name="logged_seconds",
            field=models.PositiveBigIntegerField(
                default=0, help_text="Of the expected time, that of which logs tell."
            ),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="poolheadline",
            name="logged_seconds_before",
            field=models.PositiveBigIntegerField(default=0),
            preserve_default=False,
        ),
    ]
