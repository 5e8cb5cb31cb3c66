from datetime import timedelta

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Q


def give_corrections(apps, schema_editor):
    """Let a second person approve what was changed for the past before there were reasons: until
    then a report on the pool is signed with a comment, as it was so far."""
    using = schema_editor.connection.alias
    rows = apps.get_model("licenses", "MappingChange").objects.using(using)
    corrections = apps.get_model("licenses", "Correction").objects.using(using)
    corrections.bulk_create(
        corrections.model(pool_id=row.pool_id, change=row)
        for row in rows.iterator()
        if row.since is None or row.since < row.recorded_at - timedelta(minutes=1)
    )


def forget_corrections(apps, schema_editor):
    using = schema_editor.connection.alias
    rows = apps.get_model("licenses", "Correction").objects.using(using)
    rows.filter(change__isnull=False).delete()


class Migration(migrations.Migration):
    dependencies = [("licenses", "0050_note_where_a_log_may_hide_returns")]

    operations = [
        migrations.AddField(
            model_name="mappingchange",
            name="reason",
            field=models.CharField(blank=True, max_length=500),
        ),
        migrations.RemoveConstraint(model_name="correction", name="correction_of_one_thing"),
        migrations.AddField(
            model_name="correction",
            name="change",
            field=models.OneToOneField(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="correction",
                to="licenses.mappingchange",
            ),
        ),
        migrations.AddConstraint(
            model_name="correction",
            constraint=models.CheckConstraint(
                condition=Q(line__isnull=False, judgement=None, change=None)
                | Q(line=None, judgement__isnull=False, change=None)
                | Q(line=None, judgement=None, change__isnull=False),
                name="correction_of_one_thing",
            ),
        ),
        migrations.RunPython(give_corrections, forget_corrections),
    ]
