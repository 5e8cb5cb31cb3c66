"""Between two readings a licence file bounds what nobody saw: note when each was read.

Of files on record one reading is known, when they were handed in; the day from which a line is
dated stands for another.
"""

from django.db import migrations
from django.db.models import F

from licenses.models.fields import InstantField


def read_when_handed_in(apps, schema_editor):
    database = schema_editor.connection.alias
    issued = apps.get_model("licenses", "IssuedCount").objects.using(database)
    files = issued.filter(source="file").exclude(capture=None).order_by()
    for capture, at in files.values_list("capture", "capture__recorded_at").distinct():
        issued.filter(source="file", capture=capture).update(read_from=at, read_until=at)
    dated = issued.filter(source="file", starts__lt=F("read_from"))
    dated.update(read_from=F("starts"))


class Migration(migrations.Migration):
    dependencies = [
        ("licenses", "0070_note_what_logs_contradict"),
    ]

    operations = [
        migrations.AddField(
            model_name="issuedcount",
            name="read_from",
            field=InstantField(
                editable=False,
                help_text="From when on it is known that the licence file says so: read, or dated, for the first time.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="issuedcount",
            name="read_until",
            field=InstantField(
                editable=False,
                help_text="When the licence file that says so was read last.",
                null=True,
            ),
        ),
        migrations.RunPython(read_when_handed_in, migrations.RunPython.noop),
    ]
