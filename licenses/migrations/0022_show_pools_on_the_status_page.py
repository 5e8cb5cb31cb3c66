from django.db import migrations, models


class Migration(migrations.Migration):
    """Say of each pool whether people find it on the status page."""

    dependencies = [
        ("licenses", "0021_mail_signed_heads"),
    ]

    operations = [
        migrations.AddField(
            model_name="licensepool",
            name="on_status",
            field=models.BooleanField(
                default=True,
                help_text="People who use licences see there how many seats are free.",
                verbose_name="on the status page",
            ),
        ),
    ]
