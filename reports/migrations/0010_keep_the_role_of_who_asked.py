from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("reports", "0009_hold_figures_against_the_log"),
    ]

    operations = [
        migrations.AddField(
            model_name="report",
            name="requested_role",
            field=models.CharField(
                blank=True,
                editable=False,
                help_text="The groups of whoever asked, then.",
                max_length=200,
            ),
        ),
    ]
