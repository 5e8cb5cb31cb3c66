from django.db import migrations

from licenses.models import guards


def install(apps, schema_editor):
    guards.install(schema_editor.connection)


def remove(apps, schema_editor):
    guards.remove(schema_editor.connection)


class Migration(migrations.Migration):
    """Let the database refuse changed evidence, changed rights and double mappings: no screen can forget the rule."""

    dependencies = [("licenses", "0001_initial")]

    operations = [migrations.RunPython(install, remove)]
