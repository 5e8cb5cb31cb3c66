from django.db import migrations


def unguard(apps, editor):
    if editor.connection.vendor == "postgresql":
        editor.execute("DROP TRIGGER IF EXISTS guard_licenses_entitlement ON licenses_entitlement")


class Migration(migrations.Migration):
    """Guard rights as other records are guarded: names are erased from the reason of a correction.

    The new guard is put up after the migrations (see `licenses.models.guards`), which on SQLite
    also take the old one away.
    """

    dependencies = [("licenses", "0052_keep_events_in_blocks")]

    operations = [migrations.RunPython(unguard, migrations.RunPython.noop)]
