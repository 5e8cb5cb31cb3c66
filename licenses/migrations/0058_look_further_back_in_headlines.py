"""Give the figures of 30 days what the newest ones are compared with.

The rows are derived, and none of them knows the new figures: they go, and are counted again within
minutes. Until then pages say that they are not counted yet, and never nothing.
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("licenses", "0057_say_what_auditors_and_evidence_need")]

    operations = [
        migrations.RunSQL("DELETE FROM licenses_poolheadline", migrations.RunSQL.noop),
        migrations.AddField(
            model_name="poolheadline",
            name="full_seconds",
            field=models.PositiveBigIntegerField(
                help_text="That all seats were in use. Empty: the limit is not known.", null=True
            ),
        ),
        migrations.AddField(
            model_name="poolheadline",
            name="full_seconds_before",
            field=models.PositiveBigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="poolheadline",
            name="observed_seconds",
            field=models.PositiveBigIntegerField(
                default=0, help_text="Of the expected time, that which somebody vouches for."
            ),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="poolheadline",
            name="observed_seconds_before",
            field=models.PositiveBigIntegerField(default=0),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="poolheadline",
            name="year_peak_before",
            field=models.PositiveIntegerField(
                help_text="Of the 12 months that ended 30 days before.", null=True
            ),
        ),
    ]
