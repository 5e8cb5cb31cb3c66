from django.db import migrations

from reports import guards
from reports.models import scope_key


def fill(apps, schema_editor):
    for report in apps.get_model("reports", "Report").objects.filter(scope_key=""):
        report.scope_key = scope_key(report.name, report.pools.values_list("pk", flat=True))
        report.save(update_fields=["scope_key"])


def install(apps, schema_editor):
    guards.install(schema_editor.connection)


def remove(apps, schema_editor):
    guards.remove(schema_editor.connection)


class Migration(migrations.Migration):
    """Let the database refuse to change what is signed, and say which reports belong together."""

    dependencies = [("reports", "0003_sign_reports"), ("licenses", "0002_database_guards")]

    operations = [
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.RunPython(install, remove),
    ]
