"""Say how many seats of a line a document proves, and how many seats are in it.

What was said until now is taken over as it was meant: somebody read the line's quantity in the
document, so it proves all of its seats. How many are in the document itself nobody said.
"""

from django.db import migrations, models


def take_over(apps, schema_editor):
    using = schema_editor.connection.alias
    lines = apps.get_model("licenses", "Entitlement").objects.using(using)
    of_line = lines.filter(pk=models.OuterRef("entitlement")).values("quantity")
    apps.get_model("licenses", "Proof").objects.using(using).update(
        quantity=models.Subquery(of_line[:1])
    )


class Migration(migrations.Migration):
    dependencies = [("licenses", "0066_say_alerts_in_each_language")]

    operations = [
        migrations.AddField(
            model_name="document",
            name="quantity",
            field=models.PositiveIntegerField(
                blank=True,
                help_text=(
                    "As many as can be read in it, of all lines together: so many it proves at one"
                    " time, and no more. Empty: nobody counted them."
                ),
                null=True,
                verbose_name="seats in it",
            ),
        ),
        migrations.AddField(
            model_name="proof",
            name="quantity",
            field=models.PositiveIntegerField(null=True),
        ),
        migrations.RunPython(take_over, migrations.RunPython.noop),
        migrations.AlterField(
            model_name="proof",
            name="quantity",
            field=models.PositiveIntegerField(verbose_name="seats that it proves"),
        ),
    ]
