"""Store within how many seconds a holding was taken, not when at the latest: most often none."""

from django.db import migrations, models


def to_seconds(apps, editor):
    _convert(editor, "integer", "taken_by - taken_at")


def to_moments(apps, editor):
    _convert(editor, "bigint", "taken_at + taken_by")


def _convert(editor, kind, value):
    if editor.connection.vendor == "postgresql":
        change = f"ALTER taken_by TYPE {kind} USING ({value})::{kind}"
        editor.execute(f"ALTER TABLE licenses_checkout {change}")
    else:
        editor.execute(f"UPDATE licenses_checkout SET taken_by = {value}")


class Migration(migrations.Migration):
    dependencies = [("licenses", "0084_store_words_of_holdings_as_numbers")]

    operations = [
        migrations.RunPython(to_seconds, to_moments),
        migrations.RenameField("checkout", "taken_by", "taken_within"),
        migrations.AlterField(
            model_name="checkout",
            name="taken_within",
            field=models.PositiveIntegerField(
                default=0, help_text="Seconds after that moment by which it was taken."
            ),
        ),
    ]
