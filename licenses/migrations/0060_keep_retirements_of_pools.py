import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """Delete no pool of which a record tells that it was retired or restored: the database does
    not let go of that record (see `licenses.models.guards`)."""

    dependencies = [("licenses", "0059_find_long_holdings_by_their_end")]

    operations = [
        migrations.AlterField(
            model_name="poolretirement",
            name="pool",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="retirements",
                to="licenses.licensepool",
            ),
        ),
    ]
