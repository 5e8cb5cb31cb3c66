from django.db import migrations, models

import licenses.models.servers


def of_old_rules(apps, editor):
    """Have all holdings made again: seats of which only the return is told are among them since."""
    apps.get_model("licenses", "Feature").objects.update(holding_rules=0)


class Migration(migrations.Migration):
    dependencies = [("licenses", "0094_returns_alone")]

    operations = [
        migrations.AddField(
            model_name="feature",
            name="holding_rules",
            field=models.PositiveSmallIntegerField(
                default=licenses.models.servers.holding_rules,
                editable=False,
                help_text="Version of the rules by which all its holdings were made.",
            ),
        ),
        migrations.RunPython(of_old_rules, migrations.RunPython.noop),
    ]
