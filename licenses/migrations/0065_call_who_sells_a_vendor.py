"""Call who sells a vendor wherever papers are named."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("licenses", "0064_tell_what_is_counted_again"),
    ]

    operations = [
        migrations.AlterField(
            model_name="document",
            name="kind",
            field=models.CharField(
                choices=[
                    ("invoice", "Invoice"),
                    ("agreement", "Signed and dated agreement"),
                    ("statement", "Vendor's statement"),
                    ("reseller", "Reseller's statement"),
                    ("order", "Purchase order"),
                    ("confirmation", "Order confirmation"),
                    ("mail", "Mail"),
                    ("license_file", "Licence file"),
                    ("other", "Other"),
                ],
                max_length=20,
            ),
        ),
        migrations.AlterField(
            model_name="strengthoverride",
            name="strength",
            field=models.PositiveSmallIntegerField(
                blank=True,
                choices=[
                    (1, "claimed: typed in, no document"),
                    (2, "weak: order, mail or licence file only"),
                    (3, "partial: another entity's or a reseller's paper"),
                    (4, "proven: invoice, signed agreement or vendor's statement"),
                ],
                help_text="Empty: as the documents say.",
                null=True,
            ),
        ),
    ]
